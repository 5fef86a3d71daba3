"""An aggregate as the cells that a policy lets out, with every sum that links them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from analytics.aggregate import Aggregate
from analytics.disclosure.cells import EVERYBODY, PATIENTS, Cell, Group, Sum, System
from analytics.disclosure.exits import ENDED, REASONS, end_sums, exit_cells
from analytics.disclosure.policy import OTHER, OUTSIDE, Policy
from analytics.patient_cells import Pattern

# Variables of which every counted patient has exactly one category (analytics.aggregate).
ONE_EACH = frozenset(
    {
        "race", "ethnicity", "sex", "histology", "driver", "regimen", "regimen_by_driver", "pdl1",
        "uptake", "rai_treated", "best_recist", "durable_control", "finish_rule",
        "observation_ended",
    }
)  # fmt: skip
ONE_EACH_PREFIXES = ("tg_", "ct_", "recist_")
# Findings whose denominator is who was tested for them.
TESTED = {"mutation": "gene_tested"}
WITHOUT, KNOWN = "without:", "known:"


def one_each(variable: str) -> bool:
    """Whether the categories of `variable` share out the patients."""
    return variable in ONE_EACH or variable.startswith(ONE_EACH_PREFIXES)


@dataclass(frozen=True, slots=True)
class Split:
    """How patients are shown apart: stratifiers, the group of each pattern, and all groups.

    Groups without patients are among them, so that who is absent does not show by silence.
    """

    by: tuple[str, ...]
    group_of: Mapping[Pattern, Group]
    groups: tuple[Group, ...]


def split(cells: Aggregate, by: tuple[str, ...], policy: Policy) -> Split:
    """The groups of `cells` by these stratifiers; levels that are not listed are one."""
    if not by:
        return Split((), {}, ())
    places = [cells.header.stratifiers.index(name) for name in by]
    patterns = {key.pattern for table in (cells.counts, cells.exits, cells.values) for key in table}
    group_of = {
        pattern: tuple(
            _level(policy, name, pattern[place]) for name, place in zip(by, places, strict=True)
        )
        for pattern in sorted(patterns)
        if pattern
    }
    found = set(group_of.values())
    if all(name in policy.levels for name in by):
        found |= set(product(*((*policy.levels[name], OTHER) for name in by)))
    return Split(by, group_of, tuple(sorted(found)))


def _level(policy: Policy, stratifier: str, value: str) -> str:
    listed = policy.levels.get(stratifier)
    return value if listed is None or value in listed else OTHER


def system(cells: Aggregate, parts: Split, policy: Policy) -> System:
    """All cells under the policy's list, groups and grid. `cells` are on that grid already."""
    counts = _counts(cells, parts, policy)
    shown, sums = set(counts), list[Sum]()
    bins = cells.header.horizon_days // cells.header.grid_days
    for group in (EVERYBODY, *parts.groups):
        for equation in _within(counts, group, policy):
            counts.setdefault(equation.total, sum(counts.get(part, 0) for part in equation.parts))
            rest = equation.parts[-1]
            counts.setdefault(rest, counts[equation.total] - counts[equation.parts[0]])
            sums.append(equation)
        exits = exit_cells(_of_group(cells, group, parts), group, policy)
        counts = {**exits.counts, **counts}
        shown |= exits.shown
        sums.extend((*exits.sums, *end_sums(counts, group, bins)))
    sums.extend(_across(counts, parts.groups))
    return System(counts, frozenset(shown), tuple(sum_ for sum_ in sums if _holds(counts, sum_)))


def _counts(cells: Aggregate, parts: Split, policy: Policy) -> dict[Cell, int]:
    """Counts of listed variables for everybody and each group, zeros too."""
    found: Counter[Cell] = Counter()
    for pattern, variable, category, n in _listed(cells, policy):
        if variable not in parts.by:
            for group in _seen_in(parts, pattern):
                found[Cell(variable, group, category)] += n
    always = [Cell(PATIENTS, EVERYBODY, "all")]
    if policy.allows(ENDED):
        always += [Cell(ENDED, EVERYBODY, reason) for reason in REASONS]
    counts = {**dict.fromkeys(always, 0), **found}
    inside = [cell for cell in counts if cell.variable not in OUTSIDE]
    for cell, group in product(inside, parts.groups):
        counts.setdefault(cell._replace(group=group), 0)
    return counts


def _listed(cells: Aggregate, policy: Policy) -> Iterator[tuple[Pattern, str, str, int]]:
    """Pattern, variable, category and count of what the policy lists, numbers by their class."""
    for key, n in cells.counts.items():
        if policy.allows(key.variable):
            yield key.pattern, key.variable, key.category, n
    for value_key, n in cells.values.items():
        if edges := policy.histograms.get(value_key.variable):
            yield value_key.pattern, value_key.variable, _class(value_key.value, edges), n


def _seen_in(parts: Split, pattern: Pattern) -> tuple[Group, ...]:
    group = parts.group_of.get(pattern, EVERYBODY)
    return (EVERYBODY, group) if group else (EVERYBODY,)


def _class(value: Decimal, edges: tuple[float, ...]) -> str:
    """The class of a number: the first upper edge that it does not exceed."""
    for edge in edges:
        if value <= Decimal(str(edge)):
            return f"to {edge:g}"
    return f"above {edges[-1]:g}"


def _of_group(cells: Aggregate, group: Group, parts: Split) -> Aggregate:
    if not group:
        return cells
    exits = {key: n for key, n in cells.exits.items() if parts.group_of[key.pattern] == group}
    return Aggregate(cells.header, exits=exits)


def _within(counts: Mapping[Cell, int], group: Group, policy: Policy) -> Iterator[Sum]:
    """Sums inside one group: shares of all its patients, and who lacks a finding.

    A sum may name one cell that has no count yet: its total, or the last of its two parts.
    """
    everyone = Cell(PATIENTS, group, "all")
    tables: dict[str, list[Cell]] = {}
    for cell in sorted(counts):
        if cell.group == group and cell.variable not in {*OUTSIDE, PATIENTS} and not cell.bins:
            tables.setdefault(cell.variable, []).append(cell)
    for variable, parts in tables.items():
        if one_each(variable):
            yield Sum(everyone, tuple(parts))
            continue
        if variable in policy.histograms:
            known = Cell(f"{KNOWN}{variable}", group, "all")
            yield Sum(known, tuple(parts))
            parts = [known, *parts]
        for cell in parts:
            tested = cell._replace(variable=TESTED.get(variable, ""))
            whole = tested if tested in counts else everyone
            yield Sum(whole, (cell, cell._replace(variable=f"{WITHOUT}{cell.variable}")))


def _across(counts: Mapping[Cell, int], groups: tuple[Group, ...]) -> Iterator[Sum]:
    """Everybody is the sum over the groups, cell by cell."""
    for cell in sorted(counts):
        parts = tuple(cell._replace(group=group) for group in groups)
        if parts and cell.group == EVERYBODY and all(part in counts for part in parts):
            yield Sum(cell, parts)


def _holds(counts: Mapping[Cell, int], equation: Sum) -> bool:
    """A sum that these data do not obey tells nobody anything."""
    parts = [counts[part] for part in equation.parts]
    return min(parts) >= 0 and counts[equation.total] == sum(parts)
