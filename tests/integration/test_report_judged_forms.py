"""Every form of every report before the independent judges, and broken ones that they must reject.

The slow judge, a second for 30 kB, sees the smallest reports of each form. The judge by the base
definitions sees the composite, whose groups are those of all other Measures, in one form only.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapter.report.forms import Form, render
from tests.lib.judges import JUDGES, complaints, profile_complaints
from tests.lib.needs import ROOT, missing
from tests.lib.report_forms import WHOLE, rendered
from tests.lib.reports import (
    HEAD,
    Json,
    cases,
    patched,
    reference_cells,
    reference_study,
    report_of,
)

SLOW = "pyfhircheck"
FAST = sorted(set(JUDGES) - {SLOW, "deqm"})
PROFILED = [form for form in Form if form is not Form.BASE]
SMALL = ("rai-uptake, strata", "rai-uptake, nobody")
UV, US = (
    "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-",
    "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/extension-",
)
PATIENT = {"reference": "Patient/p1"}
RULES = {
    Form.DEQM: "deqm_uv_summary.json",
    Form.DEQM_US: "deqm_us_summary.json",
    Form.SANER: "saner_public_health.json",
    Form.MADX: "madx_measure_report.json",
}
NOT_HERE = "../shared/reference/measure-report is not here"
NO_LINK_ID = {"d14", "d15"}
"""Cases without a linkId, which STU5 does not know."""


def rules(form: Form) -> Any:
    return json.loads((ROOT / "tests" / "judges" / RULES[form]).read_bytes())


def judged(judge: str, form: Form) -> dict[str, list[str]]:
    """The complaints by report; reports without any are left out."""
    light = judge != "fhirpath_base" or form is Form.DEQM
    chosen = {n: found for n, found in rendered(form).items() if light or not n.startswith(WHOLE)}
    ask = profile_complaints if judge == form else complaints
    said = ask(judge, list(chosen.values()))
    return {name: text for name, text in zip(chosen, said, strict=True) if text}


def valid(form: Form) -> Json:
    return copy.deepcopy(rendered(form)["time-to-progression, strata"])


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("judge", FAST)
def test_no_judge_complains_of_a_form(form, judge):
    assert judged(judge, form) == {}


@pytest.mark.parametrize("form", PROFILED)
def test_no_guide_complains_of_its_form(form):
    assert judged(form, form) == {}


@pytest.mark.parametrize("form", Form)
def test_the_slow_judge_does_not_complain_of_the_small_reports(form):
    assert complaints(SLOW, [rendered(form)[name] for name in SMALL]) == [[], []]


def test_no_judge_complains_of_a_report_of_one_patient():
    study = reference_study()
    whole = reference_cells(study)
    heads = (
        replace(
            HEAD, kind="individual", subject=PATIENT, evaluated=({"reference": "Observation/o1"},)
        ),
        replace(HEAD, kind="subject-list"),
    )
    found = [
        render(report_of("rai-uptake", whole, study, head), form)
        for form in (Form.BASE, Form.DEQM, Form.DEQM_US)
        for head in heads
    ]
    assert {judge: complaints(judge, found) for judge in FAST} == {
        judge: [[]] * len(found) for judge in FAST
    }


@pytest.mark.parametrize("form", PROFILED)
def test_the_guides_claimed_are_those_judged_by(form):
    assert valid(form)["meta"]["profile"] == [rules(form)["source"]["profile"]]


def test_no_guide_takes_the_form_of_another():
    taken = []
    for guide in PROFILED:
        others = [form for form in Form if form is not guide]
        found = [rendered(form)["cohort-characteristics, strata"] for form in others]
        said = profile_complaints(guide, found)
        taken += [(guide, form) for form, text in zip(others, said, strict=True) if not text]
    assert taken == []


PLANTED = [
    (Form.DEQM_US, "/group/0/extension/1/url", f"{UV}measureScoring", "deqm-3"),
    (Form.DEQM_US, "/group/0/extension/2/url", f"{UV}groupImprovementNotation", "deqm-4"),
    (Form.DEQM_US, "/subject", {"reference": "Group/1"}, "subject: at most 0 allowed"),
    (Form.DEQM_US, "/reporter/reference", "Practitioner/1", "refers to Practitioner"),
    (Form.DEQM_US, "/measure", "https://raiway.example/fhir/Measure/x", "deqm-0"),
    (Form.SANER, "/subject", {"type": "Location"}, "subject.identifier: at least 1 needed"),
    (Form.SANER, "/subject/type", "Organization", "refers to Organization"),
    (Form.SANER, "/date", "2026-11-23T12:00:00Z", "date: DateTimePreciseToSecond"),
    (Form.SANER, "/period/start", "2019-12-01", "period.start: DateTimePreciseToSecond"),
    (Form.SANER, "/period/end", "2022-11-30", "period.end: DateTimePreciseToSecond"),
    (Form.SANER, "/group/0/stratifier/0/stratum/0/value", {"text": "x"}, "at most 0 allowed"),
    (Form.SANER, "/group/0/population/0/count", None, "HasValueOrDataAbsentReason"),
    (Form.MADX, "/group/0/stratifier/0/stratum/0/measureScore", None, "measureScore: at least 1"),
    (
        Form.MADX,
        "/group/0/stratifier/0/stratum/0/measureScore",
        {"unit": "d"},
        "measureScore.value: at least 1",
    ),
    (Form.MADX, "/group/0/code", {"text": "ttp"}, "code.coding: at least 1"),
    (Form.MADX, "/subject", None, "subject: at least 1"),
]


@pytest.mark.parametrize("form", [Form.DEQM_US, Form.SANER, Form.MADX])
def test_a_broken_form_is_rejected_by_its_guide(form):
    planted = [case for case in PLANTED if case[0] is form]
    broken = [
        patched(
            valid(form),
            [{"op": "remove" if value is None else "replace", "path": path, "value": value}],
        )
        for _, path, value, _ in planted
    ]
    found = profile_complaints(form, broken)
    missed = [
        (path, seen)
        for (_, path, _, seen), said in zip(planted, found, strict=True)
        if not any(seen in text for text in said)
    ]
    assert missed == []


def test_a_report_whose_extensions_are_those_of_uv_is_none_of_stu5():
    unrewritten = valid(Form.DEQM) | {"meta": valid(Form.DEQM_US)["meta"]}
    (said,) = profile_complaints(Form.DEQM_US, [unrewritten])
    assert any(": deqm-3: " in text for text in said)


@pytest.mark.parametrize("form", [Form.DEQM_US, Form.SANER, Form.MADX])
def test_each_element_that_a_guide_needs_is_missed(form):
    needed = [rule["path"] for rule in rules(form)["elements"] if rule.get("min")]
    assert len(needed) > 8
    found = profile_complaints(form, [without(valid(form), path) for path in needed])
    missed = [
        path
        for path, said in zip(needed, found, strict=True)
        if not any(text.endswith(f".{path.split('.')[-1]}: at least 1 needed") for text in said)
    ]
    assert missed == []


def without(report: Json, path: str) -> Json:
    """The report without every element at a path of the definitions."""
    *parents, name = path.split(".")[1:]
    for parent in elements(report, parents):
        parent.pop(name, None)
    return report


def elements(root: Json, names: list[str]) -> Iterator[Json]:
    if not names:
        yield root
        return
    found = root.get(names[0], [])
    for child in found if isinstance(found, list) else [found]:
        yield from elements(child, names[1:])


def test_faults_of_the_deqm_profile_are_faults_of_stu5():
    found = cases("d") or missing(NOT_HERE)
    renamed = [
        json.loads(json.dumps(case.resource).replace(UV, US))
        for case in found
        if case.id not in NO_LINK_ID
    ]
    assert len(renamed) == 20
    assert [said for said in profile_complaints(Form.DEQM_US, renamed) if not said] == []
