"""The invented patients of tests/judges/r and what R says about them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from analytics.competing_risks import CompetingTable
from analytics.life_table import ExitTable
from tests.lib.needs import ROOT

FOLDER = ROOT / "tests" / "judges" / "r"
COHORT = FOLDER / "cohort.csv"
SCRIPT = FOLDER / "estimates.R"
EXPECTED = FOLDER / "expected_estimates.json"

Row = dict[str, str]


@cache
def expected() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(EXPECTED.read_bytes())
    return values


@cache
def patients() -> list[Row]:
    with COHORT.open(newline="") as lines:
        return list(csv.DictReader(lines))


def exit_table(rows: Iterable[Row], delayed: bool = False) -> ExitTable:
    """Exits with an event of any cause; `delayed`: with the entry column."""
    return competing_table(rows, delayed).any_cause


def competing_table(rows: Iterable[Row], delayed: bool = False) -> CompetingTable:
    held = list(rows)
    return CompetingTable.from_exits(
        [float(row["time"]) for row in held],
        [None if row["cause"] == "0" else row["cause"] for row in held],
        [float(row["entry"]) for row in held] if delayed else None,
    )


def split(rows: Iterable[Row], *columns: str) -> dict[str, list[Row]]:
    """The rows by the values of some columns, joined by a bar."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault("|".join(row[column] for column in columns), []).append(row)
    return parts
