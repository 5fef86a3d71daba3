"""Release discipline: one cohort is open at a time under a disclosure policy (pooling.md 7).

Two reports that are each safe can give a patient away together: all sites less all but one, this
year less the year but its last month. So what went out is on record, for all clients under a policy
at once, as they may talk: another period, other sites, other data, or the same rules changed wait
until the policy's `cadence_days` have passed, and then must not differ by a few sites or patients.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Engine, insert, select

from adapter import definitions
from adapter.api.evaluating.tables import release
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import writing
from adapter.elements import Json
from analytics.disclosure.release import Opening, opening_refusals, shown

DAY = 86_400.0
WITHHELD = "withheld"
CONTROL = "/StructureDefinition/disclosure-control"


@dataclass(frozen=True, slots=True)
class Told:
    """What is to go out: cohort as `Asked.cohort` names it, the sites, and the reports."""

    policy: str
    cohort: str
    sites: tuple[str, ...]
    reports: Sequence[Json]


def admit(engine: Engine, asked: Told, now: float | None = None) -> None:
    """Put on record what goes out. What is withheld is no release.

    Raises FhirFailure 403 for what may not go out after what went out before; no count is told.
    """
    today = time.time() if now is None else now
    told = {str(report["measure"]): _counts(report) for report in asked.reports if _tells(report)}
    if not told:
        return
    new = _opening(
        asked.policy, asked.sites, {k: n for each in told.values() for k, n in each.items()}
    )
    with writing(engine) as connection:
        before = connection.execute(select(release).where(release.c.cohort != asked.cohort))
        for row in before.mappings():
            old = _opening(row["policy"], orjson.loads(row["sites"]), orjson.loads(row["counts"]))
            days = int((today - row["opened"]) / DAY)
            if why := next(opening_refusals(new, old, days), ""):
                raise FhirFailure(403, "business-rule", why)
        for measure, counts in told.items():
            _record(connection, asked, measure, counts, today)


def _record(
    connection: Connection, asked: Told, measure: str, counts: Mapping[str, int], today: float
) -> None:
    said = orjson.dumps([asked.cohort, asked.policy, measure])
    key = hashlib.sha256(said).hexdigest()
    if connection.scalar(select(release.c.key).where(release.c.key == key)) is None:
        row = {"key": key, "policy": asked.policy, "opened": today, "cohort": asked.cohort}
        row |= {"sites": orjson.dumps(asked.sites).decode()}
        row |= {"counts": orjson.dumps(counts).decode()}
        connection.execute(insert(release).values(row))


def _opening(policy: str, sites: Iterable[str], counts: Mapping[str, int]) -> Opening:
    rules = definitions.load().policy(policy)
    told = {name: shown(count, rules) for name, count in counts.items()}
    return Opening(rules, frozenset(sites), told)


def _tells(report: Json) -> bool:
    """Whether the report states anything but that nothing is stated."""
    for extension in report.get("extension", ()):
        if str(extension["url"]).endswith(CONTROL):
            parts = {part["url"]: part for part in extension["extension"]}
            return bool(parts["mode"].get("valueCode") != WITHHELD)
    return True


def _counts(report: Json) -> dict[str, int]:
    """The counts that are shown, by the place in the Measure at which they stand."""
    return dict(_shown(report.get("group", ()), ""))


def _shown(elements: Sequence[Json], path: str) -> Iterator[tuple[str, int]]:
    for place, element in enumerate(elements):
        name = f"{path}/{element.get('id') or _codes(element) or place}"
        if "count" in element:
            yield name, element["count"]
        for inner in ("population", "stratifier", "stratum"):
            yield from _shown(element.get(inner, ()), f"{name}/{inner}")


def _codes(element: Json) -> str:
    """What a stratum or population without an id is of."""
    concepts = [
        element.get("code", {}),
        *(c.get("value", {}) for c in element.get("component", ())),
    ]
    return "+".join(
        str(coding.get("code", "")) for concept in concepts for coding in concept.get("coding", ())
    )
