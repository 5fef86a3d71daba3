"""Release discipline of pooled reports: over time, and over sets of sites (pooling.md section 7).

The sum over five sites less the sum over four is the fifth site; this quarter's less the last's is
this quarter's patients. What a policy lets out goes on the record that evaluations are on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from adapter.api.evaluating.releases import Told, admit
from adapter.elements import Json, extension_value
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.pool import PooledTable
from adapter.pooling.site_report import reporter_key


@dataclass(frozen=True, slots=True)
class Opening:
    """What goes out: under which policy, of which cohort, of which sites."""

    policy: str
    cohort: str
    sites: tuple[str, ...]


def open_once(engine: Engine, opening: Opening, report: Json) -> None:
    """Put the pooled report on record before it goes out.

    Raises FhirFailure 403 where it may not, after what went out before: another set of sites,
    another period or other data within the policy's cadence, or too near to an earlier one.
    """
    admit(engine, Told(opening.policy, opening.cohort, opening.sites, [report]))


def reporters(table: PooledTable) -> tuple[str, ...]:
    """Whom the table counts, each once."""
    return tuple(sorted({each for site in table.sites for each in site.reporters}))


def cohort(reports: Sequence[Json], measure: MeasureDefinition) -> str:
    """A name of who is counted, by which rules: the same for all Measures of the same data."""
    said = sorted(_of_site(report, measure) for report in reports)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _of_site(report: Json, measure: MeasureDefinition) -> list[str]:
    found: dict[str, Any] = {each["url"]: each for each in report.get("extension", ())}
    data = found.get(measure.extension_url("data-version"), {})
    rules = found.get(measure.extension_url("endpoint-definition"), {})
    period = report["period"]
    # A withheld report names no data: it is its own.
    version = extension_value(data, "fingerprint") or report.get("id", "")
    study = extension_value(rules, "sha256") or ""
    return [reporter_key(report["reporter"]), period["start"], period["end"], str(version), study]
