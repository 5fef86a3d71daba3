"""Raiway without a store, in one process as the yardstick is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import raiway_side
from benchmarks.contestants import Answer, Run
from benchmarks.contestants.raiway_scan import answer


def prepare() -> Run:
    """Its imports."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    return answer(raiway_side.scan_and_map(paths, processes=1))
