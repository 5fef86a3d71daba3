"""What each kind of medication resource says about the dose, and what it leaves unknown; the
absorbed dose of a lesion."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import InvalidValue
from tests.lib.mapping import concept, mapped, observation, quantity, rows
from tests.lib.medications import (
    TRAMETINIB,
    administration,
    dispense,
    exposures,
    order,
    statement,
    the_exposure,
)

MG = [{"doseQuantity": quantity(150, "mg")}]
TWICE = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
OURS = "urn:raiway:concept"

Dosage = dict[str, Any]


def dose_of(resource: dict[str, Any]) -> tuple[float | None, float | None]:
    """mg of a dose, and times a day."""
    columns = the_exposure(resource).columns
    stated = columns.get("dose_mg"), columns.get("doses_per_day")
    return tuple(None if each is None else float(each) for each in stated)  # type: ignore[return-value]


def flags_of(dosage: Dosage) -> tuple[str, ...]:
    return the_exposure(statement(dosage=[dosage])).flags


@pytest.mark.parametrize(
    "resource",
    [
        statement(dosage=[{"doseAndRate": MG, "timing": TWICE}]),
        order(dosageInstruction=[{"doseAndRate": MG, "timing": TWICE}]),
        dispense(dosageInstruction=[{"doseAndRate": MG, "timing": TWICE}]),
        administration(dosage={"dose": quantity(150, "mg"), "text": "150 mg BID"}),
    ],
)
def test_where_each_resource_states_its_dose(resource: dict[str, Any]) -> None:
    assert dose_of(resource) == (150, 2)


def test_an_administration_states_one_dose_and_not_how_many_a_day() -> None:
    assert dose_of(administration(dosage={"dose": quantity(150, "mg")})) == (150, None)


@pytest.mark.parametrize(
    ("timing", "per_day", "sent"),
    [
        (TWICE, 2, "2/1 d"),
        ({"repeat": {"frequency": 1, "period": 12, "periodUnit": "h"}}, 2, "1/12 h"),
        ({"repeat": {"period": 1, "periodUnit": "d"}}, 1, "1/1 d"),  # FHIR: once, if not said
        ({"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}}, 0.5, "1/2 d"),
        ({"repeat": {"frequency": 14, "period": 1, "periodUnit": "wk"}}, 2, "14/1 wk"),
        ({"repeat": {"frequency": 1, "period": 3, "periodUnit": "d"}}, 0.333333, "1/3 d"),
        ({"code": concept("BID", GTS)}, 2, "BID"),
        ({"code": concept("QD", GTS)}, 1, "QD"),
        ({"code": concept("TID", GTS)}, 3, "TID"),
        ({"code": concept("QID", GTS)}, 4, "QID"),
        ({"code": concept("QOD", GTS)}, 0.5, "QOD"),
        ({"code": {"text": "Twice daily"}}, 2, "Twice daily"),
        ({**TWICE, "code": concept("BID", GTS)}, 2, "2/1 d"),
    ],
)
def test_how_often(timing: dict[str, Any], per_day: float, sent: str) -> None:
    row = the_exposure(statement(dosage=[{"doseAndRate": MG, "timing": timing}]))
    assert (float(row.columns["doses_per_day"]), row.columns["timing_sent"]) == (per_day, sent)
    assert (row.flags, row.confidence) == ((), 1.0)


@pytest.mark.parametrize(
    "timing",
    [
        {"repeat": {"frequency": 2}},
        {"repeat": {"frequency": 2, "period": 1, "periodUnit": "eon"}},
        {"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"]}},
        {"repeat": {"frequency": 1, "period": 0, "periodUnit": "d"}},
        {"repeat": {"when": ["MORN", "EVE"]}},
    ],
)
def test_a_schedule_that_is_no_whole_statement_of_a_day(timing: dict[str, Any]) -> None:
    dosage = {"doseAndRate": MG, "timing": timing}
    assert dose_of(statement(dosage=[dosage])) == (150, None)
    assert flags_of(dosage) == ("dose_unread",)


@pytest.mark.parametrize(
    "needed", [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "fever"}}]
)
def test_as_needed_is_no_daily_dose(needed: dict[str, Any]) -> None:
    dosage = {"doseAndRate": MG, "timing": TWICE, **needed}
    assert dose_of(statement(dosage=[dosage])) == (150, None)
    assert flags_of(dosage) == ("dose_unread",)


@pytest.mark.parametrize(
    ("sent", "mg"),
    [
        (quantity(150, "mg"), 150),
        (quantity(0.15, "g"), 0.15 * 1000),
        (quantity(2000, "ug"), 2),
        ({"value": 2, "unit": "MG"}, 2),
        ({"value": 0, "unit": "mg"}, 0),
    ],
)
def test_units_of_mass(sent: dict[str, Any], mg: float) -> None:
    assert dose_of(statement(dosage=[{"doseAndRate": [{"doseQuantity": sent}]}]))[0] == mg


@pytest.mark.parametrize(
    "stated",
    [
        {"doseQuantity": quantity(2, "{capsule}")},
        {"doseQuantity": quantity(25, "mg/m2")},
        {"doseQuantity": quantity(150, "mg", comparator="<")},
        {"doseQuantity": {"value": 150}},
        {"doseQuantity": {"value": "many", "unit": "mg"}},
        {"doseQuantity": quantity(-1, "mg")},
        {"doseRange": {"low": quantity(1, "mg"), "high": quantity(2, "mg")}},
    ],
)
def test_what_is_no_dose_in_mg_is_unknown_and_the_exposure_counts(stated: dict[str, Any]) -> None:
    dosage = {"doseAndRate": [stated], "timing": TWICE}
    assert dose_of(statement(dosage=[dosage])) == (None, 2)
    assert flags_of(dosage) == ("dose_unread",)


def test_a_dose_in_mg_and_in_capsules_is_the_one_in_mg() -> None:
    both = [{"doseQuantity": quantity(2, "{capsule}")}, *MG]
    assert dose_of(statement(dosage=[{"doseAndRate": both}])) == (150, None)


@pytest.mark.parametrize(
    ("text", "mg", "per_day"),
    [
        ("75 mg BID", 75, 2),
        ("75mg b.i.d.", 75, 2),
        ("2x täglich 75 mg", 75, 2),
        ("2 x tgl. 75 mg", 75, 2),
        ("75 mg 2 mal täglich", 75, 2),
        ("75 mg 1-0-1", 75, 2),
        ("2 mg QD", 2, 1),
        ("0,5 mg täglich", 0.5, 1),
        ("1.5 mg once daily", 1.5, 1),
        ("Take 150 mg by mouth twice daily", 150, 2),
        ("150 mg p.o. every 12 hours", 150, 2),
        ("dabrafenib 150 mg BID", 150, 2),
        ("BID", None, 2),
    ],
)
def test_a_text_in_a_shape_that_leaves_no_doubt(text: str, mg: float, per_day: float) -> None:
    row = the_exposure(statement(dosage=[{"text": text}]))
    assert dose_of(statement(dosage=[{"text": text}])) == (mg, per_day)
    assert (row.flags, row.confidence) == (("dose_from_text",), 0.6)


@pytest.mark.parametrize(
    "text",
    [
        "as directed",
        "75 mg",
        "75 mg BID for 3 weeks, then 50 mg BID",
        "reduce to 75 mg BID if febrile",
        "75 mg BID, 50 mg QD",
        "1,000 mg daily",
        "2 tablets daily",
        "75-150 mg BID",
        "75 mg/m2 BID",
        "no longer 75 mg BID",
        "75 mg as needed",
        "75 mg weekly",
    ],
)
def test_any_other_text_states_no_dose(text: str) -> None:
    assert dose_of(statement(dosage=[{"text": text}])) == (None, None)


def test_structure_counts_before_text_and_text_fills_what_it_leaves() -> None:
    whole = {"doseAndRate": MG, "timing": TWICE, "text": "150 mg BID"}
    assert flags_of(whole) == ()
    assert flags_of({"doseAndRate": MG, "text": "150 mg BID"}) == ("dose_from_text",)
    assert flags_of({"doseAndRate": MG, "timing": TWICE, "text": "see plan"}) == ()


@pytest.mark.parametrize(
    ("dosage", "left"),
    [
        ({"doseAndRate": MG, "timing": TWICE, "text": "75 mg BID"}, (None, 2)),
        ({"doseAndRate": MG, "timing": {**TWICE, "code": concept("QD", GTS)}}, (150, None)),
        ({"doseAndRate": [*MG, {"doseQuantity": quantity(75, "mg")}], "timing": TWICE}, (None, 2)),
    ],
)
def test_statements_that_contradict_each_other_state_nothing(
    dosage: Dosage, left: tuple[float | None, float | None]
) -> None:
    assert dose_of(statement(dosage=[dosage])) == left
    assert flags_of(dosage) == ("dose_conflict",)


def test_several_dosages_are_never_added_up() -> None:
    """A change of dose, or morning and evening: only a reader can say which."""
    dosages = [
        {"sequence": 1, "doseAndRate": MG, "timing": TWICE},
        {"sequence": 2, "doseAndRate": [{"doseQuantity": quantity(75, "mg")}], "timing": TWICE},
    ]
    assert dose_of(statement(dosage=dosages)) == (None, None)
    assert the_exposure(statement(dosage=dosages)).flags == ("several_doses",)


def test_of_two_drugs_in_one_resource_it_is_not_said_whose_dose_it_is() -> None:
    both = {"coding": [concept("1424911", "http://www.nlm.nih.gov/research/umls/rxnorm")["coding"][0],
                       TRAMETINIB["coding"][0]]}  # fmt: skip
    found = exposures(
        mapped(statement(medicationCodeableConcept=both, dosage=[{"text": "2 mg QD"}]))
    )
    assert [row.columns["ingredient"] for row in found] == ["dabrafenib", "trametinib"]
    assert all("dose_mg" not in row.columns for row in found)


@pytest.mark.parametrize("dosage", [None, [], ["150 mg"], [None], [{}], [{"timing": "BID"}]])
def test_no_dosage_or_a_broken_one_leaves_the_exposure_as_it_was(dosage: Any) -> None:
    assert dose_of(statement(dosage=dosage)) == (None, None)


# Absorbed dose


def absorbed(value: float, unit: str, **more: Any) -> dict[str, Any]:
    return observation("absorbed_dose", OURS, valueQuantity=quantity(value, unit, **more))


@pytest.mark.parametrize(
    ("value", "unit", "column", "expected"),
    [
        (32, "Gy", "absorbed_dose_gy", "32"),
        (2000, "cGy", "absorbed_dose_gy", "20"),
        (21500, "mGy", "absorbed_dose_gy", "21.5"),
        (4.5, "Gy/GBq", "absorbed_dose_gy_per_gbq", "4.5"),
        (4.5, "mGy/MBq", "absorbed_dose_gy_per_gbq", "4.5"),
    ],
)
def test_the_absorbed_dose_of_a_lesion(value: float, unit: str, column: str, expected: str) -> None:
    sent = {**absorbed(value, unit), "bodySite": {"text": "left lung"}}
    (row,) = rows(sent)
    assert row[column] == Decimal(expected)
    assert (row["value_sent"], row["unit_sent"]) == (str(value), unit)
    assert "left lung" not in str(row)


@pytest.mark.parametrize("unit", ["mCi", "MBq", "", "cGy/mCi"])
def test_an_activity_or_an_unknown_unit_is_no_absorbed_dose(unit: str) -> None:
    with pytest.raises(InvalidValue):
        rows(absorbed(5, unit))


def test_a_bound_is_no_absorbed_dose() -> None:
    assert rows(absorbed(20, "Gy", comparator=">")) == []


def test_gray_is_no_tolerated_activity() -> None:
    with pytest.raises(InvalidValue):
        rows(observation("max_tolerated_mci", OURS, valueQuantity=quantity(2, "Gy")))
