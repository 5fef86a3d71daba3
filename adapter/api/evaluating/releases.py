"""Release discipline: one cohort is open at a time under a disclosure policy (pooling.md 7).

Two reports that are each safe can give a patient away together: all sites less all but one, this
year less the year but its last month. So what went out is on record, for all clients under a policy
at once, as they may talk: another period, other sites, other data, or the same rules changed wait
until the policy's `cadence_days` have passed, and then must not differ by a few sites or patients.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, insert, select

from adapter import definitions
from adapter.api.evaluating.tables import release
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import writing
from adapter.elements import Json
from analytics.disclosure.policy import Policy

DAY = 86_400.0
WITHHELD = "withheld"
CONTROL = "/StructureDefinition/disclosure-control"


@dataclass(frozen=True, slots=True)
class Opening:
    """What is to go out: cohort as `Asked.cohort` names it, the sites, and the reports."""

    policy: str
    cohort: str
    sites: tuple[str, ...]
    reports: Sequence[Json]


def admit(engine: Engine, opening: Opening, now: float | None = None) -> None:
    """Put on record what goes out. What is withheld is no release.

    Raises FhirFailure 403 for what may not go out after what went out before; no count is told.
    """
    policy = definitions.load().policy(opening.policy)
    today = time.time() if now is None else now
    told = {str(report["measure"]): _counts(report) for report in opening.reports if _tells(report)}
    if not told:
        return
    with writing(engine) as connection:
        before = connection.execute(select(release).where(release.c.cohort != opening.cohort))
        for old in before.mappings():
            if why := next(_refusals(policy, opening, told, old, today), ""):
                raise FhirFailure(403, "business-rule", why)
        for measure, counts in told.items():
            key = hashlib.sha256(
                orjson.dumps([opening.cohort, opening.policy, measure])
            ).hexdigest()
            if connection.scalar(select(release.c.key).where(release.c.key == key)) is None:
                row = {"key": key, "policy": opening.policy, "opened": today}
                row |= {"cohort": opening.cohort, "sites": orjson.dumps(opening.sites).decode()}
                row |= {"counts": orjson.dumps(counts).decode()}
                connection.execute(insert(release).values(row))


def _refusals(
    policy: Policy,
    opening: Opening,
    told: Mapping[str, Mapping[str, int]],
    old: Mapping[Any, Any],
    today: float,
) -> Iterator[str]:
    other = definitions.load().policy(old["policy"])
    cadence = max(policy.cadence_days, other.cadence_days)
    days = int((today - old["opened"]) / DAY)
    if days < cadence:
        yield (
            "under a disclosure policy one period, set of sites and state of the data is open at a "
            f"time; another may be opened {cadence - days} days from now"
        )
    differing = len(set(opening.sites) ^ set(orjson.loads(old["sites"])))
    least = max(policy.min_site_difference, other.min_site_difference)
    if 0 < differing < least:
        yield "the sites differ by too few from those of an earlier release"
    if policy.mode == other.mode == "masked-cells":
        earlier = orjson.loads(old["counts"])
        few = range(1, max(policy.threshold, other.threshold))
        for counts in told.values():
            if any(abs(n - earlier[name]) in few for name, n in counts.items() if name in earlier):
                yield "a count differs from that of an earlier release by too few to be shown"


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
