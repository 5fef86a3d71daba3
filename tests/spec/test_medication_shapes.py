"""What each kind of medication resource says about when a drug was taken (domain.md 2.3)."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.errors import InvalidValue
from tests.lib.mapping import mapped, quantity
from tests.lib.medications import (
    METOPROLOL,
    SIX_WEEKS,
    administration,
    dispense,
    exposures,
    order,
    resource_of,
    statement,
    the_exposure,
    told,
    told_of,
)

# Shapes of statements: M1, M2


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ({"effectivePeriod": SIX_WEEKS}, "2021-03-01", "2021-04-11"),
        ({"effectivePeriod": {"start": "2021-03-01"}}, "2021-03-01", ""),  # ongoing, not 0 days
        ({"effectivePeriod": {"start": "2021-03"}}, "2021-03", ""),
        ({"effectivePeriod": {"end": "2021-04-11"}}, "", "2021-04-11"),
        ({"effectiveDateTime": "2021-03-01"}, "2021-03-01", ""),  # a start, not one day
        ({}, "", ""),
    ],
)
@pytest.mark.parametrize("status", ["active", "completed"])
def test_m1_m2_a_statement(said: dict[str, Any], first: str, last: str, status: str) -> None:
    resource = resource_of("MedicationStatement", status=status, **said)
    assert told_of(resource) == [("dabrafenib", "stated", first, last)]


def test_m2_the_day_it_was_said_stands_in_for_a_start() -> None:
    row = the_exposure(resource_of("MedicationStatement", dateAsserted="2021-03-09"))
    assert told(row) == ("dabrafenib", "stated", "2021-03-09", "")
    assert row.flags == ("start_from_record",)


def test_an_exposure_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidValue, match="ends before it starts"):
        mapped(statement(effectivePeriod={"start": "2021-04-11", "end": "2021-03-01"}))


# Shape M3: a period of one day stays one; the parent's span is joined when a patient is read.


def test_m3_a_single_day_period() -> None:
    day = {"start": "2024-04-15", "end": "2024-04-15"}
    resource = statement(effectivePeriod=day, partOf=[{"reference": "Procedure/1"}])
    assert told_of(resource) == [("dabrafenib", "stated", "2024-04-15", "2024-04-15")]


# Shapes of orders: M4


def _bounds(**bounds: Any) -> dict[str, Any]:
    return {"dosageInstruction": [{"timing": {"repeat": bounds}}]}


SUPPLY = {"expectedSupplyDuration": quantity(42, "d")}
VALIDITY = {"validityPeriod": {"start": "2021-03-02", "end": "2022-03-01"}}


@pytest.mark.parametrize(
    ("content", "first", "last", "flags"),
    [
        ({}, "2021-03-01", "", ("start_from_record",)),
        (_bounds(boundsPeriod=SIX_WEEKS), "2021-03-01", "2021-04-11", ()),
        (
            _bounds(boundsDuration=quantity(6, "wk")),
            "2021-03-01", "2021-04-11", ("start_from_record", "end_from_supply"),
        ),
        (
            {"dispenseRequest": SUPPLY},
            "2021-03-01", "2021-04-11", ("start_from_record", "end_from_supply"),
        ),
        (
            {"dispenseRequest": VALIDITY},
            "2021-03-02", "2022-03-01", ("end_from_validity",),
        ),
        (
            {"dispenseRequest": {**VALIDITY, **SUPPLY}},
            "2021-03-02", "2021-04-12", ("end_from_supply",),
        ),
        (
            {**_bounds(boundsPeriod=SIX_WEEKS), "dispenseRequest": {**VALIDITY, **SUPPLY}},
            "2021-03-01", "2021-04-11", (),
        ),
    ],
)  # fmt: skip
def test_m4_an_order(
    content: dict[str, Any], first: str, last: str, flags: tuple[str, ...]
) -> None:
    row = the_exposure(order(**content))
    assert told(row) == ("dabrafenib", "ordered", first, last)
    assert row.flags == flags


def test_m4_doses_one_after_another_are_one_span() -> None:
    timings = [
        {"timing": {"repeat": {"boundsPeriod": {"start": "2021-03-15", "end": "2021-04-11"}}}},
        {"timing": {"repeat": {"boundsPeriod": {"start": "2021-03-01", "end": "2021-03-14"}}}},
    ]
    assert told_of(order(dosageInstruction=timings)) == [
        ("dabrafenib", "ordered", "2021-03-01", "2021-04-11")
    ]


@pytest.mark.parametrize(
    ("status", "intent", "counts"),
    [
        ("active", "order", True),
        ("completed", "order", True),
        ("stopped", "order", True),
        ("on-hold", "original-order", True),
        ("active", "filler-order", True),
        ("active", "instance-order", True),
        ("active", "reflex-order", True),
        ("cancelled", "order", False),
        ("draft", "order", False),
        ("entered-in-error", "order", False),
        # M5: advice of a tumour board
        ("active", "proposal", False),
        ("draft", "option", False),
        ("active", "option", False),
        ("active", "plan", False),
    ],
)
def test_m4_m5_which_requests_count(status: str, intent: str, counts: bool) -> None:
    found = told_of(order(status=status, intent=intent))
    assert [told[:2] for told in found] == ([("dabrafenib", "ordered")] if counts else [])


def test_m4_an_order_not_to_give_is_none() -> None:
    assert told_of(order(doNotPerform=True)) == []
    assert len(told_of(order(doNotPerform=False))) == 1


@pytest.mark.parametrize("intent", [{"intent": "wish"}, {"intent": None}])
def test_m5_an_intent_that_fhir_does_not_know_never_counts(intent: dict[str, Any]) -> None:
    resource = {key: value for key, value in order(**intent).items() if value is not None}
    found = mapped(resource)
    assert found.rows == ()
    assert [(item.code, item.display) for item in found.unmapped] == [
        (intent["intent"] or "", "intent")
    ]


# Shapes of administrations: M8


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("completed", True),
        ("in-progress", True),
        ("stopped", True),
        ("on-hold", True),
        ("not-done", False),
        ("entered-in-error", False),
    ],
)
def test_m8_which_administrations_count(status: str, counts: bool) -> None:
    given = administration(status=status, effectiveDateTime="2021-03-02T02:30:00.000Z")
    # In New York it was still the day before.
    expected = [("dabrafenib", "administered", "2021-03-01", "2021-03-01")]
    assert told_of(given) == (expected if counts else [])


def test_m8_an_administration_over_a_period() -> None:
    resource = resource_of("MedicationAdministration", effectivePeriod=SIX_WEEKS)
    assert told_of(resource) == [("dabrafenib", "administered", "2021-03-01", "2021-04-11")]
    begun = resource_of("MedicationAdministration", effectivePeriod={"start": "2021-03-01"})
    assert told_of(begun) == [("dabrafenib", "administered", "2021-03-01", "")]


# Shapes of dispenses: M9


@pytest.mark.parametrize(
    ("content", "first", "last"),
    [
        ({}, "2021-03-01", "2021-03-30"),
        ({"daysSupply": {"value": 30, "unit": "Day"}}, "2021-03-01", "2021-03-30"),
        ({"daysSupply": {"value": 30}}, "2021-03-01", "2021-03-30"),
        ({"daysSupply": quantity(6, "wk")}, "2021-03-01", "2021-04-11"),
        ({"whenHandedOver": "2021-03-01T23:30:00-05:00"}, "2021-03-01", "2021-03-30"),
        ({"whenHandedOver": "2021-03"}, "2021-03", "2021-03"),
        ({"daysSupply": None}, "2021-03-01", ""),
        ({"daysSupply": {"value": 0, "unit": "d"}}, "2021-03-01", ""),
        ({"whenHandedOver": None, "whenPrepared": "2021-02-27"}, "2021-02-27", "2021-03-28"),
        ({"whenHandedOver": None}, "", ""),
    ],
)
def test_m9_a_dispense(content: dict[str, Any], first: str, last: str) -> None:
    resource = {key: value for key, value in dispense(**content).items() if value is not None}
    row = the_exposure(resource)
    assert told(row) == ("dabrafenib", "dispensed", first, last)
    assert ("end_from_supply" in row.flags) == bool(last)
    assert ("start_from_record" in row.flags) == ("whenPrepared" in resource)


def test_m9_a_supply_that_cannot_be_read_is_reported() -> None:
    found = mapped(dispense(daysSupply={"value": 3, "unit": "boxes"}))
    assert told(exposures(found)[0])[3] == ""
    assert [(item.kind, item.code) for item in found.unmapped] == [("unit", "boxes")]


@pytest.mark.parametrize(
    "status", ["preparation", "in-progress", "cancelled", "on-hold", "declined"]
)
def test_m9_what_was_not_handed_over_is_no_exposure(status: str) -> None:
    assert told_of(dispense(status=status)) == []


# Shapes of what patients report, on servers without MedicationStatement: M10


@pytest.mark.parametrize("intent", ["plan", "order"])
@pytest.mark.parametrize(
    "reported", [{"reportedBoolean": True}, {"reportedReference": {"reference": "Patient/p"}}]
)
def test_m10_a_reported_request_is_a_statement(intent: str, reported: dict[str, Any]) -> None:
    row = the_exposure(order(intent=intent, **reported))
    assert told(row)[:2] == ("dabrafenib", "stated")
    assert "reported" in row.flags


@pytest.mark.parametrize("intent", ["proposal", "option"])
def test_m10_reported_advice_is_still_advice(intent: str) -> None:
    assert told_of(order(intent=intent, reportedBoolean=True)) == []


def test_m10_a_plan_that_is_not_reported_is_a_plan() -> None:
    assert told_of(order(intent="plan", reportedBoolean=False)) == []


# Shapes of a status: M11


@pytest.mark.parametrize(
    ("status", "flags", "reported"),
    [
        ("active", (), []),
        ("stopped", (), []),  # an exposure up to its end
        ("on-hold", (), []),
        ("completed ", (), []),
        ("unknown", ("status_unknown",), []),
        ("final", ("status_unknown",), ["final"]),
        ("example-status", ("status_unknown",), ["example-status"]),
    ],
)
def test_m11_a_status_that_is_not_known_still_counts(
    status: str, flags: tuple[str, ...], reported: list[str]
) -> None:
    found = mapped(statement(status=status))
    (row,) = found.rows
    assert told(row) == ("dabrafenib", "stated", "2021-03-01", "2021-04-11")
    assert row.flags == flags
    assert [item.code for item in found.unmapped] == reported


def test_m11_a_statement_without_a_status_counts_too() -> None:
    resource = statement()
    del resource["status"]
    assert the_exposure(resource).flags == ("status_unknown",)


@pytest.mark.parametrize("status", ["not-taken", "intended", "entered-in-error"])
def test_m11_not_taken_is_no_exposure(status: str) -> None:
    assert told_of(statement(status=status)) == []


def test_m11_another_drug_with_a_wrong_status_is_noise() -> None:
    found = mapped(statement(status="final", medicationCodeableConcept=METOPROLOL))
    assert (found.rows, found.unmapped) == ((), ())


# Shape M12: refills are rows of their own; `derive` merges them.


def test_m12_each_refill_is_a_row() -> None:
    refills = [
        order(id=f"m{month}", authoredOn=f"2021-0{month}-01", dispenseRequest=SUPPLY)
        for month in (3, 4)
    ]
    assert [told_of(refill)[0][2:] for refill in refills] == [
        ("2021-03-01", "2021-04-11"),
        ("2021-04-01", "2021-05-12"),
    ]
