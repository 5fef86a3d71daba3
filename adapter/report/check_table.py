"""A report's survival tables against its groups: counts and scores are computed a second time.

Nothing is shared with `analytics`: exact fractions over the printed integers, so that a wrong
estimate, a wrong table and a wrong count each show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from adapter.elements import Json, code_of, extension_value
from adapter.measures.definition import Group, MeasureDefinition
from adapter.report.printed_table import PrintedTable, printed_table

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
TOLERANCE = 1e-6
LANDMARK = re.compile(r"km_(\d+)")
RESTRICTED_MEAN = re.compile(r"rmst_(\d+)_days")
MEDIAN = "ttp_median"
LIMIT = re.compile(r"(?:km_(\d+)|rmst_\d+|ttp_median)_(?:low|high)")
LEAST_AT_RISK = 5


def table_problems(report: Mapping[str, Any], measure: MeasureDefinition) -> Iterator[str]:
    """What is wrong with the tables, and with the counts and scores that follow from them."""
    tables: dict[str, PrintedTable] = {}
    for observation in report.get("contained", ()):
        if "valueSampledData" not in observation:
            continue
        found = printed_table(observation, measure.extension_url("time-grid"))
        if isinstance(found, str):
            yield f"{observation.get('id')}: {found}"
        elif found is not None:
            tables[found.stratum] = found
            yield from (f"{observation['id']}: {text}" for text in _intervals(observation, found))
    by_name = {group.link_id: group for group in measure.groups}
    heights: dict[int, float] = {}
    for stated in report.get("group", ()):
        group = by_name.get(str(extension_value(stated, f"{R5}group.linkId")))
        if group is None or not _of_endpoint(group):
            continue
        yield from (f"group {group.link_id}: {text}" for text in _scored(group, stated, tables))
        if (landmark := LANDMARK.fullmatch(group.score_figure)) and "measureScore" in stated:
            heights[int(landmark[1])] = stated["measureScore"]["value"]
    yield from _falling(heights)


def _intervals(observation: Json, table: PrintedTable) -> Iterator[str]:
    """No interval where fewer than five are at risk (domain.md 5.2)."""
    for component in observation.get("component", ()):
        limit = LIMIT.fullmatch(code_of(component["code"]))
        if limit is None or "valueQuantity" not in component:
            continue
        at_risk = table.counts(int(limit[1]))["at-risk"] if limit[1] else table.entered
        if at_risk < LEAST_AT_RISK:
            yield f"{limit[0]} is given with {at_risk} at risk"


def _of_endpoint(group: Group) -> bool:
    patterns = (LANDMARK, RESTRICTED_MEAN, re.compile(MEDIAN))
    return any(pattern.fullmatch(group.score_figure) for pattern in patterns)


def _falling(heights: Mapping[int, float]) -> Iterator[str]:
    days = sorted(heights)
    for earlier, later in pairwise(days):
        if heights[later] > heights[earlier]:
            yield f"S({later}) = {heights[later]} exceeds S({earlier}) = {heights[earlier]}"


def _scored(group: Group, stated: Json, tables: Mapping[str, PrintedTable]) -> Iterator[str]:
    """The group and its strata, each with the table of its patients where there is one."""
    yield from _bounds(group, stated)
    if "" in tables:
        yield from _against(tables[""], group, stated)
    for stratifier in stated.get("stratifier", ()):
        for stratum in stratifier.get("stratum", ()):
            value = code_of(stratum.get("component", [{}])[0].get("value", {}))
            yield from _bounds(group, stratum)
            if value and value in tables:
                yield from (f"{value}: {text}" for text in _against(tables[value], group, stratum))


def _bounds(group: Group, stated: Json) -> Iterator[str]:
    score = stated.get("measureScore")
    if score is None:
        return
    mean = RESTRICTED_MEAN.fullmatch(group.score_figure)
    limit = 1 if LANDMARK.fullmatch(group.score_figure) else int(mean[1]) if mean else None
    if score["value"] < 0 or (limit is not None and score["value"] > limit):
        yield f"{group.score_figure} = {score['value']} is not between 0 and {limit}"


def _against(table: PrintedTable, group: Group, stated: Json) -> Iterator[str]:
    landmark = LANDMARK.fullmatch(group.score_figure)
    day = int(landmark[1]) if landmark else table.horizon
    if day % table.width:
        return
    expected = table.counts(day)
    for population in stated.get("population", ()):
        role = code_of(population.get("code", {}))
        if "count" in population and population["count"] != expected.get(role, population["count"]):
            yield f"{role} is {population['count']}, the table says {expected[role]}"
    if "measureScore" in stated:
        yield from _score(table, group, stated["measureScore"])


def _score(table: PrintedTable, group: Group, score: Json) -> Iterator[str]:
    if landmark := LANDMARK.fullmatch(group.score_figure):
        expected = table.survival(int(landmark[1]))
    elif mean := RESTRICTED_MEAN.fullmatch(group.score_figure):
        expected = table.restricted_mean(int(mean[1]))
    elif (median := table.median()) is not None:
        expected = median
    else:
        if (score.get("comparator"), score["value"]) != (">", table.horizon):
            yield f"the median is not reached: it is > {table.horizon}"
        return
    if "comparator" in score or abs(score["value"] - expected) > TOLERANCE:
        yield f"{group.score_figure} is {score['value']}, the table gives {float(expected):.6f}"
