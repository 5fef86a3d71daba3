"""Response: how Tg and CT changed, and who went from which category to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from adapter.abstract import CATEGORIES, CHANGES, abstract
from adapter.evaluate import Evaluation
from adapter.html_report import patient_plots
from adapter.html_report.names import Names
from adapter.html_report.page import Section
from adapter.html_report.subgroups import response_plot
from adapter.tables import Table
from analytics.episode import Episode
from analytics.study import Study


def response_section(evaluation: Evaluation, episodes: Sequence[Episode], names: Names) -> Section:
    """Waterfalls, spiders, the table of changes, and transitions between landmarks."""
    study = evaluation.study
    plots = [
        response_plot(evaluation, episodes),
        *(patient_plots.waterfall_plot(what, episodes, study, names) for what in CHANGES),
        *(patient_plots.spider_plot(what, episodes, names) for what in CHANGES),
    ]
    tables = [each for each in abstract(evaluation) if each.title == "Response"]
    return Section(
        "response",
        "Response",
        plots=tuple(plot for plot in plots if plot),
        tables=(*tables, *transitions(episodes, study)),
    )


def transitions(episodes: Sequence[Episode], study: Study) -> Iterator[Table]:
    """For each pair of landmarks, how many went from which category to which (against before)."""
    names = [mark.name for mark in study.landmarks]
    for what, title in CHANGES.items():
        for first, second in pairwise(names):
            met: Counter[tuple[str, str]] = Counter()
            for episode in episodes:
                changes = episode.tg_change if what == "tg" else episode.ct_change
                met[changes[f"prior_to_{first}"], changes[f"prior_to_{second}"]] += 1
            if met:
                yield _transition(f"{title}: from {first} to {second}", (first, second), met)


def _transition(title: str, marks: tuple[str, str], met: Counter[tuple[str, str]]) -> Table:
    held = {category for pair in met for category in pair}
    shown = [category for category in CATEGORIES if category in held]
    shown += sorted(held - set(CATEGORIES))
    said = [category.replace("_", " ") for category in shown]
    first, second = marks
    rows = [
        (f"{name} at {first}", *(f"{met[before, after]:,}" for after in shown))
        for name, before in zip(said, shown, strict=True)
    ]
    note = "Patients by their category against the value before the drugs, then and later."
    return Table(title, ("", *(f"{name} at {second}" for name in said)), rows, (note,))
