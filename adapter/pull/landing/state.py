"""What outlives a process: how far a run is, and from where a site's next pull goes on.

    landing/SITE/.state/            0700, apart from what may be handed on
      lock                          held by the one pull of the site
      site.json                     SiteState: server, key, watermarks
      INSTANT/                      one run
        run.json                    RunState, replaced whole before the network is asked
        files.ndjson                a line for each committed file, appended (B27)

Status URLs, real ids and watermarks stay here; the landing folder itself holds none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from adapter.errors import UsageError
from adapter.pull.landing import folder

FOLDER = ".state"
RUN = "run.json"
FILES = "files.ndjson"
FORMAT = 1
INSTANT = "%Y-%m-%dT%H%M%SZ"
"""A run's name: as text it sorts as time does."""
_AGAIN = "move the site's folder away and pull again, or pull into another one: --to DIR"


@dataclass(frozen=True, slots=True)
class Committed:
    """A file of the run that is whole and on the disk. key: what it was made of.

    name: '' where nothing came, so that there is no file. bytes: its size; sha256: in hex.
    """

    name: str
    resource_type: str
    key: str
    lines: int = 0
    bytes: int = 0
    sha256: str = ""


@dataclass(slots=True)
class RunState:
    """One run: what it asked for, and how far it is.

    instant: the run's name, from the local clock. server_time: as of when the server answered, with
    zone. asked: what the run is of; a run is gone on with only if the same is asked. bulk, search:
    what these modes keep, anything that is JSON. closing: the outcome, once it is known; a run is
    `finished` when its manifest is written and the watermarks have moved.
    """

    path: Path
    site: str
    instant: str
    base_url: str
    privacy: str
    software: str
    asked: dict[str, Any]
    server_time: str | None = None
    bulk: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    closing: dict[str, Any] | None = None
    finished: bool = False
    abandoned: bool = False
    before: list[Callable[[], None]] = field(default_factory=list, repr=False)
    """Called before the state is written: what it speaks of must be on the disk."""

    def save(self) -> None:
        """Write the state, whole or not at all. Raises LandingError."""
        for each in self.before:
            each()
        held = {name: getattr(self, name) for name in _KEPT}
        folder.write_json(self.path / RUN, {"format": FORMAT, **held})


_KEPT = tuple(each.name for each in fields(RunState) if each.name not in ("path", "before"))


def run_state(path: Path) -> RunState | None:
    """The state kept in a run's folder; None where the run never got so far. Raises UsageError."""
    return _read(path / RUN, lambda held: RunState(path=path, **held))


@dataclass(slots=True)
class SiteState:
    """A site's landing folder from run to run.

    privacy: the fingerprint of how resources were de-identified; another may not append.
    watermarks: type -> the instant up to which its server's state is held, with zone.
    rows: type -> resources of the last good run.
    """

    path: Path
    base_url: str
    privacy: str
    watermarks: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def save(self) -> None:
        """Write the state, whole or not at all. Raises LandingError."""
        held = asdict(self)
        del held["path"]
        folder.write_json(self.path / "site.json", {"format": FORMAT, **held})


def site_state(path: Path) -> SiteState | None:
    """The state of a site; None before its first pull. Raises UsageError."""
    return _read(path / "site.json", lambda held: SiteState(path=path, **held))


class Journal:
    """The committed files of a run: appended, so that a commit costs the same however many."""

    def __init__(self, path: Path) -> None:
        """Go on with what an earlier process wrote. Raises LandingError."""
        self._file = folder.Appended(path / FILES)
        self.files: list[Committed] = []
        for line in self._file.lines:
            if _DROPPED in line:
                self._forget(line[_DROPPED])
            else:
                self.files.append(Committed(**line))
        self._keys = {(each.resource_type, each.key) for each in self.files}

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._keys

    def append(self, committed: Committed) -> None:
        """Put a file on record, durably. Raises LandingError."""
        self._file.append(asdict(committed))
        self._file.sync()
        self.files.append(committed)
        self._keys.add((committed.resource_type, committed.key))

    def drop(self, keys: Iterable[str]) -> None:
        """Files of these keys count no more. Raises LandingError."""
        gone = sorted(keys)
        self._file.append({_DROPPED: gone})
        self._file.sync()
        self._forget(gone)
        self._keys = {(each.resource_type, each.key) for each in self.files}

    def _forget(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        self.files[:] = [each for each in self.files if each.key not in gone]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


_DROPPED = "dropped"

State = TypeVar("State")


def _read(path: Path, made: Callable[[dict[str, Any]], State]) -> State | None:
    held = folder.read_json(path)
    if held is None:
        return None
    try:
        if held.pop("format") != FORMAT:
            raise UsageError("written by another version", where=str(path), hint=_AGAIN)
        return made(held)
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError("cannot be read", where=str(path), hint=_AGAIN) from error
