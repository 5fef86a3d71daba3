"""The landing folder: one run of one site as a Bulk Data export is, resumable at any moment.

    landing/SITE/INSTANT/
      Type.NNNNN.ndjson        whole files only; what is under way ends in .part
      deleted.00001.ndjson     tombstones: a Bundle `DELETE Type/id` a line (Bulk Data, `deleted`)
      quarantine.ndjson        what was refused: type, reason, place
      log.ndjson               what happened
      manifest.json            written last: a run without one is unfinished

A file is written to .part, brought to the disk, renamed, and put on record in the private state
(`landing.state`). Killed in between, it is either on record and whole, or removed by the next run
and asked for again: so no row is lost, and none is there twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from adapter.errors import UsageError
from adapter.pull.checks import Refused, known_types
from adapter.pull.landing import folder, tombstones
from adapter.pull.landing.border import Border, Withheld
from adapter.pull.landing.part_file import PART, PartFile
from adapter.pull.landing.state import Committed, Journal, RunState, SiteState
from adapter.pull.landing.tombstones import Tombstones

QUARANTINE = "quarantine.ndjson"
LOG = "log.ndjson"
NOTE = "note"


class Landing:
    """One run of one site, open for writing; the site's lock is held (see `landing.site`).

    state: how far the run is; site: the site's watermarks. path: the run's folder.
    """

    def __init__(self, path: Path, state: RunState, site: SiteState, border: Border) -> None:
        """Go on where the run stands: what an earlier process could not finish is removed.

        Raises LandingError, UsageError.
        """
        self.path, self.state, self.site, self.border = path, state, site, border
        folder.make_private(path)
        folder.make_private(state.path)
        self._journal = Journal(state.path)
        self._quarantine = folder.Appended(path / QUARANTINE)
        self._refusals = {each["sha256"] for each in self._quarantine.lines}
        self.refused = Counter[str](each["type"] for each in self._quarantine.lines)
        self.log = folder.Appended(path / LOG)
        self.notes = Counter[str](each["severity"] for each in self.log.lines if is_note(each))
        self.gone = Tombstones(path)
        self._numbers = Counter[str]()
        for each in self.files:
            if each.name:
                number = int(each.name.split(".")[1])
                self._numbers[each.resource_type] = max(self._numbers[each.resource_type], number)
        self._remove_unrecorded()
        self.writer = ThreadPoolExecutor(1, "landing")
        state.before.append(self._sync)

    def __enter__(self) -> Landing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.writer.shutdown()
        for each in (self._journal, self._quarantine, self.gone, self.log):
            each.close()

    @property
    def files(self) -> list[Committed]:
        """The files that are whole and on record, in order."""
        return self._journal.files

    @property
    def private(self) -> Path:
        """The run's private folder, for what holds real ids."""
        return self.state.path

    def rows(self, resource_type: str) -> int:
        """The lines committed of a type, in this process or before."""
        return sum(each.lines for each in self.files if each.resource_type == resource_type)

    def as_of(self, instant: str) -> None:
        """State as of when the server answers: its own time (Date, transactionTime), with zone.

        Resources without lastUpdated are dated by it. Said once; a resumed run keeps it.
        """
        if self.state.server_time is None:
            self.state.server_time = instant
            self.state.save()

    def committed(self, resource_type: str, key: str) -> bool:
        """Whether what this key stands for is there already, and must not be fetched again."""
        return (resource_type, key) in self._journal

    def part(self, resource_type: str, key: str) -> PartFile:
        """A file under way. key: what it is made of: a URL's digest, a window, a patient.

        Raises UsageError for a type that R4 does not have (its name becomes a file's), or for a
        key that is committed already.
        """
        if resource_type not in known_types():
            raise UsageError(
                "a file of a type that FHIR R4 does not have", hint="the server's manifest is wrong"
            )
        if self.committed(resource_type, key):
            raise UsageError(f"{resource_type}: committed already", where=str(self.path))
        return PartFile(self, resource_type, key)

    def refuse(self, resource_type: str, refused: Refused, where: str) -> None:
        """Keep aside what was refused. Said twice, as by a resumed run, it is kept once.

        where: a place that holds no id, as file and line. Its bytes are kept only where the site's
        data is identified. Raises LandingError.
        """
        entry = {"type": resource_type, "reason": refused.reason, "where": where}
        self._keep_aside(entry, refused.raw)

    def withhold(self, resource_type: str, withheld: Withheld, where: str, raw: bytes) -> None:
        """Keep aside what the privacy mode does not let pass; as `refuse`."""
        entry = {"type": resource_type, "reason": withheld.reason, "where": where}
        beside = {"path": withheld.path, "reference": withheld.reference}
        self._keep_aside(entry | {name: text for name, text in beside.items() if text}, raw)

    def _keep_aside(self, entry: dict[str, str], raw: bytes) -> None:
        said = "\x1f".join((entry["type"], entry["where"], entry["reason"])).encode()
        digest = hashlib.sha256(said + b"\x1f" + raw).hexdigest()
        if digest in self._refusals:
            return
        entry["sha256"] = digest
        if self.border.identified:
            entry["raw"] = raw.decode("utf-8", "backslashreplace")
        self._quarantine.append(entry)
        self._refusals.add(digest)
        self.refused[entry["type"]] += 1

    def deleted(self, resource_type: str, resource_id: str, when: str) -> None:
        """Keep a tombstone. when: the instant of the deletion, or as of which it was noticed.

        Raises LandingError.
        """
        url = f"{resource_type}/{self.border.name(resource_type, resource_id)}"
        self.gone.keep(url, when)

    def note(self, severity: str, code: str, text: str) -> None:
        """Keep an OperationOutcome's issue, or a warning of our own, in the run's log.

        severity, code: as of OperationOutcome.issue; text: without ids. Raises LandingError.
        """
        at = datetime.now(UTC).isoformat()
        self.log.append({"at": at, "event": NOTE, "severity": severity, "code": code, "text": text})
        self.notes[severity] += 1

    @property
    def tombstones(self) -> Counter[str]:
        """How many deletions are known, by type."""
        return self.gone.counts

    def drop(self, keys: Iterable[str]) -> None:
        """Take back committed files: what these keys stand for is gone from the server, and comes
        anew under others. Raises LandingError."""
        self._journal.drop(keys)
        self._remove_unrecorded()

    def next_name(self, resource_type: str) -> str:
        """The next file's name. A number is not given twice: what it names is on record."""
        self._numbers[resource_type] += 1
        return f"{resource_type}.{self._numbers[resource_type]:05d}.ndjson"

    def record(self, committed: Committed) -> None:
        """Put a file on record, durably; refusals of its lines before it. Raises LandingError."""
        self._quarantine.sync()
        self._journal.append(committed)

    def _sync(self) -> None:
        for each in (self._quarantine, self.gone):
            each.sync()

    def _remove_unrecorded(self) -> None:
        known = {each.name for each in self.files}
        for file in self._strange(known):
            with folder.explained(file):
                file.unlink()

    def _strange(self, known: Iterable[str]) -> list[Path]:
        held = {*known, QUARANTINE, LOG, tombstones.UNDER_WAY}
        return [
            file
            for file in self.path.iterdir()
            if file.name not in held and file.name.endswith((PART, ".ndjson"))
        ]


def is_note(entry: dict[str, Any]) -> bool:
    """Whether a line of a run's log is an issue that was noted."""
    return entry.get("event") == NOTE
