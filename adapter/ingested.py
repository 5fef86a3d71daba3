"""A resource as it was ingested, read again from the line on which it stood.

A line counts only if what it states has the hash that the store noted: a file that was replaced
in the meantime is never taken for what was read then.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from adapter import sources
from adapter.errors import InvalidResource, UsageError
from adapter.inputs import kinds
from adapter.inputs.opened import opened
from adapter.inputs.origins import PLAIN, Origins
from adapter.mapping.lines import BOM
from adapter.mapping.stamp import content_hash
from adapter.sources import Found

if TYPE_CHECKING:
    from adapter.store import Store

Key = tuple[str, str]
"""Site, and `Type/id` there."""

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?P<entry>(?:#entry\[\d+\])*)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stood (`Observation.ndjson:12`), and the hash of what it states."""

    source: str
    content_hash: str

    @property
    def file(self) -> str:
        """The file's own name, without the archive or the folder that held it."""
        return _name(self._part("file"))

    @property
    def line(self) -> int:
        """The number of its line, from 1; 0 for a file that is one document."""
        return int(self._part("line") or 0)

    @property
    def within(self) -> str:
        """What of the source comes after the file's name."""
        return self.source[len(self._part("file")) :]

    def _part(self, name: str) -> str:
        found = _PLACE.fullmatch(self.source)
        return (found and found[name]) or ""


def texts(store: Store, wanted: Mapping[Key, Place], paths: Sequence[str]) -> dict[Key, str]:
    """The JSON of those that still stand where they stood.

    paths: where to look; none: in the files that the ingests of each site named, if they are there.
    Raises UsageError and Unreachable for given paths that cannot be read.
    """
    found: dict[Key, str] = {}
    with _files(store, paths) as (files, origins):
        for file in files:
            name = _name(origins.name(file))
            missing = {
                key: place
                for key, place in wanted.items()
                if place.file == name and key not in found
            }
            if missing:
                found |= _in_file(file, missing)
    return found


def _name(source: str) -> str:
    return re.split(r"[!/]", source)[-1]


@contextmanager
def _files(store: Store, paths: Sequence[str]) -> Iterator[tuple[list[Path], Origins]]:
    if paths:
        with opened(paths) as inputs:
            yield list(inputs.paths), inputs
    else:
        yield list(dict.fromkeys(_named_by_runs(store))), PLAIN


def _named_by_runs(store: Store) -> Iterator[Path]:
    """The plain files that ingests named and that are still there, of the latest one first."""
    for run in reversed(store.runs()):
        named = [Path(each) for each in run.paths.split(", ") if not kinds.is_address(each)]
        held = [path for path in named if path.is_dir() or kinds.archive(path.name) is None]
        for path in held:
            try:
                yield from sources.expand([path])
            except UsageError:
                # It is gone, or was never a path of this machine.
                continue


def _in_file(file: Path, wanted: Mapping[Key, Place]) -> dict[Key, str]:
    at: dict[str, list[Key]] = {}
    for key, place in wanted.items():
        at.setdefault(place.within, []).append(key)
    return {
        key: resource.raw
        for within, resource in _resources(file, {place.line for place in wanted.values()})
        for key in at.get(within, ())
        if _is(resource, key, wanted[key])
    }


def _resources(file: Path, lines: set[int]) -> Iterator[tuple[str, Found]]:
    """The resources of a document, or of the wanted lines, each with what its place ends in."""
    if not sources.is_ndjson(file):
        everything: Iterable[object] = sources.read(file, "file")
    else:
        everything = _of_lines(file, lines)
    for each in everything:
        if isinstance(each, Found):
            yield each.source.removeprefix("file"), each


def _of_lines(file: Path, lines: set[int]) -> Iterator[object]:
    with sources.explained(file), _open(file) as opened_file:
        for number, line in enumerate(islice(opened_file, max(lines)), start=1):
            if number in lines:
                yield from sources.parsed(f"file:{number}", line.removeprefix(BOM).strip())


def _open(file: Path) -> BinaryIO:
    if sources.is_compressed(file):
        return cast(BinaryIO, gzip.open(file, "rb"))
    return file.open("rb")


def _is(found: Found, key: Key, place: Place) -> bool:
    resource = found.resource
    if f"{resource.get('resourceType')}/{resource.get('id')}" != key[1]:
        return False
    try:
        return content_hash(resource) == place.content_hash
    except InvalidResource:
        return False
