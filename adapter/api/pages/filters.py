"""A cohort as a query string: `?site=A&site=B&start=2022-01-01&driver=BRAF_V600E`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from fastapi import Request

from adapter.api.fhir.failures import FhirFailure
from adapter.evaluate import Request as Asked
from analytics.episode import Course, Episode

NOT_CHOSEN = "other_driver_or_drugs_than_chosen"
MANY, ONE = ("site", "driver", "regimen"), ("start", "end")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which patients are shown: of these sites, with protocol finish from start to end, whose
    episodes have one of these drivers and drugs. Nothing stated: all."""

    site: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    driver: tuple[str, ...] = ()
    regimen: tuple[str, ...] = ()

    @property
    def asked(self) -> Asked:
        """The part that the store is asked for."""
        return Asked(sites=self.site, start=self.start, end=self.end)

    @property
    def narrowed(self) -> bool:
        """Whether patients are left out by what they had or took."""
        return bool(self.driver or self.regimen)

    @property
    def query(self) -> str:
        """As it stands in an address, with its question mark; '' where nothing is stated."""
        pairs = [(name, text) for name in MANY for text in getattr(self, name)]
        pairs += [(name, f"{day}") for name in ONE if (day := getattr(self, name))]
        return f"?{urlencode(pairs)}" if pairs else ""

    @property
    def said(self) -> str:
        """In words."""
        parts = [f"{name} {' or '.join(found)}" for name in MANY if (found := getattr(self, name))]
        parts += [f"{word} {day}" for word, day in (("from", self.start), ("to", self.end)) if day]
        return "; ".join(parts) or "all patients"

    def keep(self, courses: Iterable[Course]) -> list[Course]:
        """The courses with the episodes that fit; who has none is out by a reason of its own."""
        kept = []
        for course in courses:
            episodes = tuple(each for each in course.episodes if self._fits(each))
            out = NOT_CHOSEN if course.episodes and not episodes else course.attrition
            kept.append(replace(course, episodes=episodes, attrition=out))
        return kept

    def _fits(self, episode: Episode) -> bool:
        return (not self.driver or episode.profile.driver in self.driver) and (
            not self.regimen or episode.drugs.regimen in self.regimen
        )


def filters(request: Request) -> Filters:
    """What the query string asks for; other parameters are those of the page.

    Raises FhirFailure 400.
    """
    sent = request.query_params
    found = Filters(
        site=_many(sent.getlist("site")),
        start=_day("start", sent.getlist("start")),
        end=_day("end", sent.getlist("end")),
        driver=_many(sent.getlist("driver")),
        regimen=_many(sent.getlist("regimen")),
    )
    if found.start and found.end and found.end < found.start:
        raise FhirFailure(400, "invalid", "the period ends before it starts")
    return found


def by_site_alone(found: Filters) -> None:
    """Raises FhirFailure 400 where a page that looks at whole sites is asked for a part of them."""
    if found != Filters(site=found.site):
        raise FhirFailure(400, "invalid", "this page can be narrowed by site only")


def _many(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))


def _day(name: str, texts: list[str]) -> date | None:
    """An empty field of a form states nothing."""
    stated = [text for text in texts if text]
    if not stated:
        return None
    try:
        (text,) = stated
        return date.fromisoformat(text)
    except ValueError:
        raise FhirFailure(400, "invalid", f"{name}: one day is expected, as 2022-01-31") from None
