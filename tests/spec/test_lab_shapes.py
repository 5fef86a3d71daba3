"""Thyroglobulin as laboratories send it (domain.md 2.2, T1 to T10), each shape with its row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapter.definitions import load
from adapter.errors import InvalidValue
from adapter.mapping.mapped import MappedResource, TypedRow
from adapter.mapping.resource import Mapper
from adapter.sites import SiteProfile, at_site
from tests.lib.mapping import component, concept, mapped, mapper, observation, quantity

TG = "3013-0"
SNOMED = "http://snomed.info/sct"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
NO_UNIT = {"value": 12.5}


def _tg(**content: Any) -> MappedResource:
    return mapped(observation(TG, **content))


def _row(**content: Any) -> TypedRow:
    (row,) = _tg(**content).rows
    assert row.columns["analyte"] == "Tg"
    return row


def _says(row: TypedRow) -> tuple[str, str, str]:
    """Comparator and interval in ng/mL: ('<', '0', '0.1'); '' is an open end."""
    low, high = (row.columns[name] for name in ("value_low", "value_high"))
    return row.columns["comparator"], f"{low:f}", "" if high is None else f"{high:f}"


def _reported(found: MappedResource) -> list[tuple[str, str, str, str]]:
    assert found.rows == ()
    return [(item.kind, item.code_system, item.code, item.display) for item in found.unmapped]


# T1, T2: a number, maybe with a comparator


@pytest.mark.parametrize(
    ("sent", "comparator", "low", "high"),
    [
        (quantity(12.4, "ng/mL"), "", "12.4", "12.4"),
        (quantity(12.4, "ug/L"), "", "12.4", "12.4"),
        (quantity(1240, "ng/dL"), "", "12.40", "12.40"),
        ({"value": 12.4, "unit": "ng/ml"}, "", "12.4", "12.4"),
        # The code is one of the hospital's own; the unit can be read.
        ({"value": 12.4, "unit": "ng/mL", "code": "NGML"}, "", "12.4", "12.4"),
        (quantity(0.1, "ng/mL", comparator="<"), "<", "0", "0.1"),
        (quantity(0.1, "ng/mL", comparator="<="), "<=", "0", "0.1"),
        (quantity(500, "ng/mL", comparator=">"), ">", "500", ""),
        (quantity(0, "ng/mL"), "", "0", "0"),
    ],
)
def test_t1_t2_a_number(sent: dict[str, Any], comparator: str, low: str, high: str) -> None:
    row = _row(valueQuantity=sent)
    assert _says(row) == (comparator, low, high)
    assert (row.flags, row.confidence) == ((), 1.0)


# T3, T3b: text where the number should be


@pytest.mark.parametrize(
    ("text", "comparator", "low", "high"),
    [
        ("<0.2 ng/mL", "<", "0", "0.2"),
        ("< 0.2 ng/mL", "<", "0", "0.2"),
        ("≤0.2 ug/L", "<=", "0", "0.2"),
        ("LT 0.2 ng/mL", "<", "0", "0.2"),
        ("less than 0.2 ng/mL", "<", "0", "0.2"),
        ("GT 45 ng/mL", ">", "45", ""),
        ("> 500 ng/mL", ">", "500", ""),
        ("12,4 ng/ml", "", "12.4", "12.4"),
        ("1,240.5 ng/dL", "", "12.405", "12.405"),
        ("1.240,5 ng/dL", "", "12.405", "12.405"),
    ],
)
@pytest.mark.parametrize("as_concept", [False, True], ids=["T3 string", "T3b concept text"])
def test_t3_a_value_in_text(
    text: str, comparator: str, low: str, high: str, as_concept: bool
) -> None:
    row = _row(**{"valueCodeableConcept": {"text": text}} if as_concept else {"valueString": text})
    assert _says(row) == (comparator, low, high)
    assert row.flags == ("value_from_text",)
    assert row.confidence < 1
    assert row.columns["value_sent"] == text


@pytest.mark.parametrize(
    "text",
    [
        "not detected", "see comment", "0.1-0.2 ng/mL", "12.4 furlong", "ng/mL",
        "1,240 ng/mL",  # 1.24 or 1240
        "12.4 ng/mL, 0.3 ng/mL in May",
    ],
)  # fmt: skip
def test_t3_text_that_is_no_value_is_reported(text: str) -> None:
    assert _reported(_tg(valueString=text)) == [("value", "", "Tg", f"text: {text}")]


def test_t3_text_without_a_unit_is_refused_like_a_number_without_one() -> None:
    with pytest.raises(InvalidValue, match="no unit for Tg"):
        _tg(valueCodeableConcept={"text": "GT 45"})


def test_t3_a_coded_value_is_reported() -> None:
    found = _tg(valueCodeableConcept=concept("260415000", SNOMED))
    assert _reported(found) == [("value", SNOMED, "260415000", "Tg")]


# T4: no value, and why


@pytest.mark.parametrize(
    "resource",
    [
        observation(TG, dataAbsentReason=concept("unknown")),
        {**observation(TG, note=[{"text": "haemolysed"}]), "status": "cancelled"},
        {**observation(TG, valueQuantity=quantity(5, "ng/mL")), "status": "entered-in-error"},
    ],
)
def test_t4_an_absent_value_is_no_row(resource: dict[str, Any]) -> None:
    assert _reported(mapped(resource)) == []


def test_t4_a_missing_value_that_nothing_explains_is_reported() -> None:
    assert _reported(_tg()) == [("value", "", "Tg", "no value that can be read")]


# T5: no unit


def _at(site: SiteProfile) -> Mapper:
    return replace(mapper(), definitions=at_site(load(), site))


@pytest.mark.parametrize("sent", [NO_UNIT, {"value": 12.5, "unit": " "}])
def test_t5_a_number_without_a_unit_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="no unit for Tg"):
        _tg(valueQuantity=sent)


@pytest.mark.parametrize(
    ("declared", "low"), [("ng/mL", "12.5"), ("ug/L", "12.5"), ("ng/dL", "0.125")]
)
def test_t5_unless_the_site_declares_it(declared: str, low: str) -> None:
    site = _at(SiteProfile(units={"Tg": declared}))
    (row,) = site.map(observation(TG, valueQuantity=NO_UNIT), "x").rows
    assert _says(row) == ("", low, low)
    assert (row.columns["unit_sent"], row.flags) == ("", ("unit_declared",))


def test_t5_a_unit_that_is_sent_beats_the_declared_one() -> None:
    site = _at(SiteProfile(units={"Tg": "ng/dL"}))
    (row,) = site.map(observation(TG, valueQuantity=quantity(3, "ng/mL")), "x").rows
    assert (_says(row), row.flags) == (("", "3", "3"), ())


def test_t5_code_and_unit_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidValue, match="contradict"):
        _tg(valueQuantity={"value": 12.5, "unit": "ng/dL", "code": "ng/mL"})


# T6: a number and a text


@pytest.mark.parametrize(
    ("number", "text", "says", "flags"),
    [
        (quantity(12.4, "ng/mL"), "12.4", ("", "12.4", "12.4"), ()),
        (quantity(12.4, "ng/mL"), "1240 ng/dL", ("", "12.4", "12.4"), ()),
        (quantity(0.1, "ng/mL"), "<0.1 ng/mL", ("<", "0", "0.1"), ("comparator_from_text",)),
        (quantity(12.4, "ng/mL"), "14.2", ("", "12.4", "12.4"), ("text_contradicts_value",)),
        (quantity(0, "ng/mL"), "32W 4D", ("", "0", "0"), ("text_contradicts_value",)),
        (
            quantity(5, "ng/mL", comparator=">"), "<5",
            (">", "5", ""), ("text_contradicts_value",),
        ),
    ],
)  # fmt: skip
def test_t6_the_number_wins_over_the_text(
    number: dict[str, Any], text: str, says: tuple[str, str, str], flags: tuple[str, ...]
) -> None:
    row = _row(valueQuantity=number, valueString=text)
    assert (_says(row), row.flags) == (says, flags)
    assert row.confidence == (0.5 if "text_contradicts_value" in flags else 1.0)


# T7, T8: panels


def test_t7_a_panel_gives_nothing_its_members_do() -> None:
    panel = observation("57780-9", hasMember=[{"reference": "Observation/o2"}])
    assert _reported(mapped(panel)) == []
    panel = observation(TG, hasMember=[{"reference": "Observation/o2"}])
    assert _reported(mapped(panel)) == []


def test_t8_each_component_with_an_analyte_is_a_row() -> None:
    panel = observation(
        "57780-9",
        effectiveDateTime="2021-05-03",
        component=[
            component(TG, valueQuantity=quantity(0.1, "ng/mL", comparator="<")),
            component(
                "8098-6",
                valueQuantity=quantity(7, "[IU]/mL"),
                interpretation=[concept("H", INTERPRETATION)],
                referenceRange=[{"high": quantity(4, "[IU]/mL")}],
            ),
            component("69053-7", valueString="Interpret with care."),
            component(TG, dataAbsentReason=concept("error")),
        ],
    )
    found = mapped(panel)
    tg, tgab = found.rows
    assert (tg.columns["analyte"], tg.ordinal, _says(tg)) == ("Tg", 0, ("<", "0", "0.1"))
    assert (tgab.columns["analyte"], tgab.ordinal, _says(tgab)) == ("TgAb", 1, ("", "7", "7"))
    assert (tgab.columns["interpretation"], tgab.columns["reference_high"]) == ("H", Decimal(4))
    assert {f"{row.columns['date_earliest']}" for row in found.rows} == {"2021-05-03"}
    assert found.unmapped == ()


# T9, T10: what converters make


def test_t9_an_attachment_is_reported() -> None:
    backport = {
        "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment",
        "valueAttachment": {"contentType": "application/pdf", "url": "Binary/1"},
    }
    assert _reported(_tg(extension=[backport])) == [("value", "", "Tg", "an attachment")]


def test_t10_equals_is_no_comparator() -> None:
    row = _row(valueQuantity=quantity(12.4, "ng/mL", comparator="="))
    assert (_says(row), row.flags) == (("", "12.4", "12.4"), ("comparator_equals",))


@pytest.mark.parametrize("comparator", ["<>", "~", "!=", "><"])
def test_t10_a_comparator_that_says_nothing_is_refused(comparator: str) -> None:
    with pytest.raises(InvalidValue, match="is not one of FHIR's"):
        _tg(valueQuantity=quantity(12.4, "ng/mL", comparator=comparator))


# Values that cannot be


@pytest.mark.parametrize("value", [-1, True, "many", 1e300, "NaN"])
def test_a_value_that_cannot_be_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue):
        _tg(valueQuantity={"value": value, "unit": "ng/mL"})


# Moles


@pytest.mark.parametrize(
    ("unit", "ng_ml"), [("pmol/L", "6.6"), ("fmol/mL", "6.6"), ("nmol/L", "6600")]
)
def test_moles_need_the_sites_molar_mass(unit: str, ng_ml: str) -> None:
    sent = observation("14918-7", valueQuantity=quantity(10, unit))
    with pytest.raises(InvalidValue, match=f"unknown unit '{unit}' for Tg") as refused:
        mapped(sent)
    assert "molar_mass_kda" in refused.value.hint
    (row,) = _at(SiteProfile(molar_mass_kda={"Tg": Decimal(660)})).map(sent, "x").rows
    assert row.columns["value_low"] == Decimal(ng_ml)
    assert row.columns["unit"] == "ng/mL"


# What the laboratory says about its value


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ([concept("H", INTERPRETATION)], "H"),
        ([concept("POS", "http://hl7.org/fhir/v2/0078")], "POS"),
        ([concept("10828004", SNOMED)], "POS"),
        ([concept("260385009", SNOMED)], "NEG"),
        ([{"text": "Negativ"}], "NEG"),
        ([{"text": "HIGH"}], "H"),
        ([concept("A", INTERPRETATION), concept("H", INTERPRETATION)], "H"),
        ([concept("H", INTERPRETATION), concept("POS", INTERPRETATION)], "POS"),
        ([concept("xx", "urn:local")], "xx"),
        ([{"text": "see note"}], ""),
    ],
)
def test_interpretations(stated: list[dict[str, Any]], code: str) -> None:
    row = _row(valueQuantity=quantity(5, "ng/mL"), interpretation=stated)
    assert row.columns["interpretation"] == code


LIMIT = {"high": quantity(4, "ng/mL")}
THERAPEUTIC = {"high": quantity(9, "ng/mL"), "type": concept("therapeutic", "urn:x")}
NORMAL = {"high": quantity(4, "ng/mL"), "type": concept("normal", "urn:x")}


@pytest.mark.parametrize(
    ("ranges", "high", "flags"),
    [
        ([LIMIT], "4", ()),
        ([{"high": quantity(400, "ng/dL")}], "4", ()),
        ([{"high": {"value": 4}}], "4", ()),
        ([{"high": quantity(4, "furlong")}], None, ()),
        ([{"text": "<4.0"}], "4", ()),
        ([{"text": "<= 400 ng/dL"}], "4", ()),
        ([{"text": "athyrotic: undetectable"}], None, ()),
        ([THERAPEUTIC, NORMAL], "4", ()),
        ([{"low": quantity(1, "ng/mL")}, LIMIT, LIMIT], "4", ()),
        ([LIMIT, {"high": quantity(9, "ng/mL")}], "4", ("several_reference_ranges",)),
    ],
)
def test_reference_ranges(
    ranges: list[dict[str, Any]], high: str | None, flags: tuple[str, ...]
) -> None:
    row = _row(valueQuantity=quantity(5, "ng/mL"), referenceRange=ranges)
    assert row.columns["reference_high"] == (None if high is None else Decimal(high))
    assert row.flags == flags


# Codes that are called like an analyte


@pytest.mark.parametrize(
    ("code", "display", "reported"),
    [
        ("TGSER", "Thyroglobulin, Serum", True),
        ("4711", "Thyreoglobulin i.S.", True),
        ("4712", "TgAb (Siemens)", True),
        ("2571-8", "TG", False),  # triglycerides
        ("4713", "Ferritin", False),
    ],
)
def test_a_code_that_looks_like_one_is_reported(code: str, display: str, reported: bool) -> None:
    resource = observation(code, "urn:hospital:lab", valueQuantity=quantity(3, "ng/mL"))
    resource["code"]["coding"][0]["display"] = display
    expected = [("code", "urn:hospital:lab", code, display)]
    assert _reported(mapped(resource)) == (expected if reported else [])


@pytest.mark.parametrize("code", ["53922-1", "38505-4", "53919-7", "15210-8", "57780-9", "1992-7"])
def test_a_code_that_is_left_out_on_purpose_is_not(code: str) -> None:
    resource = observation(code, valueQuantity=quantity(9000, "ng/mL"))
    resource["code"]["coding"][0]["display"] = "Thyroglobulin in something else"
    assert _reported(mapped(resource)) == []
