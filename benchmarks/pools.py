"""Templates to draw from at random, each by its share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from benchmarks.templates import Template


class Pool(NamedTuple):
    """Templates with the cumulative share of each, the last being 1."""

    shares: list[float]
    templates: list[Template]


def pool(weighted: Iterator[tuple[float, Template]]) -> Pool:
    """The pool of templates with these weights."""
    weights, templates = zip(*weighted, strict=True)
    total = sum(weights)
    shares = [reached / total for reached in accumulate(weights)]
    return Pool([*shares[:-1], 1.0], list(templates))
