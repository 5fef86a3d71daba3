"""Cohorts of any size for tests of the report: the synthetic patients, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from adapter.definitions import load
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.models import SiteRow
from analytics.course import DateSpan, PatientFacts
from analytics.episode import derive


@dataclass(frozen=True)
class Facts:
    """Stands for a store that holds the facts of these patients and nothing else."""

    held: Sequence[PatientFacts]

    def patients(self, sites: Sequence[str] = ()) -> Iterator[PatientFacts]:
        yield from self.held

    def sites(self) -> list[SiteRow]:
        return [SiteRow(site=site) for site in sorted({each.site for each in self.held})]

    def fingerprint(self, sites: Sequence[str] = ()) -> str:
        return "0" * 64

    def rows(self, model: object, **equal: str) -> Iterator[Any]:
        yield from ()

    def runs(self) -> list[Any]:
        return []


def enrolled(found: Sequence[PatientFacts]) -> list[PatientFacts]:
    """Those who are in the reference study."""
    study = load().study("redifferentiation")
    return [each for each in found if derive(each, study).episodes]


def grown(found: Sequence[PatientFacts], n: int, sites: Sequence[str] = ("A",)) -> Facts:
    """`n` patients made of these; what is judged of each copy lies some days later."""
    return Facts([_copy(found[place % len(found)], place, sites) for place in range(n)])


def _copy(facts: PatientFacts, place: int, sites: Sequence[str]) -> PatientFacts:
    later = timedelta(days=place * 7 % 41)
    return replace(
        facts,
        patient_key=f"key-{place:05d}",
        site=sites[place % len(sites)],
        statuses=tuple(replace(each, date=_moved(each.date, later)) for each in facts.statuses),
        visits=tuple(replace(each, date=_moved(each.date, later)) for each in facts.visits),
    )


def _moved(span: DateSpan | None, by: timedelta) -> DateSpan | None:
    if span is None:
        return None
    return replace(span, earliest=span.earliest + by, latest=span.latest + by)


def evaluation(facts: Facts) -> Evaluation:
    """Of the reference study."""
    return evaluate(facts, load().study("redifferentiation"), Request())
