"""Texts of laboratories and pharmacies, and anything else in their fields: a fact, a report, or our
own error; never another exception."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from adapter.errors import RaiwayError
from adapter.mapping.lab_text import COMPARATORS, lab_text
from adapter.mapping.mapped import MappedResource
from adapter.mapping.names import words
from adapter.mapping.numerals import number
from adapter.mapping.units import UnitTable
from tests.lib.mapping import concept, mapper, observation, quantity

VALUES = st.decimals(0, 100_000, places=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    text=st.one_of(st.text(max_size=90), st.from_regex(r"[<>=]{0,2} ?[0-9.,]{1,12} ?[a-zA-Z/]*"))
)
def test_any_text_is_a_value_or_none(text: str) -> None:
    found = lab_text(text)
    if found:
        assert found.comparator in ("", "<", "<=", ">", ">=")
        assert found.value >= 0
        assert found.unit == found.unit.strip()


@given(spelling=st.sampled_from(sorted(COMPARATORS)), value=VALUES, gap=st.sampled_from(["", " "]))
def test_a_value_is_read_as_it_was_written(spelling: str, value: Decimal, gap: str) -> None:
    found = lab_text(f"{spelling}{gap}{value} ng/mL")
    assert found is not None
    assert (found.comparator, found.value, found.unit) == (COMPARATORS[spelling], value, "ng/mL")


@given(value=VALUES)
def test_both_conventions_of_writing_a_number_say_the_same(value: Decimal) -> None:
    english = f"{value:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number(english) == number(german) == number(f"{value}") == value


@given(whole=st.integers(1, 999), rest=st.integers(0, 999))
def test_three_digits_after_one_comma_are_not_guessed(whole: int, rest: int) -> None:
    assert number(f"{whole},{rest:03}") is None


@given(value=VALUES, kda=st.decimals(1, 1000, places=1))
def test_moles_are_mass_by_the_sites_molar_mass_and_by_no_other(
    value: Decimal, kda: Decimal
) -> None:
    table: UnitTable = load().units["Tg"].at_site("ng/mL", kda)
    # One pmol of one kDa is one ng.
    assert table.convert(value, "pmol/L") == value * kda / 1000 == table.convert(value, "fmol/mL")
    assert table.convert(value, "nmol/L") == value * kda
    assert table.convert(value, "") == value


@given(text=st.text(max_size=60))
def test_words_are_plain(text: str) -> None:
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in words(text))
    assert words(text.upper()) == words(text.upper().lower())


def _map(resource: dict[str, Any]) -> MappedResource | None:
    try:
        return mapper().map(resource, "x")
    except RaiwayError:
        return None


@given(text=st.text(max_size=60), value=st.one_of(st.none(), VALUES))
def test_any_text_beside_a_number_leaves_the_number(text: str, value: Decimal | None) -> None:
    resource = observation("3013-0", valueString=text)
    if value is not None:
        resource["valueQuantity"] = {**quantity(0, "ng/mL"), "value": value}
        (row,) = mapper().map(resource, "x").rows
        assert value in (row.columns["value_low"], row.columns["value_high"])
    else:
        found = _map(resource)
        assert found is None or found.rows or found.unmapped or not text.strip()


LAB = observation(
    "3013-0",
    valueQuantity=quantity(3, "ng/mL"),
    valueString="3",
    referenceRange=[{"high": quantity(4, "ng/mL"), "text": "<4"}],
    interpretation=[concept("H")],
    method=concept("m"),
    performer=[{"reference": "Organization/1"}],
    issued="2021-05-03T10:00:00Z",
)
DRUG = concept("1424911", "http://www.nlm.nih.gov/research/umls/rxnorm")
MEDICATION: dict[str, Any] = {
    "id": "m1", "status": "active", "subject": {"reference": "Patient/p"},
    "medicationCodeableConcept": DRUG, "note": [{"text": "x"}],
}  # fmt: skip
REFERRED: dict[str, Any] = {
    **{name: value for name, value in MEDICATION.items() if name != "medicationCodeableConcept"},
    "resourceType": "MedicationStatement",
    "contained": [
        {"resourceType": "Medication", "id": "c", "ingredient": [{"itemCodeableConcept": DRUG}]}
    ],
    "medicationReference": {"reference": "#c", "display": "Tafinlar"},
    "effectiveDateTime": "2021-05-03",
}  # fmt: skip
RESOURCES: list[dict[str, Any]] = [
    LAB,
    REFERRED,
    {
        **MEDICATION,
        "resourceType": "MedicationRequest",
        "intent": "order",
        "authoredOn": "2021-05-03",
        "reportedBoolean": False,
        "dosageInstruction": [
            {"timing": {"repeat": {"boundsPeriod": {"start": "2021", "end": "2022"}}}},
            {"timing": {"repeat": {"boundsDuration": quantity(3, "wk")}}},
        ],
        "dispenseRequest": {
            "expectedSupplyDuration": quantity(3, "d"), "validityPeriod": {"end": "2022"}
        },
    },
    {
        **MEDICATION,
        "resourceType": "MedicationDispense",
        "status": "completed",
        "whenHandedOver": "2021-05-03",
        "daysSupply": quantity(30, "d"),
    },
]  # fmt: skip


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every element of the resource but its type and id."""
    children = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    below = [place for key, child in children for place in _places(child, (*path, key))]
    return [*([path] if path and path not in (("resourceType",), ("id",)) else []), *below]


def _with(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[key] = _with(node[key], tuple(rest), value)
    return copy


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource["resourceType"])
@settings(max_examples=150)
@given(data=st.data())
def test_anything_anywhere_is_a_fact_or_our_own_error(resource: dict[str, Any], data: Any) -> None:
    assert _map(resource), "the resource itself maps"
    place = data.draw(st.sampled_from(_places(resource)))
    _map(_with(resource, place, data.draw(JSON)))
