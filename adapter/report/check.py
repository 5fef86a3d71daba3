"""Raiway's own rules for a MeasureReport: what no FHIR validator sees (measure-report.md 2 and 6).

Run over every report before it leaves, and over what other sites send. Structure, bindings and
the profile's invariants are judged elsewhere; these rules ask whether the report says what its
Measure asks for, counts that add up, and nothing about any patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.elements import DATA_ABSENT_REASON, Json, code_of, extension_value
from adapter.measures.definition import Group, MeasureDefinition, Stratifier
from adapter.report.check_form import privacy_problems, reference_problems, shape_problems
from adapter.report.check_table import table_problems

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
DEQM = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
TOLERANCE = 1e-6
KINDS = ("summary", "individual", "subject-list")


def check(report: Mapping[str, Any], measure: MeasureDefinition) -> list[str]:
    """What is wrong with `report` as a report of `measure`, one sentence each; [] if nothing.

    The report must have passed `fhir_r4.validated`: elements are taken to be of FHIR's types.
    """
    if malformed := list(shape_problems(report, "MeasureReport")):
        return malformed
    summary = report.get("type") == "summary"
    found = [*_head(report, measure), *_kind(report), *reference_problems(report)]
    found += privacy_problems(report) if summary else ()
    found += _groups(report, measure)
    for group, stated in _pairs(report, measure):
        found += [f"group {group.link_id}: {text}" for text in _group(group, stated, report)]
    if summary and not _hides(report):
        found += _tables(report, measure)
    return [*found, *table_problems(report, measure)]


def counts(element: Mapping[str, Any]) -> dict[str, int]:
    """The counts that a group or stratum states, by population code; hidden ones are left out."""
    return {
        code_of(population.get("code", {})): population["count"]
        for population in element.get("population", ())
        if "count" in population
    }


def link_id(element: Mapping[str, Any], path: str) -> str:
    """The linkId of an element of the report."""
    return str(extension_value(element, f"{R5}{path}.linkId") or "")


def _head(report: Mapping[str, Any], measure: MeasureDefinition) -> Iterator[str]:
    if report.get("measure") != measure.canonical:
        yield f"measure is {report.get('measure')}, not {measure.canonical}"
    for name in ("date", "reporter", "status"):
        if name not in report:
            yield f"{name} is missing"
    period = [report.get("period", {}).get(end, "") for end in ("start", "end")]
    if any(len(day) < len("2026-01-01") for day in period):
        yield "the period is not given to the day"
    elif period[1] < period[0]:
        yield "the period ends before it starts"
    if extension_value(report, f"{DEQM}measureScoring"):
        yield "scoring stands on the groups, not on the report"


def _kind(report: Mapping[str, Any]) -> Iterator[str]:
    """A report of one patient names that patient, and by its profile it is one."""
    kind = report.get("type")
    if kind not in KINDS:
        yield f"type is {kind}, not one of {', '.join(KINDS)}"
    if kind == "individual" and "subject" not in report:
        yield "an individual report has no subject"
    claimed = [url for url in report.get("meta", {}).get("profile", ()) if url.startswith(DEQM)]
    if kind in KINDS and claimed not in ([], [f"{DEQM}{kind.replace('-', '')}measurereport"]):
        yield f"type {kind} does not fit the profile"


def _tables(report: Mapping[str, Any], measure: MeasureDefinition) -> Iterator[str]:
    held = {code_of(resource.get("code", {})) for resource in report.get("contained", ())}
    for table in measure.tables:
        if code_of(table.code) not in held:
            yield f"the table {table.link_id} is missing"


def _groups(report: Mapping[str, Any], measure: MeasureDefinition) -> Iterator[str]:
    stated = [link_id(group, "group") for group in report.get("group", ())]
    asked = [group.link_id for group in measure.groups]
    for name in sorted({name for name in stated if stated.count(name) > 1}):
        yield f"two groups have the linkId {name}"
    if stated != asked:
        yield f"groups are {stated}, not those of the Measure {asked}"


def _pairs(report: Mapping[str, Any], measure: MeasureDefinition) -> Iterator[tuple[Group, Json]]:
    by_name = {group.link_id: group for group in measure.groups}
    for stated in report.get("group", ()):
        if group := by_name.get(link_id(stated, "group")):
            yield group, stated


def _group(group: Group, stated: Json, report: Mapping[str, Any]) -> Iterator[str]:
    scoring = code_of(extension_value(stated, f"{DEQM}measureScoring") or {})
    notation = code_of(extension_value(stated, f"{DEQM}groupImprovementNotation") or {})
    unscored = group.scoring == "proportion" and "measureScore" not in stated
    asked = "cohort" if unscored else group.scoring
    if (scoring, notation) != (asked, group.improvement):
        yield f"scoring {scoring} {notation}, not {asked} {group.improvement}"
    if code_of(stated.get("code", {})) != code_of(group.code):
        yield "the code is not the Measure's"
    yield from _populations(group, stated, "group.population")
    yield from _score(group, stated)
    if "measureScore" in stated and _masked(stated):
        yield "a count is hidden, but the score that reveals it is not"
    for stratifier in stated.get("stratifier", ()):
        yield from _strata(group, stated, stratifier, report)


def _populations(group: Group, stated: Json, path: str) -> Iterator[str]:
    asked = [(population.link_id, population.role) for population in group.populations]
    found = [
        (link_id(population, path), code_of(population.get("code", {})))
        for population in stated.get("population", ())
    ]
    if found != asked:
        yield f"populations are {found}, not those of the Measure {asked}"
    for population in stated.get("population", ()):
        if ("count" in population) is ("_count" in population):
            yield f"{code_of(population.get('code', {}))}: neither a count nor a reason, or both"
    n = counts(stated)
    if any(count < 0 for count in n.values()):
        yield "a count is negative"
    yield from _order(n)


def _order(n: dict[str, int]) -> Iterator[str]:
    """Populations that lie in one another."""
    for inner, outer in (
        ("denominator", "initial-population"),
        ("measure-population", "initial-population"),
        ("numerator", "denominator"),
        ("at-risk", "measure-population"),
    ):
        if inner in n and outer in n and n[inner] > n[outer]:
            yield f"{inner} {n[inner]} exceeds {outer} {n[outer]}"
    left = n.get("event", 0) + n.get("censored", 0)
    if left > n.get("measure-population", left):
        yield f"event + censored {left} exceed measure-population {n['measure-population']}"


def _score(group: Group, stated: Json) -> Iterator[str]:
    score = stated.get("measureScore")
    if score is None:
        return
    if group.scoring == "cohort":
        yield "a cohort has no score"
    if (score.get("code"), score.get("unit")) != (group.unit, group.unit):
        yield f"the score is in {score.get('code')}, not in the Measure's {group.unit}"
    if group.scoring == "proportion":
        yield from _proportion(score, counts(stated))


def _proportion(score: Json, n: dict[str, int]) -> Iterator[str]:
    value = score.get("value", -1)
    if not 0 <= value <= 1:
        yield f"proportion {value} is not between 0 and 1"
    denominator = n.get("denominator", 0) - n.get("denominator-exclusion", 0)
    if "numerator" in n and (
        denominator <= 0 or abs(n["numerator"] / denominator - value) > TOLERANCE
    ):
        yield f"the score {value} is not {n['numerator']} of {denominator}"


def _strata(
    group: Group, stated: Json, stratifier: Json, report: Mapping[str, Any]
) -> Iterator[str]:
    name = link_id(stratifier, "group.stratifier")
    asked = {known.link_id: known for known in group.stratifiers}
    if name not in asked:
        yield f"the Measure has no stratifier {name}"
        return
    strata = stratifier.get("stratum", [])
    if "code" in stratifier or not strata:
        yield f"{name}: strata stand on components, and a stratifier has strata"
    for stratum in strata:
        yield from (f"{name}: {text}" for text in _components(asked[name], stratum))
        yield from (
            f"{name}: {text}"
            for text in _populations(group, stratum, "group.stratifier.stratum.population")
        )
        yield from (f"{name}: {text}" for text in _score(group, stratum))
        if _hides(report) and "measureScore" in stratum and _masked(stratum):
            yield f"{name}: a count is hidden, but the score that reveals it is not"
    for role, total in counts(stated).items():
        parts = [counts(stratum).get(role) for stratum in strata]
        known = [part for part in parts if part is not None]
        slack = _rounding(report) * (len(parts) + 1) / 2
        if len(known) == len(parts) and abs(sum(known) - total) > slack:
            yield f"{name}: {role} adds up to {sum(known)}, the group has {total}"


def _components(stratifier: Stratifier, stratum: Json) -> Iterator[str]:
    asked = [(stratifier.component_link_id, code_of(stratifier.code))]
    found = [
        (
            link_id(component, "group.stratifier.stratum.component"),
            code_of(component.get("code", {})),
        )
        for component in stratum.get("component", ())
    ]
    if "value" in stratum:
        yield "a stratum has components, no value"
    if found != asked:
        yield f"components are {found}, not those of the Measure {asked}"


def _masked(element: Json) -> bool:
    return any(
        extension_value(population.get("_count", {}), DATA_ABSENT_REASON) == "masked"
        for population in element.get("population", ())
    )


def _hides(report: Mapping[str, Any]) -> bool:
    """Whether the report was under disclosure control; inside a site nothing hides from anyone."""
    return any(mode != "none" for mode in _controls(report, "mode"))


def _rounding(report: Mapping[str, Any]) -> int:
    """The width of the classes to which counts were rounded; 0 where they were not."""
    return max(_controls(report, "rounding"), default=0)


def _controls(report: Mapping[str, Any], name: str) -> list[Any]:
    """What disclosure control says of itself under this name; None where it does not."""
    found = [
        extension_value(control, name)
        for control in report.get("extension", ())
        if control.get("url", "").endswith("/disclosure-control")
    ]
    return [value for value in found if value is not None or name == "mode"]
