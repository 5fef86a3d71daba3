"""How all charts look: sizes, ink, and groups told apart by dash and shape as well as by colour.

Colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), darkened where they would miss a
contrast of 3:1 on white. Text is always in ink (WCAG 2.1, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

INK = "#1a1a1a"
PALE = "#8a8a8a"
GRID = "#e4e4e4"
WIDTH = 640
"""The width of a chart's inner part, in pixels of the SVG."""
COLOURS = ("#0072b2", "#d55e00", "#00664a", "#a14a7e", "#5b5b5b", "#8a6d00")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 1])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
"""The renderer measures Liberation Sans, as wide as Arial: nothing is cut where a page has one."""

CATEGORIES = {
    "decrease": "#0072b2",
    "stable": "#8a8a8a",
    "increase": "#d55e00",
    "CR": "#00664a",
    "PR": "#0072b2",
    "SD": "#8a8a8a",
    "PD": "#d55e00",
    "indeterminate": "#8a6d00",
    "mixed": "#8a6d00",
    "NE": "#6b6b6b",
    "missing": "#6b6b6b",
    "not_evaluable": "#6b6b6b",
}
"""Colours of the response categories, the same in every plot."""


def colour_of(groups: Sequence[str]) -> alt.Scale:
    """A scale that gives each group its colour, the first few in the order given."""
    return alt.Scale(domain=list(groups), range=_cycled(COLOURS, len(groups)))


def dash_of(groups: Sequence[str]) -> alt.Scale:
    """A scale that gives each group its dash."""
    return alt.Scale(domain=list(groups), range=_cycled(DASHES, len(groups)))


def shape_of(groups: Sequence[str]) -> alt.Scale:
    """A scale that gives each group the shape of its events."""
    return alt.Scale(domain=list(groups), range=_cycled(SHAPES, len(groups)))


def _cycled(kinds: Sequence[Any], n: int) -> list[Any]:
    return [kinds[place % len(kinds)] for place in range(n)]


def rows(found: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Rows as data that stand in the specification itself: nothing is ever fetched."""
    return alt.InlineData(values=list(found))


CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "#ffffff",
    "view": {"stroke": None},
    "padding": {"left": 16, "right": 16, "top": 5, "bottom": 5},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": PALE,
        "tickColor": PALE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        # A label stands below its tick, as the count of the risk table below it does.
        "labelFlush": False,
        "translate": 0,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "orient": "top",
        "columnPadding": 18,
        "layout": {"top": {"margin": 22}},
    },
    "title": {"color": INK, "fontSize": 13, "fontWeight": "normal", "anchor": "start"},
    "text": {"color": INK, "fontSize": 12},
}
"""Given to the renderer with every specification."""
