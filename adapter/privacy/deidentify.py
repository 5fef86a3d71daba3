"""De-identification of one resource, before anything of it is stored. Pure: no file, no network.

An allow-list (`mappings/privacy/`) says what may stay of which element; anything else goes and is
counted. The same key gives the same pseudonyms, so resources of one site fit together whenever and
in whatever order they come. docs/privacy.md says what each mode keeps and what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from pathlib import Path
from typing import Any

from adapter.definitions import Definitions
from adapter.errors import ConfigurationError
from adapter.mapping.stamp import patient_id
from adapter.privacy import calendars, rules
from adapter.privacy.codings import Codes
from adapter.privacy.keys import Keys
from adapter.privacy.pseudonyms import Pseudonyms, Told, is_id
from adapter.privacy.run import Hold, Removed, Run
from adapter.privacy.setting import Setting
from adapter.privacy.vocabulary import vocabulary
from adapter.privacy.walk import Walk
from adapter.privacy_mode import Mode

DESCRIBING = ("us-core-race", "us-core-ethnicity", "us-core-birthsex")
NOT_MAPPED = "no mapping reads resources of this type"


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A resource as it may be stored, and how often what was taken out: (element, why) -> n."""

    resource: dict[str, Any]
    removed: Removed = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A resource that may not be stored: why, at which element, and its pseudonymous reference
    (`Type/pseudonym`, '' where it has no id)."""

    reason: str
    path: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a site's data is de-identified.

    own_rules: a TOML file over the shipped rules. keep_text: elements (`Observation.note.text`) of
    which the text stays as it is. extensions: URLs that may stay beside those of systems.toml, and
    the last parts of those that describe persons. as_of: the day at which ages are taken.
    """

    mode: Mode = Mode.LIMITED
    date_shift: bool = False
    own_rules: Path | None = None
    keep_text: tuple[str, ...] = ()
    extensions: tuple[str, ...] = DESCRIBING
    zone: tzinfo = UTC
    as_of: date


class Deidentifier:
    """De-identifies the resources of one site.

    `told` is told of each new pseudonym (resource type, id, pseudonym), for a re-identification map
    that is kept apart. Raises ConfigurationError for a mode without its keys, DefinitionError for
    rules that do not hold together.
    """

    def __init__(
        self, policy: Policy, keys: Keys | None, definitions: Definitions, told: Told | None = None
    ) -> None:
        self.policy, self._keys = policy, keys
        self.identified = policy.mode is Mode.IDENTIFIED
        if self.identified:
            return
        self.rules = _with_text(rules.load(policy.own_rules), policy.keep_text)
        names = Pseudonyms(_needed(keys, policy).ids, told)
        known = vocabulary(self.rules.words, definitions.terminology, definitions.units)
        codes = Codes(definitions, self.rules.systems, known, names)
        self._names = names
        setting = Setting(
            policy.mode,
            codes,
            names,
            self.rules.restricted_zip3,
            policy.as_of,
            shifts=policy.date_shift,
        )
        self._walk = Walk(self.rules, setting, _extensions(policy, self.rules.systems))

    def apply(self, resource: Mapping[str, Any]) -> Deidentified | Withheld:
        """The resource as it may be stored, or why it may not. The one given is not changed."""
        if self.identified:
            return Deidentified(resource if isinstance(resource, dict) else dict(resource))
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind not in self.rules.resources:
            return Withheld(NOT_MAPPED)
        if not is_id(resource.get("id")):
            return Withheld("no id that FHIR allows", f"{kind}.id")
        run = Run(self._dates(resource))
        try:
            found = self._walk.resource(kind)(resource, run)
        except Hold as hold:
            reference = f"{kind}/{self._names.of(kind, resource['id'])}"
            return Withheld(hold.reason, hold.path, reference)
        return Deidentified(found, run.removed)

    def pseudonym(self, resource_type: str, resource_id: str) -> str:
        """The name of a resource on this side."""
        return resource_id if self.identified else self._names.of(resource_type, resource_id)

    def _dates(self, resource: Mapping[str, Any]) -> Callable[[str], str]:
        """How the dates of this resource are shown; with no patient known, as years."""
        policy = self.policy
        if policy.mode is Mode.SAFE_HARBOR:
            return calendars.year
        if not policy.date_shift:
            return calendars.kept
        patient = patient_id(resource)
        key = self._keys.shift if self._keys else None
        if not patient or key is None:
            return calendars.year
        return calendars.Shift(
            calendars.days_of(key, self._names.of("Patient", patient)), policy.zone
        )


def _needed(keys: Keys | None, policy: Policy) -> Keys:
    if keys is None:
        raise ConfigurationError(
            f"privacy mode {policy.mode} needs a key for ids",
            hint='set id_key = "env:NAME" or a file under [sites.privacy]',
        )
    if policy.date_shift and keys.shift is None:
        raise ConfigurationError(
            "date_shift needs a key of its own",
            hint='set shift_key = "env:NAME" or a file under [sites.privacy]',
        )
    return keys


def _extensions(policy: Policy, systems: rules.Systems) -> frozenset[str]:
    """URLs of extensions that may stay: those of the rules, and those that the site names."""
    named = [each for each in policy.extensions if ":" not in each]
    if unknown := sorted(set(named) - systems.of_persons.keys()):
        raise ConfigurationError(
            f"extensions: {', '.join(unknown)} is not known",
            hint=f"a URL, or one of {', '.join(sorted(systems.of_persons))}",
        )
    urls = [each for each in policy.extensions if ":" in each]
    return systems.extensions | {*urls, *(systems.of_persons[name] for name in named)}


def _with_text(loaded: rules.Rules, keep_text: Iterable[str]) -> rules.Rules:
    """The rules with the texts of these elements kept as they are."""
    resources = dict(loaded.resources)
    for path in keep_text:
        name, *elements = path.split(".")
        if loaded.rule(path) not in ("text", "value") or name not in resources:
            raise ConfigurationError(
                f"keep_text: {path} is no text that a rule names",
                hint="such as Observation.valueString or DiagnosticReport.conclusion",
            )
        resources[name] = _kept(loaded, resources[name], elements)
    return replace(loaded, resources=resources)


def _kept(loaded: rules.Rules, table: rules.Table, elements: list[str]) -> rules.Table:
    first, *rest = elements
    if not rest:
        return {**table, first: "verbatim"}
    inner = table[first]
    below = loaded.datatypes[inner] if isinstance(inner, str) else inner
    if not isinstance(below, Mapping):
        raise ConfigurationError(f"keep_text: {first} has no elements")
    return {**table, first: _kept(loaded, below, rest)}
