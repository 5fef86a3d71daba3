"""Each form's own rules, run over every report in it: what its guide asks for, read by hand.

Structure, bindings and the guides' invariants are judged by outside tools in the tests; these
rules run wherever a report is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapter.elements import code_of, extension_value
from adapter.report.form import Form
from adapter.report.form_definition import FormDefinition, form_definition
from adapter.report.form_madx import madx_problems
from adapter.report.form_parts import groups, strata, type_of
from adapter.report.form_saner import saner_problems


def form_problems(report: Mapping[str, Any], form: Form) -> list[str]:
    """What is wrong with `report` as a report in the form, one sentence each; [] if nothing."""
    return [*_head_problems(report, form_definition(form)), *_RULES[form](report)]


def _head_problems(report: Mapping[str, Any], definition: FormDefinition) -> Iterator[str]:
    kind = str(report.get("type"))
    if kind not in definition.profiles:
        yield f"{definition.title} has no type {kind}"
        return
    wanted = [definition.profiles[kind]] if definition.profiles[kind] else []
    if report.get("meta", {}).get("profile", []) != wanted:
        yield f"the profile is not {''.join(wanted) or 'left out'}"
    for url in sorted(set(_foreign(report, tuple(definition.extensions)))):
        yield f"{url} is no extension of this form"
    if definition.subject == "none" and kind == "summary" and "subject" in report:
        yield "a summary has no subject"
    reporter = type_of(report.get("reporter", {}))
    if reporter and reporter not in definition.reporters:
        yield f"{reporter} may not report"


def _foreign(value: Any, starts: tuple[str, ...]) -> Iterator[str]:
    """The urls of extensions that begin as one of another form does."""
    if isinstance(value, list):
        for member in value:
            yield from _foreign(member, starts)
    elif isinstance(value, dict):
        for found in value.get("extension", ()):
            if found["url"].startswith(starts) and starts:
                yield found["url"]
        for member in value.values():
            yield from _foreign(member, starts)


def _scoring_problems(start: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    """deqm-3 and deqm-4: each group has its scoring, and with a score its direction."""

    def problems(report: Mapping[str, Any]) -> Iterator[str]:
        for group in groups(report):
            scoring = code_of(extension_value(group, f"{start}measureScoring") or {})
            if not scoring:
                yield f"group {group.get('id')} has no scoring"
            elif scoring != "cohort" and not extension_value(
                group, f"{start}groupImprovementNotation"
            ):
                yield f"group {group.get('id')} has no direction of improvement"

    return problems


def _base_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """mrp-2: each stratum has components, as the Measure's stratifiers do, and no value."""
    if any("component" not in stratum or "value" in stratum for stratum in strata(report)):
        yield "a stratum has no components, or a value beside them"


_RULES: dict[Form, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    Form.BASE: _base_problems,
    Form.DEQM: _scoring_problems("http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"),
    Form.DEQM_US: _scoring_problems(
        "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/extension-"
    ),
    Form.SANER: saner_problems,
    Form.MADX: madx_problems,
}
