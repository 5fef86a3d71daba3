"""What a code that nothing maps may mean: local code, what it is called -> suggestion.

A suggestion is for a person to confirm. Where a name may mean another specimen or another disease,
the code is listed, and nothing is suggested.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from adapter.coverage import watch as watching
from adapter.coverage.near import NearMisses
from adapter.coverage.suggest import Suggester
from adapter.definitions import load
from adapter.errors import DefinitionError
from tests.lib.mapping import observation, quantity, rows

LOINC, SNOMED, LOCAL = "http://loinc.org", "http://snomed.info/sct", "urn:hospital:codes"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

TG = "3013-0 Thyroglobulin [Mass/volume] in Serum or Plasma"
TGAB = "8098-6 Thyroglobulin Ab [Units/volume] in Serum or Plasma"
BRAF = "69548-6 Genetic variant assessment + HGNC:1097 BRAF"
NRAS = "69548-6 Genetic variant assessment + HGNC:7989 NRAS"
RAI = "228698009 Iodine 131 therapy"
DABRAFENIB, TRAMETINIB = "1424911 dabrafenib", "1425099 trametinib"
PTC = "255029007 Papillary thyroid carcinoma"
NOTHING = "listed without a suggestion"
NOT_LISTED = "not listed"

# resource type     system             code           called                          may mean
CALLED = [
    ("Observation", LOCAL, "THYG", "Thyroglobulin, serum", TG),
    ("Observation", LOCAL, "TYG", "Thyreoglobuline", TG),
    ("Observation", LOCAL, "TG1", "thyroglobuin", TG),
    ("Observation", LOCAL, "ATG", "Thyroglobulin antibody", TGAB),
    ("Observation", LOCAL, "TGF", "Thyroglobulin, FNA washout", NOTHING),
    ("Observation", LOCAL, "TRAB", "Thyrotropin receptor Ab", NOT_LISTED),
    ("Observation", LOCAL, "GLU", "Glucose", NOT_LISTED),
    ("Observation", LOCAL, "TG", "TG", NOT_LISTED),
    ("Observation", LOCAL, "BRAFMUT", "BRAF mutation detected", BRAF),
    ("Observation", LOCAL, "NRAS61", "NRAS codon 61 sequencing", NRAS),
    ("Observation", LOCAL, "RET", "RET count", NOT_LISTED),
    ("Observation", LOCAL, "TMB", "Tumor Mutational Burden (TMB)",
     "94076-7 Mutations/Megabase [# Ratio] in Tumor"),
    ("Observation", LOCAL, "OR", "Overall response, RECIST 1.1", "recist RECIST response"),
    ("Observation", LOCAL, "SLD", "Sum of longest diameters",
     "sum_diam_mm Sum of target lesion diameters"),
    ("Observation", LOCAL, "UPT", "Radioiodine uptake in lesion", "uptake Iodine uptake in tumour"),
    ("Observation", LOCAL, "U24", "Iodine uptake 24 hours", NOT_LISTED),
    ("Observation", LOCAL, "DS", "Disease status", "97509-4 Cancer Disease Progression"),
    ("Procedure", LOCAL, "NM1", "Radioiodine therapy", RAI),
    ("Procedure", LOCAL, "NM2", "RADIOJODTHERAPIE", RAI),
    ("Procedure", LOCAL, "NM3", "I-131 for thyroid", NOTHING),
    ("Procedure", LOCAL, "NM4", "I-131 treatment of hyperthyroidism", NOT_LISTED),
    ("Procedure", LOCAL, "NM5", "I-131 MIBG scan", NOT_LISTED),
    ("Procedure", LOCAL, "APP", "Appendectomy", NOT_LISTED),
    ("MedicationRequest", LOCAL, "TRAM", "trametnib 2 mg tab", TRAMETINIB),
    ("MedicationRequest", LOCAL, "REG", "regorafenib 40 mg", NOT_LISTED),
    ("MedicationRequest", LOCAL, "LEVO", "levothyroxine 100 ug", NOT_LISTED),
    ("Medication", LOCAL, "DAB", "dabrafenib 75 mg cap", DABRAFENIB),
    ("Condition", LOCAL, "CA1", "Papillary thyroid cancer", PTC),
    ("Condition", LOCAL, "CA2", "Family history of thyroid cancer", NOT_LISTED),
    ("Condition", LOCAL, "DM2", "Type 2 diabetes", NOT_LISTED),
]  # fmt: skip

# A standard code in a wrong writing, without any name.
WRITTEN = [
    ("Observation", LOINC, "3013-3", "", TG),
    ("Observation", LOINC, "30130", "", TG),
    ("Observation", LOINC, " 3013-0", "", TG),
    ("Observation", "LOINC", "3013-0", "", TG),
    ("Observation", "http://www.loinc.org/", "3013-0", "", TG),
    ("Observation", "", "3013-0", "", TG),
    ("Observation", LOINC, "2345-7", "", NOT_LISTED),
    ("Observation", LOCAL, "3013-0", "", NOT_LISTED),
    ("Observation", "", "1097", "", NOT_LISTED),
    ("Procedure", SNOMED, "228698008", "", RAI),
    ("Procedure", "SNOMED", "228698009", "", RAI),
    ("MedicationRequest", "RxNorm", "1424911", "", DABRAFENIB),
]

# Known codes: that they gave no fact has another reason, such as the specimen or the intent.
KNOWN = [
    ("Observation", LOINC, "53922-1", "Thyroglobulin in Tissue fine needle aspirate", NOT_LISTED),
    ("MedicationRequest", RXNORM, "1424911", "dabrafenib", NOT_LISTED),
]


@cache
def suggester() -> Suggester:
    return Suggester(watching.load(), load())


def said(resource_type: str, system: str, code: str, called: str) -> str:
    """What is suggested for a resource of one coding, of the first table that it is meant for."""
    coding = {"system": system, "code": code, "display": called}
    name = "medicationCodeableConcept" if resource_type == "MedicationRequest" else "code"
    resource: dict[str, Any] = {"resourceType": resource_type, name: {"coding": [coding]}}
    near = list(NearMisses(watching.load(), suggester()).of(resource))
    if not near:
        return NOT_LISTED
    found = suggester().code(near[0].table, system, code, called)
    if found is None:
        return NOTHING
    return " + ".join(f"{each.code} {each.display}" for each in found.targets)


@pytest.mark.parametrize(
    ("resource_type", "system", "code", "called", "may_mean"), [*CALLED, *WRITTEN, *KNOWN]
)
def test_suggestion(resource_type: str, system: str, code: str, called: str, may_mean: str):
    assert said(resource_type, system, code, called) == may_mean


@pytest.mark.parametrize(
    ("code", "called", "may_mean"),
    [
        ("PD", "", "PD"),
        ("pd", "", "PD"),
        ("1", "Stable disease", "SD"),
        ("4", "Partial response", "PR"),
        ("9", "patient left early", None),
    ],
)
def test_the_answers_of_a_response_are_suggested_too(code: str, called: str, may_mean: str | None):
    found = suggester().code("disease_status", LOCAL, code, called)
    assert (found.targets[0].code if found else None) == may_mean


@pytest.mark.parametrize(
    ("table", "unit", "may_be"),
    [("Tg", "ngml", "ng/mL"), ("Tg", "NG/DL.", "ng/dL"), ("TSH", "mU/ l", "m[IU]/L")],
)
def test_units(table: str, unit: str, may_be: str):
    found = suggester().unit(table, unit)
    assert found
    assert found.targets[0].code == may_be


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "preparation"])
def test_what_did_not_happen_is_not_listed(status: str):
    procedure = {"resourceType": "Procedure", "status": status, "code": {"text": "RAI therapy"}}
    near = NearMisses(watching.load(), suggester())
    assert not list(near.of(procedure))
    assert list(near.of({**procedure, "status": "completed"}))


def test_a_suggested_code_is_one_that_gives_the_fact():
    """The code that is suggested for a local thyroglobulin makes the same result a fact."""
    found = suggester().code("lab_result", LOCAL, "THYG", "Thyroglobulin, serum")
    assert found
    result = observation(found.targets[0].code, valueQuantity=quantity(3, "ng/mL"))
    assert [row["analyte"] for row in rows(result)] == ["Tg"]


def test_every_name_in_the_file_exists():
    watch = watching.load()
    watching.check(watch, load())
    assert watch.blocked("lab_result") == ("thyroglobulin-response",)
    assert watch.blocked("imaging_assessment") == ("structural-response", "time-to-progression")
    looked_for = {look.table for look in watch.looks}
    assert looked_for <= {*watch.tables}


def test_a_wrong_name_in_the_file_is_told():
    watch = watching.load()
    wrong = watch.looks[0].model_copy(update={"value_sets": ("lab-analite",)})
    broken = watching.Watch(watch.outcomes, watch.stated, watch.silent, (wrong,))
    with pytest.raises(DefinitionError, match="there is no lab-analite"):
        watching.check(broken, load())
