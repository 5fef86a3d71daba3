"""What a report must be before it is stored: FHIR R4, a report of a Measure that is served here,
and what that Measure asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request

from adapter import mapping_files
from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure, issue
from adapter.api.reports.indexing import span
from adapter.elements import Json
from adapter.fhir_r4 import structure_faults
from adapter.measures.definition import MeasureDefinition
from adapter.measures.load import load_measures
from adapter.report.check import check
from adapter.report.form import Form
from adapter.report.form_check import form_problems
from adapter.report.form_definition import form_definition

Measures = Mapping[str, MeasureDefinition]

# http://hl7.org/fhir/R4/valueset-measure-report-status.html and -type.html, bound as required.
CODES = {
    "status": ("complete", "pending", "error"),
    "type": ("individual", "subject-list", "summary", "data-collection"),
}
# FHIR R4 datatypes, string: no characters below 32 but tab, line feed and carriage return.
_FORBIDDEN = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff]")
_IN_WORDS = {
    "extra_forbidden": "no such element here",
    "missing": "must be there",
    "string_type": "must be a text",
    "string_pattern_mismatch": "is not written as its type is",
    "int_parsing": "must be a whole number",
    "value_error": "is not what its type allows",
}
_GROUP = re.compile(r"group ([^:]+): ")


class NotAccepted(FhirFailure):
    """422 with all that is wrong with a report, each with its place in it."""

    def __init__(self, issues: list[Json]) -> None:
        first = issues[0]
        super().__init__(422, first["code"], first["diagnostics"])
        self.issues = issues

    @property
    def outcome(self) -> Json:
        return {"resourceType": "OperationOutcome", "issue": self.issues}


def measures_of(request: Request) -> Measures:
    """The Measures that are served, by URL without version; loaded once for the application."""
    state = request.app.state
    if not hasattr(state, "reported_measures"):
        base = context_of(request).settings.report.base
        known = load_measures(mapping_files.root(), base).values()
        state.reported_measures = {
            measure.canonical.partition("|")[0]: measure for measure in known
        }
    measures: Measures = state.reported_measures
    return measures


def a_report(resource: Json) -> None:
    """Raises FhirFailure 400 for a resource of another type."""
    if resource.get("resourceType") != "MeasureReport":
        raise FhirFailure(
            400, "invalid", "a MeasureReport is expected here", expression=["resourceType"]
        )


def refuse_problems(report: Json, measures: Measures) -> None:
    """Raises NotAccepted for a report that may not be stored."""
    if issues := problems(report, measures):
        raise NotAccepted(issues)


def problems(report: Json, measures: Measures) -> list[Json]:
    """Issues of an OperationOutcome, [] for a report that may be stored. No value is repeated."""
    plain = [*_codes(report), *_dates(report)]
    places = [found["expression"] for found in plain]
    shaped = [found for found in _structure(report) if found["expression"] not in places]
    if issues := [*shaped, *plain, *_texts(report, "MeasureReport")]:
        return issues
    return list(_against_measure(report, measures))


def _structure(report: Json) -> Iterator[Json]:
    for fault in structure_faults(report):
        what = _IN_WORDS.get(fault.kind, fault.kind)
        yield issue("structure", f"{fault.path}: {what}", expression=[fault.path])


def _texts(value: Any, path: str) -> Iterator[Json]:
    if isinstance(value, str) and _FORBIDDEN.search(value):
        yield issue("value", f"{path} has a character that FHIR forbids", expression=[path])
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, f"{path}.{name}")
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from _texts(member, f"{path}[{place}]")


def _codes(report: Json) -> Iterator[Json]:
    for name, codes in CODES.items():
        path = f"MeasureReport.{name}"
        if name not in report:
            yield issue("required", f"{path} is missing", expression=[path])
        elif isinstance(report[name], str) and report[name] not in codes:
            yield issue("code-invalid", f"{path} is one of {', '.join(codes)}", expression=[path])
    for name in ("measure", "period"):
        if name not in report:
            path = f"MeasureReport.{name}"
            yield issue("required", f"{path} is missing", expression=[path])


def _dates(report: Json) -> Iterator[Json]:
    period = report.get("period")
    ends = period if isinstance(period, dict) else {}
    stated = [("date", report.get("date"))]
    stated += [(f"period.{end}", ends.get(end)) for end in ("start", "end")]
    for name, text in stated:
        try:
            if isinstance(text, str):
                span(text)
        except (ValueError, OverflowError):
            path = f"MeasureReport.{name}"
            yield issue("value", f"{path} is no date", expression=[path])


def _against_measure(report: Json, measures: Measures) -> Iterator[Json]:
    url = str(report["measure"]).partition("|")[0]
    measure = measures.get(url)
    if measure is None:
        yield issue(
            "business-rule",
            "no Measure of this server: its reports cannot be checked here",
            expression=["MeasureReport.measure"],
        )
        return
    form = form_of(report)
    found = check(report, measure) if form is Form.DEQM else form_problems(report, form)
    for text in found:
        yield issue("business-rule", text, expression=[_place(text, report)])


def form_of(report: Json) -> Form:
    """The receiver's form that the report's profile names; without one it is held to DEQM's."""
    meta = report.get("meta")
    stated = meta.get("profile") if isinstance(meta, dict) else None
    profiles = (
        [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []
    )
    for form in Form:
        if form is not Form.BASE and set(profiles) & set(form_definition(form).profiles.values()):
            return form
    return Form.DEQM


def _place(text: str, report: Json) -> str:
    """Where a sentence of `check` is about: a group that it names, an element, or the report."""
    if found := _GROUP.match(text):
        for place, group in enumerate(report.get("group", ())):
            if found[1] in (group.get("id"), _link_id(group)):
                return f"MeasureReport.group[{place}]"
    word = text.removeprefix("the ").split(" ", 1)[0].removeprefix("MeasureReport.")
    name = re.split(r"[\[.]", word)[0]
    return f"MeasureReport.{word}" if name in report else "MeasureReport"


def _link_id(group: Json) -> str:
    return next(
        (str(each.get("valueString")) for each in group.get("extension", ())
         if str(each.get("url", "")).endswith(".group.linkId")),
        "",
    )  # fmt: skip
