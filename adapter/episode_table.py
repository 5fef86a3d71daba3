"""Episodes as a table of one row each: for data frames and export. Single patients' data.

Every column has a kind, a unit and a meaning, from which the data dictionary is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from analytics.aggregate import STRATIFIERS, arm
from analytics.episode import Course, Episode, pairs
from analytics.study import Study

Kind = Literal["text", "whole", "number", "day", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """unit: UCUM, empty for what has none. value: of one row, None where it is not known."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    value: Callable[[Any], Any]


def episodes_of(courses: Sequence[Course]) -> list[Episode]:
    """All episodes, also those that the study does not count (`episode` above 1)."""
    return [episode for course in courses for episode in course.episodes]


def episode_columns(study: Study) -> list[Column]:
    """The columns under a study: its landmarks name some of them."""
    return [
        *_person(study),
        *_treatment(),
        *_thyroglobulin(study),
        *_structure(study),
        *_outcome(),
    ]


def _person(study: Study) -> Iterator[Column]:
    yield Column("site", "text", "", "site", lambda e: e.site)
    yield Column(
        "patient_key", "text", "", "the store's key of the patient", lambda e: e.patient_key
    )
    yield Column(
        "episode", "whole", "", "number of the course; the first counts", lambda e: e.number
    )
    yield Column("sex", "text", "", "administrative sex", lambda e: e.sex)
    for name in ("race", "ethnicity", "pdl1"):
        yield Column(name, "text", "", "as figures name it", partial(_category, name, study))
    yield Column("age_years", "whole", "a", "age at the first drug day", lambda e: e.age_years)
    yield Column("histology", "text", "", "concept of the diagnosis", lambda e: e.histology)
    yield Column("driver", "text", "", "driver class", lambda e: e.profile.driver)
    yield Column(
        "arm", "text", "", "drug classes for that driver", lambda e: arm(study, e.profile.driver)
    )
    yield Column(
        "findings", "text", "", "genes and labels found", lambda e: _list(e.profile.labels)
    )
    yield Column(
        "genes_tested", "text", "", "genes tested", lambda e: _list(e.profile.genes_tested)
    )
    yield Column("pdl1_pct", "number", "%", "PD-L1 score", lambda e: _number(e.profile.pdl1_pct))


def _treatment() -> Iterator[Column]:
    yield Column("regimen", "text", "", "index drugs taken", lambda e: e.drugs.regimen)
    yield Column("drug_first_day", "day", "", "first index-drug day", lambda e: e.drugs.first_day)
    yield Column("drug_last_day", "day", "", "last index-drug day", lambda e: e.drugs.last_day)
    yield Column(
        "uptake", "text", "", "uptake at the last scan before treatment", lambda e: e.uptake
    )
    for name, meaning in (
        ("max_tolerated_mbq", "greatest activity that dosimetry allows"),
        ("prior_rai_mbq", "therapeutic I-131 before the drugs"),
        ("rai_mbq", "therapeutic I-131 of the course"),
        ("cumulative_rai_mbq", "prior and of the course"),
    ):
        yield Column(name, "number", "MBq", meaning, partial(_activity, name))
    yield Column(
        "rai_day", "day", "", "day of the therapeutic I-131", lambda e: e.rai.day if e.rai else None
    )
    yield Column("finish", "day", "", "protocol finish: day 0", lambda e: e.finish)
    yield Column("finish_rule", "text", "", "what set that day", lambda e: e.finish_rule)


def _thyroglobulin(study: Study) -> Iterator[Column]:
    for time in _times(study):
        yield Column(
            f"tg_{time}_low", "number", "ng/mL", "thyroglobulin, or the least that it can be",
            partial(_tg, time, "low"),
        )  # fmt: skip
        yield Column(
            f"tg_{time}_high", "number", "ng/mL", "the most that it can be: the limit, where below",
            partial(_tg, time, "high"),
        )  # fmt: skip
    for a, b in pairs(study):
        yield Column(
            f"tg_{a}_to_{b}", "text", "", "change of thyroglobulin",
            partial(_change, "tg_change", f"{a}_to_{b}"),
        )  # fmt: skip


def _structure(study: Study) -> Iterator[Column]:
    for time in _times(study):
        yield Column(
            f"ct_{time}_mm", "number", "mm", "sum of target diameters",
            partial(_ct, time),
        )  # fmt: skip
    for a, b in pairs(study):
        yield Column(
            f"ct_{a}_to_{b}", "text", "", "change of the sum",
            partial(_change, "ct_change", f"{a}_to_{b}"),
        )  # fmt: skip
    for mark in study.landmarks:
        yield Column(
            f"recist_{mark.name}", "text", "", "response at the landmark",
            partial(_recist, mark.name),
        )  # fmt: skip
    yield Column("best_recist", "text", "", "best response", lambda e: e.best_recist)
    yield Column("durable_control", "text", "", "durable control", lambda e: e.durable_control)


def _outcome() -> Iterator[Column]:
    yield Column(
        "follow_up_days", "whole", "d", "days from finish to its end", lambda e: e.follow_up.days
    )
    yield Column("progressed", "flag", "", "it ended with progression", lambda e: e.follow_up.event)
    yield Column("observation_ended", "text", "", "what ended it", lambda e: e.follow_up.reason)
    yield Column("death_days", "whole", "d", "days to death", lambda e: e.follow_up.death_days)
    yield Column("last_contact", "day", "", "last contact", lambda e: e.follow_up.last_contact)
    yield Column("deviations", "text", "", "protocol deviations", lambda e: _list(e.deviations))


def _times(study: Study) -> list[str]:
    return ["prior", *(mark.name for mark in study.landmarks)]


def _category(name: str, study: Study, episode: Episode) -> str:
    return STRATIFIERS[name](episode, study)


def _activity(name: str, episode: Episode) -> float | None:
    return _number(getattr(episode, name))


def _tg(time: str, end: str, episode: Episode) -> float | None:
    value = episode.tg[time]
    return _number(getattr(value, end)) if value else None


def _ct(time: str, episode: Episode) -> float | None:
    value = episode.ct[time]
    return _number(value.sum_mm) if value else None


def _change(what: str, change: str, episode: Episode) -> str:
    found: dict[str, str] = getattr(episode, what)
    return found[change]


def _recist(landmark: str, episode: Episode) -> str:
    return episode.response.at[landmark]


def _list(values: Sequence[str]) -> str:
    return ";".join(values)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
