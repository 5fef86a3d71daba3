"""Table 1: who the patients are, overall and by group, with what is missing and how groups differ.

Two types. `CountTable` is made from the aggregate: counts by category, no single patient's value.
`TableOne` adds medians, quartiles and ranges, which are patients' own values: it is made from
episodes, stays in the site, and nothing that leaves takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Generic, TypeVar

import numpy as np

from analytics.aggregate import STRATIFIERS, Aggregate, aggregate, header
from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode
from analytics.errors import NotEstimable
from analytics.patient_level import counted_episodes
from analytics.standardized_difference import categorical_difference, continuous_difference
from analytics.study import Study

CATEGORICAL = (
    "sex", "race", "ethnicity", "histology", "driver", "pdl1", "regimen", "uptake", "rai_treated",
)  # fmt: skip
"""Variables of the aggregate of which each patient has one category."""

MISSING = frozenset({"", "unknown", "not_stated", "not_tested", "not_assessed"})
"""Categories that say that nothing is known: counted as missing, in no percentage."""

Values = TypeVar("Values")


@dataclass(frozen=True, slots=True)
class Categories:
    """Counts by category in one group; `missing` are in no percentage."""

    counts: Mapping[str, int]
    missing: int

    @property
    def known(self) -> int:
        return sum(self.counts.values())

    def percent(self, category: str) -> float | None:
        """Of those of whom it is known; None where it is known of nobody."""
        return 100 * self.counts.get(category, 0) / self.known if self.known else None


@dataclass(frozen=True, slots=True)
class Spread:
    """A number in one group: `n` known; all else None where it is known of nobody.

    Quartiles by R's default rule (type 7); sd with n - 1, None for one value.
    """

    n: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row(Generic[Values]):
    """A variable: overall, by group, and the greatest standardised difference of two groups.

    smd: infinite where two groups share nothing; None with fewer than two groups, and where no
    pair has one.
    """

    name: str
    overall: Values
    groups: Mapping[str, Values]
    smd: float | None


@dataclass(frozen=True, slots=True)
class CountTable:
    """Patients by group (`sizes`), and the categorical rows; `by` is None without groups."""

    by: str | None
    n: int
    sizes: Mapping[str, int]
    rows: tuple[Row[Categories], ...]


@dataclass(frozen=True, slots=True)
class TableOne:
    """The site's own table: counts, and the numbers that are single patients' values."""

    counts: CountTable
    numbers: tuple[Row[Spread], ...]


def count_table(cells: Aggregate, by: str | None = None) -> CountTable:
    """Table 1 from the aggregate alone.

    by: a stratifier of the aggregate. Raises KeyError for another.
    """
    if by is not None and by not in cells.header.stratifiers:
        raise KeyError(by)
    groups = {} if by is None else {value: cells.stratum(by, value) for value in cells.strata(by)}
    rows = tuple(
        _row(
            name,
            _categories(cells, name),
            {value: _categories(group, name) for value, group in groups.items()},
            lambda a, b: categorical_difference(a.counts, b.counts),
        )
        for name in CATEGORICAL
        if name != by
    )
    sizes = {value: group.count("patients", "all") for value, group in groups.items()}
    return CountTable(by, cells.count("patients", "all"), sizes, rows)


def table_one(courses: Iterable[Course], study: Study, by: str | None = None) -> TableOne:
    """Table 1 of the counted episodes.

    by: a name in `STRATIFIERS`. Raises KeyError for another.
    """
    known = list(courses)
    episodes = counted_episodes(known, study)
    groups: dict[str, list[Episode]] = {}
    if by is not None:
        for episode in episodes:
            groups.setdefault(STRATIFIERS[by](episode, study), []).append(episode)
    cells = aggregate(known, study, header(study, [by] if by else []))
    rows = []
    for name, value in NUMBERS.items():
        by_group = {group: [value(each) for each in groups[group]] for group in sorted(groups)}
        row = _row(name, [value(each) for each in episodes], by_group, _numbers_difference)
        spreads = {group: _spread(values) for group, values in row.groups.items()}
        rows.append(Row(name, _spread(row.overall), spreads, row.smd))
    return TableOne(count_table(cells, by), tuple(rows))


def _row(
    name: str,
    overall: Values,
    groups: Mapping[str, Values],
    difference: Callable[[Values, Values], float],
) -> Row[Values]:
    found = []
    for a, b in combinations(groups.values(), 2):
        try:
            found.append(difference(a, b))
        except NotEstimable:
            continue
    return Row(name, overall, groups, max(found, default=None))


def _categories(cells: Aggregate, variable: str) -> Categories:
    found = cells.categories(variable)
    known = {name: n for name, n in found.items() if name not in MISSING}
    return Categories(known, sum(found.values()) - sum(known.values()))


Numbers = Sequence[float | None]


def _numbers_difference(a: Numbers, b: Numbers) -> float:
    return continuous_difference(_known(a), _known(b))


def _known(values: Numbers) -> list[float]:
    return [value for value in values if value is not None]


def _spread(values: Numbers) -> Spread:
    known = _known(values)
    missing = len(values) - len(known)
    if not known:
        return Spread(0, missing)
    q1, median, q3 = (float(each) for each in np.quantile(known, (0.25, 0.5, 0.75)))
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
    mean = float(np.mean(known))
    return Spread(len(known), missing, mean, sd, median, q1, q3, min(known), max(known))


def _mci(mbq: Decimal | None) -> float | None:
    return None if mbq is None else float(mbq / MBQ_PER_MCI)


def _drug_days(episode: Episode) -> float | None:
    """Of the longest of the index drugs; unknown where an end is not stated."""
    days = [span.days for span in episode.drugs.spans]
    known = [each for each in days if each is not None]
    return max(known) if known and len(known) == len(days) else None


def _tg(episode: Episode) -> float | None:
    """The value before the drugs; one below its limit stands at the limit."""
    prior = episode.tg["prior"]
    return None if prior is None or prior.high is None else float(prior.high)


def _lesions(episode: Episode) -> float | None:
    prior = episode.ct["prior"]
    return None if prior is None else float(prior.sum_mm)


NUMBERS: Mapping[str, Callable[[Episode], float | None]] = {
    "age_years": lambda episode: episode.age_years,
    "tg_prior_ng_ml": _tg,
    "lesion_sum_prior_mm": _lesions,
    "prior_rai_mci": lambda episode: _mci(episode.prior_rai_mbq),
    "redifferentiation_rai_mci": lambda episode: _mci(episode.rai_mbq),
    "cumulative_rai_mci": lambda episode: _mci(episode.cumulative_rai_mbq),
    "max_tolerated_mci": lambda episode: _mci(episode.max_tolerated_mbq),
    "drug_days": _drug_days,
}
"""Name -> the number of one episode, None where it is not known."""
