"""The same specifications for a reader with a browser: what a mark says on pointing, and zoom.

The runtime is vendored (`vega/SOURCE`); it evaluates expressions as trees, not as code, so that
the page's Content-Security-Policy needs no `unsafe-eval`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from adapter.charts.theme import CONFIG
from adapter.html_report.page import Moving, Page, Plot

Spec = dict[str, Any]

RUNTIME, OWN = "vega/vega-runtime.js", "explore.js"
ZOOM, ZOOMED = "zoom", "zoomed"


def moving(page: Page) -> Moving:
    """What the page needs to show its plots closer."""
    plots = [(plot.name, _in_script(closer(plot))) for plot in page.plots]
    scripts = [Markup(_read(name)) for name in (RUNTIME, OWN)]  # noqa: S704 - the project's own
    return Moving(plots, _in_script(CONFIG), scripts)


def closer(plot: Plot) -> Spec:
    """The specification of a plot with its title, with what its marks say on pointing at them, and
    with a first view that can be zoomed, where it has an axis of numbers."""
    spec: Spec = deepcopy(dict(plot.spec))
    spec["description"] = plot.title
    views = list(_views(spec))
    for view in views:
        encoding = view["encoding"]
        if "description" in encoding:
            encoding["tooltip"] = dict(encoding["description"])
    if first := next((view for view in views if _axes(view)), None):
        _make_zoom(spec, first, views)
    return spec


def _make_zoom(spec: Spec, first: Spec, views: list[Spec]) -> None:
    first["name"] = ZOOMED
    select = {"type": "interval", "encodings": _axes(first)}
    spec["params"] = [{"name": ZOOM, "select": select, "bind": "scales", "views": [ZOOMED]}]
    field = first["encoding"]["x"]["field"]
    for view in views:
        words = view["mark"]["type"] == "text"
        # Words stand beside the axes too, and above their ends: none may be cut, so those whose
        # place is out of sight go as a whole.
        view["mark"]["clip"] = not words
        if words and _axes(view):
            inside = f"!isValid({ZOOM}.{field}) || inrange(datum.{field}, {ZOOM}.{field})"
            view["encoding"]["opacity"] = {"condition": {"test": inside, "value": 1}, "value": 0}


def _axes(view: Spec) -> list[str]:
    """The axis of days or of estimates, if the view has one."""
    found = view["encoding"].get("x", {})
    return ["x"] if found.get("type") == "quantitative" and "aggregate" not in found else []


def _views(spec: Spec) -> Iterator[Spec]:
    """The single views of a specification, in their order."""
    for part in ("vconcat", "hconcat", "layer"):
        for each in spec.get(part, ()):
            yield from _views(each)
    if "mark" in spec:
        yield spec


def _in_script(value: Any) -> Markup:
    """JSON that no text in it can end the element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - nothing in it closes an element


@cache
def _read(name: str) -> str:
    return (files("adapter.html_report") / name).read_text(encoding="utf-8")
