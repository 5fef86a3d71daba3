"""The yardstick: every line parsed by orjson in one process, and nothing done with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from benchmarks.contestants import Answer, Run
from benchmarks.contestants.lines import lines


def prepare() -> Run:
    """Nothing to prepare."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    parse = orjson.loads
    for line in lines(paths):
        parse(line)
    return Answer(None)
