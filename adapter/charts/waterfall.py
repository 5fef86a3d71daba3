"""A waterfall: one bar a patient, percent change from before the drugs, by category.

A value below its limit is a bound: its bar is drawn hollow, the change is at most that much. Bars
above `CAP` percent are cut there and labelled, so that one patient does not flatten all others.
A short mark across the zero line says the category, so that colour does not say it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from adapter.charts import theme

CAP = 100.0
NAMED = 60
"""With more bars than this they have no names and marks, which could not be read."""
MARKS = {
    "decrease": "↓", "increase": "↑", "stable": "=", "mixed": "±", "indeterminate": "?",
    "not_evaluable": "-", "missing": "-",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One patient's change in percent; below_limit: at most so much."""

    label: str
    percent: float
    category: str
    below_limit: bool = False
    link: str = ""
    said: str = ""


def waterfall(bars: Sequence[Bar], title: str) -> alt.TopLevelMixin:
    """The bars in the order given. title: of the axis of percent."""
    named = len(bars) <= NAMED
    scale = _scale({bar.category for bar in bars})
    axis = alt.Axis(title=None, labelAngle=-90, labels=named, ticks=named)
    between = alt.Scale(paddingInner=0.1 if named else 0)
    x = alt.X("label:N", sort=[bar.label for bar in bars], axis=axis, scale=between)
    y = alt.Y("percent:Q", axis=alt.Axis(title=title), scale=alt.Scale(domainMax=CAP + 10))
    base = alt.Chart(_data(bars))
    marks = [
        base.mark_text(aria=False, fontSize=11, dy=dy)
        .transform_filter(side)
        .encode(x=x, y=alt.datum(0), text="mark:N")
        for side, dy in (("datum.above", -8), ("!datum.above", 9))
    ]
    drawn: alt.TopLevelMixin = alt.layer(
        base.mark_bar(strokeWidth=1.5 if named else 0.5).encode(
            x=x,
            y=y,
            color=alt.Color("category:N", scale=scale, legend=alt.Legend(title=None)),
            stroke=alt.Stroke("category:N", scale=scale, legend=alt.Legend(title=None)),
            fillOpacity=alt.condition("datum.hollow", alt.value(0.2), alt.value(1)),
            href="link:N",
            description="said:N",
        ),
        base.mark_text(dy=-6, aria=False).encode(x=x, y=y, text="more:N"),
        *(marks if named else []),
        alt.Chart(theme.rows([{"zero": 0}]))
        .mark_rule(color=theme.INK, aria=False)
        .encode(y="zero:Q"),
    ).properties(width=theme.WIDTH, height=240)
    return drawn


def _scale(held: set[str]) -> alt.Scale:
    shown = [name for name in theme.CATEGORIES if name in held]
    shown += sorted(held - theme.CATEGORIES.keys())
    colours = [theme.CATEGORIES.get(name, theme.PALE) for name in shown]
    return alt.Scale(domain=[_called(name) for name in shown], range=colours)


def _called(category: str) -> str:
    """The category in the legend, after its mark if that is not its name."""
    mark, name = MARKS.get(category), category.replace("_", " ")
    return f"{mark} {name}" if mark else name


def _data(bars: Sequence[Bar]) -> alt.InlineData:
    named = len(bars) <= NAMED
    return theme.rows(
        [
            {
                "label": bar.label, "percent": min(bar.percent, CAP),
                "category": _called(bar.category), "mark": MARKS.get(bar.category, bar.category),
                "hollow": bar.below_limit, "link": bar.link, "said": bar.said,
                "more": f"{bar.percent:+,.0f} %" if named and bar.percent > CAP else "",
                "above": bar.percent < 0,
            }
            for bar in bars
        ]
    )  # fmt: skip
