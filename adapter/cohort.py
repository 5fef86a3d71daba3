"""Who is in the cohort and who is not, by reason; and why for one patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.errors import UsageError
from adapter.mapping.stamp import patient_key
from adapter.models import UnmappedCodeRow
from analytics.eligibility import reasons
from analytics.episode import Course, derive
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Attrition:
    """Persons in the store, persons out by the first reason (in the study's order), persons in."""

    persons: int
    out: dict[str, int]
    enrolled: int
    later_courses: int

    def steps(self) -> list[tuple[str, int, int]]:
        """Reason, persons out for it, persons left after it."""
        left, steps = self.persons, []
        for reason, n in self.out.items():
            left -= n
            steps.append((reason, n, left))
        return steps


def attrition(store: Store, study: Study, sites: Sequence[str] = ()) -> Attrition:
    """The attrition of the sites (none named: all). Raises UsageError for an unknown site."""
    check_sites(store, sites)
    return attrition_of((derive(facts, study) for facts in store.patients(sites)), study)


def attrition_of(courses: Iterable[Course], study: Study) -> Attrition:
    """The attrition of patients who have been looked at."""
    met: Counter[str] = Counter()
    persons = enrolled = later = 0
    for course in courses:
        persons += 1
        if course.attrition:
            met[course.attrition] += 1
        else:
            enrolled += 1
            later += len(course.episodes) - 1
    out = {reason: met[reason] for reason in dict.fromkeys((*reasons(study), *sorted(met)))}
    return Attrition(persons, out, enrolled, later)


def explained(store: Store, study: Study, patient: str, site: str = "") -> Course:
    """The course of a patient named by the store's key, `Patient/id` or id, with every finding.

    Raises UsageError where there is no such patient, or several; the message does not name it.
    """
    key = store.find_patient(patient, site) or _referred_to(store, patient, site)
    facts = next(iter(store.patients(patient_keys=[key])), None) if key else None
    if facts is None:
        raise UsageError(
            "no such patient in the store",
            where=f"site {site}" if site else str(store),
            hint="name the patient as Patient/<id> or by the store's key; `raiway doctor` "
            "says whether the store is the right one",
        )
    return derive(facts, study)


def _referred_to(store: Store, patient: str, site: str) -> str | None:
    """The key of a patient whom facts refer to and whose Patient resource never came."""
    identified = patient.removeprefix("Patient/")
    sites = [site] if site else [each.site for each in store.sites()]
    found = [store.find_patient(patient_key(each, identified), each) for each in sites]
    keys = [key for key in found if key]
    if len(keys) > 1:
        raise UsageError("several sites have a patient of this id", hint="name the site")
    return keys[0] if keys else None


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the store may lack: ingests without an end, and codes that nothing maps (how often)."""

    unfinished: tuple[str, ...]
    unmapped: dict[str, int]


def gaps(store: Store, sites: Sequence[str] = ()) -> Gaps:
    """The gaps of the sites (none named: all), the code of most resources first.

    A code is `system|code`; units and values, which may be text as typed, are named by kind alone.
    """
    unfinished = store.unfinished_runs(sites)
    met: Counter[str] = Counter()
    for row in store.rows(UnmappedCodeRow):
        if not sites or row.site in sites:
            named = row.kind == "code" and row.code_system
            met[f"{row.code_system}|{row.code}" if named else f"a {row.kind}"] += 1
    begun = tuple(f"{run.site}, begun {run.started:%Y-%m-%d %H:%M}" for run in unfinished)
    return Gaps(begun, dict(met.most_common()))


def check_sites(store: Store, sites: Sequence[str]) -> None:
    """Raise UsageError for a site that never sent data."""
    known = {site.site for site in store.sites()}
    if lost := sorted(set(sites) - known):
        raise UsageError(
            f"no data of site {', '.join(lost)}",
            hint=f"sites in the store: {', '.join(sorted(known)) or 'none'}",
        )
