"""The first and the last day of an exposure, from whatever its resource says about time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from adapter.errors import InvalidValue
from adapter.mapping.context import Columns, Context, Row, decimal
from adapter.mapping.mapped import Unmapped

LONGEST_SUPPLY = 3660
"""Days; nobody is given more than ten years' supply."""


def period(row: Row, context: Context) -> Columns:
    """The columns of start and end. No end stays none: the drug may still be taken.

    Raises InvalidValue for an impossible date and an end before the start.
    """
    start = context.date("start", _first(row["starts"]), row["at"], _flagged(row, context))
    end = _end(row, context, start)
    both = start["start_precision"] and end["end_precision"]
    if both and end["end_latest"] < start["start_earliest"]:
        raise InvalidValue("an exposure that ends before it starts")
    return {**start, **end}


def _flagged(row: Row, context: Context) -> str | None:
    """The date that stands in where the start is not said."""
    if row["starts"] or row["at"] or not row["stand_in"]:
        return None
    context.flags.append("start_from_record")
    return str(row["stand_in"])


def _end(row: Row, context: Context, start: Columns) -> Columns:
    if row["ends"]:
        return context.date("end", _last(row["ends"]))
    # One timestamp is a whole administration, but only the start of what a statement tells of.
    if row["evidence"] == "administered" and not row["starts"]:
        return context.date("end", row["at"])
    days = _supply(row, context)
    if days and start["start_precision"]:
        context.flags.append("end_from_supply")
        return _later(start, timedelta(days=days - 1))
    if row["valid_until"]:
        context.flags.append("end_from_validity")
    return context.date("end", row["valid_until"])


def _later(start: Columns, shift: timedelta) -> Columns:
    try:
        return {
            "end_earliest": start["start_earliest"] + shift,
            "end_latest": start["start_latest"] + shift,
            "end_precision": start["start_precision"],
        }
    except OverflowError as error:
        raise InvalidValue("an impossible date in start") from error


def _supply(row: Row, context: Context) -> int | None:
    """Days for which the supply lasts; a duration that cannot be read is reported."""
    if row["supply"] is None:
        return None
    unit = str(row["supply_unit"] or "").strip()
    table = context.units["duration"]
    if unit and not table.knows(unit):
        context.unmapped.append(Unmapped("unit", "", unit, "days of supply"))
        return None
    # The element is called daysSupply: without a unit it is days.
    days = decimal(row["supply"]) * table.factor(unit or table.standard)
    whole = int(min(days, Decimal(LONGEST_SUPPLY + 1)).to_integral_value(ROUND_HALF_UP))
    return whole if 0 < whole <= LONGEST_SUPPLY else None


def _first(texts: Iterable[str] | None) -> str | None:
    """The earliest date; text order is time order but for offsets within one day."""
    return min(texts or (), default=None)


def _last(texts: Iterable[str] | None) -> str | None:
    return max(texts or (), default=None)
