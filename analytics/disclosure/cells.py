"""Cells of what may leave, the sums that hold between them, and what follows from the sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Group = tuple[str, ...]

EVERYBODY: Group = ()
UNBOUNDED = 2**31 - 1
"""The upper end of a range of which none is known."""
PATIENTS = "patients"
PASSES = 50


class Cell(NamedTuple):
    """Patients of `group` (() is everybody) with this category of `variable`.

    `bins`: first and last time bin, for the exits of an endpoint; else ().
    """

    variable: str
    group: Group
    category: str
    bins: tuple[int, ...] = ()


class Range(NamedTuple):
    """The whole numbers from `low` to `high`, both counted."""

    low: int
    high: int

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


class Sum(NamedTuple):
    """`total` is the sum of `parts`, whatever the data."""

    total: Cell
    parts: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class System:
    """Every cell with its count, and the sums by which one can be had from others.

    `shown` are the cells that may be published. The rest never are, but can be derived: those
    without a finding, those still at risk.
    """

    counts: Mapping[Cell, int]
    shown: frozenset[Cell]
    sums: tuple[Sum, ...]


def propagate(ranges: Mapping[Cell, Range], sums: Iterable[Sum]) -> dict[Cell, Range]:
    """The ranges narrowed by each sum in turn: sound, and the same for whoever computes it."""
    narrowed, equations = dict(ranges), tuple(sums)
    for _ in range(PASSES):
        before = dict(narrowed)
        for equation in equations:
            _narrow(narrowed, equation)
        if narrowed == before:
            break
    return narrowed


def _narrow(ranges: dict[Cell, Range], equation: Sum) -> None:
    total, parts = ranges[equation.total], [ranges[part] for part in equation.parts]
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    total = Range(max(total.low, low), min(total.high, high))
    ranges[equation.total] = total
    for cell, part in zip(equation.parts, parts, strict=True):
        least, most = total.low - (high - part.high), total.high - (low - part.low)
        ranges[cell] = Range(max(part.low, least), min(part.high, most))
