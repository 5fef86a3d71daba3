"""The quality gate's kinds of rules: a patient's fact, and whether it is one that cannot be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.quality.rules import shipped
from analytics.course import (
    DateSpan,
    Death,
    DrugExposure,
    Fact,
    FactRef,
    ImagingAssessment,
    LabResult,
    PatientFacts,
    Person,
    RaiAdministration,
    Visit,
)
from analytics.figures import Figures
from analytics.quality import FigureRule, StoreRule, Tally, figure_tally, tally
from tests.lib.patients import patients

TODAY = date(2022, 6, 30)
REF = FactRef("Observation", "a")
BORN = Person(ref=FactRef("Patient", "p"), birth=DateSpan.of(date(1960, 5, 1)))
DEAD = Death(ref=FactRef("Patient", "p"), date=DateSpan.of(date(2022, 1, 10)))


def on(text: str) -> DateSpan:
    """A day, or a month as the days it may mean."""
    if len(text) == len("2022-01"):
        return DateSpan(date.fromisoformat(f"{text}-01"), date.fromisoformat(f"{text}-28"))
    return DateSpan.of(date.fromisoformat(text))


def iodine(mbq: str | None, **stated: Any) -> RaiAdministration:
    stated = {
        "purpose": "therapeutic",
        "evidence": "administered",
        "date": on("2022-01-05"),
    } | stated
    return RaiAdministration(ref=REF, activity_mbq=Decimal(mbq) if mbq else None, **stated)


def tg(low: str | None) -> LabResult:
    return LabResult(ref=REF, analyte="Tg", value_low=Decimal(low) if low else None)


def drug(start: str, end: str | None) -> DrugExposure:
    return DrugExposure(ref=REF, ingredient="trametinib", drug_class="MEKi", evidence="ordered",
                        start=on(start), end=on(end) if end else None)  # fmt: skip


def facts(*found: Fact) -> PatientFacts:
    tables: dict[str, list[Fact]] = {"persons": [BORN]}
    names = {RaiAdministration: "rai", LabResult: "labs", DrugExposure: "drugs", Death: "deaths",
             ImagingAssessment: "imaging", Visit: "visits"}  # fmt: skip
    for each in found:
        tables.setdefault(names[type(each)], []).append(each)
    named: dict[str, Any] = {name: tuple(rows) for name, rows in tables.items()}
    return PatientFacts(patient_key="k", site="A", **named)


def visit(day: str) -> Visit:
    return Visit(ref=REF, date=on(day))


def scan(day: str, mm: str = "30") -> ImagingAssessment:
    return ImagingAssessment(ref=REF, date=on(day), sum_diam_mm=Decimal(mm))


CASES = [
    # rule, facts, looked at, fail
    ("activity-plausible", [iodine("7548")], 1, 0),
    ("activity-plausible", [iodine("204")], 1, 1),  # mCi read as MBq
    ("activity-plausible", [iodine("7548000")], 1, 1),  # kBq
    ("activity-plausible", [iodine("148", purpose="diagnostic")], 0, 0),
    ("activity-plausible", [iodine(None)], 0, 0),
    ("activity-stated", [iodine("7548"), iodine(None)], 2, 1),
    ("iodine-dated", [iodine("7548"), iodine("7548", date=on("2022-01"))], 2, 1),
    ("iodine-dated", [iodine("7548", date=None)], 1, 1),
    ("thyroglobulin-plausible", [tg("0"), tg("12.5"), tg("-1"), tg(None)], 3, 1),
    ("diameters-plausible", [scan("2022-01-01", "31"), scan("2022-01-01", "3100")], 2, 1),
    ("drugs-end-after-start", [drug("2022-01-01", "2022-02-11")], 1, 0),
    ("drugs-end-after-start", [drug("2022-01-01", "2021-12-11")], 1, 1),
    ("drugs-end-after-start", [drug("2022-01-10", "2022-01")], 1, 0),  # some day of January
    ("drugs-end-after-start", [drug("2022-01-01", None)], 0, 0),
    ("after-birth", [visit("2022-01-01"), visit("1959-12-31")], 2, 1),
    ("before-death", [visit("2022-02-10"), DEAD], 1, 0),  # 31 days: letters, billing
    ("before-death", [visit("2022-02-11"), DEAD], 1, 1),
    ("before-death", [visit("2022-02-11")], 0, 0),
    ("not-in-the-future", [scan("2022-07-01")], 1, 0),  # another time zone
    ("not-in-the-future", [scan("2022-07-02")], 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "found", "checked", "failed"), CASES, ids=range(len(CASES)))
def test_a_rule_looks_at_a_patient(rule: str, found: list[Fact], checked: int, failed: int):
    quality = shipped("redifferentiation")
    assert quality is not None
    asked = next(each for each in quality.rules if each.id == rule)
    assert not isinstance(asked, FigureRule | StoreRule)
    said = tally(facts(*found), asked, TODAY)
    assert (said.checked, said.failed) == (checked, failed)
    assert len(said.refs) == failed


@pytest.mark.parametrize(
    ("stated", "figures", "expected"),
    [
        ({"missing": ("a_n", "b_n")}, {"n_patients": 16, "a_n": 3, "b_n": 1}, (16, 4)),
        ({"missing": ("a_n",)}, {"n_patients": 16}, (16, 0)),
        ({"present": ("a_n",)}, {"n_patients": 16, "a_n": 15}, (16, 1)),
        ({"present": ("a_n",)}, {}, (0, 0)),
    ],
)
def test_a_rule_looks_at_figures(
    stated: dict[str, Any], figures: dict[str, int], expected: tuple[int, int]
):
    rule = FigureRule(
        kind="figure", id="r", category="completeness", severity="error", title="t", **stated
    )
    said = figure_tally(Figures(dict(figures), {}), rule)
    assert (said.checked, said.failed) == expected


@given(st.lists(patients(), max_size=4))
def test_tallies_of_patients_add_up(people: list[PatientFacts]):
    quality = shipped("redifferentiation")
    assert quality is not None
    for rule in quality.rules:
        if isinstance(rule, FigureRule | StoreRule):
            continue
        whole = sum((tally(each, rule, TODAY) for each in people), Tally())
        back = sum((tally(each, rule, TODAY) for each in reversed(people)), Tally())
        assert (whole.checked, whole.failed) == (back.checked, back.failed)
        assert whole.failed == len(whole.refs) <= whole.checked
