"""A Measure as typed objects: all of a report's form.

Each population's criteria names an integer figure of `estimate`, each scored group a figure or
what its populations give, each stratifier a stratifier of the aggregate or a family of figures
(recipes in mappings/README.md). R5's elements stand in R4 as the extensions
`http://hl7.org/fhir/5.0/StructureDefinition/extension-Measure.*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapter.elements import Json, code_of, extension_value, extension_values
from adapter.measures.figure_families import FigureFamilies

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Measure."
CATEGORY = "{category}"


@dataclass(frozen=True, slots=True)
class Population:
    """A counted set of patients; `figure` is the integer figure that counts it."""

    link_id: str
    code: Json
    figure: str

    @property
    def role(self) -> str:
        return code_of(self.code)


@dataclass(frozen=True, slots=True)
class Stratifier:
    """Strata of one component, by a stratifier of the aggregate or by categories of figures.

    `criteria` is the stratifier's name, or a figure's name with `{category}` in it. `categories`
    lists the codings that fill it; without them all that occur do, as text.
    """

    link_id: str
    component_link_id: str
    code: Json
    criteria: str
    categories: tuple[Json, ...]

    @property
    def by_category(self) -> bool:
        return CATEGORY in self.criteria


@dataclass(frozen=True, slots=True)
class Group:
    """One scored set of populations. unit: UCUM; score_figure: '' where populations give it."""

    link_id: str
    code: Json
    scoring: str
    unit: str
    improvement: str
    score_figure: str
    populations: tuple[Population, ...]
    stratifiers: tuple[Stratifier, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A survival table among the supplemental data, of the group with `group` as its linkId."""

    link_id: str
    code: Json
    group: str


@dataclass(frozen=True, slots=True)
class MeasureDefinition:
    """A Measure with all its groups, those of its parts included.

    `resource` is the file's Measure; `base` the canonical base of our extensions; `families` the
    names that figures can have.
    """

    resource: Json
    base: str
    families: FigureFamilies
    groups: tuple[Group, ...]
    tables: tuple[Table, ...]

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def canonical(self) -> str:
        return f"{self.resource['url']}|{self.resource['version']}"

    def extension_url(self, name: str) -> str:
        """The url of our own extension `name`."""
        return f"{self.base}/StructureDefinition/{name}"


def measure_definition(resource: Json, base: str, families: FigureFamilies) -> MeasureDefinition:
    """The Measure of one file, without its parts.

    Raises ValueError for a stratifier of two components.
    """
    return MeasureDefinition(
        resource,
        base,
        families,
        tuple(_group(group, base) for group in resource.get("group", ())),
        tuple(
            Table(_link_id(table, "supplementalData"), table["code"], _criteria(table))
            for table in resource.get("supplementalData", ())
        ),
    )


def _group(group: Json, base: str) -> Group:
    return Group(
        link_id=_link_id(group, "group"),
        code=group.get("code", {}),
        scoring=code_of(_r5(group, "group.scoring") or {}),
        unit=code_of(_r5(group, "group.scoringUnit") or {}),
        improvement=code_of(_r5(group, "group.improvementNotation") or {}),
        score_figure=extension_value(group, f"{base}/StructureDefinition/score-figure") or "",
        populations=tuple(
            Population(
                _link_id(population, "group.population"),
                population.get("code", {}),
                _criteria(population),
            )
            for population in group.get("population", ())
        ),
        stratifiers=tuple(
            _stratifier(stratifier, base) for stratifier in group.get("stratifier", ())
        ),
    )


def _stratifier(stratifier: Json, base: str) -> Stratifier:
    components = stratifier.get("component", ())
    if len(components) != 1:
        raise ValueError(f"{stratifier.get('id')}: a stratifier has one component")
    component = components[0]
    return Stratifier(
        _link_id(stratifier, "group.stratifier"),
        _link_id(component, "group.stratifier.component"),
        component.get("code", {}),
        _criteria(component),
        tuple(extension_values(component, f"{base}/StructureDefinition/stratum-category")),
    )


def _r5(element: Json, path: str) -> Any:
    return extension_value(element, f"{R5}{path}")


def _link_id(element: Json, path: str) -> str:
    return str(_r5(element, f"{path}.linkId") or "")


def _criteria(element: Json) -> str:
    return str(element["criteria"].get("expression", ""))
