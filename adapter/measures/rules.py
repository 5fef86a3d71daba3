"""What a Measure must hold so that reports of it are right: names, figures, scoring, codes.

The rules are those of measure-report.md sections 1 and 2 ("Identity", "Scoring and units").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from adapter.elements import code_of
from adapter.measures.definition import CATEGORY, Group, MeasureDefinition, Stratifier
from analytics.aggregate import STRATIFIERS, TIME_TO_PROGRESSION

REQUIRED_POPULATIONS = {
    "cohort": {"initial-population"},
    "proportion": {"initial-population", "denominator", "numerator"},
    "continuous-variable": {"initial-population", "measure-population", "measure-observation"},
}
# Column names of SANER's CSV form.
RESERVED = {"subject", "reporter", "period-start", "period-end", "stratifier", "stratum"}
OWN_CODES = "urn:raiway:"


def problems(measure: MeasureDefinition, codes: Mapping[str, set[str]]) -> list[str]:
    """What is wrong, in words; `codes` are our CodeSystems' codes by url."""
    found = [*_names(measure), *_codes(measure, codes), *_tables(measure)]
    for group in measure.groups:
        found += [f"group {group.link_id}: {text}" for text in _group(group, measure)]
    return found


def _names(measure: MeasureDefinition) -> Iterator[str]:
    names = Counter(_link_ids(measure))
    for name, n in names.items():
        if not name:
            yield f"{n} elements without a linkId"
        elif n > 1:
            yield f"linkId {name} occurs {n} times"
    group_codes = Counter(code_of(group.code) for group in measure.groups)
    for code, n in group_codes.items():
        if n > 1 or not code:
            yield f"{n} groups with the code {code!r}"
    roles = {population.role for group in measure.groups for population in group.populations}
    for code in sorted(roles & set(group_codes)):
        yield f"{code} is the code of a group and of a population"
    for code in sorted(RESERVED & (roles | set(group_codes))):
        yield f"{code} is a reserved name"


def _link_ids(measure: MeasureDefinition) -> Iterator[str]:
    for group in measure.groups:
        yield group.link_id
        yield from (population.link_id for population in group.populations)
        for stratifier in group.stratifiers:
            yield stratifier.link_id
            yield stratifier.component_link_id
    yield from (table.link_id for table in measure.tables)


def _codes(measure: MeasureDefinition, codes: Mapping[str, set[str]]) -> Iterator[str]:
    for coding in _codings(measure):
        system = coding.get("system", "")
        if system.startswith(OWN_CODES) and coding.get("code") not in codes.get(system, ()):
            yield f"{coding.get('code')} is no code of {system}"


def _codings(measure: MeasureDefinition) -> Iterator[Mapping[str, Any]]:
    for group in measure.groups:
        yield from group.code.get("coding", ())
        for population in group.populations:
            yield from population.code.get("coding", ())
        for stratifier in group.stratifiers:
            yield from stratifier.code.get("coding", ())
            yield from stratifier.categories
    for table in measure.tables:
        yield from table.code.get("coding", ())


def _tables(measure: MeasureDefinition) -> Iterator[str]:
    groups = {group.link_id: group for group in measure.groups}
    for table in measure.tables:
        if table.group != TIME_TO_PROGRESSION:
            yield f"{table.link_id}: no endpoint {table.group!r}; it is {TIME_TO_PROGRESSION!r}"
        elif table.group not in groups:
            yield f"{table.link_id}: no group with the linkId {table.group!r}"
        elif not _one_pattern(groups[table.group].stratifiers):
            yield f"{table.link_id}: its group may have one stratifier, of the aggregate"


def _one_pattern(stratifiers: tuple[Stratifier, ...]) -> bool:
    """Whether the strata can be told apart by their value alone, each with its own patients."""
    return len(stratifiers) <= 1 and not any(found.by_category for found in stratifiers)


def _group(group: Group, measure: MeasureDefinition) -> Iterator[str]:
    required = REQUIRED_POPULATIONS.get(group.scoring)
    if required is None:
        yield f"scoring {group.scoring!r} is none of {', '.join(REQUIRED_POPULATIONS)}"
        return
    roles = Counter(population.role for population in group.populations)
    if missing := sorted(required - set(roles)):
        yield f"{group.scoring} without {', '.join(missing)}"
    if doubled := [role for role, n in roles.items() if n > 1]:
        yield f"more than one {', '.join(doubled)}"
    yield from _score(group, measure)
    for population in group.populations:
        family = measure.families.of(population.figure)
        if family is None or not family.integer:
            yield f"{population.figure!r} is no integer figure"
    for stratifier in group.stratifiers:
        yield from _stratifier(stratifier, group, measure)


def _score(group: Group, measure: MeasureDefinition) -> Iterator[str]:
    if group.scoring != "cohort" and not (group.unit and group.improvement):
        yield "a scored group needs scoringUnit and improvementNotation"
    if (group.scoring == "continuous-variable") is not bool(group.score_figure):
        yield "score-figure belongs to continuous-variable, and to it alone"
    if not group.score_figure:
        return
    family = measure.families.of(group.score_figure)
    if family is None:
        yield f"{group.score_figure!r} is no figure"
    elif family.unit != group.unit:
        yield f"{group.score_figure} is in {family.unit}, the group in {group.unit}"


def _stratifier(stratifier: Stratifier, group: Group, measure: MeasureDefinition) -> Iterator[str]:
    if not stratifier.by_category:
        if stratifier.criteria not in STRATIFIERS:
            yield f"no stratifier {stratifier.criteria!r}; there are {', '.join(STRATIFIERS)}"
        return
    family = measure.families.of(stratifier.criteria)
    if family is None or not family.integer:
        yield f"{stratifier.criteria!r} is no family of integer figures"
    if stratifier.criteria.count(CATEGORY) != 1 or len(group.populations) != 1:
        yield f"{stratifier.criteria!r}: categories count the one population of a group"
