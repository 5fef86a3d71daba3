"""Curves of groups of patients, with their counts and their numbers, from tables of exits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adapter.abstract import rounded
from adapter.charts import survival
from adapter.charts.survival import Axis, Count, Step
from adapter.evaluate import Evaluation
from adapter.html_report.definition import EVENT, TIME_ZERO, reading
from adapter.html_report.milestones import interval
from adapter.html_report.page import Plot
from adapter.html_report.plotted import Label, plotted, records
from adapter.tables import Table, counted
from analytics.competing_figures import CAUSES
from analytics.competing_risks import CompetingTable, cumulative_incidence
from analytics.life_table import ExitTable
from analytics.study import Study
from analytics.survival import kaplan_meier

INTERVALS = 4
"""Parts of the time axis; a label and a column of counts at each end."""

LinkTo = Callable[[str, float], str]
"""Where in the page the patients of a group's step are, '' for nowhere."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What becomes a plot: its name in the page, its title, and its steps and counts."""

    name: str
    title: str
    caption: str
    steps: Sequence[Step]
    counts: Sequence[Count]
    y_title: str
    said: str
    """What the fraction is called in the table of numbers."""


def step_name(group: str, day: float) -> str:
    """The id of a step's row in the page."""
    return f"step-{group.replace(' ', '_').replace('/', '_')}-{day:g}"


def survival_plot(
    name: str, title: str, groups: Mapping[str, ExitTable], evaluation: Evaluation, link_to: LinkTo
) -> Plot:
    """The Kaplan-Meier curves of the groups that have somebody."""
    study = evaluation.study
    held = {group: table for group, table in groups.items() if table.n_patients}
    found = Drawn(
        name,
        title,
        f"A mark on a curve is {EVENT[study.death]}, a tick a patient censored. {reading(study)}",
        [step for group, table in held.items() for step in _steps(group, table, study, link_to)],
        [each for heading in _HEADINGS for each in _rows(heading, held, ticks(study))],
        f"free of {EVENT[study.death]}",
        "S(t)",
    )
    return _plot(found, study)


def incidence_plot(
    name: str, title: str, table: CompetingTable, evaluation: Evaluation, link_to: LinkTo
) -> Plot:
    """Cumulative incidence of each cause, by Aalen-Johansen, above joint counts at risk."""
    study = evaluation.study
    found = Drawn(
        name,
        title,
        "Aalen-Johansen estimates; whichever came first counts, so the two add up to all who had "
        f"either. {reading(study)}",
        [step for cause in CAUSES for step in _incidence(cause, table, study, link_to)],
        list(_incidence_counts(table, ticks(study))),
        "cumulative incidence",
        "F(t)",
    )
    return _plot(found, study)


def ticks(study: Study) -> tuple[float, ...]:
    """Days that divide the horizon evenly, from 0."""
    width = study.horizon_days / INTERVALS
    return tuple(width * place for place in range(INTERVALS + 1))


def _plot(found: Drawn, study: Study) -> Plot:
    zero = TIME_ZERO[study.index_date]
    axis = Axis(study.horizon_days, ticks(study), found.y_title, f"days from {zero}")
    return plotted(
        Label(found.name, found.title, found.caption),
        survival.step_curves(found.steps, found.counts, axis),
        _numbers(found),
        {"steps": records(found.steps), "counts": records(found.counts)},
    )


def _numbers(found: Drawn) -> Table:
    rows = [
        (
            step.group,
            f"{step.day:g}",
            f"{step.events:,}",
            f"{step.censored:,}",
            rounded(step.value, 3) + interval(step.low, step.high),
        )
        for step in found.steps
    ]
    title = f"Numbers of “{found.title}”"
    return Table(title, ("", "day", "events", "censored", found.said), rows)


def _steps(group: str, table: ExitTable, study: Study, link_to: LinkTo) -> Iterator[Step]:
    curve = kaplan_meier(table)
    yield Step(group, 0.0, 1.0, 1.0, 1.0, 0, 0)
    for time, events, left in zip(table.times, table.events, table.censored, strict=True):
        day, n = float(time), int(events)
        at = curve.at(day, ci=study.confidence_interval)
        yield Step(
            group,
            day,
            float(at.surv),
            _number(at.low),
            _number(at.high),
            n,
            int(left),
            link=link_to(group, day) if n else "",
            said=f"{group}, day {day:g}: {counted(n, 'patient')} with {EVENT[study.death]}, "
            f"{100 * at.surv:.0f} % free of it",
        )


def _incidence(cause: str, table: CompetingTable, study: Study, link_to: LinkTo) -> Iterator[Step]:
    curve = cumulative_incidence(table, cause)
    columns = (table.any_cause.times, table.events_of(cause), table.any_cause.censored)
    yield Step(cause, 0.0, 0.0, 0.0, 0.0, 0, 0)
    for time, events, left in zip(*(column.tolist() for column in columns), strict=True):
        at = curve.at(float(time), ci=study.confidence_interval)
        said = f"{cause}, day {time:g}: {counted(events, 'patient')}, {100 * at.incidence:.0f} %"
        low, high = _number(at.low), _number(at.high)
        link = link_to(cause, float(time)) if events else ""
        yield Step(cause, float(time), at.incidence, low, high, events, left, link, said)


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


_HEADINGS = ("at risk", "events", "censored")


def _rows(
    heading: str, groups: Mapping[str, ExitTable], days: tuple[float, ...]
) -> Iterator[Count]:
    for group, table in groups.items():
        for day in days:
            yield Count(heading, group, day, _counted(heading, table, day))


def _counted(heading: str, table: ExitTable, day: float) -> int:
    """At risk just before the day; events and censored up to it."""
    if heading == "at risk":
        return int((table.events + table.censored)[table.times >= day].sum())
    column = table.events if heading == "events" else table.censored
    return int(column[table.times <= day].sum())


def _incidence_counts(table: CompetingTable, days: tuple[float, ...]) -> Iterator[Count]:
    whole = {"all": table.any_cause}
    yield from _rows("at risk", whole, days)
    causes = {cause: table.cause_specific(cause) for cause in CAUSES}
    yield from _rows("events", causes, days)
    yield from _rows("censored", whole, days)
