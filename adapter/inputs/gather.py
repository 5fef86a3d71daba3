"""From arguments to files: what lies open stays where it is, all else goes through the spool."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from adapter import folders, sources
from adapter.inputs import kinds, streams
from adapter.inputs.guards import Limits
from adapter.inputs.origins import GONE, state_of
from adapter.inputs.remote import Remote, Stores
from adapter.inputs.spool import Spool
from adapter.inputs.unpack import Origin, Told, Unpacker

STDIN = "-"
STDIN_NAME = "stdin"
_FILE = "file://"


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Where to unpack to, how much at most, who is told, and the stores that are asked."""

    spool: Spool
    limits: Limits
    told: Told
    stores: Stores = field(default_factory=Stores)


@dataclass(slots=True)
class Gathered:
    """What arguments came to.

    plain: files and folders to be read where they lie. local: the arguments that are on this
    machine. origins: the files of the spool, and where they came from. passed_over: files in
    folders, in archives and below addresses whose ending is not read.
    """

    plain: list[Path] = field(default_factory=list)
    local: list[Path] = field(default_factory=list)
    origins: dict[Path, Origin] = field(default_factory=dict)
    passed_over: int = 0


def gather(arguments: Sequence[str], how: Unpacking) -> Gathered:
    """Unpack and fetch what does not lie open on this machine.

    Raises UsageError for what cannot be read or is no input, and Unreachable for what cannot be
    fetched.
    """
    work = _Gathering(how)
    for argument in arguments:
        work.add(argument)
    work.found.passed_over += work.unpacker.passed_over
    return work.found


def is_packed(path: Path) -> bool:
    """Whether the reader cannot open a file as it is."""
    packed = bool(kinds.resource_ending(path.name)) and not sources.readable(path)
    return packed or kinds.archive(path.name) is not None


def unpack(path: Path, unpacker: Unpacker) -> None:
    """Unpack a file of this machine. Raises UsageError."""
    origin = Origin(path.name, str(path.resolve()), state_of(path))
    if kind := kinds.archive(path.name):
        unpacker.open_archive(path, kind, origin)
        return
    with streams.explained(origin.name), path.open("rb") as file:
        unpacker.take(file, origin, path.name)


class _Gathering:
    def __init__(self, how: Unpacking) -> None:
        self.found = Gathered()
        self.unpacker = Unpacker(how.spool, how.limits, self._place, how.told)
        self._how = how
        self._names: Counter[str] = Counter()
        self._keys: set[str] = set()

    def add(self, argument: str) -> None:
        if argument == STDIN:
            origin = Origin(self._once(STDIN_NAME), "", GONE)
            self.unpacker.take(sys.stdin.buffer, origin, "")
        elif argument.lower().startswith(_FILE):
            self._add_local(Path(url2pathname(urlsplit(argument).path)))
        elif kinds.is_address(argument):
            self._add_remote(argument)
        else:
            self._add_local(Path(argument))

    def _place(self, origin: Origin, ending: str) -> Path:
        path = self._how.spool.new(ending)
        self.found.origins[path] = origin
        return path

    def _add_local(self, path: Path) -> None:
        self.found.local.append(path)
        if path.is_dir():
            self._add_folder(path)
        elif path.is_fifo():
            with path.open("rb") as file:
                self.unpacker.take(file, Origin(self._once(path.name), "", GONE), "")
        elif path.is_file() and is_packed(path):
            self._unpack(path)
        else:
            self.found.plain.append(path)

    def _add_folder(self, path: Path) -> None:
        inside = folders.inside(path)
        packed = [each for each in inside if is_packed(each)]
        readable = sum(map(sources.readable, inside))
        self.found.passed_over += len(inside) - len(packed) - readable
        for each in packed:
            self._unpack(each)
        if readable:
            self.found.plain.append(path)

    def _add_remote(self, address: str) -> None:
        for each in self._how.stores.objects(address):
            if each.below and not self._is_input(each.below):
                continue
            if self._is_new(each.key):
                origin = Origin(self._once(each.name), each.key, GONE)
                fetch(each, origin, self.unpacker)

    def _is_input(self, below: str) -> bool:
        """Whether an object below an address is to be read, by its name; counts what is not."""
        read = kinds.is_input(below)
        self.found.passed_over += not (read or kinds.is_no_data(below))
        return read

    def _unpack(self, path: Path) -> None:
        if self._is_new(str(path.resolve())):
            unpack(path, self.unpacker)

    def _is_new(self, key: str) -> bool:
        """Whether this was not given before; of what has no key that is not known."""
        known = key in self._keys
        self._keys.add(key)
        return not (key and known)

    def _once(self, name: str) -> str:
        self._names[name] += 1
        return kinds.numbered(name, self._names[name])


def fetch(remote: Remote, origin: Origin, unpacker: Unpacker) -> None:
    """Fetch and unpack an object. Raises UsageError and Unreachable."""
    with remote.open() as (stream, state):
        # What is known by no key is not looked for again.
        known = replace(origin, state=state if origin.key else GONE)
        unpacker.take(stream, known, remote.last)
