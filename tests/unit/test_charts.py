"""Charts as drawn: what stands in the SVG, and that nothing in it leads out of the page."""

import re

import altair as alt
import pytest

from adapter.charts import (
    activity,
    forest,
    funnel,
    oncoprint,
    spider,
    survival,
    swimmer,
    theme,
    waterfall,
)
from adapter.charts.bounds import Bounds, bounded_curves
from adapter.charts.survival import Axis, Count, Step
from adapter.charts.svg import NotSelfContained, as_png, rendered, without_links

AXIS = Axis(192, (0, 96, 192), "free of progression")
STEPS = [
    Step("A", 0, 1, 1, 1, 0, 0),
    Step("A", 90, 0.5, 0.1, 0.8, 1, 0, link="#step-A-90", said="A, day 90: 1 progressed"),
    Step("A", 120, 0.5, 0.1, 0.8, 0, 1),
]
COUNTS = [
    Count(heading, "A", day, n)
    for heading, numbers in (("at risk", (2, 1, 0)), ("events", (0, 1, 1)), ("censored", (0, 0, 1)))
    for day, n in zip((0, 96, 192), numbers, strict=True)
]


def curve(name="km"):
    return rendered(survival.step_curves(STEPS, COUNTS, AXIS), name, "Time to progression")


def test_a_link_stays_in_the_page():
    # vl-convert alone makes https://vega.github.io/… of it, and would send what stands behind it.
    links = re.findall(r'href="([^"]*)"', curve())
    assert links == ["#step-A-90"]
    assert "vega.github.io" not in curve()


def test_a_chart_that_would_fetch_data_is_refused():
    chart = alt.Chart("https://example.org/data.csv").mark_point().encode(x="a:Q")
    with pytest.raises(ValueError, match="not allowed"):
        rendered(chart, "x", "x")


def test_a_chart_that_names_another_host_is_refused():
    data = alt.InlineData(values=[{"a": 1, "link": "https://example.org/patient"}])
    chart = alt.Chart(data).mark_point().encode(x="a:Q", href="link:N")
    with pytest.raises(NotSelfContained):
        rendered(chart, "x", "x")


def test_ids_of_two_charts_differ():
    data = alt.InlineData(values=[{"a": 1}])
    chart = alt.Chart(data).mark_point(clip=True).encode(x="a:Q")
    drawn = {name: rendered(chart, name, name) for name in ("one", "two")}
    ids = {name: set(re.findall(r'\bid="([^"]+)"', svg)) for name, svg in drawn.items()}
    # The renderer counts on from chart to chart, but begins anew in another process.
    for name, held in ids.items():
        assert held
        assert all(each.startswith(f"{name}-") for each in held)
    assert set(re.findall(r"url\(#([^)]+)\)", drawn["one"])) == ids["one"]


def test_each_censoring_is_drawn_and_each_event_is_named():
    drawn = curve()
    assert drawn.count('aria-roledescription="point"') == 1
    assert 'aria-label="A, day 90: 1 progressed"' in drawn
    both = rendered(
        survival.step_curves([*STEPS, Step("A", 150, 0.5, None, None, 0, 2)], COUNTS, AXIS),
        "km",
        "x",
    )
    assert ticks(both) == ticks(drawn) + 1 == 2


def ticks(drawn):
    """Marks of censoring: Vega draws a tick as a rectangle of its own group."""
    group = re.search(r'class="mark-rect role-mark [^"]*"[^>]*>(.*?)</g>', drawn, re.DOTALL)
    return group[1].count("<path") if group else 0


def test_counts_stand_below_their_days():
    drawn = curve()
    days = place_of(drawn, ["0", "96", "192"], after="axis-label")
    for heading in ("at risk", "events", "censored"):
        assert heading in drawn
    rows = re.findall(r"role-mark[^>]*>((?:<text[^>]*>\d+</text>)+)</g>", drawn)
    assert len(rows) == 3
    for row in rows:
        assert [float(x) for x in re.findall(r"translate\(([\d.]+),", row)] == days


def place_of(drawn, labels, after):
    part = drawn[drawn.index(after) :]
    found = [re.findall(rf"translate\(([\d.]+),[^>]*>{label}</text>", part) for label in labels]
    return [float(each[0]) for each in found]


def test_a_text_cannot_break_out_of_the_drawing():
    bars = [waterfall.Bar('"><script>alert(1)</script>', -10.0, "decrease", said="<b>")]
    drawn = rendered(waterfall.waterfall(bars, "change (%)"), "w", '"><script>')
    assert "<script" not in drawn
    assert "<b>" not in drawn


def test_a_bar_beyond_the_axis_says_how_far_it_goes():
    bars = [waterfall.Bar("P01", 412.4, "increase"), waterfall.Bar("P02", 20.0, "increase")]
    drawn = rendered(waterfall.waterfall(bars, "change (%)"), "w", "w")
    assert "+412 %" in drawn
    assert "+20 %" not in drawn


def test_a_value_that_no_log_axis_holds_is_left_out():
    points = [spider.Point("P01", 0, 0.0), spider.Point("P01", 30, 2.0, said="P01, day 30: 2")]
    drawn = rendered(spider.spider(points, "Tg (ng/mL)", log=True), "s", "s")
    assert 'aria-label="P01, day 30: 2"' in drawn
    assert drawn.count('aria-roledescription="point"') == 1


def test_lanes_and_tiles_carry_what_they_say():
    lanes = [
        swimmer.Segment("P01", "drug", "dabrafenib", -50, -10, said="P01: dabrafenib"),
        swimmer.Segment("P01", "outcome", "progression", 90, 90, said="P01: progression"),
        swimmer.Segment("P02", "drug", "old", -900, -800, said="P02: long ago"),
    ]
    drawn = rendered(swimmer.swimmer(lanes), "s", "s")
    assert 'aria-label="P01: dabrafenib"' in drawn
    assert "long ago" not in drawn
    tiles = [oncoprint.Tile("P02", "TERT", "C228T", said="P02: TERT")]
    print_ = rendered(oncoprint.oncoprint(tiles, ["P01", "P02"], {("P01", "TERT")}), "o", "o")
    assert "TERT  50 %" in print_
    assert 'aria-label="P02: TERT"' in print_
    # The one that was tested without a finding has a tile too.
    assert print_.count('stroke="#8a8a8a"') == 1


def test_activities_stand_in_classes_with_both_units():
    drawn = rendered(activity.activities([30.0, 100.0, 110.0]), "a", "a")
    assert 'aria-label="100 to under 125 mCi (3.700 to under 4.625 GBq): 2"' in drawn
    assert "activity (GBq)" in drawn
    assert ">3.70<" in drawn  # 100 mCi


def test_colour_never_says_it_alone():
    steps = [*STEPS, *(Step("B", each.day, each.value, 0, 1, each.events, 0) for each in STEPS)]
    drawn = rendered(survival.step_curves(steps, COUNTS, AXIS), "km", "x")
    curves = re.findall(r'class="mark-line role-mark [^>]*>(.*?)</g>', drawn)
    assert len({re.findall(r'stroke-dasharray="([^"]+)"', each)[0] for each in curves}) == 2
    events = re.findall(r'aria-roledescription="point"[^>]* d="([^"]+)"', drawn)
    assert len(events) == len(set(events)) == 2
    bars = [waterfall.Bar("P01", 30.0, "PD"), waterfall.Bar("P02", -40.0, "decrease")]
    drawn = rendered(waterfall.waterfall(bars, "change (%)"), "w", "w")
    assert drawn.count(">PD</text>") == 2  # the legend's, and the bar's
    assert ">↓</text>" in drawn
    assert ">↓ decrease</text>" in drawn


@pytest.mark.parametrize("colour", sorted({*theme.COLOURS, *theme.CATEGORIES.values()}))
def test_marks_stand_out_from_the_page(colour):
    # WCAG 2.1, 1.4.11: 3:1 for what is no text.
    assert contrast_on_white(colour) >= 3


def contrast_on_white(colour):
    """By WCAG 2.1, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    light = sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 1.05 / (light + 0.05)


def test_a_band_bounds_the_curve_between_the_days():
    known = [Bounds(0, 1, 1), Bounds(96, 0.7, 0.8), Bounds(192, 0.5, 0.6)]
    spec = bounded_curves({"all": known}, 192, "days").to_dict()
    rows = [(row["day"], row["low"], row["high"]) for row in next(iter(spec["datasets"].values()))]
    # Up to day 96 it may have fallen to 0.7 already, or still be 1.
    assert rows == [(0, 0.7, 1), (96, 0.5, 0.8), (192, 0.5, 0.6)]


def test_many_bars_have_no_names():
    bars = [waterfall.Bar(f"P{place:03}", 50.0 - place, "decrease") for place in range(100)]
    drawn = rendered(waterfall.waterfall(bars, "change (%)"), "w", "w")
    assert drawn.count('aria-roledescription="bar"') == 100
    assert ">P001</text>" not in drawn


def test_a_figure_of_its_own_has_no_links_and_becomes_a_picture():
    drawn = without_links(curve())
    assert "<a " not in drawn
    assert 'aria-label="A, day 90: 1 progressed"' in drawn
    assert as_png(drawn).startswith(b"\x89PNG")


ROWS = [
    forest.Row("all", "37.5 (15 to 65)", 37.5, 15, 65, "whole", said="all: 37.5 %"),
    forest.Row("Driver", kind="heading"),
    forest.Row("A", "45 (17 to 77)", 45, 17, 77),
    forest.Row("B", "NE"),
    forest.Row("next", "20 to 120", None, 20, 120, "new"),
]


def test_a_forest_has_a_mark_for_each_estimate_and_a_line_for_each_interval():
    drawn = rendered(forest.forest(ROWS, forest.Axis("share (%)", 0, 100)), "f", "f")
    assert drawn.count('aria-roledescription="point"') == 2
    assert 'aria-label="all: 37.5 %"' in drawn
    intervals = re.search(r'class="mark-rule role-mark [^"]*"[^>]*>(.*?)</g>', drawn, re.DOTALL)
    assert intervals
    assert intervals[1].count("<line") == 3
    for text in ("all", "Driver", "A", "B", "next", "NE", "20 to 120"):
        assert f">{text}</text>" in drawn
    # The interval that goes on ends in an arrow at the edge, in no line beyond it.
    marks = re.findall(r'class="mark-symbol role-mark [^"]*"[^>]*>(.*?)</g>', drawn, re.DOTALL)
    assert [group.count("<path") for group in marks] == [1, 1, 1]
    assert max(map(float, re.findall(r'<line [^>]*x2="([\d.]+)"', intervals[1]))) <= forest.INNER


def test_ratios_stand_on_a_log_axis_about_one():
    axis = forest.ratio_axis("hazard ratio", [0.31, 11.2])
    assert (axis.low, axis.high, axis.nothing, axis.log) == (0.2, 20.0, 1.0, True)
    far = forest.ratio_axis("hazard ratio", [1e-9, 1e9])
    assert (far.low, far.high) == (0.01, 100.0)
    near = forest.ratio_axis("hazard ratio", [0.9, 1.1])
    assert (near.low, near.high) == (0.5, 2.0)


def test_the_surest_stand_at_the_top_of_a_funnel():
    points = [funnel.Point("A", 150, 5), funnel.Point("B", 170, 9), funnel.Point("C", 130, 12)]
    drawn = rendered(funnel.funnel(points, 152, "days"), "f", "f")
    marks = re.findall(r'aria-label="([ABC]):[^>]*transform="translate\(([\d.]+),([\d.]+)\)', drawn)
    assert [name for name, _, _ in sorted(marks, key=lambda mark: float(mark[2]))] == list("ABC")
    assert [name for name, _, _ in sorted(marks, key=lambda mark: float(mark[1]))] == list("CAB")
