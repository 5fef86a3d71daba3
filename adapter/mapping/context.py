"""What turns a view's row into fact columns needs: terminology, units, the site's calendar.

A ViewDefinition says where things lie in a resource; the functions of `people`, `labs`, `variants`,
`medications`, `iodine` and `assessments` say what they mean, one small function for each fact
table. A value that cannot be true raises InvalidValue and the resource is quarantined; a code or
text that nothing maps is reported and leaves no fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from adapter.errors import InvalidValue
from adapter.mapping.dates import Span, span
from adapter.mapping.mapped import Unmapped
from adapter.mapping.terminology import Concept, Terminology
from adapter.mapping.units import UnitTable

Row = Mapping[str, Any]
Columns = dict[str, Any]


@dataclass(slots=True)
class Context:
    """What the functions need beside the row, and what they report."""

    terminology: Terminology
    units: Mapping[str, UnitTable]
    zone: tzinfo
    value_set: Callable[[str], str]
    unmapped: list[Unmapped] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def concept(self, value_set: str, tokens: list[str] | None) -> Concept | None:
        return self.terminology.find(self.value_set(value_set), tokens or ())

    def concept_or_report(self, value_set: str, tokens: list[str] | None) -> Concept | None:
        """The concept, or None after the codings are reported as unmapped."""
        found = self.concept(value_set, tokens)
        if found is None:
            for token in tokens or ():
                system, _, code = token.partition("|")
                self.unmapped.append(Unmapped("code", system, code))
        return found

    def date(self, name: str, *texts: str | None) -> Columns:
        """The three columns of the first date that is there; none leaves them empty."""
        text = next((text for text in texts if text), None)
        if text is None:
            return {f"{name}_precision": ""}
        return self._span(name, text).columns(name)

    def _span(self, name: str, text: str) -> Span:
        try:
            found = span(text, self.zone)
        except InvalidValue as error:
            raise InvalidValue(f"{error.what} in {name}", hint=error.hint) from error
        if found.carried_offset:
            self.flags.append("offset")
        return found

    def effective(self, row: Row) -> Columns:
        """Observation.effective[x]; without one, issued (flagged)."""
        stated = (row["effective"], row["effective_instant"], row["effective_start"])
        if not any(stated) and row["issued"]:
            self.flags.append("date_from_issued")
        return self.date("date", *stated, row["issued"])

    def quantity(self, row: Row, table: str, name: str = "value") -> Columns:
        """The value in the standard unit as an interval, and as sent; {} without a value."""
        value = row[name]
        if value is None:
            return {}
        standard = self.units[table].convert(Decimal(str(value)), row[f"{name}_unit"] or "")
        low, high = interval(standard, row[f"{name}_comparator"] or "")
        return {
            "value_sent": str(value),
            "unit_sent": row[f"{name}_unit"] or "",
            "comparator": row[f"{name}_comparator"] or "",
            "value_low": low,
            "value_high": high,
            "unit": self.units[table].standard,
        }


def interval(value: Decimal, comparator: str) -> tuple[Decimal | None, Decimal | None]:
    """A value with a comparator as an interval; None is an open end."""
    match comparator:
        case "":
            return value, value
        case "<" | "<=":
            return Decimal(0), value
        case ">" | ">=":
            return value, None
        case _:
            raise InvalidValue(f"comparator {comparator!r} is not one of FHIR's")


def label(name: str) -> str:
    """A value set's name as a category: NoCall -> no_call."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
