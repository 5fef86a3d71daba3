"""A summary report of what a disclosure policy lets out (measure-report.md 3.5, pooling.md 4, 6).

Everything in it comes from `analytics.disclosure`: a `Disclosed` or a `Withheld`, never from the
aggregate itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapter.config import Settings
from adapter.definitions import load
from adapter.elements import Json
from adapter.evaluate import Evaluation
from adapter.measures.definition import MeasureDefinition, Table
from adapter.report.control import Control
from adapter.report.disclosed_cells import DisclosedCells
from adapter.report.disclosed_figures import (
    DisclosedSource,
    all_hidden,
    counted,
    figures_of,
    without_strata,
)
from adapter.report.disclosed_table import disclosed_table, rounded_cells
from adapter.report.evaluation import checked, checked_report, report_head
from adapter.report.hidden_count import Hidden, is_masked
from adapter.report.printed_table import HIDDEN
from adapter.report.table import stratum_id
from adapter.report.writer import ReportHead, written
from adapter.server_settings import Policy as PolicyName
from analytics.disclosure.cells import EVERYBODY, PATIENTS, Cell
from analytics.disclosure.gate import Disclosed, Withheld, disclose
from analytics.disclosure.mask import rounded
from analytics.disclosure.policy import Policy
from analytics.study import Study

EVERYONE = Cell(PATIENTS, EVERYBODY, "all")
SHARE_ROUNDING = 6
"""The class in which a site that takes part in a secure sum states its patients."""


def disclosed_report(
    evaluation: Evaluation,
    measure: MeasureDefinition,
    settings: Settings,
    policy: PolicyName,
    made: datetime | None = None,
) -> Json:
    """The evaluation as a summary of `measure` for a recipient of this policy; `made`: its date.

    `none`: all of it, for inside the site. Raises GateFailed when the report does not pass our own
    checks, and UsageError for a reporter that cannot report.
    """
    if policy == "none":
        return checked_report(evaluation, measure, settings, made)
    outcome = disclose(evaluation.aggregate, load().policy(policy), sites=_by_site(evaluation))
    head = report_head(evaluation, settings, made)
    return checked(outcome_report(outcome, measure, evaluation.study, head), measure)


def _by_site(evaluation: Evaluation) -> Counter[str] | None:
    """Patients by site; None where only the aggregate can tell, or all count as one site's."""
    if evaluation.cohort is not None:
        return None
    return Counter(course.site for course in evaluation.courses if course.episodes)


def outcome_report(
    outcome: Disclosed | Withheld, measure: MeasureDefinition, study: Study, head: ReportHead
) -> Json:
    """What the gate gave, as a report."""
    # What the quality gate found can hold counts of its own.
    bare = replace(head, issues=())
    if isinstance(outcome, Withheld):
        return _withheld(outcome, measure, study, bare)
    if outcome.policy.mode == "secure-share":
        return _share(outcome, measure, study, bare)
    return _shown(outcome, measure, study, bare)


def _withheld(
    outcome: Withheld, measure: MeasureDefinition, study: Study, head: ReportHead
) -> Json:
    """The groups with every count hidden, and nothing else."""
    policy = outcome.policy
    few = f"fewer than {policy.min_patients} patients" in outcome.reasons
    everyone = Hidden(0, policy.min_patients - 1 if few else None)
    bare = without_strata(measure)
    figures = all_hidden(measure, dict.fromkeys(figures_of(measure), everyone))
    control = _control(policy, mode="withheld", rounding=0, poolable="no")
    report = written(DisclosedSource(bare, study, figures, {}), head, [], control)
    del report["contained"]
    return report | {"extension": [control.extension(measure)]}


def _share(outcome: Disclosed, measure: MeasureDefinition, study: Study, head: ReportHead) -> Json:
    """The rounded number of patients; all else is in the share, which is another resource."""
    class_ = rounded(outcome.cells[EVERYONE].low, SHARE_ROUNDING)
    n = max(0, class_.high - SHARE_ROUNDING // 2)
    figures = all_hidden(measure, {"n_patients": n})
    source = DisclosedSource(without_strata(measure), study, figures, {})
    return written(source, head, [], _control(outcome.policy, rounding=SHARE_ROUNDING))


def _shown(outcome: Disclosed, measure: MeasureDefinition, study: Study, head: ReportHead) -> Json:
    """Counts and tables, hidden cells among them."""
    policy = outcome.policy
    shown = rounded_cells(outcome) if policy.rounding else outcome.cells
    cells = DisclosedCells(shown, policy, outcome.header)
    groups = {cell.group for cell in outcome.cells if cell.group != EVERYBODY}
    by_group = {
        group[0]: counted(cells, group, measure, study)
        for group in sorted(groups, key=lambda group: _place(group[0], study))
    }
    source = DisclosedSource(
        measure,
        study,
        counted(cells, EVERYBODY, measure, study),
        {outcome.by[0]: by_group} if outcome.by else {},
        rounded=policy.rounding > 0,
    )
    tables = [
        (table.link_id, found)
        for table in measure.tables
        for found in _tables(table, source, cells, outcome)
    ]
    draft = written(source, head, tables, _control(policy))
    return written(source, head, tables, _control(policy, suppressed=suppressed(draft)))


def _tables(
    table: Table, source: DisclosedSource, cells: DisclosedCells, outcome: Disclosed
) -> Iterator[Json]:
    """The table's Observations: of everybody, then of each group."""
    measure = source.measure
    yield disclosed_table(measure, cells, outcome, EVERYBODY, None).observation(table, measure)
    group = next(group for group in measure.groups if group.link_id == table.group)
    for stratifier in group.stratifiers:
        for value in source.patterns(stratifier.criteria):
            level = source.level(stratifier.criteria, value)
            component = {"code": stratifier.code, "valueCodeableConcept": level}
            named = (stratum_id(value), component)
            found = disclosed_table(measure, cells, outcome, (value,), named)
            yield found.observation(table, measure)


def _place(value: str, study: Study) -> tuple[int, str]:
    """The study's order of drivers; other levels after them, by name."""
    codes = [driver.code for driver in study.driver_classes]
    return (codes.index(value) if value in codes else len(codes), value)


def _control(policy: Policy, **stated: Any) -> Control:
    known = {name: getattr(policy, name) for name in ("mode", "threshold", "rounding", "poolable")}
    return Control(policy.id, policy.version, **{**known, **stated})


def suppressed(report: Json) -> int:
    """How many counts of the report, and cells of its tables, are hidden."""
    populations = [
        population
        for group in report["group"]
        for element in (group, *_strata(group))
        for population in element["population"]
    ]
    hidden = sum(is_masked(population) for population in populations)
    samples = [found.get("valueSampledData", {}) for found in report.get("contained", ())]
    return hidden + sum(str(each.get("data", "")).split().count(HIDDEN) for each in samples)


def _strata(group: Json) -> Iterator[Json]:
    for stratifier in group.get("stratifier", ()):
        yield from stratifier["stratum"]
