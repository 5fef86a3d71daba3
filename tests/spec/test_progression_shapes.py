"""Progression and disease status in the shapes that hospitals send (P1 to P10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from analytics.course import DateSpan, DiseaseStatus, DrugExposure, FactRef, PatientFacts, Visit
from analytics.followup import follow_up
from analytics.response import progressions
from analytics.study import Study
from tests.lib.mapping import concept, mapped, observation, quantity

SNOMED = "http://snomed.info/sct"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-"
MTB = "https://www.medizininformatik-initiative.de/fhir/ext/modul-mtb/CodeSystem/mii-cs-mtb-"
QUALIFIER = "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition/qualifier"
PATIENT = {"reference": "Patient/p"}


def _stated(resource: dict[str, Any]) -> list[str]:
    """`table: status | evidence | structural or biochemical | day | flags`, for each row."""
    found = []
    for row in mapped(resource).rows:
        c = row.columns
        if row.table == "disease_status":
            kind = "biochemical" if c.get("biochemical") else "structural"
            text = f"status: {c['disease_status']} | {c['evidence'] or '-'} | {kind}"
        elif row.table == "imaging_assessment":
            text = f"imaging: {c['recist']} | recist | structural"
        else:
            continue
        flags = ",".join(row.flags) or "-"
        found.append(f"{text} | {c.get('date_earliest', '-')} | {flags}")
    return found


def _status(value: dict[str, Any], code: str = "97509-4", **content: Any) -> dict[str, Any]:
    return observation(code, valueCodeableConcept=value, **content)


def _evidence(code: str) -> list[dict[str, Any]]:
    url = MCODE + "cancer-disease-status-evidence-type"
    return [{"url": url, "valueCodeableConcept": concept(code, SNOMED)}]


WORSENED, IMAGING, MARKER = concept("271299001", SNOMED), "363679005", "250724005"


def _qualified(*qualifiers: str) -> dict[str, Any]:
    extensions = [
        {"url": QUALIFIER, "valueCodeableConcept": concept(code, SNOMED)} for code in qualifiers
    ]
    return {**WORSENED, "extension": extensions}


BIOCHEMICAL, NODAL = "80534008", "263820005"


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        # P1 mCODE: the evidence says by what.
        (_status(WORSENED), "PD | - | structural"),
        (_status(WORSENED, extension=_evidence(IMAGING)), "PD | imaging | structural"),
        (_status(WORSENED, extension=_evidence(MARKER)), "PD | marker | biochemical"),
        (_status(concept("359746009", SNOMED)), "SD | - | structural"),
        (_status(concept("709137006", SNOMED)), "NE | - | structural"),
        (_status(concept("550991000124107", SNOMED)), "CR | - | structural"),
        (_status(concept("551001000124108", SNOMED)), "PR | - | structural"),
        # P2 mCODE STU1.
        (_status(WORSENED, "88040-1"), "PD | - | structural"),
        (_status(concept("268910001", SNOMED), "88040-1"), "Improved | - | structural"),
        # P3 a rise of the marker alone is no structural progression.
        (_status(_qualified(BIOCHEMICAL)), "PD | - | biochemical"),
        (_status(_qualified(NODAL, BIOCHEMICAL)), "PD | - | structural"),
        (
            _status(_qualified(NODAL, BIOCHEMICAL), extension=_evidence(MARKER)),
            "PD | marker | structural",
        ),
    ],
)
def test_p1_p2_p3_mcode(resource: dict[str, Any], row: str) -> None:
    assert _stated(resource) == [f"status: {row} | 2021-05-03 | -"]


def _mii(overall: str | None, **parts: str) -> dict[str, Any]:
    codes = {"primaertumor": "277062004", "lymphknoten": "399656008", "fernmetastasen": "399608002"}
    value = {"valueCodeableConcept": concept(overall, MII + "verlauf-gesamtbeurteilung")}
    return observation(
        "396432002",
        SNOMED,
        component=[
            {
                "code": concept(codes[part], SNOMED),
                "valueCodeableConcept": concept(state, MII + f"verlauf-{part}"),
            }
            for part, state in parts.items()
        ],
        **(value if overall else {}),
    )


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (_mii("V"), "CR | - | structural | 2021-05-03 | -"),
        (_mii("R"), "CR | - | structural | 2021-05-03 | -"),
        (_mii("T"), "PR | - | structural | 2021-05-03 | -"),
        (_mii("B"), "MR | - | structural | 2021-05-03 | -"),
        (_mii("K"), "SD | - | structural | 2021-05-03 | -"),
        (_mii("P"), "PD | - | structural | 2021-05-03 | -"),
        (_mii("Y"), "PD | - | structural | 2021-05-03 | -"),
        (_mii("D"), "Mixed | - | structural | 2021-05-03 | -"),
        (_mii("U"), "NE | - | structural | 2021-05-03 | -"),
        # The overall value holds; a component that says worse is flagged.
        (_mii("T", lymphknoten="P"), "PR | - | structural | 2021-05-03 | component_conflict"),
        (_mii("V", primaertumor="T"), "CR | - | structural | 2021-05-03 | component_conflict"),
        (_mii("V", primaertumor="K"), "CR | - | structural | 2021-05-03 | -"),
        (_mii("T", primaertumor="T"), "PR | - | structural | 2021-05-03 | -"),
        (_mii("P", lymphknoten="P"), "PD | - | structural | 2021-05-03 | -"),
        # Without an overall value the worst part speaks, with little confidence.
        (_mii(None, lymphknoten="P"), "PD | - | structural | 2021-05-03 | from_component"),
    ],
)
def test_p4_german_oncology_module(resource: dict[str, Any], row: str) -> None:
    assert _stated(resource) == [f"status: {row}"]


def test_p4_components_are_kept() -> None:
    (row,) = mapped(_mii("T", lymphknoten="P", primaertumor="T")).rows
    assert row.columns["components"] == "277062004=residual;399656008=progress"


METHOD = {"method": concept("RECIST", MTB + "response-befund-beurteilungsmethode")}


def _recist(**value: Any) -> dict[str, Any]:
    return observation("recist", "urn:raiway:concept", **value)


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (_recist(valueCodeableConcept=concept("PD", "urn:raiway:concept")), "PD | -"),
        (_recist(valueString="PD"), "PD | from_text"),
        (_recist(valueString="RECIST 1.1: SD"), "SD | from_text"),
        (_recist(valueString="Partial response (PR)"), "PR | from_text"),
        (_recist(valueCodeableConcept={"text": "Progressive disease"}), "PD | from_text"),
        (_recist(valueCodeableConcept={"text": "NE"}), "NE | from_text"),
        (
            _recist(
                valueCodeableConcept={
                    "coding": [{"system": "urn:h", "code": "7", "display": "Complete Response"}]
                }
            ),
            "CR | from_text",
        ),
        # A disease status that RECIST judged is a response.
        (
            observation(
                "396432002",
                SNOMED,
                valueCodeableConcept=concept("PR", MTB + "response-befund-beurteilung"),
                **METHOD,
            ),
            "PR | -",
        ),
        (_status({"text": "SD"}, method={"text": "RECIST 1.1"}), "SD | from_text"),
    ],
)
def test_p5_recist(resource: dict[str, Any], row: str) -> None:
    response, flags = row.split(" | ")
    assert _stated(resource) == [
        f"imaging: {response} | recist | structural | 2021-05-03 | {flags}"
    ]


@pytest.mark.parametrize(
    "text",
    ["PD-L1 80 %", "no progression", "SD or PD", "see report", "Keine Progression", "spread"],
)
def test_p5_words_that_name_no_response_are_reported(text: str) -> None:
    resource = _recist(valueString=text)
    assert _stated(resource) == []
    (unmapped,) = mapped(resource).unmapped
    assert (unmapped.kind, unmapped.code) == ("value", "response")


def _condition(code: str, status: str = "active", **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c",
        "subject": PATIENT,
        "code": concept(code, SNOMED),
        "clinicalStatus": concept(status),
        "verificationStatus": concept("confirmed"),
        **content,
    }


PAPILLARY, LUNG_METASTASIS = "255029007", "94391008"


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (
            _condition(PAPILLARY, "recurrence", onsetDateTime="2021-09-01"),
            "PD | condition_recurrence | structural | 2021-09-01 | candidate",
        ),
        (
            _condition(PAPILLARY, "relapse", recordedDate="2021-09-01"),
            "PD | condition_recurrence | structural | 2021-09-01 | candidate,date_from_recorded",
        ),
        (
            _condition(LUNG_METASTASIS, onsetDateTime="2021-09"),
            "PD | new_metastasis | structural | 2021-09-01 | candidate",
        ),
    ],
)
def test_p6_conditions(resource: dict[str, Any], row: str) -> None:
    assert _stated(resource) == [f"status: {row}"]


@pytest.mark.parametrize(
    "resource",
    [
        _condition(PAPILLARY, onsetDateTime="2021-09-01"),
        _condition(PAPILLARY, "recurrence", verificationStatus=concept("refuted")),
        _condition(LUNG_METASTASIS, verificationStatus=concept("provisional")),
        _condition("44054006", "recurrence", onsetDateTime="2021-09-01"),  # diabetes
    ],
)
def test_p6_no_candidate(resource: dict[str, Any]) -> None:
    assert _stated(resource) == []


def _report(conclusion: str | None = None, **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": PATIENT,
        "code": {"text": "CT chest"},
        "effectiveDateTime": "2021-09-01",
        **({"conclusion": conclusion} if conclusion else {}),
        **content,
    }


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (_report(conclusionCode=[WORSENED]), "PD | report | structural | 2021-09-01 | -"),
        (
            _report("Interval progression of pulmonary metastases."),
            "PD | report_text | structural | 2021-09-01 | from_text",
        ),
        (
            _report("No pleural effusion. New lesion in segment VIII."),
            "PD | report_text | structural | 2021-09-01 | from_text",
        ),
    ],
)
def test_p7_reports(resource: dict[str, Any], row: str) -> None:
    assert _stated(resource) == [f"status: {row}"]


@pytest.mark.parametrize(
    "conclusion",
    [
        "No evidence of disease progression.",
        "Without new metastases.",
        "Possible disease progression, follow-up advised.",
        "Stable disease.",
        "Progression-free survival 12 months.",
        "Kein Hinweis auf Tumorprogress.",
    ],
)
def test_p7_no_progression(conclusion: str) -> None:
    assert _stated(_report(conclusion)) == []


PLACEHOLDERS = "http://hl7.org/fhir/us/mcode/CodeSystem/snomed-requested-cs"


def test_p8_placeholder_codes() -> None:
    assert _stated(_status(concept("USCRS-352236", PLACEHOLDERS)))[0].startswith("status: CR")
    assert _stated(_status(concept("USCRS-352237", PLACEHOLDERS)))[0].startswith("status: PR")


def test_p8_an_amended_status_supersedes() -> None:
    first, amended = _status(WORSENED), _status(concept("359746009", SNOMED), status="amended")
    assert mapped(first).stamp.rank < mapped(amended).stamp.rank


@pytest.mark.parametrize(
    ("interpretation", "by_cancer"), [("J", True), ("N", False), ("U", None), (None, None)]
)
def test_p9_cause_of_death(interpretation: str | None, by_cancer: bool | None) -> None:
    stated = [concept(interpretation, MII + "tod")] if interpretation else []
    resource = observation(
        "184305005", SNOMED, valueCodeableConcept=concept("C73"), interpretation=stated
    )
    (row,) = mapped(resource).rows
    assert row.table == "death"
    assert row.columns["cause_cancer"] is by_cancer
    assert row.columns["date_earliest"] == date(2021, 5, 3)


FINISH = date(2021, 3, 1)


def _at(day: int) -> DateSpan:
    return DateSpan.of(FINISH + timedelta(days=day))


def _pd(evidence: str, day: int) -> DiseaseStatus:
    return DiseaseStatus(
        ref=FactRef("Observation", evidence or "o"),
        disease_status="PD",
        evidence=evidence,
        date=_at(day),
    )


@pytest.mark.parametrize(
    ("evidence", "counts"),
    [
        ("", True),
        ("imaging", True),
        ("report", True),
        ("condition_recurrence", True),
        ("new_metastasis", False),  # may be the first record of an old one
        ("report_text", False),  # for review
    ],
)
def test_the_study_says_which_candidates_count(evidence: str, counts: bool, study: Study) -> None:
    found = progressions([], [_pd(evidence, 100)], study)
    assert bool(found) is counts
    all_sources = replace(
        study,
        progression_sources=(*study.progression_sources, "new_metastasis", "report_text"),
    )
    assert len(progressions([], [_pd(evidence, 100)], all_sources)) == 1


def test_p10_another_drug_is_no_event_and_a_diagnosis_no_visit(study: Study) -> None:
    facts = PatientFacts(
        patient_key="p",
        site="s",
        drugs=(
            DrugExposure(
                ref=FactRef("MedicationStatement", "m"),
                ingredient="lenvatinib",
                drug_class="MKI",
                evidence="stated",
                start=_at(50),
            ),
        ),
        statuses=(_pd("new_metastasis", 150),),
        visits=(Visit(ref=FactRef("Encounter", "e"), date=_at(90), status="finished"),),
    )
    followed = follow_up(facts, FINISH, None, study, [])
    assert (followed.days, followed.event, followed.reason) == (90, False, "last_contact")


@pytest.mark.parametrize("code", ["sum_diam_mm", "max_tolerated_mci"])
def test_a_bound_is_no_measurement(code: str) -> None:
    unit = "mm" if code == "sum_diam_mm" else "mCi"
    sent = observation(code, "urn:raiway:concept", valueQuantity=quantity(5, unit, comparator="<"))
    found = mapped(sent)
    assert found.rows == ()
    assert [item.kind for item in found.unmapped] == ["value"]
