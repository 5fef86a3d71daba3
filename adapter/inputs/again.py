"""What earlier ingests read from archives and addresses, unpacked again where it is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from adapter import sources
from adapter.errors import RaiwayError
from adapter.inputs import kinds
from adapter.inputs.gather import Unpacking, fetch, is_packed, unpack
from adapter.inputs.origins import GONE, PLAIN, State, state_of
from adapter.inputs.unpack import SUFFIX, Origin, Unpacker


class Again:
    """Paths of the spool that stand for such files, and are filled when they are asked for.

    origins: what is known of files of the spool; the new ones are added.
    """

    def __init__(self, how: Unpacking, origins: dict[Path, Origin]) -> None:
        self._how, self._origins = how, origins
        self._paths: dict[str, Path | None] = {}

    def recalled(self, key: str, state: State) -> Path | None:
        """Where the file will lie, once it is provided; None where it is plainly gone.

        An address is asked only when its file is to be provided.
        """
        if _is_plain(key):
            return PLAIN.recalled(key, state)
        if key not in self._paths:
            self._paths[key] = self._promised(key, state)
        return self._paths[key]

    def provide(self, files: Iterable[Path]) -> frozenset[Path]:
        """Unpack and fetch what was recalled; gives what is gone or no longer the same."""
        promised = [file for file in files if file in self._origins and not file.exists()]
        containers: dict[str, dict[str, Path]] = {}
        for file in promised:
            key = self._origins[file].key
            containers.setdefault(kinds.container_of(key), {})[key] = file
        for container, wanted in containers.items():
            # What cannot be had is named in the summary as lost; it stops nothing.
            with suppress(RaiwayError):
                self._bring(container, wanted)
        return frozenset(file for file in promised if not file.exists())

    def _promised(self, key: str, state: State) -> Path | None:
        ending = kinds.resource_ending(kinds.unnumbered(key))
        container = kinds.container_of(key)
        here = kinds.is_address(container) or state_of(Path(container)) == state
        if state == GONE or not ending or not here:
            return None
        path = self._how.spool.new(ending + SUFFIX)
        name = key if kinds.is_address(container) else Path(container).name + key[len(container) :]
        self._origins[path] = Origin(name, key, state)
        return path

    def _bring(self, container: str, wanted: dict[str, Path]) -> None:
        def place(origin: Origin, _: str) -> Path | None:
            path = wanted.get(origin.key)
            same = path is not None and self._origins[path].state == origin.state
            return path if same else None

        unpacker = Unpacker(self._how.spool, self._how.limits, place, self._how.told)
        if kinds.is_address(container):
            for each in self._how.stores.objects(container):
                fetch(each, Origin(each.name, each.key, GONE), unpacker)
        else:
            unpack(Path(container), unpacker)


def _is_plain(key: str) -> bool:
    """Whether a file is read where it lies."""
    path = Path(key)
    local = not kinds.is_address(key) and kinds.container_of(key) == key
    return local and sources.readable(path) and not is_packed(path)
