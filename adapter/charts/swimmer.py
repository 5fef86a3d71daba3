"""A swimmer plot: a lane a patient, drugs as bars, I-131 and the outcome as marks.

Days count from protocol finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from adapter.charts import theme

LANE = 24
LEAST = 5
"""Lanes for which there is room at least: the legends stand above them."""
EARLIEST = -400.0
KINDS = ("follow_up", "drug", "radioiodine", "outcome")


@dataclass(frozen=True, slots=True)
class Segment:
    """A span or a single day of a patient's course.

    kind: one of `KINDS`; name: what the legend calls it; text: written
    beside the mark.
    """

    label: str
    kind: str
    name: str
    first_day: float
    last_day: float
    text: str = ""
    link: str = ""
    said: str = ""


def swimmer(segments: Sequence[Segment]) -> alt.TopLevelMixin:
    """Lanes in the order in which the patients come. Days before `EARLIEST` are not drawn."""
    kept = [each for each in segments if each.last_day >= EARLIEST]
    lanes = list(dict.fromkeys(each.label for each in kept))
    x = alt.X("first_day:Q", axis=alt.Axis(title="days from protocol finish"))
    y = alt.Y("label:N", sort=lanes, axis=alt.Axis(title=None, domain=False, ticks=False))
    chosen = {kind: [each for each in kept if each.kind == kind] for kind in KINDS}
    # A layer without a mark would leave the axes and legends of the others out of place.
    layers = [layer for kind in KINDS if chosen[kind] for layer in _layers(kind, chosen[kind])]
    drawn: alt.TopLevelMixin = (
        alt.layer(*(each.encode(x=x, y=y) for each in layers))
        .resolve_scale(color="independent", shape="independent")
        .properties(width=theme.WIDTH, height=LANE * max(len(lanes), LEAST))
    )
    return drawn


def _layers(kind: str, segments: Sequence[Segment]) -> list[alt.Chart]:
    match kind:
        case "follow_up":
            return [_bars(segments, 3, [theme.PALE])]
        case "drug":
            return [_bars(segments, 6, theme.COLOURS).encode(yOffset="name:N")]
        case "radioiodine":
            return _marks(segments, "circle", "#8a6d00")
        case _:
            return _marks(segments, "diamond", "#b3261e")


def _bars(segments: Sequence[Segment], height: int, colours: Sequence[str]) -> alt.Chart:
    names = list(dict.fromkeys(each.name for each in segments))
    scale = alt.Scale(domain=names, range=[colours[i % len(colours)] for i in range(len(names))])
    colour = alt.Color("name:N", scale=scale, legend=alt.Legend(title=None))
    drawn: alt.Chart = (
        alt.Chart(_data(segments))
        .mark_bar(height=height)
        .encode(x2="last_day:Q", color=colour, description="said:N")
    )
    return drawn


def _marks(segments: Sequence[Segment], shape: str, colour: str) -> list[alt.Chart]:
    """The marks, and the words beside them."""
    base = alt.Chart(_data(segments))
    names = list(dict.fromkeys(each.name for each in segments))
    scale = alt.Scale(domain=names, range=[shape, "cross", "square"][: len(names)])
    legend = alt.Legend(title=None, symbolFillColor=colour, symbolStrokeColor=colour)
    marks = base.mark_point(filled=True, size=70, color=colour, opacity=1).encode(
        shape=alt.Shape("name:N", scale=scale, legend=legend), href="link:N", description="said:N"
    )
    words = base.mark_text(align="left", dx=7, dy=-6, fontSize=10, aria=False).encode(text="text:N")
    return [marks, words]


def _data(segments: Sequence[Segment]) -> alt.InlineData:
    return theme.rows(
        [
            {
                "label": each.label, "name": each.name, "text": each.text, "link": each.link,
                "said": each.said, "first_day": max(each.first_day, EARLIEST),
                "last_day": each.last_day,
            }
            for each in segments
        ]
    )  # fmt: skip
