"""A de-identified copy of files: a folder like that of a pull, which `ingest` reads as one.

NDJSON by type, `quarantine.ndjson` (why, where, and a pseudonymous reference; never the resource),
`removed.json` (what was taken out of which element, and how often) and a manifest, written last. It
appears under its name when it is whole. Memory does not grow with the files.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from adapter import sources
from adapter.errors import UsageError
from adapter.landed import MANIFEST, QUARANTINE, RUN
from adapter.privacy.deidentify import NOT_MAPPED
from adapter.pull.landing import folder
from adapter.pull.landing.border import Border, Withheld

REMOVED = "removed.json"
NOT_READ = "not a resource that can be read"


@dataclass(slots=True)
class Copied:
    """What a copy came to. rows: resource type -> resources written. withheld: why -> how many.

    passed_over: resources of types that no mapping reads.
    """

    rows: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    passed_over: int = 0
    removed: Mapping[tuple[str, str], int] = field(default_factory=dict)


def report(removed: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """What was taken out, by element and reason; no values."""
    return [
        {"element": element, "reason": reason, "count": count}
        for (element, reason), count in sorted(removed.items())
    ]


def copy(
    found: Iterable[sources.Found | sources.Broken], border: Border, to: Path, site: str
) -> Copied:
    """Write what may cross the border into the folder `to`, which is made.

    Raises UsageError where `to` is there, LandingError where it cannot be written; nothing is left
    behind then.
    """
    if to.exists() or to.is_symlink():
        raise UsageError("is there already", where=str(to), hint="name a new folder: --to DIR")
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    folder.make_private(part)
    try:
        with _Written(part) as written:
            for item in found:
                written.put(item, border)
            copied = written.copied
        copied.removed = border.removed
        folder.write_json(part / REMOVED, report(copied.removed))
        folder.write_json(part / MANIFEST, _manifest(part, copied, border, site))
        with folder.explained(to):
            part.rename(to)
            folder.sync_folder(to.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return copied


class _Written:
    """The files of a copy, one for each resource type."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._files: dict[str, BinaryIO] = {}
        self.copied = Copied()

    def __enter__(self) -> _Written:
        self._quarantine = folder.create(self._part / QUARANTINE)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for file in (*self._files.values(), self._quarantine):
            with folder.explained(self._part) if kind is None else suppress(OSError), file:
                folder.sync(file)

    def put(self, item: sources.Found | sources.Broken, border: Border) -> None:
        """Write one resource, or why it is not written."""
        if isinstance(item, sources.Broken):
            # Its reason may quote the data.
            self._withhold(item.source, Withheld(NOT_READ))
            return
        line = border.across(item.resource, item.text)
        if isinstance(line, Withheld):
            if line.reason == NOT_MAPPED:
                self.copied.passed_over += 1
            else:
                self._withhold(item.source, line)
            return
        # The rules name it, so it is a file's name.
        kind = str(item.resource["resourceType"])
        if kind not in self._files:
            self._files[kind] = folder.create(self._part / f"{kind}.ndjson")
        with folder.explained(self._part):
            self._files[kind].write(line + b"\n")
        self.copied.rows[kind] += 1

    def _withhold(self, source: str, why: Withheld) -> None:
        self.copied.withheld[why.reason] += 1
        # A Bundle's file is often named by its patient.
        place = source.rpartition(":")[2] if ".ndjson:" in source else ""
        line = {"reference": why.reference, "reason": why.reason, "path": why.path, "line": place}
        with folder.explained(self._part):
            self._quarantine.write(orjson.dumps(line) + b"\n")


def _manifest(part: Path, copied: Copied, border: Border, site: str) -> dict[str, Any]:
    """As a Bulk Data export has one, with what `ingest` reads of a pull's."""
    return {
        "output": [_listed(part / f"{kind}.ndjson", n) for kind, n in sorted(copied.rows.items())],
        "deleted": [],
        "error": [],
        RUN: {
            "site": site,
            "privacy": border.fingerprint,
            "quarantine": QUARANTINE,
            "refused": dict(sorted(copied.withheld.items())),
            "passed_over": copied.passed_over,
        },
    }


def _listed(file: Path, count: int) -> dict[str, Any]:
    with folder.explained(file), file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
    return {"type": file.stem, "url": file.name, "count": count, "sha256": digest, "bytes": size}
