"""The pooled table as a MeasureReport of our form, which says what it pooled.

Exact: as one site's report of all patients would be, with the comparison of drivers within sites
beside it. Where a site hides something: ranges and bounds, `poolable` = bounds-only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from adapter.elements import Json, absent, concept, extension, number, quantity
from adapter.measures.definition import Table
from adapter.pooling.bounded import bounded_figures, bounds, ranged
from adapter.pooling.comparison import site_tables, stratified_figures
from adapter.pooling.exact import pooled_aggregate, pooled_estimates
from adapter.pooling.pool import PooledTable, share_behind
from adapter.report.control import Control
from adapter.report.disclosed import suppressed
from adapter.report.disclosed_figures import DisclosedSource
from adapter.report.disclosed_table import printed_cells
from adapter.report.evaluation import checked
from adapter.report.table import FIGURE, Observed, stratum_id
from adapter.report.writer import Reporter, ReportHead, measure_report, written
from analytics.disclosure.cells import EVERYBODY, Group
from analytics.figures import Figures

ASSUMED_OVERLAP = 0
"""Counts of sites cannot tell who is counted twice: the report says what is assumed (pooling 8)."""


def pooled_head(
    table: PooledTable, reporter: Reporter, made: datetime, software: str
) -> ReportHead:
    """The head of a pooled report: the period is from the first day of any site's to the last."""
    start, end = table.period
    ids = sorted(f"{site.id} {','.join(site.reporters)}" for site in table.sites)
    return ReportHead(
        reporter=reporter,
        date=made,
        period_start=date.fromisoformat(start),
        period_end=date.fromisoformat(end),
        software=software,
        data_version=hashlib.sha256("\n".join(ids).encode()).hexdigest(),
    )


def pooled_report(table: PooledTable, head: ReportHead) -> Json:
    """The pooled table as a MeasureReport. Raises GateFailed if it fails our own checks."""
    report = _exact(table, head) if table.exact else _bounded(table, head)
    report["extension"].append(pooled_extension(table))
    return checked(report, table.measure)


def _exact(table: PooledTable, head: ReportHead) -> Json:
    estimates, whole = pooled_estimates(table), pooled_aggregate(table)
    report = measure_report(table.measure, estimates, whole, table.study, head)
    if table.cells and len(table.sites) > 1:
        by_site = stratified_figures(site_tables(table), table.study)
        for resource in report["contained"]:
            if resource["id"] == "survival-all":
                resource["component"] += list(_components(table, by_site))
    return report


def _components(table: PooledTable, figures: Figures) -> Iterator[Json]:
    for name, value in figures.values.items():
        family = table.measure.families.of(name)
        if family is None:
            raise KeyError(f"{name} is in no family of {FIGURE}")
        code = {"code": concept(FIGURE, name)}
        if value is None:
            reason = absent("not-applicable", figures.not_estimable[name])
            yield code | {"dataAbsentReason": reason}
        elif family.integer:
            yield code | {"valueInteger": number(value)}
        else:
            yield code | {"valueQuantity": quantity(value, family.unit)}


def _bounded(table: PooledTable, head: ReportHead) -> Json:
    measure = table.measure
    by_level: dict[str, Figures] = {level: bounded_figures(table, level) for level in table.levels}
    strata = {"driver": by_level}
    source = DisclosedSource(measure, table.study, bounded_figures(table), strata)
    tables = [
        (asked.link_id, found)
        for asked in (measure.tables if table.cells else ())
        for found in _tables(asked, source, table)
    ]
    control = Control(mode="masked-cells", poolable="bounds-only", suppressed=0)
    draft = written(source, head, tables, control)
    return written(source, head, tables, replace(control, suppressed=suppressed(draft)))


def _tables(asked: Table, source: DisclosedSource, table: PooledTable) -> Iterator[Json]:
    yield _table(table, "survival-all", EVERYBODY, []).observation(asked, source.measure)
    group = next(group for group in source.measure.groups if group.link_id == asked.group)
    for stratifier in group.stratifiers:
        for level in table.levels:
            stratum = {
                "code": stratifier.code,
                "valueCodeableConcept": source.level(stratifier.criteria, level),
            }
            found = _table(table, stratum_id(level), (level,), [stratum])
            yield found.observation(asked, source.measure)


def _table(table: PooledTable, name: str, group: Group, components: list[Json]) -> Observed:
    """A group's cells, each a count or hidden, and the bounds of its curve."""
    limits = [
        {
            "code": concept(FIGURE, figure),
            "valueRange": {
                "low": {"value": number(bound.low)},
                "high": {"value": number(bound.high)},
            },
        }
        for figure, bound in bounds(table, "".join(group))
    ]
    return printed_cells(table.measure, name, ranged(table), group, [*components, *limits])


def pooled_extension(table: PooledTable, *, named: bool = True) -> Json:
    """What was pooled. named: with each report and its reporter, else numbers of sites alone."""
    parts = [
        extension("sites", "PositiveInt", sum(len(site.reporters) for site in table.sites)),
        extension("hiding", "UnsignedInt", len(table.hiding)),
        extension("assumedOverlap", "Decimal", ASSUMED_OVERLAP),
    ]
    if table.hiding:
        low, high = share_behind(table)
        ends = {"low": {"value": number(low)}, "high": {"value": number(high)}}
        parts.insert(2, extension("hidingShare", "Range", ends))
    for site in table.sites if named else ():
        for reporter in site.reporters:
            told = [
                extension("identifier", "Uri", f"urn:uuid:{site.id}"),
                extension("reporter", "Reference", _reference(reporter)),
                extension("mode", "Code", site.mode),
            ]
            parts.append({"url": "report", "extension": told})
    return {"url": table.measure.extension_url("pooled-reports"), "extension": parts}


def _reference(reporter: str) -> Json:
    """The Reference that `reporter_key` was made from."""
    if "|" in reporter:
        system, value = reporter.split("|", 1)
        return {"identifier": {"system": system, "value": value} if system else {"value": value}}
    return {"reference": reporter} if "/" in reporter else {"display": reporter}
