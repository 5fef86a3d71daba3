"""The quality of one patient's facts, rule by rule: what was looked at, and what fails.

Categories are those of Kahn 2016 (eGEMs 4:1244): conformance, completeness, plausibility. Tallies
of patients add up to those of a site; none of them holds more than counts and references.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

from analytics.course import DateSpan, Fact, PatientFacts
from analytics.figures import Figures
from analytics.study import STRICT

Category = Literal["conformance", "completeness", "plausibility"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules state.

    about: the Measures whose figures hang on it. max_share: the share of what was looked at that
    may fail.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    id: str
    category: Category
    severity: Severity
    title: str
    about: tuple[str, ...] = ()
    max_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRule(Rule):
    """A number lies in [low, high], in the unit of the facts' column; None is no bound.

    table: a list of `PatientFacts`. where: columns and the values that a fact has to be looked at.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    kind: Literal["range"]
    table: str
    column: str
    unit: str
    low: float | None = None
    high: float | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRule(Rule):
    """A date is not before and not after another, by more than the tolerance.

    The others: `birth`, `death`, `today`, or a date of the same fact (`start`). A date known to the
    month only fails where no day of it would do.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    kind: Literal["order"]
    tables: tuple[str, ...]
    column: str = "date"
    not_before: str = ""
    not_after: str = ""
    tolerance_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRule(Rule):
    """A fact states something in a column, a date to the day."""

    __pydantic_config__: ClassVar[Any] = STRICT
    kind: Literal["stated"]
    table: str
    column: str
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRule(Rule):
    """Of the patients that the figure `of` counts, few lack something: those whom the figures
    `missing` count, or all but those whom the figures `present` count."""

    __pydantic_config__: ClassVar[Any] = STRICT
    kind: Literal["figure"]
    missing: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    of: str = "n_patients"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRule(Rule):
    """A count of the store: lines in quarantine, ingests without an end, unmapped results."""

    __pydantic_config__: ClassVar[Any] = STRICT
    kind: Literal["store"]
    count: Literal["quarantined_lines", "unfinished_ingests", "unmapped_results"]


FactRule = RangeRule | OrderRule | StatedRule
AnyRule = FactRule | FigureRule | StoreRule


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were looked at, how many fail, and the resources that do (site-level)."""

    checked: int = 0
    failed: int = 0
    refs: tuple[str, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.checked + other.checked, self.failed + other.failed, self.refs + other.refs
        )


def tally(facts: PatientFacts, rule: FactRule, today: date) -> Tally:
    """What the rule says of one patient. today: the last day on which anything can have been."""
    verdicts = list(_verdicts(facts, rule, today))
    failing = [ref for ref, holds in verdicts if not holds]
    return Tally(len(verdicts), len(failing), tuple(failing))


def figure_tally(figures: Figures, rule: FigureRule) -> Tally:
    """What the rule says of a cohort. An absent figure counts nobody."""
    whole = _count(figures, rule.of)
    if rule.present:
        return Tally(whole, whole - sum(_count(figures, name) for name in rule.present))
    return Tally(whole, sum(_count(figures, name) for name in rule.missing))


def _count(figures: Figures, name: str) -> int:
    return int(figures.values.get(name) or 0)


def _verdicts(facts: PatientFacts, rule: FactRule, today: date) -> Iterator[tuple[str, bool]]:
    match rule:
        case RangeRule():
            for fact in _where(getattr(facts, rule.table), rule.where):
                value = getattr(fact, rule.column)
                if value is not None:
                    yield str(fact.ref), _within(value, rule)
        case StatedRule():
            for fact in _where(getattr(facts, rule.table), rule.where):
                yield str(fact.ref), _is_stated(getattr(fact, rule.column))
        case OrderRule():
            yield from _ordered(facts, rule, today)


def _where(facts: Sequence[Fact], wanted: Mapping[str, str]) -> Iterable[Fact]:
    return (f for f in facts if all(getattr(f, name) == value for name, value in wanted.items()))


def _within(value: Decimal, rule: RangeRule) -> bool:
    above = rule.low is None or value >= Decimal(str(rule.low))
    return above and (rule.high is None or value <= Decimal(str(rule.high)))


def _is_stated(value: object) -> bool:
    if isinstance(value, DateSpan):
        return value.is_day
    return value not in (None, "", "unknown")


def _ordered(facts: PatientFacts, rule: OrderRule, today: date) -> Iterator[tuple[str, bool]]:
    slack = timedelta(days=rule.tolerance_days)
    for table in rule.tables:
        for fact in getattr(facts, table):
            span = getattr(fact, rule.column)
            lower = _other(facts, fact, rule.not_before, today)
            upper = _other(facts, fact, rule.not_after, today)
            if span is None or (lower is None and upper is None):
                continue
            late_enough = lower is None or span.latest >= lower.earliest - slack
            early_enough = upper is None or span.earliest <= upper.latest + slack
            yield str(fact.ref), late_enough and early_enough


def _other(facts: PatientFacts, fact: Fact, name: str, today: date) -> DateSpan | None:
    match name:
        case "":
            return None
        case "today":
            return DateSpan.of(today)
        case "birth":
            spans = [person.birth for person in facts.persons if person.birth]
            return min(spans, key=lambda span: span.earliest, default=None)
        case "death":
            spans = [death.date for death in facts.deaths if death.date]
            return max(spans, key=lambda span: span.latest, default=None)
        case _:
            other: DateSpan | None = getattr(fact, name)
            return other
