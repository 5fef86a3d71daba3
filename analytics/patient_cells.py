"""What one patient adds to the aggregate: cells, each of which counts one.

They are kept and sent between processes as they are; only their sum becomes an `Aggregate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode
from analytics.stratifiers import STRATIFIERS
from analytics.study import Study

if TYPE_CHECKING:
    from analytics.aggregate import Header

Pattern = tuple[str, ...]

TIME_TO_PROGRESSION = "ttp"
FIRST_OUTCOME = "first_outcome"
"""Progression or death, whichever was first: kinds entered, progression, death, censored."""

Cell = tuple[Any, ...]
"""One count: what a patient adds one to. Its table (`COUNT`, `EXIT`, `VALUE`), the pattern, and the
rest of the table's key in its order."""

COUNT, EXIT, VALUE = "count", "exit", "value"


def cells(course: Course, study: Study, head: Header) -> Iterator[Cell]:
    """What one patient adds to the aggregate."""
    if course.attrition:
        yield COUNT, (), "attrition", course.attrition
    counted = course.episodes if study.unit == "episode" else course.episodes[:1]
    for later in course.episodes[len(counted) :]:
        yield COUNT, (), "later_courses", "all"
        yield COUNT, (), "later_courses", "rai" if later.rai else "no_rai"
        if later.rai_mbq is not None:
            yield VALUE, (), "later_rai_mci", later.rai_mbq / MBQ_PER_MCI
    for episode in counted:
        pattern = tuple(STRATIFIERS[name](episode, study) for name in head.stratifiers)
        for variable, category in dict.fromkeys(_categories(episode, study)):
            yield COUNT, pattern, variable, category
        for variable, value in _values(episode):
            yield VALUE, pattern, variable, value
        yield from _exits(episode, head, pattern)


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


def _exits(episode: Episode, head: Header, pattern: Pattern) -> Iterator[Cell]:
    """The patient's entry and exit; one without any follow-up enters no curve."""
    seen = episode.follow_up
    if seen.outcome:
        kind, days = seen.outcome
        yield EXIT, pattern, FIRST_OUTCOME, 0, "entered"
        yield EXIT, pattern, FIRST_OUTCOME, -(-days // head.grid_days), kind
    if seen.reason == "no_follow_up":
        return
    kind = "event" if seen.event else "censored"
    exit_bin = -(-seen.days // head.grid_days)
    yield EXIT, pattern, TIME_TO_PROGRESSION, 0, "entered"
    yield EXIT, pattern, TIME_TO_PROGRESSION, exit_bin, kind
