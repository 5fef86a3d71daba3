"""Subject-list reports: a summary's groups, and for each count the list of who is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from adapter.elements import Json
from adapter.evaluate import Evaluation
from adapter.measures.definition import MeasureDefinition
from adapter.models import PatientRow
from adapter.report.check import link_id
from adapter.report.evaluation import checked
from adapter.report.individual import own_groups, patient_reference
from adapter.report.writer import ReportHead, measure_report

if TYPE_CHECKING:
    from adapter.store import Store

Place = tuple[str, str, str, str]
"""linkIds of group, stratifier and population, and the stratum's value; '' outside strata."""


def subject_list_report(
    evaluation: Evaluation,
    asked: MeasureDefinition,
    head: ReportHead,
    store: Store,
    told: Callable[[int], None] = lambda done: None,
) -> Json:
    """The report of type subject-list: every population names the patients whose own count is
    not 0, in a contained List (equal lists stand once).

    head: of the summary. told: hears after each patient how many are done; what it raises ends the
    work. Raises GateFailed as `checked` does.
    """
    whole = measure_report(
        asked,
        evaluation.estimates,
        evaluation.aggregate,
        evaluation.study,
        replace(head, kind="subject-list"),
    )
    members = _members(evaluation, asked, _references(store, evaluation), told)
    lists: dict[tuple[str, ...], Json] = {}
    for place, population in _populations(whole["group"]):
        if found := members.get(place):
            held = lists.setdefault(tuple(found), _list(found.values(), len(lists) + 1))
            population["subjectResults"] = {"reference": f"#{held['id']}"}
    whole["contained"] = [*lists.values(), *whole["contained"]]
    return checked(whole, asked)


def _members(
    evaluation: Evaluation,
    asked: MeasureDefinition,
    references: Callable[[int], Json],
    told: Callable[[int], None],
) -> dict[Place, dict[str, Json]]:
    """Who is counted where: patient key -> Reference, in the order of the store."""
    members: dict[Place, dict[str, Json]] = {}
    for number, course in enumerate(evaluation.courses):
        told(number)
        if not course.episodes:
            continue
        for place, population in _populations(own_groups(evaluation, course, asked)):
            if population.get("count"):
                key = f"{course.site}|{course.patient_key}"
                members.setdefault(place, {})[key] = references(number)
    return members


def _references(store: Store, evaluation: Evaluation) -> Callable[[int], Json]:
    ids = {(row.site, row.patient_key): row.patient_id for row in store.rows(PatientRow)}

    def reference(number: int) -> Json:
        course = evaluation.courses[number]
        return patient_reference(course, ids.get((course.site, course.patient_key), ""))

    return reference


def _populations(groups: Iterable[Json]) -> Iterator[tuple[Place, Json]]:
    """Every population of groups and strata, with its place."""
    for group in groups:
        name = link_id(group, "group")
        for population in group["population"]:
            yield (name, "", link_id(population, "group.population"), ""), population
        for stratifier in group.get("stratifier", ()):
            by = link_id(stratifier, "group.stratifier")
            for stratum in stratifier["stratum"]:
                value = json.dumps(
                    [component["value"] for component in stratum["component"]], sort_keys=True
                )
                for population in stratum["population"]:
                    path = "group.stratifier.stratum.population"
                    yield (name, by, link_id(population, path), value), population


def _list(references: Iterable[Json], number: int) -> Json:
    return {
        "resourceType": "List",
        "id": f"subjects-{number}",
        "status": "current",
        "mode": "snapshot",
        "entry": [{"item": reference} for reference in references],
    }
