"""The arguments of `ingest` and `coverage`, as files that the reader can open.

Plain files and folders are read where they lie. What is packed, behind an address or on standard
input is first brought into a private temporary folder, in which it stays as long as it may be read
again; each file keeps the name that it had (`export.zip!Observation.ndjson`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapter import sources
from adapter.errors import UsageError
from adapter.inputs import kinds
from adapter.inputs.again import Again
from adapter.inputs.gather import Gathered, Unpacking, gather
from adapter.inputs.guards import Limits
from adapter.inputs.origins import Origins, State
from adapter.inputs.signals import unwinding
from adapter.inputs.spool import Spool
from adapter.inputs.unpack import Told

LIMITS = Limits()


def silent(_name: str, _size: int) -> None:
    """Nobody is told."""


@contextmanager
def opened(
    arguments: Sequence[str], told: Told = silent, limits: Limits = LIMITS
) -> Iterator[Inputs]:
    """The arguments, opened until the context is left; then what was temporary is removed.

    told: told of a name, and how many bytes of it were just unpacked or fetched. Raises UsageError
    for what cannot be read or is no input, and Unreachable for what cannot be fetched: all before
    anything is loaded.
    """
    with unwinding(), Spool(limits) as spool:
        how = Unpacking(spool, limits, told)
        gathered = gather(arguments, how)
        yield Inputs(arguments, gathered, Again(how, gathered.origins))


class Inputs(Origins):
    """What the arguments came to.

    paths: the files to read. local: the arguments that are files and folders of this machine.
    passed_over: files of other kinds, in folders, archives and below addresses.
    """

    def __init__(self, arguments: Sequence[str], gathered: Gathered, again: Again) -> None:
        """Raises UsageError where there is nothing to read."""
        self._arguments = arguments
        self._origins = gathered.origins
        self._again = again
        self.local = gathered.local
        self.passed_over = gathered.passed_over
        if arguments and not (gathered.plain or gathered.origins):
            raise UsageError(
                "nothing to read: no NDJSON or JSON file",
                where=self.named([]),
                hint=sources.KINDS,
            )
        plain = sources.expand(gathered.plain) if gathered.plain else []
        self.paths = [*plain, *gathered.origins]

    def name(self, file: Path) -> str:
        """What errors and places call the file."""
        known = self._origins.get(file)
        return known.name if known else super().name(file)

    def key(self, file: Path) -> str:
        """By what a later ingest knows the file: its path, or its archive or address."""
        known = self._origins.get(file)
        return (known.key or known.name) if known else super().key(file)

    def state(self, file: Path) -> State:
        """The state of the file, or of the archive or object that it came from."""
        known = self._origins.get(file)
        return known.state if known else super().state(file)

    def named(self, files: Sequence[Path]) -> str:
        """The arguments, without what may be secret in them."""
        return ", ".join(
            kinds.shown(each) if kinds.is_address(each) else str(Path(each).absolute())
            for each in self._arguments
        )

    def recalled(self, key: str, state: State) -> Path | None:
        """Where a file that an earlier ingest read will lie, once it is provided; None: gone."""
        return self._again.recalled(key, state)

    def provide(self, files: Iterable[Path]) -> frozenset[Path]:
        """Unpack and fetch what was recalled; gives what is gone or no longer the same."""
        return self._again.provide(files)
