"""SANER's CSV of a report: a row of totals, then one for each stratum of each stratifier.

Source: HL7/fhir-saner, input/pagecontent/CSV_Conversion.md. A column's head is the first code of
its group (score) or population (count); the `map` parameter renames, orders and leaves out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapter.elements import Json
from adapter.errors import UsageError
from adapter.report.form_parts import absent_reason, groups, link_id, stratifiers
from adapter.report.form_saner import column_code, column_codes

FIXED = ("subject", "reporter", "period-start", "period-end")
STRATA = ("stratifier", "stratum")
# What a spreadsheet takes for the start of a formula.
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

Row = dict[str, str]


def csv_text(report: Mapping[str, Any], mapped: Sequence[str] = ()) -> str:
    """The report, in the SANER form, as CSV with a head (RFC 4180: lines end in CR LF).

    mapped: `CODE$COLUMN`, `SYSTEM|CODE$COLUMN` or `CODE` for each column that is wanted, in this
    order; without any, all columns under their codes. Text that a spreadsheet would calculate
    starts with an apostrophe. A count that is not given stands as its reason (`masked`). Raises
    UsageError for a code that names no column.
    """
    known = [*FIXED, *(STRATA if any(stratifiers(report)) else ()), *column_codes(report)]
    columns = _columns(mapped, known)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_inert(head) for head in columns.values()])
    writer.writerows([row.get(code, "") for code in columns] for row in _rows(report))
    return out.getvalue()


def _columns(mapped: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Code -> head of the columns that are written."""
    if not mapped:
        return {code: code for code in known}
    pairs = [entry.partition("$") for entry in mapped]
    codes = [(code.rpartition("|")[2], head) for code, _, head in pairs]
    columns = {code: head or code for code, head in codes}
    if lost := sorted(columns.keys() - set(known)):
        raise UsageError(f"no column {', '.join(lost)}", hint=f"columns: {', '.join(known)}")
    return columns


def _rows(report: Mapping[str, Any]) -> Iterator[Row]:
    fixed = {
        "subject": _inert(_identified(report.get("subject", {}))),
        "reporter": _inert(_identified(report.get("reporter", {}))),
        "period-start": report["period"]["start"],
        "period-end": report["period"]["end"],
    }
    total = dict(fixed)
    for group in groups(report):
        total |= _figures(group, group)
    yield total
    for group in groups(report):
        for stratifier in group.get("stratifier", ()):
            for stratum in stratifier["stratum"]:
                named = {
                    "stratifier": _inert(link_id(stratifier, "group.stratifier")),
                    "stratum": _inert(_value(stratum)),
                }
                yield {**fixed, **named, **_figures(group, stratum)}


def _identified(reference: Mapping[str, Any]) -> str:
    """The identifier of whom a Reference names, else the reference, else the name."""
    value = reference.get("identifier", {}).get("value")
    return str(value or reference.get("reference") or reference.get("display") or "")


def _value(stratum: Mapping[str, Any]) -> str:
    value: Json = stratum["component"][0]["value"]
    return str(value.get("coding", [{}])[0].get("code") or value.get("text", ""))


def _figures(group: Mapping[str, Any], stated: Mapping[str, Any]) -> Row:
    """Column -> cell, of the group or of one of its strata."""
    cells = {
        column_code(population): str(population.get("count", absent_reason(population)))
        for population in stated.get("population", ())
    }
    if score := stated.get("measureScore"):
        cells[column_code(group)] = f"{score.get('comparator', '')}{score['value']}"
    return cells


def _inert(text: str) -> str:
    """Text that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(FORMULA) else text
