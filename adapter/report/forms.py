"""One report, many receivers: the DEQM UV report in the form that each asks for.

What differs as data stands in `mappings/report_form`; SANER and mADX also have a shape of their
own (`form_saner`, `form_madx`). Every renderer is pure, and what it gives is checked by its form's
own rules before it is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapter.elements import Json
from adapter.errors import GateFailed, UsageError
from adapter.fhir_r4 import validated
from adapter.report.form import Form
from adapter.report.form_check import form_problems
from adapter.report.form_definition import FormDefinition, form_definition
from adapter.report.form_madx import madx
from adapter.report.form_parts import Receiver, ReportedLocation, root_improvement, type_of
from adapter.report.form_saner import saner
from adapter.report.narrative import narrative

__all__ = ["Form", "Receiver", "ReportedLocation", "form_problems", "render"]


def render(report: Json, form: Form, receiver: Receiver | None = None) -> Json:
    """The report in the form; a summary with a narrative.

    report: in the DEQM UV form, as `measure_report` writes it, and checked. receiver: needed for
    the forms that are about a location. Raises UsageError where the form has no such report, and
    GateFailed where what came out breaks the form's rules.
    """
    definition = form_definition(form)
    known = receiver or Receiver()
    _refuse_unfit(report, definition, known)
    shaped = _SHAPES[form](_told(report), known)
    rendered = _profiled(_renamed(shaped, definition.extensions), definition)
    if problems := form_problems(rendered, form):
        raise GateFailed(f"not a report in the form {form}: {'; '.join(problems)}")
    validated(rendered)
    return rendered


def _refuse_unfit(report: Json, definition: FormDefinition, receiver: Receiver) -> None:
    form, kind = definition.id, report["type"]
    if kind not in definition.profiles:
        raise UsageError(
            f"{definition.title} has no report of type {kind}",
            hint=f"types in the form {form}: {', '.join(definition.profiles)}",
        )
    if definition.subject == "none" and kind == "summary" and "subject" in report:
        raise UsageError(f"{definition.title} has no summary of a group", hint="leave it out")
    if definition.subject == "location" and receiver.location is None:
        raise UsageError(
            f"{definition.title} is about a location, and none is named",
            hint="give the identifier by which the receiver knows it: SYSTEM|VALUE",
        )
    reporter = type_of(report["reporter"])
    if reporter and reporter not in definition.reporters:
        raise UsageError(
            f"{definition.title} takes no report by a {reporter}",
            hint=f"who may report: {', '.join(definition.reporters)}",
        )


def _told(report: Json) -> Json:
    """The report with its narrative where it is a summary; of a patient nothing is told."""
    if report["type"] != "summary":
        return report
    bare = {name: value for name, value in report.items() if name != "text"}
    head: Json = {name: bare[name] for name in ("resourceType", "id", "meta") if name in bare}
    return {**head, "text": narrative(bare), **bare}


def _renamed(value: Any, starts: Mapping[str, str]) -> Any:
    """The value with the urls of its extensions renamed by their starts, or without them."""
    if isinstance(value, list):
        return [_renamed(member, starts) for member in value]
    if not isinstance(value, dict):
        return value
    renamed: Json = {}
    for name, member in value.items():
        if name != "extension":
            renamed[name] = _renamed(member, starts)
        elif kept := [found for found in (_with_url(one, starts) for one in member) if found]:
            renamed[name] = kept
    return renamed


def _with_url(extension: Json, starts: Mapping[str, str]) -> Json:
    for start, other in starts.items():
        if extension["url"].startswith(start):
            return {**extension, "url": other + extension["url"][len(start) :]} if other else {}
    return {name: _renamed(member, starts) for name, member in extension.items()}


def _profiled(report: Json, definition: FormDefinition) -> Json:
    profile = definition.profiles[report["type"]]
    meta = {name: value for name, value in report.get("meta", {}).items() if name != "profile"}
    meta |= {"profile": [profile]} if profile else {}
    if meta:
        return {**report, "meta": meta}
    return {name: value for name, value in report.items() if name != "meta"}


def _as_it_is(report: Json, _: Receiver) -> Json:
    return report


def _base(report: Json, _: Receiver) -> Json:
    return {**report, **root_improvement(report)}


_SHAPES: dict[Form, Callable[[Json, Receiver], Json]] = {
    Form.BASE: _base,
    Form.DEQM: _as_it_is,
    Form.DEQM_US: _as_it_is,
    Form.SANER: saner,
    Form.MADX: madx,
}
