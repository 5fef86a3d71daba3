"""Reports as they are written, and every Measure as it is served, before the independent judges.

In the forms that are handed out every report is judged in test_report_judged_forms.py.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import pytest

from adapter.measures.load import composed_resource
from tests.lib.judges import JUDGES, complaints
from tests.lib.reports import (
    MEASURE_IDS,
    Json,
    measures,
    reference_cells,
    reference_report,
    reference_study,
    report_of,
)

SLOW = "pyfhircheck"
SMALL = ("rai-uptake", "time-to-progression", "treatment-exposure")


@cache
def reports() -> dict[str, Json]:
    """Reports of the reference cohort, one of them on a coarse grid."""
    coarse = reference_study(grid_days=24)
    return {
        **{name: reference_report(name) for name in SMALL},
        "coarse grid": report_of("time-to-progression", reference_cells(coarse), coarse),
    }


@cache
def definitions() -> dict[str, Json]:
    """Measures as served, and the code systems and extensions that reports use."""
    served = {name: composed_resource(measures()[name], measures()) for name in MEASURE_IDS}
    shipped = {
        file.name: json.loads(file.read_text(encoding="utf-8"))
        for folder in ("StructureDefinition", "CodeSystem", "Library")
        for file in (files("mappings") / folder).iterdir()
        if file.name.endswith(".json")
    }
    return served | shipped


def judged(judge: str, resources: dict[str, Json]) -> dict[str, list[str]]:
    """The complaints by resource; resources without any are left out."""
    found = complaints(judge, list(resources.values()))
    return {name: text for name, text in zip(resources, found, strict=True) if text}


@pytest.mark.parametrize("judge", sorted(set(JUDGES) - {SLOW}))
def test_no_judge_complains_of_a_report(judge):
    assert judged(judge, reports()) == {}


def test_the_slow_judge_does_not_complain_of_the_small_reports():
    assert judged(SLOW, {name: reports()[name] for name in SMALL}) == {}


@pytest.mark.parametrize("judge", sorted(set(JUDGES) - {SLOW, "deqm"}))
def test_no_judge_complains_of_a_definition(judge):
    assert judged(judge, definitions()) == {}
