"""The rules as functions: one for each element of each type, made once.

What no rule names goes, whatever it is. A list keeps its order; an object or a list of which
nothing stays is left out, since FHIR has no empty ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from adapter.elements import PULLED
from adapter.privacy import actions, calendars
from adapter.privacy.actions_of_numbers import age_capped
from adapter.privacy.codings import SYSTEM_WITHHELD
from adapter.privacy.pseudonyms import WITHHELD
from adapter.privacy.rules import Rule, Rules, Table
from adapter.privacy.run import Hold, Run, Step
from adapter.privacy.setting import Setting
from adapter.privacy_mode import Mode

OTHER, PRIMITIVE, EXTENSION = "(other)", "(extension of a value)", "Extension"
"""How elements are called in the report that no rule names; their own names may say anything."""
DEEPEST = 4
"""Extensions within extensions, and resources contained in contained ones, end here."""
EXTENSION_VALUES: Mapping[str, Rule] = {
    "valueBoolean": "keep",
    "valueCode": "code list",
    "valueCodeableConcept": "CodeableConcept",
    "valueCoding": "code",
    "valueDate": "shift",
    "valueDateTime": "shift",
    "valueDecimal": "keep",
    "valueInteger": "keep",
    "valuePeriod": "Period",
    "valueQuantity": "Quantity",
    "valueRange": "Range",
    "valueRatio": "Ratio",
    "valueReference": "ref",
}
"""Of an extension that may stay; a text in one says nothing that a mapping reads."""
_CODES_OF_EXTENSIONS = ("F", "M", "OTH", "UNK", "female", "male", "other", "unknown")


class Walk:
    """Compiles one set of rules for one mode."""

    def __init__(self, rules: Rules, of: Setting, extensions: frozenset[str]) -> None:
        self._rules, self._of = rules, of
        self._extensions = extensions
        self._resources: dict[str, Step] = {}

    def resource(self, name: str) -> Step:
        """The step for resources of this type, which the rules name."""
        if name not in self._resources:
            self._resources[name] = self._object(self._rules.resources[name], name, root=True)
        return self._resources[name]

    def _object(self, table: Table, path: str, *, root: bool = False) -> Step:
        steps = {name: self._step(rule, f"{path}.{name}") for name, rule in table.items()}
        steps["extension"] = self._extension
        steps["modifierExtension"] = _holding("unknown modifier extension", path)
        if root:
            steps["implicitRules"] = _holding("implicit rules", path)
            steps["resourceType"] = lambda _value, _run: path.rpartition(".")[2]

        def walk(value: Any, run: Run) -> Any:
            if value.__class__ is not dict:
                return _misplaced(value, run, path)
            stays = {}
            for name, inner in value.items():
                step = steps.get(name)
                if step is None:
                    other = PRIMITIVE if name[:1] == "_" else OTHER
                    run.count(f"{path}.{other}", "not listed")
                    continue
                if inner.__class__ is list:
                    found = _of_each(step, inner, run, path)
                else:
                    found = step(inner, run)
                if found is not None:
                    stays[name] = found
            # An object that was empty is sent on as it was: that it is there may be read.
            return stays or (None if value else stays)

        return walk

    def _step(self, rule: Rule, path: str) -> Step:
        if isinstance(rule, Mapping):
            return self._object(rule, path)
        if isinstance(rule, tuple):
            return _one_of(frozenset(rule), path)
        if rule in self._rules.datatypes:
            step = self._object(self._rules.datatypes[rule], path)
            capped = rule == "Quantity" and self._of.mode is Mode.SAFE_HARBOR
            return age_capped(step, path) if capped else step
        if rule == "contained":
            return self._contained(path)
        if rule == "code list":
            return _one_of(frozenset(_CODES_OF_EXTENSIONS), path)
        action, _, argument = rule.partition(":")
        return actions.made(action, self._of, argument.strip(), path)

    @cached_property
    def _values(self) -> Mapping[str, Step]:
        return {
            name: self._step(rule, f"{EXTENSION}.{name}") for name, rule in EXTENSION_VALUES.items()
        }

    def _extension(self, value: Any, run: Run) -> Any:
        """An extension by its URL; within one that may stay, its parts by their names.

        Of any other, codes of known code systems stay, without its URL: they are what a view may
        read of an extension that it does not name, such as the intent of a procedure, and left out
        they would make a scan a therapy.
        """
        if value.__class__ is not dict or run.depth > DEEPEST:
            run.count(EXTENSION, "not listed")
            return None
        if value.get("url") == PULLED:
            # No date of a patient's: when our own pull was, by which versions are ranked.
            at = value.get("valueInstant")
            return {"url": PULLED, "valueInstant": calendars.kept(str(at))}
        if self._may_stay(value.get("url"), run):
            stays = self._staying(value, self._values, run)
            return {"url": value["url"], **stays} if stays else None
        run.count(EXTENSION, "not listed")
        stays = self._staying(value, self._coded, run)
        return {"url": SYSTEM_WITHHELD, **stays} if stays else None

    def _staying(
        self, value: Mapping[str, Any], steps: Mapping[str, Step], run: Run
    ) -> dict[str, Any]:
        """What stays of an extension but its URL."""
        stays: dict[str, Any] = {}
        for name, inner in value.items():
            found = None
            if name in steps:
                found = steps[name](inner, run)
            elif name == "extension":
                found = self._parts(inner, run)
            elif name != "url":
                run.count(f"{EXTENSION}.{OTHER}", "not listed")
            if found is not None:
                stays[name] = found
        return stays

    @cached_property
    def _coded(self) -> Mapping[str, Step]:
        return {
            "valueCodeableConcept": self._known_codes,
            "valueCoding": self._known_code,
        }

    def _known_codes(self, value: Any, run: Run) -> Any:
        codings = value.get("coding") if value.__class__ is dict else None
        found = _of_each(self._known_code, codings, run, EXTENSION) if codings else None
        return {"coding": found} if found else None

    def _known_code(self, value: Any, run: Run) -> Any:
        known = value.__class__ is dict and self._of.codes.holds(value)
        return {name: value[name] for name in ("system", "code")} if known else None

    def _parts(self, value: Any, run: Run) -> Any:
        run.depth += 1
        parts = value if isinstance(value, list) else [value]
        found = _of_each(self._extension, parts, run, EXTENSION)
        run.depth -= 1
        return found

    def _may_stay(self, url: object, run: Run) -> bool:
        if not isinstance(url, str):
            return False
        if run.depth and url in self._rules.systems.parts:
            return True
        return url in self._extensions or self._of.codes.knows_extension(url)

    def _contained(self, path: str) -> Step:
        def contained(value: Any, run: Run) -> Any:
            kind = value.get("resourceType") if value.__class__ is dict else None
            known = isinstance(kind, str) and kind in self._rules.resources
            if not known or run.depth > DEEPEST:
                run.count(path, "contained resource of a type not listed")
                return None
            walk = self.resource(str(kind))
            run.depth += 1
            # Its id is a name within this resource only, so it stays.
            found = walk({key: each for key, each in value.items() if key != "id"}, run)
            run.depth -= 1
            local = actions.made("contained id", self._of, "", f"{path}.id")(value.get("id"), run)
            return {**found, "id": local} if found and local else found

        return contained


def _of_each(one: Step, values: list[Any], run: Run, path: str) -> list[Any] | None:
    """What may stay of each in a list."""
    stays = []
    for item in values:
        found = _misplaced(item, run, path) if item.__class__ is list else one(item, run)
        if found is not None:
            stays.append(found)
    return stays or None


def _one_of(codes: frozenset[str], path: str) -> Step:
    def code(value: Any, run: Run) -> Any:
        if isinstance(value, str) and value.strip() in codes:
            return value
        return _misplaced(value, run, path)

    return code


def _holding(reason: str, path: str) -> Step:
    def hold(value: Any, run: Run) -> None:
        if value:
            raise Hold(reason, path)

    return hold


def _misplaced(value: Any, run: Run, path: str) -> str | None:
    """What is of another form than R4 has there: that there was something is told, and no more."""
    if value is None:
        return None
    run.count(path, "of no form that belongs there")
    return WITHHELD
