"""What a store gives under many definitions, as a table for eyes."""

from __future__ import annotations

from adapter.abstract import NONE, rounded
from adapter.sensitivity import HORIZON, Result, Sensitivity
from adapter.tables import Table, counted
from analytics.figures import Value


def table(found: Sensitivity) -> Table:
    """A row for each definition, the reference first, with what changed against it."""
    names = tuple(name.replace(HORIZON, "H") for name in found.reference.figures)
    rows = [_row(each, found.reference) for each in (found.reference, *found.others)]
    study = found.reference.study
    notes = (
        "H: the horizon in days; at another horizon it is another figure, without a difference",
        "in brackets: difference to the reference; in, out: patients who move in or out",
        f"{counted(found.persons, 'person')} in the store; data version {found.data_version[:12]}",
    )
    columns = ("", "hash", *names, "in", "out")
    return Table(f"{study.title}: {study.id} {study.version}", columns, rows, notes)


def _row(result: Result, reference: Result) -> tuple[str, ...]:
    cells = (
        _cell(value, None if result is reference else result.differences[name])
        for name, value in result.figures.items()
    )
    both = ("", "") if result is reference else moved(result)
    return (result.name, result.study.fingerprint[:12], *cells, *both)


def moved(result: Result) -> tuple[str, str]:
    """How many patients are in under this definition only, and how many no longer."""
    return str(len(result.moved_in)), str(len(result.moved_out))


def _cell(value: Value, difference: Value) -> str:
    if value is None:
        return NONE
    places = 2 if isinstance(value, float) else 0
    changed = rounded(difference or 0, places)
    if not float(changed.replace(",", "")):
        return rounded(value, places)
    sign = "" if changed.startswith("-") else "+"
    return f"{rounded(value, places)} ({sign}{changed})"
