"""What is known of a curve of which some counts are hidden: a band on a coarse grid of days.

A curve that never rises lies, between two days, below where it can be at the first and above where
it can be at the second; so the band has steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt

from adapter.charts import theme


@dataclass(frozen=True, slots=True)
class Bounds:
    """Just after `day`, the curve lies from `low` to `high` (fractions)."""

    day: float
    low: float
    high: float


def bounded_curves(
    curves: Mapping[str, Sequence[Bounds]], horizon: float, x_title: str
) -> alt.TopLevelMixin:
    """A band for each group, over the days for which its bounds are known."""
    groups = list(curves)
    data = theme.rows(
        [
            {"group": group, "day": each.day, "low": each.low, "high": each.high}
            for group, bounds in curves.items()
            for each in _between(bounds)
        ]
    )
    days = sorted({each.day for bounds in curves.values() for each in bounds} | {0.0, horizon})
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[0, horizon], nice=False),
        axis=alt.Axis(title=x_title, values=days),
    )
    axis = alt.Axis(title="free of progression", format="%")
    low = alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    legend = alt.Legend(title=None, symbolSize=400) if len(groups) > 1 else None
    plain = alt.Color("group:N", scale=theme.colour_of(groups), legend=None)
    base = alt.Chart(data)
    edges = (
        base.mark_line(strokeWidth=1.8, interpolate="step-after", aria=False).encode(
            x=x, y=alt.Y(f"{end}:Q"), color=colour, strokeDash=dash
        )
        for end, colour, dash in (("low", *_told(groups, legend)), ("high", *_told(groups, None)))
    )
    band = base.mark_area(opacity=0.18, interpolate="step-after", aria=False).encode(
        x=x, y=low, y2="high:Q", color=plain
    )
    drawn: alt.TopLevelMixin = (
        alt.layer(band, *edges)
        .resolve_scale(color="independent", strokeDash="independent")
        .properties(width=theme.WIDTH, height=260)
    )
    return drawn


def _told(groups: Sequence[str], legend: alt.Legend | None) -> tuple[alt.Color, alt.StrokeDash]:
    """By what a line is told from others, with or without a legend."""
    colour = alt.Color("group:N", scale=theme.colour_of(groups), legend=legend)
    return colour, alt.StrokeDash("group:N", scale=theme.dash_of(groups), legend=legend)


def _between(bounds: Sequence[Bounds]) -> Iterator[Bounds]:
    """The band from each day to the next, and where it ends."""
    for first, second in pairwise(bounds):
        yield Bounds(first.day, second.low, first.high)
    if bounds:
        yield bounds[-1]
