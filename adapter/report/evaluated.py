"""The resources behind one patient's report, each with the populations that it speaks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.elements import Json, extension
from adapter.models import LinkRow
from adapter.report.source import ReportSource
from analytics.course import Finding
from analytics.episode import Course

if TYPE_CHECKING:
    from adapter.store import Store

CRITERIA = "http://hl7.org/fhir/StructureDefinition/cqf-criteriaReference"

# The rule of a finding -> how the names of the figures begin that it decides.
ENTRY = ("n_patients",)
DECIDES = {
    "diagnosis": ENTRY,
    "index_drug": (*ENTRY, "drug_days_"),
    "dosimetry": ENTRY,
    "rai": ("redifferentiation_rai_",),
}
SERIES = ("tg", "ct")
EXITS = {"event": ("progressed_", "followed_"), "censored": ("censored_", "followed_")}
GIVES_DAY = "report"
"""The link by which a report dates its Observation: it points the other way than all others."""

Spoken = dict[str, dict[str, None]]
"""`Type/id` -> the linkIds of populations, in the Measure's order."""


def evaluated_resources(store: Store, course: Course, source: ReportSource) -> tuple[Json, ...]:
    """FHIR References, by type and id, with the extension `cqf-criteriaReference` for each
    population that the patient is counted in and that the resource decides.

    Of populations that count the same, such as every group's initial population, the Measure's
    first stands for all. source: of the aggregate that holds this patient alone.
    """
    counted = _counted(source)
    spoken: Spoken = {}
    for finding in course.findings:
        _say(spoken, finding, _decided(finding, counted))
    for episode in course.episodes[:1]:
        gene = episode.profile.driver.partition("_")[0]
        names = [
            name for name, figure in counted if figure in (*ENTRY, f"mutation_patients_n:{gene}")
        ]
        for ref in episode.profile.driver_refs:
            spoken.setdefault(str(ref), {}).update(dict.fromkeys(names))
    for row in store.rows(LinkRow, patient_key=course.patient_key, site=course.site):
        _follow(spoken, row)
    return tuple(_reference(name, spoken[name]) for name in sorted(spoken))


def _counted(source: ReportSource) -> list[tuple[str, str]]:
    """linkId and figure of the populations that the patient is in, each figure once."""
    first: dict[str, str] = {}
    for group in source.measure.groups:
        for population in group.populations:
            if source.value(source.overall, population.figure):
                first.setdefault(population.figure, population.link_id)
    return [(name, figure) for figure, name in first.items()]


def _decided(finding: Finding, counted: list[tuple[str, str]]) -> list[str]:
    what, _, landmark = finding.rule.partition(":")
    if what in SERIES:
        return [
            name
            for name, figure in counted
            if figure.startswith(f"{what}_") and landmark in figure.split("_")
        ]
    starts = DECIDES.get(what) or EXITS.get(finding.outcome, ())
    return [name for name, figure in counted if figure.startswith(starts)] if starts else []


def _say(spoken: Spoken, finding: Finding, names: list[str]) -> None:
    for ref in finding.refs:
        spoken.setdefault(str(ref), {}).update(dict.fromkeys(names))


def _follow(spoken: Spoken, row: LinkRow) -> None:
    """What a resource was read with says what that resource says."""
    near, far = f"{row.resource_type}/{row.resource_id}", f"{row.target_type}/{row.target_id}"
    if row.role == GIVES_DAY:
        near, far = far, near
    if near in spoken:
        spoken.setdefault(far, {}).update(spoken[near])


def _reference(name: str, populations: dict[str, None]) -> Json:
    said = [extension(CRITERIA, "String", population) for population in populations]
    return {**({"extension": said} if said else {}), "reference": name}
