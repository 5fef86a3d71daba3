"""A chart made a plot of a page: drawn, with what it shows as a table and as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt

from adapter.charts.svg import rendered
from adapter.html_report.page import Plot, Record
from adapter.tables import Table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FOR_READERS = frozenset({"link", "said"})


class Label(NamedTuple):
    """A plot's name in the page, its title, and what is needed to read it right."""

    name: str
    title: str
    caption: str


def plotted(
    label: Label,
    chart: alt.TopLevelMixin,
    numbers: Table,
    data: Mapping[str, Sequence[Record]],
) -> Plot:
    """The plot. numbers: for eyes, rounded; data: the same for programs, by what it is of.

    Raises `adapter.charts.svg.NotSelfContained`.
    """
    spec = chart.to_dict()
    svg = rendered(spec, label.name, label.title)
    return Plot(*label, svg=svg, numbers=numbers, spec=spec, data=data)


def records(drawn: Iterable[DataclassInstance]) -> list[Record]:
    """The fields of what a chart takes, without those that only serve its reader."""
    return [
        {each.name: _value(getattr(one, each.name)) for each in fields(one)
         if each.name not in _FOR_READERS}
        for one in drawn
    ]  # fmt: skip


def _value(value: Any) -> Any:
    """JSON has no number that is none."""
    return None if isinstance(value, float) and value != value else value
