"""A Measure with strata that a request asks for beside those that it declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapter.elements import concept
from adapter.measures.definition import Group, MeasureDefinition, Stratifier

DECLARED = "driver"
OUTCOME = "urn:raiway:outcome"


def stratified(measure: MeasureDefinition, stratifiers: Sequence[str]) -> MeasureDefinition:
    """The Measure whose groups by driver, but for those with a survival table, are also by these
    stratifiers of the aggregate."""
    if not stratifiers:
        return measure
    tabled = {table.group for table in measure.tables}
    groups = tuple(
        group if group.link_id in tabled else _stratified(group, stratifiers)
        for group in measure.groups
    )
    return replace(measure, groups=groups)


def _stratified(group: Group, stratifiers: Sequence[str]) -> Group:
    held = {found.criteria for found in group.stratifiers}
    if DECLARED not in held:
        return group
    more = tuple(
        Stratifier(
            link_id=f"{group.link_id}-by-{name}",
            component_link_id=f"{group.link_id}-{name}",
            code=concept(OUTCOME, name),
            criteria=name,
            categories=(),
        )
        for name in dict.fromkeys(stratifiers)
        if name not in held
    )
    return replace(group, stratifiers=(*group.stratifiers, *_unlike(more, group)))


def _unlike(more: Sequence[Stratifier], group: Group) -> tuple[Stratifier, ...]:
    """Those whose linkId the group does not use for strata by category."""
    used = {found.link_id for found in group.stratifiers}
    return tuple(each for each in more if each.link_id not in used)
