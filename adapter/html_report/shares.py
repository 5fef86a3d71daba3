"""Shares of groups of patients as a forest, each with its exact interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.abstract import rounded
from adapter.charts.forest import Axis, Row, forest
from adapter.html_report.page import Plot
from adapter.html_report.plotted import Label, plotted, records
from adapter.tables import Table

NONE = "-"


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a group, in percent with the 95 % Clopper-Pearson limits; None: of nobody.

    variable: what the group is one of, '' for all patients.
    """

    variable: str
    group: str
    patients: int
    n: int
    percent: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.percent is None or self.low is None or self.high is None:
            return NONE
        values = (rounded(value, 1) for value in (self.percent, self.low, self.high))
        return "{} % ({} to {})".format(*values)


def shares_plot(label: Label, found: Sequence[Share], what: str) -> Plot:
    """The forest. what: of what the shares are, as the axis and the table say it."""
    numbers = Table(
        f"Numbers of “{label.title}”",
        ("", "patients", what, "share (95 % CI)"),
        [
            (f"{share.variable}: {share.group}" if share.variable else share.group,
             f"{share.patients:,}", f"{share.n:,}", str(share))
            for share in found
        ],
    )  # fmt: skip
    chart = forest(list(_rows(found)), Axis(f"{what} (%)", 0, 100))
    return plotted(label, chart, numbers, {"shares": records(found)})


def _rows(found: Sequence[Share]) -> Iterator[Row]:
    most = max(share.patients for share in found)
    above = ""
    for share in found:
        if share.variable != above:
            above = share.variable
            yield Row(above, kind="heading")
        text = f"{share.n:,} of n = {share.patients:,}: {share}"
        weight = share.patients / most
        kind = "group" if share.variable else "whole"
        yield Row(share.group, text, share.percent, share.low, share.high, kind, weight)
