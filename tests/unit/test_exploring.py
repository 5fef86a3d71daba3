"""Specifications to be looked at closer: what is added to them, and that no text breaks out."""

from __future__ import annotations

import json
import re
from typing import Any

import altair as alt
import pytest

from adapter.charts import forest, oncoprint, theme, waterfall
from adapter.html_report.exploring import closer, moving
from adapter.html_report.page import Page, Plot
from adapter.html_report.plotted import Label, plotted
from adapter.html_report.stamp import Stamp
from adapter.tables import Table
from tests.lib.reports import reference_study


def plot_of(chart: alt.TopLevelMixin, name: str = "x") -> Plot:
    return plotted(Label(name, "A plot", ""), chart, Table("", (), ()), {})


def bars(label: str = "P01") -> alt.TopLevelMixin:
    return waterfall.waterfall([waterfall.Bar(label, -10.0, "decrease", said=label)], "%")


def page_of(plot: Plot) -> Page:
    return Page("patient", "", "", "", (), (), Stamp.of(reference_study(), "not run"))


def test_what_a_mark_is_called_is_said_on_pointing():
    spec = closer(plot_of(bars()))
    encodings = [layer["encoding"] for layer in spec["layer"] if "encoding" in layer]
    named = [each for each in encodings if "description" in each]
    assert named
    assert all(each["tooltip"] == each["description"] for each in named)
    assert spec["description"] == "A plot"


def test_a_chart_without_an_axis_of_numbers_is_not_zoomed():
    chart = oncoprint.oncoprint([oncoprint.Tile("P01", "TERT", "C228T")], ["P01"], set())
    assert "params" not in closer(plot_of(chart))
    rows = [forest.Row("A", "1 (0 to 2)", 1, 0, 2)]
    zoomed = closer(plot_of(forest.forest(rows, forest.Axis("x", 0, 3))))
    assert [each["bind"] for each in zoomed["params"]] == ["scales"]


def test_the_drawing_is_left_as_it_is():
    plot = plot_of(bars())
    before = json.dumps(plot.spec)
    closer(plot)
    assert json.dumps(plot.spec) == before


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>"])
def test_no_text_ends_the_element_around_it(text: str):
    chart = alt.Chart(theme.rows([{"a": 1, "said": text}])).mark_point().encode(x="a:Q")
    page = _with(plot_of(chart))
    _, spec = moving(page).plots[0]
    assert "<" not in spec
    held: Any = json.loads(spec)
    assert text in json.dumps(held, ensure_ascii=False)


def _with(plot: Plot) -> Page:
    from adapter.html_report.page import Section

    page = page_of(plot)
    section = Section("s", "S", plots=(plot,))
    return Page("patient", "", "", "", (), (section,), page.stamp)


def test_no_specification_names_an_address():
    page = _with(plot_of(bars()))
    _, spec = moving(page).plots[0]
    found = re.findall(r"https?://[^\"]+", spec)
    # The name of the grammar, which nothing fetches.
    assert [each.split("/schema/")[0] for each in found] == ["https://vega.github.io"]
