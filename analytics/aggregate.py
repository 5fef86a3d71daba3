"""`add`: courses -> Aggregate, and Aggregate + Aggregate -> Aggregate.

A commutative monoid of integer cells. Every cell stands for one *pattern*, the patient's values of
the header's stratifiers, so that a stratum is a sum over patterns and the whole is the sum over
all. Aggregates of disjoint patients add up to the aggregate of all; unequal headers do not add.
What needs a single patient (a minimum, a median of rows) is not here: `analytics.patient_level`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode
from analytics.study import Study

Pattern = tuple[str, ...]

TIME_TO_PROGRESSION = "ttp"
FIRST_OUTCOME = "first_outcome"
"""Progression or death, whichever was first: kinds entered, progression, death, censored."""


class CountKey(NamedTuple):
    """Patients of `pattern` whose `variable` has `category`."""

    variable: str
    pattern: Pattern
    category: str


class ExitKey(NamedTuple):
    """Patients of `pattern` in time bin `bin`: kind is entered, event or censored, or the cause
    (`FIRST_OUTCOME`)."""

    endpoint: str
    pattern: Pattern
    bin: int
    kind: str


class ValueKey(NamedTuple):
    """Occurrences of a number among patients of `pattern`: a value:count table."""

    variable: str
    pattern: Pattern
    value: Decimal


@dataclass(frozen=True, slots=True)
class Header:
    """What two aggregates must share to be added. Bin 0 is day 0; bin i covers the days
    (width * (i - 1), width * i]; at a tie events come before censorings. `unit` is what is
    counted: patients or their treatment episodes."""

    study_hash: str
    horizon_days: int
    grid_days: int
    stratifiers: tuple[str, ...]
    unit: str = "patient"
    ties: str = "events-before-censored"
    schema: int = 1


Key = TypeVar("Key", bound=tuple[Any, ...])


class HeadersDiffer(ValueError):
    """Two aggregates of different studies, grids or stratifiers cannot be added."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Sparse integer cells; an absent cell is zero."""

    header: Header
    counts: Mapping[CountKey, int] = field(default_factory=dict)
    exits: Mapping[ExitKey, int] = field(default_factory=dict)
    values: Mapping[ValueKey, int] = field(default_factory=dict)

    def __add__(self, other: Aggregate) -> Aggregate:
        if self.header != other.header:
            raise HeadersDiffer(f"cannot add: {self.header} is not {other.header}")
        return Aggregate(
            self.header,
            _sum(self.counts, other.counts),
            _sum(self.exits, other.exits),
            _sum(self.values, other.values),
        )

    def stratum(self, stratifier: str, value: str) -> Aggregate:
        """The cells of the patients whose `stratifier` is `value`."""
        place = self.header.stratifiers.index(stratifier)

        def keep(pattern: Pattern) -> bool:
            return bool(pattern) and pattern[place] == value

        return replace(
            self,
            counts={key: n for key, n in self.counts.items() if keep(key.pattern)},
            exits={key: n for key, n in self.exits.items() if keep(key.pattern)},
            values={key: n for key, n in self.values.items() if keep(key.pattern)},
        )

    def strata(self, stratifier: str) -> list[str]:
        """The values of `stratifier` that occur, sorted."""
        place = self.header.stratifiers.index(stratifier)
        return sorted({key.pattern[place] for key in self.counts if key.pattern})

    def categories(self, variable: str) -> dict[str, int]:
        """Counts by category, over all patterns."""
        totals: Counter[str] = Counter()
        for key, n in self.counts.items():
            if key.variable == variable:
                totals[key.category] += n
        return dict(sorted(totals.items()))

    def count(self, variable: str, *categories: str) -> int:
        found = self.categories(variable)
        return sum(found.get(category, 0) for category in categories)

    def value_counts(self, variable: str) -> dict[Decimal, int]:
        """The value:count table, over all patterns, ascending."""
        totals: Counter[Decimal] = Counter()
        for key, n in self.values.items():
            if key.variable == variable:
                totals[key.value] += n
        return dict(sorted(totals.items()))

    def exit_counts(self, endpoint: str) -> dict[int, dict[str, int]]:
        """bin -> kind -> count, over all patterns, bins ascending."""
        totals: dict[int, Counter[str]] = {}
        for key, n in self.exits.items():
            if key.endpoint == endpoint:
                totals.setdefault(key.bin, Counter())[key.kind] += n
        return {number: dict(kinds) for number, kinds in sorted(totals.items())}


def _sum(left: Mapping[Key, int], right: Mapping[Key, int]) -> Mapping[Key, int]:
    return dict(sorted((Counter(left) + Counter(right)).items()))


def arm(study: Study, driver: str) -> str:
    """The drug classes that the study gives to a driver, as `BRAFi+MEKi`; `no_arm` for none."""
    return "+".join(study.driver(driver).arm) or "no_arm"


STRATIFIERS: dict[str, Callable[[Episode, Study], str]] = {
    "driver": lambda episode, study: episode.profile.driver,
    "arm": lambda episode, study: arm(study, episode.profile.driver),
    "regimen": lambda episode, study: episode.drugs.regimen,
    "histology": lambda episode, study: episode.histology,
    "sex": lambda episode, study: episode.sex or "unknown",
    "race": lambda episode, study: study.race_labels.get(episode.race, "other"),
    "ethnicity": lambda episode, study: study.ethnicity_labels.get(episode.ethnicity, "other"),
    "pdl1": lambda episode, study: _pdl1(episode, study),
    "uptake": lambda episode, study: episode.uptake,
    "rai_treated": lambda episode, study: "yes" if episode.rai else "no",
    "site": lambda episode, study: episode.site,
}


def header(study: Study, stratifiers: Iterable[str] = ()) -> Header:
    """The header of the study's aggregates; `driver` is always a stratifier, so are the study's
    `strata`, and `rai_treated` where percentages are of the treated.

    Raises KeyError for a stratifier that is not in `STRATIFIERS`.
    """
    treated = ("rai_treated",) if study.percent_denominator == "treated" else ()
    names = tuple(dict.fromkeys(("driver", *treated, *study.strata, *stratifiers)))
    for name in names:
        STRATIFIERS[name]
    return Header(study.fingerprint, study.horizon_days, study.grid_days, names, study.unit)


def aggregate(courses: Iterable[Course], study: Study, head: Header) -> Aggregate:
    """The aggregate of these courses; the unit of counting is the study's (`unit`)."""
    counts: Counter[CountKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    values: Counter[ValueKey] = Counter()
    for course in courses:
        if course.attrition:
            counts[CountKey("attrition", (), course.attrition)] += 1
        counted = course.episodes if study.unit == "episode" else course.episodes[:1]
        for later in course.episodes[len(counted) :]:
            counts[CountKey("later_courses", (), "all")] += 1
            counts[CountKey("later_courses", (), "rai" if later.rai else "no_rai")] += 1
            if later.rai_mbq is not None:
                values[ValueKey("later_rai_mci", (), later.rai_mbq / MBQ_PER_MCI)] += 1
        for episode in counted:
            pattern = tuple(STRATIFIERS[name](episode, study) for name in head.stratifiers)
            counts.update(
                CountKey(variable, pattern, category)
                for variable, category in dict.fromkeys(_categories(episode, study))
            )
            values.update(
                ValueKey(variable, pattern, value) for variable, value in _values(episode)
            )
            exits.update(_exits(episode, head, pattern))
    return Aggregate(
        head,
        dict(sorted(counts.items())),
        dict(sorted(exits.items())),
        dict(sorted(values.items())),
    )


def _categories(episode: Episode, study: Study) -> Iterator[tuple[str, str]]:
    """Every (variable, category) of one patient; a variable may have several."""
    yield "patients", "all"
    for name in ("race", "ethnicity", "sex", "histology", "driver", "regimen", "pdl1", "uptake"):
        yield name, STRATIFIERS[name](episode, study)
    driver = study.driver(episode.profile.driver)
    yield "regimen_by_driver", f"{episode.drugs.regimen}:{driver.group}"
    yield "rai_treated", STRATIFIERS["rai_treated"](episode, study)
    yield "best_recist", episode.best_recist
    yield "durable_control", episode.durable_control
    yield "finish_rule", episode.finish_rule
    yield "observation_ended", episode.follow_up.reason
    yield "absorbed_dose", "stated" if episode.absorbed_dose.stated else "not_stated"
    for variable, found in (
        ("mutation", episode.profile.labels),
        ("mutation_pair", _pairs(episode)),
        ("gene_tested", episode.profile.genes_tested),
        ("deviation", episode.deviations),
        (
            "dose_intensity",
            [f"{drug.ingredient}:{drug.category}" for drug in episode.dose_intensity],
        ),
    ):
        yield from ((variable, name) for name in found)
    for what, at in (
        ("recist", episode.response.at),
        ("tg", episode.tg_change),
        ("ct", episode.ct_change),
    ):
        yield from ((f"{what}_{time}", category) for time, category in at.items())
    if any(value and value.tgab_positive for value in episode.tg.values()):
        yield "tgab", "positive"


def _pairs(episode: Episode) -> list[str]:
    """Genes found altered together, as `BRAF+TERT`; a verbatim label is no gene."""
    genes = sorted(set(episode.profile.labels) & set(episode.profile.genes_tested))
    return ["+".join(pair) for pair in combinations(genes, 2)]


def _pdl1(episode: Episode, study: Study) -> str:
    score = episode.profile.pdl1_pct
    if score is None:
        return "not_tested"
    return "positive" if score >= Decimal(str(study.pdl1_positive_from_pct)) else "negative"


def _values(episode: Episode) -> Iterator[tuple[str, Decimal]]:
    for span in episode.drugs.spans:
        if span.days is not None:
            yield "drug_days", Decimal(span.days)
    for name, mbq in (
        ("redifferentiation_rai_mci", episode.rai_mbq),
        ("prior_rai_mci", episode.prior_rai_mbq),
        ("cumulative_rai_mci", episode.cumulative_rai_mbq),
    ):
        if mbq is not None:
            yield name, mbq / MBQ_PER_MCI


def _exits(episode: Episode, head: Header, pattern: Pattern) -> Iterator[ExitKey]:
    """The patient's entry and exit; one without any follow-up enters no curve."""
    seen = episode.follow_up
    if seen.outcome:
        kind, days = seen.outcome
        yield ExitKey(FIRST_OUTCOME, pattern, 0, "entered")
        yield ExitKey(FIRST_OUTCOME, pattern, -(-days // head.grid_days), kind)
    if seen.reason == "no_follow_up":
        return
    kind = "event" if seen.event else "censored"
    exit_bin = -(-seen.days // head.grid_days)
    yield ExitKey(TIME_TO_PROGRESSION, pattern, 0, "entered")
    yield ExitKey(TIME_TO_PROGRESSION, pattern, exit_bin, kind)
