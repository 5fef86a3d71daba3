"""Whose data is evaluated: sites, groups, single patients; and whether the client may name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.api.evaluating.given import Given
from adapter.api.evaluating.vocabulary import kind_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.principal import Principal
from adapter.elements import Json
from adapter.mapping.stamp import patient_key
from adapter.report.writer import ReportKind

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Subjects:
    """sites, none for all. patients: by the store's keys, none for all; named: whether single ones
    were asked for. group: the reference of a Group that was named."""

    kind: ReportKind
    sites: tuple[str, ...]
    patients: tuple[str, ...]
    group: str
    named: bool


def subjects_asked(given: Given, store: Store, who: Principal) -> Subjects:
    """Whose data, and the type of report.

    A Group is a site of the store (`Group/SITE`), or a Group resource that lists patients.
    Raises FhirFailure 400, 403 where single patients may not be known, 404 for who is not there.
    """
    subject = given.one("subject") or given.one("patient")
    in_resource = _inline(given)
    group = "" if in_resource else given.one("subjectGroup")
    if subject and (group or in_resource):
        raise given.failure("subjectGroup", "subject and subjectGroup exclude one another")
    if subject.startswith("Group/"):
        subject, group = "", subject
    kind = kind_of(given, names_a_subject=bool(subject))
    if kind != "summary" or subject or in_resource:
        _demand_patient_level(who)
    sites = _sites(given, store, group)
    patients = tuple(sorted(set(_keys(given, store, _named(given, subject), sites))))
    return Subjects(kind, sites, patients, group, bool(patients))


def _demand_patient_level(who: Principal) -> None:
    """Reports of single patients take a right of their own, and leave to read patients."""
    if not who.patient_level:
        raise FhirFailure(
            403, "forbidden", "reports that name patients are not open to this client"
        )
    who.demand("Patient", "r")


def _sites(given: Given, store: Store, group: str) -> tuple[str, ...]:
    known = {row.site for row in store.sites()}
    found = [("location", text.removeprefix("Location/")) for text in given.many("location")]
    if group:
        name = "subjectGroup" if given.values.get("subjectGroup") else "subject"
        found.append((name, group.removeprefix("Group/")))
    for name, site in found:
        if site not in known:
            text = f"{name}: no site of this name has sent data"
            raise given.failure(name, text, status=404, code="not-found")
    return tuple(sorted({site for _, site in found}))


def _named(given: Given, subject: str) -> list[tuple[str, str]]:
    """The parameter, and whom it names."""
    if subject:
        return [("subject" if given.values.get("subject") else "patient", subject)]
    group = given.resource("subjectGroup", "Group") if _inline(given) else None
    if group is None:
        return []
    members = group.get("member", [])
    if not members:
        raise given.failure("subjectGroup", "a Group without members", code="required")
    return [("subjectGroup", _member(given, member)) for member in members]


def _inline(given: Given) -> bool:
    return any(isinstance(value, dict) for value in given.values.get("subjectGroup", ()))


def _member(given: Given, member: Json) -> str:
    reference = member.get("entity", {}).get("reference", "")
    if not isinstance(reference, str) or not reference:
        raise given.failure("subjectGroup", "a member of the Group without a reference")
    return reference


def _keys(
    given: Given, store: Store, named: list[tuple[str, str]], sites: tuple[str, ...]
) -> Iterator[str]:
    for name, reference in named:
        kind, _, identified = reference.rpartition("/")
        if kind not in {"", "Patient"}:
            raise given.failure(name, f"{name}: a Patient or Group is expected")
        key = _key(given, store, name, identified, sites)
        if key is None:
            raise given.failure(name, f"{name}: no such patient", status=404, code="not-found")
        yield key


def _key(
    given: Given, store: Store, name: str, identified: str, sites: tuple[str, ...]
) -> str | None:
    among = sites or tuple(row.site for row in store.sites())
    found = set()
    for site in among:
        # Whose Patient resource never came is known by what refers to it.
        key = store.find_patient(identified, site)
        found.add(key or store.find_patient(patient_key(site, identified), site))
    held = found - {None}
    if len(held) > 1:
        raise given.failure(name, f"{name}: several sites have a patient of this id; say location")
    return held.pop() if held else None
