"""The report that a site means to submit: read, checked, and held against what may leave."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapter.config import Settings
from adapter.elements import Json, extension_value
from adapter.errors import GateFailed, UsageError
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.files import measure_id
from adapter.pooling.site_report import reporter_key
from adapter.report.evaluation import checked, measure
from adapter.trust.release import report_key


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A report and its exact bytes. mode: of its disclosure control."""

    file: Path
    content: bytes
    report: Json
    measure: MeasureDefinition
    mode: str

    @property
    def id(self) -> str:
        """The MeasureReport's id, under which it is PUT."""
        return str(self.report["id"])

    @property
    def key(self) -> str:
        """`report_key`."""
        return report_key(self.report)

    @property
    def site(self) -> str:
        """Who reports."""
        return reporter_key(self.report["reporter"])

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes."""
        return sha256(self.content).hexdigest()


def outgoing(file: Path, settings: Settings, *, exact: bool) -> Outgoing:
    """The report in the file, if it may leave. exact: also one without disclosure control.

    Raises UsageError for what is no MeasureReport, and GateFailed for one that fails our own
    checks, is no summary, or did not pass the gate of a disclosure policy.
    """
    content, report = _read(file)
    asked = measure(measure_id([report]), settings)
    if report.get("type") != "summary":
        raise GateFailed("only a summary leaves a site", where=str(file))
    if not report.get("id"):
        raise UsageError("the report has no id", where=str(file))
    checked(report, asked)
    url = asked.extension_url("disclosure-control")
    control: dict[str, Any] = next(
        (each for each in report.get("extension", ()) if each.get("url") == url), {}
    )
    mode = str(extension_value(control, "mode") or "none")
    if mode == "none" and not exact:
        raise GateFailed(
            "the report has not passed the gate: its tables are nearly those of single patients",
            where=str(file),
            hint="evaluate it for a policy (raiway evaluate --policy registry), or say --exact "
            "where the registry may have all of it",
        )
    return Outgoing(file, content, report, asked, mode)


def _read(file: Path) -> tuple[bytes, Json]:
    try:
        content = file.read_bytes()
        found = json.loads(content)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except ValueError as error:
        raise UsageError("is no JSON", where=str(file)) from error
    if not isinstance(found, dict) or found.get("resourceType") != "MeasureReport":
        raise UsageError("holds no MeasureReport", where=str(file))
    return content, found
