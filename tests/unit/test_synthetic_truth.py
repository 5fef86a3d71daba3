"""The synthetic hospital's records against its truth tables, read here on their own."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.lib.hospital import (
    Resource,
    day,
    export,
    exposures,
    has_code,
    observations,
    of,
    table,
    who,
)

MBQ = {"mCi": Decimal(37), "MBq": Decimal(1), "GBq": Decimal(1000)}
ACTIVITY = "https://raiway.example/fhir/StructureDefinition/administered-activity"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """Every resource; numbers as the text that stands in the file."""
    return export(tmp_path_factory.mktemp("export"))


@pytest.mark.parametrize(
    ("analyte", "code", "units", "rows"),
    [
        ("Tg", "3013-0", {"ng/mL", "ug/L"}, 49),
        ("TgAb", "8098-6", {"[IU]/mL"}, 45),
        ("TSH", "3016-3", {"m[IU]/L"}, 45),
    ],
)
def test_every_laboratory_row_is_one_result_with_its_digits(
    exported: list[Resource], analyte: str, code: str, units: set[str], rows: int
) -> None:
    stated = [
        (who(one), day(one), one["valueQuantity"].get("comparator", ""), digits(one))
        for one in observations(exported, code)
    ]
    expected = [
        (row["patient_id"], row["date"], row["comparator"], row["value"])
        for row in table("labs")
        if row["analyte"] == analyte
    ]
    assert len(expected) == rows
    assert Counter(stated) == Counter(expected)
    assert {one["valueQuantity"]["code"] for one in observations(exported, code)} == units


def digits(resource: Resource) -> str:
    return str(resource["valueQuantity"]["value"])


def test_antibodies_are_positive_where_they_exceed_the_limit(exported: list[Resource]) -> None:
    positive = {
        who(one)
        for one in observations(exported, "8098-6")
        if has_code(one["interpretation"][0], "POS")
    }
    assert positive == {"SYN-RAIR-10", "SYN-RAIR-15"}


def test_thyrotropin_was_given_on_the_two_days_before_each_stimulated_tg(
    exported: list[Resource],
) -> None:
    given = {
        (who(one), day(one))
        for one in of(exported, "MedicationAdministration")
        if has_code(one["medicationCodeableConcept"], "H01AB01")
    }
    expected = {
        (row["patient_id"], str(date.fromisoformat(row["date"]) - timedelta(days=before)))
        for row in table("labs")
        if row["condition"] == "rhTSH-stimulated"
        for before in (1, 2)
    }
    assert len(expected) == 8
    assert given == expected


def test_every_ct_is_a_measurement(exported: list[Resource]) -> None:
    stated = {
        (who(one), day(one), digits(one), *component_values(one))
        for one in observations(exported, "sum_diam_mm")
    }
    expected = {
        (
            row["patient_id"],
            row["date"],
            row["sum_diameters_mm"],
            row["target_lesions"],
            row["new_lesions"] == "yes",
        )
        for row in table("ct")
    }
    assert stated == expected
    assert len(expected) == 46


def component_values(resource: Resource) -> tuple[str, bool]:
    lesions, new_lesion = resource["component"]
    return lesions["valueInteger"], new_lesion["valueBoolean"]


def test_every_later_ct_has_a_response_and_the_status_that_goes_with_it(
    exported: list[Resource],
) -> None:
    code = {"PR": "268910001", "SD": "359746009", "PD": "271299001"}
    rows = [row for row in table("ct") if row["timepoint"] != "baseline"]
    assert answers(exported, "recist") == {
        (row["patient_id"], row["date"]): row["recist11_point"] for row in rows
    }
    assert answers(exported, "97509-4") == {
        (row["patient_id"], row["date"]): code[row["recist11_point"]] for row in rows
    }


def answers(exported: list[Resource], code: str) -> dict[tuple[str, str], str]:
    return {
        (who(one), day(one)): one["valueCodeableConcept"]["coding"][0]["code"]
        for one in observations(exported, code)
    }


def test_drug_days_are_those_of_the_table(exported: list[Resource]) -> None:
    expected: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in table("drugs"):
        expected[row["patient_id"], row["drug"]] += days(row["start"], row["end"])
    stated: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one, drug in exposures(exported):
        stated[who(one), drug] += days(**one["effectivePeriod"])
    assert {key: sorted(value) for key, value in stated.items()} == dict(expected)


def days(start: str, end: str) -> list[str]:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def test_drugs_come_in_the_four_shapes(exported: list[Resource]) -> None:
    kinds = Counter((who(one), one["resourceType"]) for one, _ in exposures(exported))
    assert kinds["SYN-RAIR-11", "MedicationAdministration"] == 12
    assert kinds["SYN-RAIR-11", "MedicationStatement"] == 0
    assert {who(one) for one, _ in exposures(exported) if "medicationReference" in one} == {
        "SYN-RAIR-13"
    }
    by_atc = {who(one) for one, _ in exposures(exported) if "L01E" in json.dumps(one)}
    assert by_atc == {"SYN-RAIR-04", "SYN-RAIR-08", "SYN-RAIR-12", "SYN-RAIR-16"}


def test_every_course_of_iodine_has_its_activity_in_each_shape(exported: list[Resource]) -> None:
    courses = {
        (row["patient_id"], row["date"]): (row["course"], Decimal(row["activity_mbq"]))
        for row in table("rai")
    }
    odd = {key for key in courses if int(key[0][-2:]) % 2}
    prior = {key for key, (course, _) in courses.items() if course == "prior"}
    procedures, doses = procedure_mbq(exported), dose_mbq(exported, "V10XA01")
    assert procedures == {key: courses[key][1] for key in odd | prior}
    assert doses == {key: courses[key][1] for key in odd | (courses.keys() - prior)}


def procedure_mbq(exported: list[Resource]) -> dict[tuple[str, str], Decimal]:
    return {
        (who(one), one["performedDateTime"]): mbq(extension["valueQuantity"])
        for one in of(exported, "Procedure")
        for extension in one["extension"]
        if one["status"] == "completed" and who(one).startswith("SYN-RAIR")
        if extension["url"] == ACTIVITY
    }


def dose_mbq(exported: list[Resource], code: str) -> dict[tuple[str, str], Decimal]:
    return {
        (who(one), day(one)): mbq(one["dosage"]["dose"])
        for one in of(exported, "MedicationAdministration")
        if has_code(one["medicationCodeableConcept"], code)
    }


def mbq(quantity: Resource) -> Decimal:
    return Decimal(quantity["value"]) * MBQ[quantity["code"]]


def test_a_dose_is_part_of_the_procedure_that_gave_it(exported: list[Resource]) -> None:
    when = {f"Procedure/{one['id']}": one["performedDateTime"] for one in of(exported, "Procedure")}
    parts = [one for one in of(exported, "MedicationAdministration") if "partOf" in one]
    assert {when[one["partOf"][0]["reference"]] == day(one) for one in parts} == {True}
    assert {int(who(one)[-2:]) % 2 for one in parts} == {1}


def test_dosimetry_is_that_of_the_table(exported: list[Resource]) -> None:
    rows = table("dosimetry")
    assert dose_mbq(exported, "V09FX03") == {
        (row["patient_id"], row["tracer_date"]): Decimal(row["tracer_mci"]) * 37 for row in rows
    }
    assert {(who(o), day(o), digits(o)) for o in observations(exported, "max_tolerated_mci")} == {
        (row["patient_id"], row["last_scan"], row["mta_mci"]) for row in rows
    }
    seen = {"yes": "52101004", "no": "2667000"}
    assert answers(exported, "uptake") == {
        (row["patient_id"], row["last_scan"]): seen[row["uptake"]] for row in rows
    }
