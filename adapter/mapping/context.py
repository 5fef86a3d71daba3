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
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from adapter.errors import InvalidValue
from adapter.mapping.dates import Span, span
from adapter.mapping.mapped import Unmapped
from adapter.mapping.recurring import RowOfPart
from adapter.mapping.terminology import Concept, Terminology
from adapter.mapping.units import UnitTable

Row = Mapping[str, Any]
# What a date column is called in a message.
MEANING = {"date": "the event", "start": "the start", "end": "the end"}
Columns = dict[str, Any]
Found = TypeVar("Found")
RECURRING = 200
"""Characters of the longest text of which `once` remembers what it finds."""
REMEMBERED = 20_000


@dataclass(slots=True)
class Context:
    """What the functions need beside the row, and what they report."""

    terminology: Terminology
    units: Mapping[str, UnitTable]
    zone: tzinfo
    value_set: Callable[[str], str]
    unmapped: list[Unmapped] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    confidence: float = 1.0
    memo: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What `once` found; shared by all resources of a site."""

    def once(self, what: str, text: str, find: Callable[[str], Found]) -> Found:
        """`find(text)`, which depends on the text and the terminology alone; short texts recur."""
        if len(text) > RECURRING:
            return find(text)
        key = (what, text)
        try:
            found: Found = self.memo[key]
        except KeyError:
            if len(self.memo) >= REMEMBERED:
                self.memo.clear()
            found = self.memo[key] = find(text)
        return found

    def recurring(self, row: Row, find: Callable[[Row, Context], Found]) -> Found:
        """`find(row, context)`, once for all rows of one view that are alike in what recurs.

        What it reports is reported for each. It is to ask for nothing that is of one resource
        alone, as its dates; where it does, it is asked anew for each.
        """
        if not isinstance(row, RowOfPart):
            return find(row, self)
        said = row.part.said.get(find)
        if said is None:
            own = Context(self.terminology, self.units, self.zone, self.value_set, memo=self.memo)
            try:
                found = find(row.part.cells, own)
            except KeyError:
                return find(row, self)
            said = row.part.said[find] = found, own.flags, own.unmapped, own.confidence
        found, flags, unmapped, confidence = said
        self.flags += flags
        self.unmapped += unmapped
        self.confidence = min(self.confidence, confidence)
        return found

    def doubt(self, flag: str, confidence: float) -> None:
        """Flag what is yielded from now on, and put no more than this confidence in it."""
        if flag not in self.flags:
            self.flags.append(flag)
        self.confidence = min(self.confidence, confidence)

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
            raise InvalidValue(
                f"{error.what} of {MEANING.get(name, name)}", hint=error.hint
            ) from error
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
        unit = str(row[f"{name}_unit"] or "").strip()
        if self.units[table].declared and not unit:
            self.flags.append("unit_declared")
        standard = self.units[table].convert(decimal(value), unit)
        comparator = self._comparator(row[f"{name}_comparator"])
        low, high = interval(standard, comparator)
        return {
            "value_sent": str(value),
            "unit_sent": unit,
            "comparator": comparator,
            "value_low": low,
            "value_high": high,
            "unit": self.units[table].standard,
        }

    def _comparator(self, stated: str | None) -> str:
        """FHIR's comparator; the `=` of HL7 v2 says what no comparator says (flagged)."""
        comparator = str(stated or "").strip()
        if comparator != "=":
            return comparator
        self.flags.append("comparator_equals")
        return ""


MAGNITUDES = 30
"""Nothing that is measured here lies beyond 10^30 or, but for 0, below 10^-30."""


def decimal(value: object) -> Decimal:
    """A JSON number as an exact decimal. Raises InvalidValue for what is none."""
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        exact = Decimal("NaN")
    if isinstance(value, bool) or not exact.is_finite() or abs(exact.adjusted()) > MAGNITUDES:
        raise InvalidValue("no number that can be measured")
    return exact


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
