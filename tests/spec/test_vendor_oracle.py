"""What Oracle Health Millennium (Cerner) sends, and the facts that become of it."""

from __future__ import annotations

import pytest

from adapter.mapping.resource import Mapper
from tests.lib.vendors import Resource, mapped, oracle, site, told


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Mapper:
    """A hospital whose own file extends the profile, with a ConceptMap; no Python."""
    return site(oracle.own_file(tmp_path_factory.mktemp("oracle")))


@pytest.mark.parametrize(
    ("sent", "facts"),
    [
        (oracle.PERSON, ["patient female 1961-07-04"]),
        (oracle.CONDITION, ["PTC 2018-05-02"]),
        (oracle.VARIANT, ["BRAF V600E present 2021-01-12"]),
        (oracle.TG_NUMBER, ["Tg 12.4 ng/mL 2021-02-22"]),
        (oracle.TG_BELOW, ["Tg <0.1 ng/mL 2021-08-18"]),
        # Only the tenant's event code says what it is.
        (oracle.TG_LOCAL, ["Tg <0.1 ng/mL 2021-11-16 | value_from_text"]),
        (oracle.TG_MASKED, []),
        (oracle.DABRAFENIB, ["dabrafenib ordered 2021-03-01..2021-04-11 | from_text"]),
        (oracle.OUTSIDE, ["trametinib stated 2021-03-01..2021-04-11 | reported, from_text"]),
        (oracle.IODINE, ["I-131 150 mCi unknown administered 2021-05-20"]),
        (oracle.PROCEDURE, ["I-131 150 mCi therapeutic text 2021-05-20 | from_text"]),
        (oracle.REPORT, ["PD report_text 2021-10-04 | from_text"]),
        (oracle.ENCOUNTER, ["visit 2021-12-01"]),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_facts(hospital: Mapper, sent: Resource, facts: list[str]) -> None:
    assert told(hospital, sent) == facts


def test_a_masked_error_takes_back_what_it_stated(hospital: Mapper) -> None:
    assert mapped(hospital, oracle.TG_MASKED).stamp.retracted


@pytest.mark.parametrize(
    ("name", "isotope"),
    [
        ("sodium iodide-131 oral capsule", "I-131"),
        ("sodium iodide I 131", "I-131"),
        ("Natriumiodid-131", "I-131"),
        ("Natriumiodid (131I)", "I-131"),
        ("sodium iodide-123 capsule", "I-123"),
        ("potassium iodide 130 mg", ""),
        ("iobenguane I-131", ""),
    ],
)
def test_names_of_sodium_iodide(hospital: Mapper, name: str, isotope: str) -> None:
    contained = [{"resourceType": "Medication", "id": "1", "code": {"text": name}}]
    sent = {**oracle.IODINE, "contained": contained, "medicationReference": {"reference": "#1"}}
    found = [row.columns["isotope"] for row in mapped(hospital, sent).rows]
    assert found == ([isotope] if isotope else [])


def test_another_tenants_event_codes_are_not_the_hospitals(hospital: Mapper) -> None:
    system = "https://fhir.cerner.com/d45741b3-8335-463d-ab16-8c5f0bcf78ed/codeSet/72"
    code = {"coding": [{"system": system, "code": "7035350", "display": "Thyroglobulin"}]}
    found = mapped(hospital, {**oracle.TG_LOCAL, "code": code})
    assert (found.rows, [each.code for each in found.unmapped]) == ((), ["7035350"])
