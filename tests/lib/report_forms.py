"""Reports of every Measure, of several cohorts, in every form; and the way through XML and back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, reduce
from operator import add
from typing import Any

from fhir.resources.R4B.measurereport import MeasureReport

from adapter.definitions import load
from adapter.report.disclosed import outcome_report
from adapter.report.forms import Form, Receiver, ReportedLocation, render
from adapter.report.writer import measure_report
from analytics.aggregate import Aggregate, aggregate, header
from analytics.disclosure.gate import disclose
from analytics.estimate import estimate
from tests.lib.reports import (
    HEAD,
    MEASURE_IDS,
    Json,
    example,
    measures,
    patched,
    reference_cells,
    reference_report,
    reference_study,
    report_of,
)
from tests.lib.story import course_of

RECEIVER = Receiver(ReportedLocation("4711", "urn:oid:1.2.3", "Thyroid Centre"))
WHOLE = "redifferentiation-outcomes"
"""The Measure whose groups are those of all the others."""

MASKED = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    ]
}


@cache
def reports() -> Mapping[str, Json]:
    """In the DEQM form: each Measure of the reference cohort, the same without strata, of nobody
    and of one patient; and reports that hide counts."""
    study = reference_study()
    nobody = Aggregate(header(study))
    one = aggregate([course_of("", study)], study, header(study))
    return {
        **{f"{name}, strata": reference_report(name) for name in MEASURE_IDS},
        **{f"{name}, no strata": _without_strata(name) for name in MEASURE_IDS},
        **{f"{name}, nobody": report_of(name, nobody, study) for name in MEASURE_IDS},
        **{f"{name}, one patient": report_of(name, one, study) for name in MEASURE_IDS},
        "withheld": example("withheld.json"),
        "one stratum hidden": _one_stratum_hidden(),
        "for a registry": _disclosed("registry", {"A": 320}),
        "for the public": _disclosed("public", dict.fromkeys("ABCDE", 64)),
    }


def _disclosed(policy: str, sites: Mapping[str, int]) -> Json:
    """Twenty times the reference cohort, as the policy lets it out."""
    study = reference_study()
    many = reduce(add, [reference_cells(study)] * 20)
    outcome = disclose(many, load().policy(policy), sites=Counter(sites))
    return outcome_report(outcome, measures()["time-to-progression"], study, HEAD)


def _without_strata(name: str) -> Json:
    whole = measures()[name]
    groups = tuple(replace(group, stratifiers=()) for group in whole.groups)
    study = reference_study()
    cells = reference_cells(study)
    plain = replace(whole, groups=groups)
    return measure_report(plain, estimate(cells, study), cells, study, HEAD)


def _one_stratum_hidden() -> Json:
    """The reference cohort's survival with the events of one stratum, and its score, hidden."""
    stratum = "/group/0/stratifier/0/stratum/1"
    return patched(
        reference_report("time-to-progression"),
        [
            {"op": "remove", "path": f"{stratum}/population/3/count"},
            {"op": "add", "path": f"{stratum}/population/3/_count", "value": MASKED},
            {"op": "remove", "path": f"{stratum}/measureScore"},
        ],
    )


@cache
def rendered(form: Form) -> Mapping[str, Json]:
    """Every report in the form."""
    return {name: render(report, form, RECEIVER) for name, report in reports().items()}


def through_xml(report: Json) -> Any:
    """The report written as FHIR XML by fhir.resources, and read from it."""
    written = MeasureReport.model_validate(report).model_dump_xml()
    return json.loads(MeasureReport.model_validate_xml(written).model_dump_json())


def as_read(report: Json) -> Any:
    """The report as fhir.resources writes it in JSON: `Z` for `+00:00`, decimals in full."""
    return json.loads(MeasureReport.model_validate(report).model_dump_json())
