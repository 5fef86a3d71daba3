"""Plots in which each patient can be seen: waterfall, spider, swimmer, oncoprint.

Each comes with its numbers as a table; None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import NamedTuple

import altair as alt

from adapter import plot_rows
from adapter.abstract import rounded
from adapter.charts import activity, oncoprint, spider, swimmer, waterfall
from adapter.html_report.names import Names
from adapter.html_report.page import Plot, Record
from adapter.html_report.plotted import Label, plotted, records
from adapter.html_report.variants import tiles
from adapter.tables import Table, counted
from analytics.course import MBQ_PER_MCI
from analytics.episode import Episode
from analytics.study import Study

WORDS = {"tg": "thyroglobulin", "ct": "sum of target diameters"}
UNITS = {"tg": "ng/mL", "ct": "mm"}
MOST_BARS = 200


def waterfall_plot(
    what: str, episodes: Sequence[Episode], study: Study, names: Names
) -> Plot | None:
    """Best change of each patient from before the drugs."""
    found = list(plot_rows.bars(what, episodes, study, "best"))
    if not found:
        return None
    step = ceil(len(found) / MOST_BARS)
    bars = [
        waterfall.Bar(
            names[key], float(percent), category, below,
            link=names.to(key), said=f"{names[key]}: {_changed(percent, below)}, {category}",
        )
        for key, _, percent, below, category in found[::step]
    ]  # fmt: skip
    title = f"Best change of {WORDS[what]}"
    caption = [
        "Each bar is a patient, against the value before the drugs."
        if step == 1
        else f"{len(bars)} bars of {len(found):,} patients: each bar is one patient in {step}, "
        "by the order of their changes.",
        "Hollow: below the assay's limit, so the change is at most that." if what == "tg" else "",
        f"Not drawn: {len(episodes) - len(found):,} without a pair of values.",
    ]
    numbers = [(bar.label, _changed(bar.percent, bar.below_limit), bar.category) for bar in bars]
    chart = waterfall.waterfall(bars, f"change of {WORDS[what]} (%)")
    shown = Numbers(("patient", "change", "category"), numbers, {"bars": records(bars)})
    return _plot(Label(f"waterfall-{what}", title, _joined(caption)), chart, shown)


def _changed(percent: float, below_limit: bool) -> str:
    return f"{'at most ' if below_limit else ''}{percent:+,.1f} %"


def spider_plot(what: str, episodes: Sequence[Episode], names: Names) -> Plot | None:
    """Every value of each listed patient over time."""
    found = list(plot_rows.points(what, _listed(episodes, names)))
    if not found:
        return None
    points = [
        spider.Point(
            names[key], float(day), float(value), _kind(below, stimulated, antibodies),
            link=names.to(key),
            said=f"{names[key]}, day {day}: {'<' if below else ''}{value:g} {UNITS[what]}",
        )
        for key, _, day, value, _, _, below, _, stimulated, antibodies, _ in found
    ]  # fmt: skip
    title = f"{WORDS[what].capitalize()} over time"
    caption = [
        "Each line is a patient.",
        "Log axis; an open circle stands at the assay's limit, below which the value lies."
        if what == "tg"
        else "",
        names.cut,
    ]
    numbers = [
        (
            point.label,
            f"{point.day:g}",
            f"{'<' if point.kind == 'below limit' else ''}{point.value:g}",
            "" if point.kind == "value" else point.kind,
        )
        for point in points
    ]
    chart = spider.spider(points, f"{WORDS[what]} ({UNITS[what]})", log=what == "tg")
    columns = ("patient", "day", f"{WORDS[what]} ({UNITS[what]})", "")
    shown = Numbers(columns, numbers, {"points": records(points)})
    return _plot(Label(f"spider-{what}", title, _joined(caption)), chart, shown)


def _kind(below: bool, stimulated: bool, antibodies: bool) -> str:
    if below:
        return "below limit"
    if stimulated:
        return "stimulated"
    return "TgAb positive" if antibodies else "value"


def swimmer_plot(episodes: Sequence[Episode], names: Names) -> Plot | None:
    """Drugs, radioiodine, follow-up and outcome of each listed patient."""
    segments = [_segment(row, names) for row in plot_rows.segments(_listed(episodes, names))]
    if not segments:
        return None
    early = sum(segment.last_day < swimmer.EARLIEST for segment in segments)
    caption = [
        "Each lane is a patient; drugs stand from top to bottom as in the legend; the activity of "
        "I-131 is written beside its mark.",
        f"Not drawn, before day {swimmer.EARLIEST:g}: "
        f"{counted(early, 'span or dose', 'spans and doses')}."
        if early
        else "",
        names.cut,
    ]
    numbers = [
        (each.label, each.name, each.text, f"{each.first_day:g}", f"{each.last_day:g}")
        for each in segments
    ]
    columns = ("patient", "", "activity", "from day", "to day")
    shown = Numbers(columns, numbers, {"segments": records(segments)})
    return _plot(Label("swimmer", "Courses", _joined(caption)), swimmer.swimmer(segments), shown)


def _segment(row: plot_rows.Row, names: Names) -> swimmer.Segment:
    key, _, kind, label, first, last = row
    return swimmer.Segment(
        names[key],
        kind,
        label if kind in ("drug", "outcome") else kind.replace("_", " "),
        float(first),
        float(last),
        text=label if kind == "radioiodine" else "",
        link=names.to(key),
        said=f"{names[key]}: {label or kind}, day {first}"
        + (f" to {last}" if last != first else ""),
    )


def oncoprint_plot(episodes: Sequence[Episode], names: Names) -> Plot | None:
    """Findings by gene and listed patient."""
    listed = _listed(episodes, names)
    found = list(tiles(listed, names))
    if not found:
        return None
    tested = {
        (names[episode.patient_key], gene)
        for episode in listed
        for gene in episode.profile.genes_tested
    }
    patients = [names[episode.patient_key] for episode in listed]
    caption = [
        "A dark tile is a finding, a pale one tested without; a gap: not known to be tested. The "
        "share is of all patients shown, tested or not.",
        names.cut,
    ]
    numbers = [(tile.label, tile.gene, tile.what) for tile in found]
    chart = oncoprint.oncoprint(found, patients, tested)
    data: dict[str, list[Record]] = {
        "findings": records(found),
        "tested": [{"label": label, "gene": gene} for label, gene in sorted(tested)],
    }
    shown = Numbers(("patient", "gene", "finding"), numbers, data)
    return _plot(Label("oncoprint", "Tumour findings", _joined(caption)), chart, shown)


def activity_plot(episodes: Sequence[Episode], names: Names) -> Plot | None:
    """How much I-131 was given after redifferentiation."""
    given = [
        (names[each.patient_key], each.rai_mbq) for each in episodes if each.rai_mbq is not None
    ]
    if not given:
        return None
    title = "I-131 after redifferentiation"
    caption = [f"{len(given):,} doses of known activity; 1 mCi = 0.037 GBq."]
    chart = activity.activities([float(mbq / MBQ_PER_MCI) for _, mbq in given])
    numbers = [
        (name, rounded(float(mbq / MBQ_PER_MCI), 1), rounded(float(mbq / 1000), 2))
        for name, mbq in given[:MOST_BARS]
    ]
    data: list[Record] = [
        {"patient": name, "mci": float(mbq / MBQ_PER_MCI), "gbq": float(mbq / 1000)}
        for name, mbq in given
    ]
    shown = Numbers(("patient", "mCi", "GBq"), numbers, {"doses": data})
    return _plot(Label("activities", title, _joined(caption)), chart, shown)


class Numbers(NamedTuple):
    """What a plot shows: for eyes as rows below columns, for programs as records."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    data: Mapping[str, Sequence[Record]]


def _plot(label: Label, chart: alt.TopLevelMixin, shown: Numbers) -> Plot:
    table = Table(f"Numbers of “{label.title}”", shown.columns, shown.rows)
    return plotted(label, chart, table, shown.data)


def _joined(sentences: Sequence[str]) -> str:
    return " ".join(filter(None, sentences))


def _listed(episodes: Sequence[Episode], names: Names) -> list[Episode]:
    listed = set(names.listed)
    return [episode for episode in episodes if episode.patient_key in listed]
