"""What goes out under a disclosure policy is held against what went out before, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from adapter.api.evaluating.releases import DAY, Told, admit
from adapter.api.evaluating.tables import release
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import migrate, operational_engine, reading
from adapter.config import Settings

SITES = ("A", "B", "C", "D", "E", "F")
CONTROL = "https://raiway.example/fhir/StructureDefinition/disclosure-control"
BEGUN = 1_800_000_000.0


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    made = operational_engine(Settings(), store_url)
    migrate(made)
    yield made
    made.dispose()


def report(mode: str = "masked-cells", measure: str = "m|1", **counts: int) -> dict[str, Any]:
    """A report of a group `g` with these counts."""
    control = {"url": CONTROL, "extension": [{"url": "mode", "valueCode": mode}]}
    populations = [{"code": {"coding": [{"code": name}]}, "count": n} for name, n in counts.items()]
    return {"measure": measure, "extension": [control],
            "group": [{"id": "g", "population": populations}]}  # fmt: skip


def opening(cohort: str, *reports: dict[str, Any], **stated: Any) -> Told:
    return Told(**{"policy": "registry", "sites": SITES, **stated}, cohort=cohort,
                   reports=reports)  # fmt: skip


def kept(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(release)) or 0


def test_the_same_again_is_no_new_release(engine: Engine):
    for _ in range(3):
        admit(engine, opening("one", report(women=53)), BEGUN)
    admit(engine, opening("one", report(measure="other|1", men=40)), BEGUN)
    assert kept(engine) == 2


@pytest.mark.parametrize("policy", ["registry", "public", "secure-sum"])
def test_another_cohort_waits_for_all_clients_under_a_policy(engine: Engine, policy: str):
    admit(engine, opening("six sites", report(women=53)), BEGUN)
    fewer = opening("five sites", report(women=45), sites=SITES[:5], policy=policy)
    with pytest.raises(FhirFailure, match="one period") as error:
        admit(engine, fewer, BEGUN + DAY)
    assert error.value.status == 403
    assert not any(number in str(error.value) for number in ("45", "53"))
    assert kept(engine) == 1


def test_after_the_cadence_sites_must_not_differ_by_a_few(engine: Engine):
    later = BEGUN + 181 * DAY
    admit(engine, opening("six sites", report(women=53)), BEGUN)
    with pytest.raises(FhirFailure, match="sites differ by too few"):
        admit(engine, opening("five sites", report(women=20), sites=SITES[:5]), later)
    admit(engine, opening("three sites", report(women=20), sites=SITES[:3]), later)


@pytest.mark.parametrize(("women", "goes_out"), [(54, False), (62, False), (53, True), (63, True)])
def test_after_the_cadence_no_count_may_differ_by_a_few(
    engine: Engine, women: int, *, goes_out: bool
):
    later = BEGUN + 181 * DAY
    admit(engine, opening("2025", report(women=53)), BEGUN)
    new = opening("2026", report(measure="part|1", women=women))
    if goes_out:
        admit(engine, new, later)
    else:
        with pytest.raises(FhirFailure, match="too few to be shown"):
            admit(engine, new, later)


def test_what_is_withheld_opens_nothing(engine: Engine):
    admit(engine, opening("small", report("withheld", women=0)), BEGUN)
    assert kept(engine) == 0
    admit(engine, opening("large", report(women=53)), BEGUN)
