"""A funnel plot: estimates against their standard errors, the surest at the top.

Where only chance tells them apart, 95 % lie between the two lines from the pooled estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from adapter.charts import theme

Z = 1.959963984540054
HEADROOM = 1.15
"""So much more than the greatest standard error is shown."""


@dataclass(frozen=True, slots=True)
class Point:
    """An estimate and its standard error."""

    label: str
    estimate: float
    se: float
    said: str = ""


def funnel(points: Sequence[Point], centre: float, title: str) -> alt.TopLevelMixin:
    """The points about the pooled estimate. title: of the axis of estimates."""
    deepest = HEADROOM * max(point.se for point in points)
    wide = max(Z * deepest, *(HEADROOM * abs(point.estimate - centre) for point in points))
    x = alt.X(
        "estimate:Q",
        scale=alt.Scale(domain=[centre - wide, centre + wide], nice=False),
        axis=alt.Axis(title=title, tickCount=6),
    )
    y = alt.Y(
        "se:Q",
        scale=alt.Scale(domain=[0, deepest], reverse=True, nice=False),
        axis=alt.Axis(title="standard error"),
    )
    edges = [
        {"edge": side, "estimate": centre + side * Z * se, "se": se}
        for side in (-1, 1)
        for se in (0.0, deepest)
    ]
    middle = theme.rows([{"estimate": centre, "se": se} for se in (0.0, deepest)])
    base = alt.Chart(theme.rows(_rows(points)))
    drawn: alt.TopLevelMixin = alt.layer(
        alt.Chart(middle).mark_line(color=theme.INK, strokeWidth=1, aria=False).encode(x=x, y=y),
        alt.Chart(theme.rows(edges))
        .mark_line(color=theme.PALE, strokeDash=[4, 3], aria=False)
        .encode(x=x, y=y, detail="edge:N"),
        base.mark_point(filled=True, size=60, opacity=1, color=theme.COLOURS[0]).encode(
            x=x, y=y, description="said:N"
        ),
        base.mark_text(align="left", dx=8, aria=False).encode(x=x, y=y, text="label:N"),
    ).properties(width=theme.WIDTH, height=260)
    return drawn


def _rows(points: Sequence[Point]) -> list[dict[str, object]]:
    return [
        {
            "label": point.label, "estimate": point.estimate, "se": point.se,
            "said": point.said or f"{point.label}: {point.estimate:g}, standard error {point.se:g}",
        }
        for point in points
    ]  # fmt: skip
