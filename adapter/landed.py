"""Reading what `pull` wrote: the runs of a landing folder, and which of their files count.

A run folder holds a manifest as a Bulk Data export has one, written last: only the files that it
names were committed. Without one the run is unfinished, and nothing of it is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.errors import UsageError
from adapter.files import write_atomically

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.ndjson"
"""Lies in every run's folder from its beginning: by it the folder is known."""
LOG = "log.ndjson"
STATE = ".state"
INGESTED = "ingested.json"
IDENTIFIED = "identified"
RUN = "raiway"
"""The member of the manifest that says what was asked: it is one of ours."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was finished. files: those with resources, then those with deletions.

    privacy: fingerprint of the mode and key under which it was written.
    """

    path: Path
    site: str
    files: tuple[Path, ...]
    privacy: str


@dataclass(frozen=True, slots=True)
class Found:
    """The runs in a folder, by the time of their beginning, and those that are unfinished."""

    runs: tuple[Run, ...]
    unfinished: tuple[Path, ...]

    def holds(self, path: Path) -> bool:
        """Whether the path lies in a run's folder."""
        folders = {*(run.path for run in self.runs), *self.unfinished}
        return any(parent in folders for parent in path.parents)


def find(folder: Path) -> Found:
    """The runs in a folder: a run's own, a site's, or one that holds several.

    Raises UsageError for a manifest that cannot be read, or a file that is not as it was.
    """
    runs, unfinished = [], []
    for path in run_folders(folder):
        if (path / MANIFEST).exists():
            runs.append(_read(path))
        else:
            unfinished.append(path)
    # An instant as a name sorts as time does.
    runs.sort(key=lambda run: (run.path.name, run.path))
    return Found(tuple(runs), tuple(unfinished))


def run_folders(folder: Path) -> Iterator[Path]:
    """The folders of all runs in a folder, finished or not."""
    for mark in sorted(folder.rglob(QUARANTINE)):
        if STATE not in mark.parent.relative_to(folder).parts:
            yield mark.parent


def check_site(paths: Iterable[Path], site: str) -> None:
    """Raises UsageError where a run was pulled from another site."""
    for path in paths:
        for run in find(path).runs if path.is_dir() else ():
            if run.site != site:
                raise UsageError(
                    f"was pulled from site {run.site}, not {site}",
                    where=str(run.path),
                    hint=f"raiway ingest {run.path} --site {run.site}",
                )


def privacy(paths: Iterable[Path]) -> str:
    """The fingerprint of the mode and key under which the input was de-identified; what no pull
    wrote is `IDENTIFIED`.

    Raises UsageError where it differs from path to path: one patient would have two names.
    """
    found: dict[str, Path] = {}
    for path in paths:
        folder = path if path.is_dir() else path.parent
        runs = find(folder).runs if path.is_dir() or (folder / QUARANTINE).exists() else ()
        for run in runs:
            found.setdefault(run.privacy, run.path)
        if not runs:
            found.setdefault(IDENTIFIED, path)
    if len(found) > 1:
        raise UsageError(
            "written under several privacy modes or keys: one patient would have two names",
            where=", ".join(map(str, found.values())),
            hint="ingest each into a store of its own",
        )
    return next(iter(found), IDENTIFIED)


def unfinished(paths: Iterable[Path]) -> list[Path]:
    """The runs in these folders that are passed over, since they did not end."""
    return [each for path in paths if path.is_dir() for each in find(path).unfinished]


def note_ingested(paths: Iterable[Path], store: str) -> None:
    """Note that runs are in a store, in the private state beside them, if it is there.

    Only such runs may be removed (`adapter.pull.landing.retention`).
    """
    for path in paths:
        for run in find(path).runs if path.is_dir() else ():
            private = run.path.parent / STATE / run.path.name
            if private.is_dir() and os.access(private, os.W_OK):
                write_atomically(private / INGESTED, json.dumps({"store": store}) + "\n")


def _read(path: Path) -> Run:
    where = path / MANIFEST
    try:
        manifest = json.loads(where.read_bytes())
        site, privacy = manifest[RUN]["site"], manifest[RUN]["privacy"]
        listed = [*manifest["output"], *manifest.get("deleted", ())]
        return Run(path, site, tuple(_files(path, listed)), privacy)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(
            "cannot be read as the manifest of a run",
            where=str(where),
            hint="pull again, or move the folder away",
        ) from error


def _files(path: Path, listed: Iterable[dict[str, Any]]) -> Iterator[Path]:
    for each in listed:
        file = path / each["url"]
        if file.parent != path or not file.is_file() or file.stat().st_size != each["bytes"]:
            raise UsageError(
                "not as it was when it was pulled",
                where=str(file),
                hint="restore it, or pull again with --full",
            )
        yield file
