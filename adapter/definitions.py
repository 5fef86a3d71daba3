"""Everything under `mappings/`, loaded, validated and cross-checked.

One bad file stops the program with a clear error before any data is touched: unknown keys, codes
with a wrong check digit, value sets that include what is not there, studies that name what no
value set holds.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from adapter import artifacts, mapping_files
from adapter.errors import DefinitionError
from adapter.fact_layout import fact_tables
from adapter.mapping.relevance import Relevance, by_type
from adapter.mapping.terminology import Terminology, build
from adapter.mapping.units import UnitTable
from adapter.mapping.view import View
from adapter.start_up import rarely_collecting
from adapter.unit_tables import read_units

if TYPE_CHECKING:
    from analytics.disclosure.policy import Policy
    from analytics.study import Study

BASE = "https://raiway.example/fhir"

_Parameters = TypeVar("_Parameters")


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the program knows as data. `fingerprint` names this state of it.

    Studies and policies, which only stored facts need, are read when they are first asked for.
    """

    terminology: Terminology
    views: Mapping[str, tuple[View, ...]]
    relevance: Mapping[str, Relevance]
    units: Mapping[str, UnitTable]
    studies_read: Callable[[], Mapping[str, Study]] = field(repr=False, compare=False)
    policies_read: Callable[[], Mapping[str, Policy]] = field(repr=False, compare=False)
    fingerprint: str
    own: tuple[tuple[Path, ...], tuple[tuple[str, str], ...]] = ((), ())
    """What a site adds to the shipped ones: what `load` took."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Views are functions, which do not travel to a process that was spawned.
        return _loaded_again, (self.own, self.units, self.fingerprint)

    @property
    def studies(self) -> Mapping[str, Study]:
        """The studies by id. Raises DefinitionError."""
        return self.studies_read()

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The disclosure policies by id. Raises DefinitionError."""
        return self.policies_read()

    @staticmethod
    def value_set(name: str) -> str:
        """The canonical url of one of our value sets."""
        return f"{BASE}/ValueSet/{name}"

    def study(self, name: str) -> Study:
        """The study of this id. Raises DefinitionError with the ids that there are."""
        if name not in self.studies:
            known = ", ".join(sorted(self.studies))
            raise DefinitionError(f"no study {name!r}", hint=f"there are: {known}")
        return self.studies[name]

    def policy(self, name: str) -> Policy:
        """The disclosure policy of this id. Raises DefinitionError with the ids that there are."""
        if name not in self.policies:
            known = ", ".join(sorted(self.policies))
            raise DefinitionError(f"no disclosure policy {name!r}", hint=f"there are: {known}")
        return self.policies[name]


@lru_cache(maxsize=4)
@rarely_collecting()
def load(
    concept_maps: tuple[Path, ...] = (), systems: tuple[tuple[str, str], ...] = ()
) -> Definitions:
    """The shipped definitions with a site's own ConceptMaps and code systems.

    `systems` are (as the site's server sends it, as its ConceptMaps call it). Raises
    DefinitionError.
    """
    root = mapping_files.root()
    own = [artifacts.read_json(path) for path in concept_maps]
    for path, resource in zip(concept_maps, own, strict=True):
        artifacts.check(resource, "ConceptMap", str(path), own=False)
    naming = [_naming(sent, name) for sent, name in systems]
    value_sets = artifacts.folder(root, "ValueSet")
    maps = [*artifacts.folder(root, "ConceptMap"), *own]
    try:
        terminology = build(value_sets, maps, [*artifacts.folder(root, "NamingSystem"), *naming])
    except KeyError as error:
        raise DefinitionError(f"a value set includes {error}, which is not defined") from error
    units = read_units(root)
    studies = cache(lambda: _studies(root, terminology))
    policies = cache(lambda: _policies(root, studies()))
    views, relevance = _views(root, terminology)
    fingerprint = _fingerprint(root, [*own, *naming])
    return Definitions(
        terminology,
        views,
        relevance,
        units,
        studies,
        policies,
        fingerprint,
        (concept_maps, systems),
    )


def _loaded_again(
    own: tuple[tuple[Path, ...], tuple[tuple[str, str], ...]],
    units: Mapping[str, UnitTable],
    fingerprint: str,
) -> Definitions:
    """Definitions from the same files, in another process; with the site's units."""
    return replace(load(*own), units=units, fingerprint=fingerprint)


def _naming(sent: str, name: str) -> dict[str, Any]:
    """What the terminology reads of a NamingSystem."""
    return {"uniqueId": [{"value": name, "preferred": True}, {"value": sent}]}


def _views(
    root: Traversable, terminology: Terminology
) -> tuple[dict[str, tuple[View, ...]], dict[str, Relevance]]:
    loaded = [
        (_view(definition, terminology), definition)
        for definition in artifacts.folder(root, "ViewDefinition")
    ]
    views: dict[str, list[View]] = {}
    for view, _ in loaded:
        views.setdefault(view.resource, []).append(view)
    by_resource = {resource: tuple(found) for resource, found in views.items()}
    return by_resource, by_type(loaded, terminology)


def _view(definition: Mapping[str, Any], terminology: Terminology) -> View:
    where = f"mappings/ViewDefinition/{definition['id']}.json"
    if definition["name"] not in fact_tables():
        raise DefinitionError(f"{definition['name']!r} is no fact table", where=where)
    try:
        return View.load(definition, terminology)
    except DefinitionError as error:
        raise DefinitionError(error.what, where=where, hint=error.hint) from error


def _studies(root: Traversable, terminology: Terminology) -> dict[str, Study]:
    studies = {}
    for file in artifacts.listing(root / "study", ".toml"):
        where = f"mappings/study/{file.name}"
        study = study_from(artifacts.read_toml(file), where)
        _cross_check(study, terminology, where)
        studies[study.id] = study
    return studies


def study_from(parameters: Mapping[str, Any], where: str) -> Study:
    """A study from its parameters. Raises DefinitionError naming each wrong or unknown key."""
    from analytics.study import Study

    return typed(Study, parameters, where)


def policy_from(parameters: Mapping[str, Any], where: str) -> Policy:
    """A policy from its parameters. Raises DefinitionError naming each wrong or unknown key."""
    from analytics.disclosure.policy import Policy

    return typed(Policy, parameters, where)


def typed(kind: type[_Parameters], parameters: Mapping[str, Any], where: str) -> _Parameters:
    """A strict dataclass from a TOML document. Raises DefinitionError naming each wrong key."""
    hashable: Any = kind
    adapter: TypeAdapter[_Parameters] = _adapter(hashable)
    try:
        return adapter.validate_python(dict(parameters))
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc']) or kind.__name__.lower()}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise DefinitionError("; ".join(lines), where=where) from error


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _policies(root: Traversable, studies: Mapping[str, Study]) -> dict[str, Policy]:
    from analytics.aggregate import STRATIFIERS

    policies = {}
    drivers = {driver.code for study in studies.values() for driver in study.driver_classes}
    for file in artifacts.listing(root / "disclosure", ".toml"):
        where = f"mappings/disclosure/{file.name}"
        policy = policy_from(artifacts.read_toml(file), where)
        if f"{policy.id}.toml" != file.name:
            raise DefinitionError(f"the id {policy.id!r} is not the file's name", where=where)
        if lost := sorted(policy.levels.keys() - STRATIFIERS.keys()):
            raise DefinitionError(f"no stratifier {', '.join(lost)}", where=where)
        if lost := sorted(set(policy.levels.get("driver", ())) - drivers):
            raise DefinitionError(f"no study has driver {', '.join(lost)}", where=where)
        policies[policy.id] = policy
    return policies


def override(study: Study, settings: Iterable[str]) -> Study:
    """The study with `KEY=VALUE` settings; values are read as TOML, else as text."""
    changes = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise DefinitionError(f"--set {setting}: no such key", hint="say KEY=VALUE")
        changes[key] = value_of(text)
    return changed(study, changes, "--set")


def value_of(text: str) -> Any:
    """The value of a setting: read as TOML, else as the text that it is."""
    try:
        stated = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return stated["value"] if len(stated) == 1 else text


def changed(study: Study, changes: Mapping[str, Any], where: str) -> Study:
    """The study with other values. Raises DefinitionError naming each wrong key or value."""
    parameters = study.parameters()
    for key in changes:
        if key not in parameters:
            near = difflib.get_close_matches(key, parameters, n=1)
            hint = f"did you mean {near[0]}?" if near else f"keys: {', '.join(sorted(parameters))}"
            raise DefinitionError(f"{key}: no such key", where=where, hint=hint)
    found = study_from({**parameters, **changes}, where)
    _cross_check(found, load().terminology, where)
    return found


def _cross_check(study: Study, terminology: Terminology, where: str) -> None:
    """Every name that the study uses is one that a value set can give."""
    from analytics.aggregate import STRATIFIERS

    labels = {
        name: {
            concept.label
            for concept in terminology.value_sets[Definitions.value_set(name)].values()
        }
        for name in ("diagnosis", "drug")
    }
    genes = {
        concept.display
        for concept in terminology.value_sets[Definitions.value_set("gene")].values()
    }
    asked = (
        ("diagnosis", {*study.include_diagnoses, *study.exclude_diagnoses}, labels["diagnosis"]),
        ("drug class", {*study.index_drug_classes}, labels["drug"]),
        ("drug class", {name for d in study.driver_classes for name in d.arm}, labels["drug"]),
        ("gene", {gene for driver in study.drivers for gene in driver.genes}, genes),
    )
    for what, used, known in asked:
        if lost := sorted(used - known):
            raise DefinitionError(f"no value set gives {what} {', '.join(lost)}", where=where)
    if lost := sorted({*study.strata} - STRATIFIERS.keys()):
        known_strata = ", ".join(STRATIFIERS)
        raise DefinitionError(f"no stratifier {', '.join(lost)}", where=where, hint=known_strata)


def _fingerprint(root: Traversable, own: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256()
    for folder in sorted(item.name for item in root.iterdir() if item.is_dir()):
        for file in artifacts.listing(root / folder):
            digest.update(f"{folder}/{file.name}".encode() + file.read_bytes())
    for resource in own:
        digest.update(json.dumps(resource, sort_keys=True).encode())
    return digest.hexdigest()
