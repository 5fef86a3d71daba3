"""Table 1 as text: a row a number and a row a category, a column a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING

from adapter.abstract import NONE, rounded
from adapter.called import category_name, variable_name
from adapter.tables import Table
from analytics.table_one import Categories, CountTable, Row, Spread, TableOne

if TYPE_CHECKING:
    from analytics.study import Study

NOTE = "n (%) of those of whom it is known."
NOTE_NUMBERS = (
    "Numbers: median (first to third quartile; range). A thyroglobulin below its limit stands at "
    "the limit."
)
NOTE_SMD = (
    "SMD: standardised difference, the greatest of any two groups (a mean needs two values); "
    "∞: two groups share nothing."
)


def printed(found: CountTable | TableOne, study: Study) -> Table:
    """The table as text: a row a number and a row a category, a column a group."""
    counts, numbers = parts(found)
    names = _group_names(counts.by or "", counts.sizes, study)
    heads = [f"{name} (n = {counts.sizes[value]})" for value, name in names.items()]
    smd = ["SMD"] if len(names) > 1 else []
    rows = [line for row in numbers for line in _number_rows(row, list(names))]
    rows += [line for row in counts.rows for line in _category_rows(row, list(names), study)]
    width = len(heads) + 2 + len(smd)
    notes = [NOTE, *([NOTE_NUMBERS] if numbers else []), *([NOTE_SMD] if smd else [])]
    return Table(
        f"Table 1, by {variable_name(counts.by).lower()}" if counts.by else "Table 1",
        ("", f"all (n = {counts.n})", *heads, *smd),
        [tuple(row[:width]) for row in rows],
        tuple(notes),
    )


def parts(found: CountTable | TableOne) -> tuple[CountTable, tuple[Row[Spread], ...]]:
    """The categories, and the numbers, of which an aggregate has none."""
    return (found, ()) if isinstance(found, CountTable) else (found.counts, found.numbers)


def _group_names(by: str, groups: Iterable[str], study: Study) -> dict[str, str]:
    """Groups as they are called; drivers in the study's order, others by code."""
    places = {driver.code: place for place, driver in enumerate(study.driver_classes)}
    ordered = sorted(groups, key=lambda code: (places.get(code, len(places)), code))
    return {code: category_name(by, code, study) for code in ordered}


def _number_rows(row: Row[Spread], groups: Sequence[str]) -> Iterator[Sequence[str]]:
    cells = [row.overall, *(row.groups[group] for group in groups)]
    yield (variable_name(row.name), *map(_spread, cells), _smd(row.smd))
    yield from _missing([each.missing for each in cells])


def _category_rows(
    row: Row[Categories], groups: Sequence[str], study: Study
) -> Iterator[Sequence[str]]:
    cells = [row.overall, *(row.groups[group] for group in groups)]
    yield (variable_name(row.name), *("" for _ in cells), _smd(row.smd))
    for category in row.overall.counts:
        name = category_name(row.name, category, study)
        yield (f"  {name}", *(_share(each, category) for each in cells), "")
    yield from _missing([each.missing for each in cells])


def _missing(counts: Sequence[int]) -> Iterator[Sequence[str]]:
    if any(counts):
        yield ("  missing", *map(str, counts), "")


def _spread(found: Spread) -> str:
    if found.median is None or found.q1 is None or found.q3 is None:
        return NONE
    ends = (found.low or 0.0, found.high or 0.0)
    low, high = (rounded(end, 1) for end in ends)
    q1, q3 = rounded(found.q1, 1), rounded(found.q3, 1)
    return f"{rounded(found.median, 1)} ({q1} to {q3}; {low} to {high})"


def _share(found: Categories, category: str) -> str:
    percent = found.percent(category)
    n = found.counts.get(category, 0)
    return NONE if percent is None else f"{n} ({rounded(percent, 1)} %)"


def _smd(value: float | None) -> str:
    if value == inf:
        return "∞"
    return NONE if value is None else rounded(value, 2)
