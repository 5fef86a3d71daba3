"""A spider plot: a line a patient, values by day from protocol finish, on a log axis for Tg.

A value below its limit stands at the limit as an open mark (it is a bound, no value), a stimulated
one as a triangle; thyroglobulin antibodies make a mark a cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import altair as alt

from adapter.charts import theme

KINDS = {
    "value": "circle",
    "below limit": "circle",
    "stimulated": "triangle-up",
    "TgAb positive": "cross",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A measurement: day from finish, value (ng/mL or mm), and which of `KINDS` it is."""

    label: str
    day: float
    value: float
    kind: str = "value"
    link: str = ""
    said: str = ""


def spider(points: Sequence[Point], title: str, *, log: bool) -> alt.TopLevelMixin:
    """The lines. title: of the axis of values. On a log axis what is not above 0 is left out."""
    kept = [point for point in points if point.value > 0 or not log]
    data = theme.rows(
        [
            {
                "label": point.label, "day": point.day, "value": point.value, "kind": point.kind,
                "link": point.link, "said": point.said,
            }
            for point in kept
        ]
    )  # fmt: skip
    x = alt.X("day:Q", axis=alt.Axis(title="days from protocol finish"))
    y = _decades(kept, title) if log else alt.Y("value:Q", axis=alt.Axis(title=title))
    kinds = [kind for kind in KINDS if any(point.kind == kind for point in kept)]
    base, ink = alt.Chart(data), theme.COLOURS[0]
    legend = alt.Legend(title=None) if len(kinds) > 1 else None
    shapes = alt.Scale(domain=kinds, range=[KINDS[kind] for kind in kinds])
    fills = alt.Scale(domain=kinds, range=[ink if kind == "value" else "#ffffff" for kind in kinds])
    drawn: alt.TopLevelMixin = alt.layer(
        alt.Chart(theme.rows([{"day": 0}]))
        .mark_rule(color=theme.PALE, strokeDash=[4, 3], aria=False)
        .encode(x="day:Q"),
        base.mark_line(color=ink, opacity=0.45, aria=False).encode(x=x, y=y, detail="label:N"),
        base.mark_point(color=ink, size=42, strokeWidth=1.2).encode(
            x=x,
            y=y,
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
            fill=alt.Fill("kind:N", scale=fills, legend=legend),
            href="link:N",
            description="said:N",
        ),
    ).properties(width=theme.WIDTH, height=300)
    return drawn


def _decades(points: Sequence[Point], title: str) -> alt.Y:
    """A log axis from one power of ten to another, labelled at each."""
    ends = [log10(extreme(point.value for point in points)) for extreme in (min, max)]
    first, last = floor(ends[0]), max(ceil(ends[1]), floor(ends[0]) + 1)
    values = [10.0**power for power in range(first, last + 1)]
    scale = alt.Scale(type="log", domain=[values[0], values[-1]])
    return alt.Y("value:Q", scale=scale, axis=alt.Axis(title=title, values=values, format=",~r"))
