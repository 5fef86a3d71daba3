"""A forest plot: an estimate a row with its interval, the text of both at the right.

An interval that goes on beyond the axis ends there in an arrow, so that a small group does not
flatten all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from adapter.charts import theme

ROW, INNER, GAP = 24, 300, 12
LOG_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
SHAPES = {"group": "square", "whole": "diamond"}


@dataclass(frozen=True, slots=True)
class Row:
    """An estimate and its limits, None for all three where there is none; text: both in words.

    kind: a `group`, the `whole`, a `new` one of which only the interval is foretold, or a `heading`
    above the groups that follow. weight: the area of its mark, of the greatest one (0-1).
    """

    label: str
    text: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    kind: str = "group"
    weight: float = 0.5
    said: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """The values shown, and the one at which nothing differs (None for no line)."""

    title: str
    low: float
    high: float
    nothing: float | None = None
    log: bool = False
    format: str = ",~r"


def ratio_axis(title: str, limits: Sequence[float]) -> Axis:
    """A log axis about 1 that holds these limits, as far as from 0.01 to 100."""
    low = max((tick for tick in LOG_TICKS if tick <= min((*limits, 0.5))), default=LOG_TICKS[0])
    high = min((tick for tick in LOG_TICKS if tick >= max((*limits, 2.0))), default=LOG_TICKS[-1])
    return Axis(title, low, high, nothing=1.0, log=True)


def forest(rows: Sequence[Row], axis: Axis) -> alt.TopLevelMixin:
    """The rows from top to bottom in the order given."""
    y = alt.Y("place:O", axis=None, sort=[str(place) for place in range(len(rows))])
    base = alt.Chart(_data(rows, axis))
    x, at = _x(axis, "from"), _x(axis, "estimate")
    held = base.transform_filter("isValid(datum.low)")
    layers = [
        *_line(axis, x),
        held.mark_rule(color=theme.COLOURS[0], strokeWidth=1.8, aria=False).encode(
            x=x, x2="to:Q", y=y
        ),
        *(_arrows(base, y, end) for end in ("left", "right")),
        *(_marks(base, at, y, kind) for kind in SHAPES if _has(rows, kind)),
        *_texts(base, y),
    ]
    drawn: alt.TopLevelMixin = alt.layer(*layers).properties(width=INNER, height=ROW * len(rows))
    return drawn


def _has(rows: Sequence[Row], kind: str) -> bool:
    """A layer of no mark would be one of no name."""
    return any(row.kind == kind and row.estimate is not None for row in rows)


def _x(axis: Axis, field: str) -> alt.X:
    ticks = [tick for tick in LOG_TICKS if axis.low <= tick <= axis.high] if axis.log else None
    shown = (
        alt.Axis(title=axis.title, values=ticks, format=axis.format)
        if ticks
        else alt.Axis(title=axis.title, format=axis.format, tickCount=6)
    )
    domain = [axis.low, axis.high]
    scale = alt.Scale(type="log" if axis.log else "linear", domain=domain, nice=False)
    return alt.X(f"{field}:Q", scale=scale, axis=shown)


def _line(axis: Axis, x: alt.X) -> list[alt.Chart]:
    if axis.nothing is None:
        return []
    rule = alt.Chart(theme.rows([{"from": axis.nothing}])).mark_rule(
        color=theme.PALE, strokeDash=[4, 3], aria=False
    )
    return [rule.encode(x=x)]


def _arrows(base: alt.Chart, y: alt.Y, end: str) -> alt.Chart:
    place = alt.value(0 if end == "left" else INNER)
    drawn: alt.Chart = (
        base.transform_filter(f"datum.beyond_{end}")
        .mark_point(
            shape=f"triangle-{end}", filled=True, size=60, color=theme.COLOURS[0], opacity=1,
            aria=False,
        )
        .encode(x=place, y=y)
    )  # fmt: skip
    return drawn


def _marks(base: alt.Chart, x: alt.X, y: alt.Y, kind: str) -> alt.Chart:
    colour = theme.COLOURS[0] if kind == "group" else theme.INK
    drawn: alt.Chart = (
        base.transform_filter(f"datum.kind == '{kind}' && datum.inside")
        .mark_point(filled=True, shape=SHAPES[kind], opacity=1, color=colour)
        .encode(
            x=x,
            y=y,
            size=alt.Size("size:Q", scale=None, legend=None),
            description="said:N",
        )
    )
    return drawn


def _texts(base: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """Names at the left, headings of groups in bold, numbers at the right."""
    names = base.transform_filter("datum.kind != 'heading'").mark_text(align="right", aria=False)
    heads = base.transform_filter("datum.kind == 'heading'").mark_text(
        align="right", fontWeight="bold", aria=False
    )
    numbers = base.mark_text(align="left", aria=False)
    return [
        names.encode(x=alt.value(-GAP), y=y, text="label:N"),
        heads.encode(x=alt.value(-GAP), y=y, text="label:N"),
        numbers.encode(x=alt.value(INNER + GAP), y=y, text="text:N"),
    ]


def _data(rows: Sequence[Row], axis: Axis) -> alt.InlineData:
    return theme.rows([_row(place, row, axis) for place, row in enumerate(rows)])


def _row(place: int, row: Row, axis: Axis) -> dict[str, object]:
    drawn = row.low is not None and row.high is not None
    low, high = (row.low or 0.0, row.high or 0.0) if drawn else (axis.low, axis.low)
    inside = row.estimate is not None and axis.low <= row.estimate <= axis.high
    return {
        "place": str(place),
        "label": row.label,
        "text": row.text,
        "kind": row.kind,
        "said": row.said or f"{row.label}: {row.text}",
        "estimate": row.estimate,
        "low": row.low,
        "from": min(max(low, axis.low), axis.high),
        "to": max(min(high, axis.high), axis.low),
        "beyond_left": drawn and low < axis.low,
        "beyond_right": drawn and high > axis.high,
        "inside": inside,
        "size": 60 + 160 * row.weight,
    }
