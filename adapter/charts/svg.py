"""A chart as static SVG that asks no other host for anything, and whose ids are its own.

vl-convert resolves a relative link against an address on the web (vl-convert PR #100), which would
send a patient's key there on a click; the address is taken off again, and any that stays is an
error.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import altair as alt

from adapter.charts.theme import CONFIG, FONT
from adapter.errors import RaiwayError

PNG_SCALE = 2
_BASE = re.compile(r'((?:xlink:)?href=")https?://[^"#]*(?=#)')
_ADDRESSED = 'href="#/'
"""A link of a chart to an address of the server that shows it: charts take fragments only."""
_ID = re.compile(r'\bid="([^"]+)"')
_FONT = re.compile(r' font-family="[^"]*"')
_PLACES = re.compile(r' (?:d|transform|x2?|y2?|width|height)="[^"]*"')
_DEFAULTS = re.compile(
    r' (?:opacity="1"|fill-opacity="1"|stroke-width="1"|font-size="12px"'
    r'|transform="translate\(0,0\)")'
)
_EMPTY = re.compile(
    r'<path class="(?:fore|back)ground" aria-hidden="true" d="(?:M0,0h0v0h0Z)?"[^>]*/>'
)
"""Frames of nothing, which Vega draws around each axis and legend."""
_DIGITS = re.compile(r"(\.\d\d)\d+")
_LINK = re.compile(r"</?a\b[^>]*>")
_ADDRESS = re.compile(r"https?://[^\"'\s)<]+")
_NAMESPACES = frozenset({"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"})


class NotSelfContained(RaiwayError):
    """A chart that refers to another host."""


def rendered(chart: alt.TopLevelMixin | dict[str, Any], name: str, title: str) -> str:
    """The chart, or its specification, as an `<svg>` element, to be put into a page.

    name: prefix of every id in it, unique in the page; title: what a screen reader says it is.
    Raises NotSelfContained.
    """
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    drawn = _renderer().vegalite_to_svg(spec, config=CONFIG, allowed_base_urls=[])
    drawn = _smaller(_BASE.sub(r"\1", drawn).replace(_ADDRESSED, 'href="/'))
    drawn = _prefixed(drawn, name)
    others = set(_ADDRESS.findall(drawn)) - _NAMESPACES
    if others:
        raise NotSelfContained(f"the chart {name} refers to another host")
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return drawn.replace("<svg ", f'<svg role="group" aria-label="{label}" ', 1)


def without_links(drawn: str) -> str:
    """The SVG for a file of its own, in which a link into the page leads nowhere."""
    return _LINK.sub("", drawn)


def as_png(drawn: str) -> bytes:
    """The SVG as PNG, two dots a pixel."""
    image: bytes = _renderer().svg_to_png(drawn, scale=PNG_SCALE)
    return image


@cache
def _renderer():  # type: ignore[no-untyped-def]  # a module; its import starts a JavaScript engine
    import vl_convert

    return vl_convert


def _smaller(drawn: str) -> str:
    """The same drawing without what goes without saying, places to a hundredth of a pixel."""
    drawn = _EMPTY.sub("", _DEFAULTS.sub("", _FONT.sub("", drawn)))
    drawn = _PLACES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), drawn)
    return drawn.replace("<svg ", f'<svg font-family="{FONT}" font-size="12" ', 1)


def _prefixed(drawn: str, name: str) -> str:
    """The SVG with the chart's name before each id, also where it is referred to."""
    for held in set(_ID.findall(drawn)):
        for before, after in (('id="', '"'), ("url(#", ")"), ('href="#', '"')):
            drawn = drawn.replace(f"{before}{held}{after}", f"{before}{name}-{held}{after}")
    return drawn
