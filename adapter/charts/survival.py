"""Curves of steps (Kaplan-Meier, cumulative incidence) above the table of their counts.

Curve and table share one scale of days, so that a count stands below its day. Groups differ by
colour, dash and the shape of their events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from adapter.charts import theme

ROW = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a curve: from `day` on, `value` with its limits (fractions), and what happened.

    link: '#…' within the page, '' for none; said: what a screen reader says of it.
    """

    group: str
    day: float
    value: float
    low: float | None
    high: float | None
    events: int
    censored: int
    link: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A number below the curves, under a heading: of a row (a group) at a day."""

    heading: str
    row: str
    day: float
    n: int


@dataclass(frozen=True, slots=True)
class Axis:
    """The days shown, from 0, where their labels stand, and the title of the other axis."""

    horizon: float
    ticks: tuple[float, ...]
    y_title: str
    x_title: str = "days from protocol finish"


def step_curves(steps: Sequence[Step], counts: Sequence[Count], axis: Axis) -> alt.TopLevelMixin:
    """The curves above the counts. Groups, headings and rows in the order in which they come."""
    groups = list(dict.fromkeys(step.group for step in steps))
    drawn: alt.TopLevelMixin = alt.vconcat(
        _curves(steps, groups, axis), *_counts(counts, axis, titled=len(groups) > 1), spacing=6
    ).resolve_scale(x="shared", color="independent", strokeDash="independent", shape="independent")
    return drawn


def _days(axis: Axis, *, labels: bool) -> alt.X:
    shown = alt.Axis(
        values=list(axis.ticks), labels=labels, ticks=labels, domain=labels, grid=labels,
        title=axis.x_title if labels else None,
    )  # fmt: skip
    return alt.X("day:Q", scale=alt.Scale(domain=[0, axis.horizon], nice=False), axis=shown)


def _curves(steps: Sequence[Step], groups: Sequence[str], axis: Axis) -> alt.LayerChart:
    x = _days(axis, labels=True)
    one = len(groups) == 1
    legend = None if one else alt.Legend(title=None, symbolStrokeWidth=2, symbolSize=400)
    plain = alt.Color("group:N", scale=theme.colour_of(groups), legend=None)
    colour = alt.Color("group:N", scale=theme.colour_of(groups), legend=legend)
    dash = alt.StrokeDash("group:N", scale=theme.dash_of(groups), legend=legend)
    shape = alt.Shape("group:N", scale=theme.shape_of(groups), legend=None)
    y = alt.Y(
        "value:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=axis.y_title, format="%")
    )
    base = alt.Chart(_data(steps, axis))
    band = base.mark_area(interpolate="step-after", opacity=0.14, aria=False).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=plain
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2, aria=False).encode(
        x=x, y=y, color=colour, strokeDash=dash
    )
    ticks = (
        base.mark_tick(orient="vertical", size=11, thickness=1.6, aria=False)
        .transform_filter("datum.censored > 0")
        .encode(x=x, y=y, color=plain)
    )
    events = (
        base.mark_point(filled=True, size=50, opacity=1)
        .transform_filter("datum.events > 0")
        .encode(x=x, y=y, color=plain, shape=shape, href="link:N", description="said:N")
    )
    drawn: alt.LayerChart = (
        alt.layer(band, line, ticks, events)
        .resolve_scale(color="independent", strokeDash="independent", shape="independent")
        .properties(width=theme.WIDTH, height=300)
    )
    return drawn


def _data(steps: Sequence[Step], axis: Axis) -> alt.InlineData:
    return theme.rows(
        [
            {
                "group": step.group, "day": step.day, "value": step.value, "low": step.low,
                "high": step.high, "events": step.events, "censored": step.censored,
                "link": step.link, "said": step.said,
            }
            for step in (*steps, *_to_horizon(steps, axis))
        ]
    )  # fmt: skip


def _to_horizon(steps: Sequence[Step], axis: Axis) -> list[Step]:
    """Where each curve ends: flat until the horizon, as long as somebody is followed until then."""
    last = {step.group: step for step in steps}
    return [
        Step(step.group, axis.horizon, step.value, step.low, step.high, 0, 0)
        for step in last.values()
        if step.day < axis.horizon
    ]


def _counts(counts: Sequence[Count], axis: Axis, *, titled: bool) -> list[alt.Chart]:
    """A small chart a heading; titled: the rows have their names at the left."""
    headings = dict.fromkeys(each.heading for each in counts)
    return [
        _count_rows([each for each in counts if each.heading == heading], axis, titled)
        for heading in headings
    ]


def _count_rows(counts: Sequence[Count], axis: Axis, titled: bool) -> alt.Chart:
    names = list(dict.fromkeys(each.row for each in counts))
    rows = alt.Y(
        "row:N",
        sort=names,
        axis=alt.Axis(title=None, domain=False, ticks=False, labels=titled, labelPadding=16),
    )
    data = theme.rows([{"row": each.row, "day": each.day, "n": f"{each.n:,}"} for each in counts])
    drawn: alt.Chart = (
        alt.Chart(data, title=alt.TitleParams(counts[0].heading, frame="group", anchor="start"))
        .mark_text(aria=False)
        .encode(x=_days(axis, labels=False), y=rows, text="n:N")
        .properties(width=theme.WIDTH, height=ROW * len(names))
    )
    return drawn
