"""Measures: the files under mappings/Measure, loaded and checked.

A Measure that is `composed-of` others has their groups after its own, so that each group is
stated in one file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable

from adapter.elements import Json
from adapter.errors import DefinitionError, GateFailed
from adapter.fhir_r4 import validated
from adapter.measures.definition import MeasureDefinition, measure_definition
from adapter.measures.figure_families import FigureFamilies
from adapter.measures.rules import problems

CANONICAL_BASE = "https://raiway.example/fhir"


def load_measures(folder: Traversable, base: str = CANONICAL_BASE) -> dict[str, MeasureDefinition]:
    """All Measures under `folder`/Measure by id, checked, with their canonicals under `base`.

    Raises DefinitionError naming the file for anything that does not hold together: invalid
    FHIR, unknown figures, stratifiers or codes, clashing names, parts that do not exist.
    """
    resources = {
        f"Measure/{file.name}": _resource(file, base) for file in _files(folder / "Measure")
    }
    families = FigureFamilies.from_code_system(_resource(folder / "CodeSystem/figure.json", base))
    codes = {system["url"]: _codes(system) for system in _code_systems(folder, base)}
    single: dict[str, MeasureDefinition] = {}
    for where, resource in resources.items():
        try:
            single[where] = measure_definition(resource, base, families)
        except ValueError as error:
            raise DefinitionError(str(error), where=where) from error
        _refuse(single[where], codes, where)
    by_canonical = {measure.canonical: measure for measure in single.values()}
    measures: dict[str, MeasureDefinition] = {}
    for where, measure in single.items():
        whole = _composed(measure, by_canonical, where)
        _refuse(whole, codes, where)
        measures[whole.id] = whole
    return measures


def _refuse(measure: MeasureDefinition, codes: Mapping[str, set[str]], where: str) -> None:
    if found := problems(measure, codes):
        raise DefinitionError("; ".join(found), where=where)


def composed_resource(measure: MeasureDefinition, all_of: Mapping[str, MeasureDefinition]) -> Json:
    """The Measure as it is served: the groups and supplemental data of its parts filled in."""
    parts = [measure.resource, *(all_of[name].resource for name in _part_ids(measure.resource))]
    whole = dict(measure.resource)
    for name in ("supplementalData", "group"):
        found = [element for part in parts for element in part.get(name, ())]
        if found:
            whole[name] = found
    return whole


def _composed(
    measure: MeasureDefinition, by_canonical: Mapping[str, MeasureDefinition], where: str
) -> MeasureDefinition:
    parts = [measure]
    for canonical in _part_canonicals(measure.resource):
        if canonical not in by_canonical:
            raise DefinitionError(f"composed-of {canonical}, which is no file", where=where)
        parts.append(by_canonical[canonical])
    return MeasureDefinition(
        measure.resource,
        measure.base,
        measure.families,
        tuple(group for part in parts for group in part.groups),
        tuple(table for part in parts for table in part.tables),
    )


def _part_canonicals(resource: Json) -> list[str]:
    return [
        artifact["resource"]
        for artifact in resource.get("relatedArtifact", ())
        if artifact["type"] == "composed-of"
    ]


def _part_ids(resource: Json) -> list[str]:
    return [canonical.split("|")[0].rsplit("/", 1)[-1] for canonical in _part_canonicals(resource)]


def _files(folder: Traversable) -> list[Traversable]:
    found = [file for file in folder.iterdir() if file.name.endswith(".json")]
    return sorted(found, key=lambda file: file.name)


def _resource(file: Traversable, base: str) -> Json:
    where = f"mappings/{file.name}"
    try:
        text = file.read_text(encoding="utf-8").replace(CANONICAL_BASE, base)
        resource: Json = json.loads(text)
        validated(resource)
    except (OSError, ValueError, GateFailed) as error:
        raise DefinitionError(str(error), where=where) from error
    if file.name != f"{resource.get('id')}.json":
        raise DefinitionError(f"the id is {resource.get('id')!r}", where=where)
    return resource


def _code_systems(folder: Traversable, base: str) -> Iterator[Json]:
    for file in _files(folder / "CodeSystem"):
        yield _resource(file, base)


def _codes(system: Json) -> set[str]:
    return {concept["code"] for concept in system["concept"]}
