"""Time to progression: curves, milestones, and who stands behind each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapter.abstract import abstract
from adapter.evaluate import Evaluation
from adapter.html_report import curves
from adapter.html_report.comparison import comparison, comparison_plot
from adapter.html_report.definition import EVENT
from adapter.html_report.milestones import milestones
from adapter.html_report.names import Names
from adapter.html_report.page import Linked, Plot, Section, Steps
from analytics.aggregate import FIRST_OUTCOME
from analytics.competing_figures import CAUSES, outcome_table
from analytics.episode import Episode
from analytics.life_table import ExitTable
from analytics.time_to_event import exit_table

DRIVER = "driver"
ALL = "all patients"

Exits = dict[tuple[str, float], list[str]]
"""Curve and day of a step -> the keys of the patients who had the event there."""


def progression_section(
    evaluation: Evaluation, episodes: Sequence[Episode], names: Names
) -> Section:
    """The curves of all and by driver, what competes, milestones, and the patients of each step."""
    study, cells = evaluation.study, evaluation.aggregate
    labels = {each.code: each.label for each in study.driver_classes}
    everybody = {ALL: exit_table(cells)}
    by_driver = {
        labels.get(code, code): exit_table(cells.stratum(DRIVER, code))
        for code in cells.strata(DRIVER)
    }
    exits = _exits(episodes, labels, study.horizon_days)
    tables = [each for each in abstract(evaluation) if each.title == "Progression"]
    tables += [milestones(everybody | by_driver, study)]
    if compared := comparison(evaluation):
        tables.append(compared)
    return Section(
        "progression",
        "Progression",
        plots=tuple(_plots(evaluation, (everybody, by_driver), exits)),
        tables=tuple(tables),
        steps=(_steps(exits, [ALL, *by_driver, *CAUSES], names),) if exits else (),
    )


def _plots(
    evaluation: Evaluation,
    groups: tuple[Mapping[str, ExitTable], Mapping[str, ExitTable]],
    exits: Exits,
) -> list[Plot]:
    def link_to(group: str, day: float) -> str:
        return f"#{curves.step_name(group, day)}" if (group, day) in exits else ""

    study, cells = evaluation.study, evaluation.aggregate
    everybody, by_driver = groups
    if not everybody[ALL].n_patients:
        return []
    title = f"Time to {EVENT[study.death]}"
    plots = [curves.survival_plot("km", title, everybody, evaluation, link_to)]
    if len(by_driver) > 1:
        title = f"{title} by driver"
        plots.append(curves.survival_plot("km-driver", title, by_driver, evaluation, link_to))
    if compared := comparison_plot(evaluation):
        plots.append(compared)
    if any(key.endpoint == FIRST_OUTCOME for key in cells.exits):
        title = "Cumulative incidence of progression and death"
        table = outcome_table(cells)
        plots.append(curves.incidence_plot("incidence", title, table, evaluation, link_to))
    return plots


def _steps(exits: Exits, groups: Sequence[str], names: Names) -> Steps:
    places = {group: place for place, group in enumerate(groups)}
    ordered = sorted(exits.items(), key=lambda each: (places[each[0][0]], each[0][1]))
    return Steps(
        "Who had the event, by curve and day",
        ("curve", "day", "patients"),
        [
            (curves.step_name(group, day), (group, f"{day:g}", _links(keys, names)))
            for (group, day), keys in ordered
        ],
    )


def _links(keys: Sequence[str], names: Names) -> list[str | Linked]:
    return [names.link(key) for key in keys]


def _exits(episodes: Sequence[Episode], labels: Mapping[str, str], horizon: int) -> Exits:
    """Patients with an event by the horizon, by curve and day."""
    found: Exits = {}
    for episode in episodes:
        for group, day in _steps_of(episode, labels):
            if day <= horizon:
                found.setdefault((group, float(day)), []).append(episode.patient_key)
    return found


def _steps_of(episode: Episode, labels: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    seen, driver = episode.follow_up, episode.profile.driver
    if seen.event:
        yield ALL, seen.days
        yield labels.get(driver, driver), seen.days
    if seen.outcome and seen.outcome[0] in CAUSES:
        yield seen.outcome
