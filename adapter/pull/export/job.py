"""One export on the server, as it is kept from process to process (B27)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from adapter.pull.export.kickoff import ExportRequest
from adapter.pull.export.manifest import ListedFile, Manifest, Section
from adapter.pull.landing.run_folder import Landing


@dataclass(slots=True)
class JobFile:
    """A file of the export. key: its name in the landing folder's records, without anything of the
    URL; it stays when the server gives the file another URL."""

    section: Section
    url: str
    resource_type: str | None
    count: int | None
    requires_token: bool
    key: str

    @property
    def recorded_as(self) -> str:
        """The type under which the landing folder records that all of it is there.

        Lines of several types are recorded by type; last, and for all of them, as Parameters.
        """
        return self.resource_type or "Parameters"

    @property
    def told_as(self) -> str:
        """Of what its lines are progress."""
        return self.resource_type or "Resource"


@dataclass(slots=True)
class Job:
    """An export under way, or done.

    started: the instant of its kick-off, by the local clock. status_url: '' before the server took
    it. transaction_time: as in its manifest. refused: manifest entries that name no file that may
    be read. ahead: the time lies in the server's future. rounds: processes that could not reach all
    files. complete: all is committed.
    """

    name: str
    request: ExportRequest
    started: str
    status_url: str = ""
    transaction_time: str = ""
    refused: int = 0
    ahead: bool = False
    rounds: int = 0
    files: list[JobFile] = field(default_factory=list)
    complete: bool = False

    def save(self, landing: Landing) -> None:
        """Keep it with the run. Raises LandingError."""
        landing.state.bulk[self.name] = asdict(self)
        landing.state.save()

    def forget(self, landing: Landing) -> None:
        """The server does not have it any more. Raises LandingError."""
        landing.drop(file.key for file in self.files)
        landing.state.bulk.pop(self.name, None)
        landing.state.save()

    def committed(self, landing: Landing, file: JobFile) -> bool:
        """Whether the file is on record already."""
        return landing.committed(file.recorded_as, file.key)

    def of(self, section: Section) -> list[JobFile]:
        """The files of a section."""
        return [file for file in self.files if file.section is section]

    def take(self, manifest: Manifest) -> None:
        """Take the files of a manifest: more of them, or the same under other URLs."""
        self.transaction_time = manifest.transaction_time
        self.refused = manifest.refused
        self.ahead = manifest.ahead
        known = _matched(self.files, manifest.files)
        self.files = [self._held(file, known.get(file.url)) for file in manifest.files]

    def _held(self, listed: ListedFile, known: JobFile | None) -> JobFile:
        if known is None:
            return JobFile(
                listed.section,
                listed.url,
                listed.resource_type,
                listed.count,
                listed.requires_token,
                self._key(listed),
            )
        # Whoever is about to fetch it holds this object.
        known.url, known.count = listed.url, listed.count
        known.requires_token = listed.requires_token
        return known

    def _key(self, file: ListedFile) -> str:
        # The kick-off is part of it: a later export may give its files the same URLs.
        text = f"{self.started}\n{self.status_url}\n{file.url}"
        return f"{file.section}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def kept_job(landing: Landing, name: str) -> Job | None:
    """The job of this name that an earlier process began."""
    held: dict[str, Any] | None = landing.state.bulk.get(name)
    if held is None:
        return None
    asked: dict[str, Any] = held["request"]
    request: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in asked.items()
    }
    files = [JobFile(**{**each, "section": Section(each["section"])}) for each in held["files"]]
    return Job(**{**held, "request": ExportRequest(**request), "files": files})


def _matched(known: Sequence[JobFile], listed: Sequence[ListedFile]) -> dict[str, JobFile]:
    """Listed URL -> the file known before: of the same URL, else of the same path (a signature in
    the query may be new), else, where as many are left of a type, at the same place."""
    found: dict[str, JobFile] = {}
    for named in (_whole, _path, _placed):
        taken = {file.key for file in found.values()}
        old = _unique(named, [file for file in known if file.key not in taken])
        new = _unique(named, [file for file in listed if file.url not in found])
        found.update({new[name].url: old[name] for name in new.keys() & old.keys()})
    return found


_Either = TypeVar("_Either", JobFile, ListedFile)
_Named = Callable[[Sequence[JobFile] | Sequence[ListedFile]], list[str]]


def _unique(named: _Named, files: list[_Either]) -> dict[str, _Either]:
    """The files by their names, those alone that no other has."""
    names = named(files)
    counts = Counter(names)
    return {name: file for name, file in zip(names, files, strict=True) if counts[name] == 1}


def _whole(files: Sequence[JobFile] | Sequence[ListedFile]) -> list[str]:
    return [file.url for file in files]


def _path(files: Sequence[JobFile] | Sequence[ListedFile]) -> list[str]:
    return [urlsplit(file.url).path for file in files]


def _placed(files: Sequence[JobFile] | Sequence[ListedFile]) -> list[str]:
    """Section, type, how many there are of them, and the place among these."""
    kinds = [f"{file.section} {file.resource_type}" for file in files]
    counts, seen = Counter(kinds), Counter[str]()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(f"{kind} {seen[kind]} of {counts[kind]}")
    return names
