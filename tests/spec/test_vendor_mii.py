"""What servers of the German MII core data set send, and the facts that become of it."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.mapping.resource import Mapper
from tests.lib.mapping import concept, mapper, quantity
from tests.lib.medications import administration
from tests.lib.vendors import Resource, mapped, mii, site, told


@pytest.fixture(scope="module")
def hospital() -> Mapper:
    """A hospital that needs nothing but the profile."""
    return site("mii")


@pytest.mark.parametrize(
    ("sent", "facts"),
    [
        (mii.PERSON, ["patient female 1961-07-04"]),
        (mii.CONDITION, ["ThyroidCancer 2018-05-02", "PTC 2018-05-02"]),
        (mii.VARIANT, ["BRAF V600E present 2021-01-12"]),
        (mii.TG_NUMBER, ["Tg 12.4 ng/mL 2021-02-22"]),
        (mii.TG_BELOW, ["Tg <0.1 ng/mL 2021-08-18"]),
        (mii.TG_TEXT, ["Tg <0.1 ng/mL 2021-11-16 | value_from_text"]),
        (mii.MEDICATION, ["medication of trametinib"]),
        (mii.DABRAFENIB, ["dabrafenib stated 2021-03-01..2021-04-11"]),
        (
            mii.TRAMETINIB,
            ["linked drug stated 2021-03-01..2021-04-11", "link to Medication/mekinist"],
        ),
        (mii.ADVICE, []),  # of a tumour board
        (
            mii.IODINE,
            [
                "occurrence 2021-05-20..2021-05-22",
                "I-131 150 mCi therapeutic procedure 2021-05-20",
            ],
        ),
        (mii.STATUS, ["PD  2021-10-04"]),
        (mii.ENCOUNTER, ["visit 2021-12-01"]),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_facts(hospital: Mapper, sent: Resource, facts: list[str]) -> None:
    assert told(hospital, sent) == facts


def test_the_profile_knows_the_zone(hospital: Mapper) -> None:
    assert str(hospital.zone) == "Europe/Berlin"
    late = {**mii.TG_NUMBER, "effectiveDateTime": "2021-02-21T23:30:00Z"}
    assert told(hospital, late) == ["Tg 12.4 ng/mL 2021-02-22"]


@pytest.mark.parametrize(
    ("sent", "diagnoses"),
    [
        (mii.diagnosis("C73", "8345/3"), ["ThyroidCancer", "MTC"]),  # ICD-10 alone cannot tell
        (mii.diagnosis("C73", "8510/3"), ["ThyroidCancer", "MTC"]),
        (mii.diagnosis("C73", "8021/3"), ["ThyroidCancer", "ATC"]),
        (mii.diagnosis("C73", "8337/3"), ["ThyroidCancer", "PDTC"]),
        (mii.diagnosis("C73", "8330/3"), ["ThyroidCancer", "FTC"]),
        (mii.diagnosis("C73", "8290/3"), ["ThyroidCancer", "OCA"]),
        (mii.diagnosis("C73", "8000/3"), ["ThyroidCancer"]),
        (
            mii.diagnosis("C73", "8260/3", "http://fhir.de/CodeSystem/dimdi/icd-10-gm"),
            ["ThyroidCancer", "PTC"],
        ),
        (
            mii.diagnosis("C73", "8260/3", "http://hl7.org/fhir/sid/icd-10"),
            ["ThyroidCancer", "PTC"],
        ),
        # The same morphology in the kidney and the breast is no thyroid cancer.
        (mii.diagnosis("C64", "8260/3"), []),
        (mii.diagnosis("C50.4", "8510/3"), []),
    ],
)
def test_the_morphology_beside_a_thyroid_cancer(
    hospital: Mapper, sent: Resource, diagnoses: list[str]
) -> None:
    assert [row.columns["concept"] for row in mapped(hospital, sent).rows] == diagnoses


@pytest.mark.parametrize("icd", ["C77.0", "C78.0", "C79.3", "C79.5"])
def test_metastases_by_icd_10_gm(hospital: Mapper, icd: str) -> None:
    lines = told(hospital, mii.diagnosis(icd, "8260/6"))
    assert "PD new_metastasis 2018-05-02" in [line.partition(" | ")[0] for line in lines]


@pytest.mark.parametrize(
    ("ops", "doses", "fact"),
    [
        ("8-531", {"gesamtdosis": quantity(3700, "MBq")}, "I-131 100 mCi therapeutic procedure"),
        ("8-531.20", {"gesamtdosis": quantity(7400, "MBq")}, "I-131 200 mCi therapeutic procedure"),
        ("8-531.10", {"einzeldosis": quantity(3.7, "GBq")}, "I-131 100 mCi therapeutic procedure"),
        # The code's band of activity is no activity.
        ("8-531.21", {}, "I-131 therapeutic procedure"),
        ("3-70c.01", {}, "I-131 diagnostic procedure"),
    ],
)
def test_radioiodine_by_ops(hospital: Mapper, ops: str, doses: dict[str, Any], fact: str) -> None:
    line = told(hospital, mii.radioiodine(ops, **doses))[-1]
    assert line.partition(" | ")[0] == f"{fact} 2021-05-20"


@pytest.mark.parametrize("ops", ["8-530.60", "8-522.d0", "8-543"])
def test_other_therapies_are_no_radioiodine(hospital: Mapper, ops: str) -> None:
    sent = mii.radioiodine(ops, gesamtdosis=quantity(7400, "MBq"))
    assert [row.table for row in mapped(hospital, sent).rows if "rai" in row.table] == []


@pytest.mark.parametrize("release", ["bfarm", "dimdi"])
def test_drugs_by_german_atc(hospital: Mapper, release: str) -> None:
    def given(atc: str, **content: Any) -> list[str]:
        drug = concept(atc, f"http://fhir.de/CodeSystem/{release}/atc")
        return told(hospital, administration(medicationCodeableConcept=drug, **content))

    dose = {"dose": quantity(5550, "MBq")}
    assert given("V10XA01", dosage=dose) == ["I-131 150 mCi therapeutic administered 2021-03-01"]
    assert given("V09FX03", dosage=dose)[0].startswith("I-131 150 mCi diagnostic")
    assert given("H01AB01") == ["thyrotropin alfa administered 2021-03-01..2021-03-01"]
    assert given("L01EE01") == ["trametinib administered 2021-03-01..2021-03-01"]


def _dktk(letter: str) -> Resource:
    system = "http://dktk.dkfz.de/fhir/onco/core/CodeSystem/GesamtbeurteilungTumorstatusCS"
    return {
        **mii.STATUS,
        "code": concept("21976-6"),
        "valueCodeableConcept": concept(letter, system),
    }


@pytest.mark.parametrize(
    ("letter", "status"),
    [("P", "PD"), ("Y", "PD"), ("V", "CR"), ("T", "PR"), ("K", "SD"), ("D", "Mixed")],
)
def test_responses_of_registries_before_the_oncology_module(
    hospital: Mapper, letter: str, status: str
) -> None:
    (row,) = mapped(hospital, _dktk(letter)).rows
    assert row.columns["disease_status"] == status


def test_maps_that_may_mean_other_things_elsewhere_are_the_profiles_alone(
    hospital: Mapper,
) -> None:
    assert mapped(mapper(), _dktk("P")).rows == ()
    local = {"coding": [{"system": "urn:lab", "code": "4711", "display": "TAK (Serum)"}]}
    sent = {**mii.TG_NUMBER, "code": local}
    assert [each.code for each in mapped(hospital, sent).unmapped] == ["4711"]
    assert mapped(mapper(), sent).unmapped == ()
