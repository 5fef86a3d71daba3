"""The allow-list: it covers what the mappings read, and refuses what nobody understands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import ConfigurationError, DefinitionError
from adapter.privacy import Mode, rules
from adapter.privacy.walk import EXTENSION_VALUES
from tests.lib.needs import ROOT
from tests.lib.privacy import deidentifier, limited

RULES = rules.load()
VIEWS = sorted((ROOT / "mappings" / "ViewDefinition").glob("*.json"))
BUILT_IN = {
    "code": {"system", "code", "display"},
    "ref": {"reference"},
    "named": {"reference", "display"},
    "attachment": set(),
}
"""What the actions that take a whole object read of it."""
EVERYWHERE = {"extension", "url", "value", "id"}
WORDS = {"and", "or", "in", "true", "false", "is", "as", "div", "mod", "contains", "implies"}


def paths(definition: Any) -> Iterator[str]:
    """Every FHIRPath expression of a ViewDefinition."""
    if isinstance(definition, Mapping):
        for key, value in definition.items():
            if key in ("path", "forEach", "forEachOrNull") and isinstance(value, str):
                yield value
            elif key != "extension":
                yield from paths(value)
    elif isinstance(definition, list):
        for item in definition:
            yield from paths(item)


def elements(path: str) -> set[str]:
    """The names of elements in an expression: what is no string, function, type or keyword."""
    plain = re.sub(r"'[^']*'|ofType\([^)]*\)|getReferenceKey\([^)]*\)|%\w+", " ", path)
    return set(re.findall(r"(?<![\w%])[a-z]\w*(?![\w(])", plain)) - WORDS


def reachable(rule: Any) -> set[str]:
    """The names of all elements that a rule lets pass, the names of choices without their type."""
    if isinstance(rule, str):
        name = rule.partition(":")[0]
        return BUILT_IN.get(name, set()) | reachable(RULES.datatypes.get(name, {}))
    if not isinstance(rule, Mapping):
        return set()
    kept = {name: inner for name, inner in rule.items() if not str(inner).startswith("drop")}
    names = set(kept) | {re.sub(r"(?<=[a-z])[A-Z].*", "", name) for name in kept}
    return names.union(*(reachable(inner) for inner in kept.values()))


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.stem)
def test_every_element_that_a_view_reads_passes(file: Path):
    definition = json.loads(file.read_text(encoding="utf-8"))
    table = RULES.resources[definition["resource"]]
    read = set().union(*(elements(path) for path in paths(definition)))
    assert read, file.name
    passing = reachable(table) | (reachable(EXTENSION_VALUES) if "extension" in read else set())
    assert not read - passing - EVERYWHERE - {definition["resource"]}


def test_the_walk_over_paths_sees_what_is_missing():
    found = elements("component.where(code.coding.exists(system = 'x')).value.ofType(Range).low")
    assert found == {"component", "code", "coding", "system", "value", "low"}
    assert "photo" not in reachable(RULES.resources["Patient"])
    assert {"value", "component", "low"} <= reachable(RULES.resources["Observation"])


def test_every_type_that_has_a_view_has_rules():
    typed = {json.loads(file.read_text(encoding="utf-8"))["resource"] for file in VIEWS}
    assert typed <= RULES.resources.keys()
    # Not a view's, but read within a contained Medication.
    assert RULES.resources.keys() - typed == {"Substance"}


def test_what_is_dropped_by_name_says_why():
    def dropped(rule: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(rule, Mapping):
            for name, inner in rule.items():
                yield from dropped(inner, f"{path}.{name}")
        elif isinstance(rule, str) and rule.startswith("drop"):
            yield path, rule

    found = [each for name, table in RULES.resources.items() for each in dropped(table, name)]
    assert len(found) > 50
    assert not [path for path, rule in found if not rule.partition(": ")[2]]


def own(folder: Path, text: str) -> Path:
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_site_may_drop_and_keep_more(tmp_path: Path):
    file = own(
        tmp_path,
        'code_systems = ["urn:lab:a"]\n[Observation]\nissued = "drop: not needed"\n'
        'effectiveDateTime = "year"\n[Address]\npostalCode = "zip3"\n',
    )
    observation = {
        "resourceType": "Observation", "id": "o", "status": "final",
        "issued": "2021-05-03T10:00:00Z",
        "code": {"coding": [{"system": "urn:lab:a", "code": "TG1"}]},
        "effectiveDateTime": "2021-05-03",
    }  # fmt: skip
    found = limited(observation, own_rules=file)
    assert found["effectiveDateTime"] == "2021"
    assert found["code"] == observation["code"]
    assert "issued" not in found
    patient = {"resourceType": "Patient", "id": "p", "address": [{"postalCode": "02138"}]}
    assert limited(patient, own_rules=file)["address"] == [{"postalCode": "021"}]


@pytest.mark.parametrize(
    "text",
    [
        '[Observation]\nstatus = "shred"\n',
        "[Observation]\nstatus = [1]\n",
        'Observation = "keep"\n',
        "not TOML",
    ],
)
def test_rules_that_do_not_hold_stop_the_program(tmp_path: Path, text: str):
    with pytest.raises(DefinitionError):
        deidentifier(own_rules=own(tmp_path, text))


def test_a_text_that_is_kept_must_be_one():
    kept = limited(
        {
            "resourceType": "Observation", "id": "o", "status": "final",
            "valueString": "seen by Dr Quill", "note": [{"text": "seen by Dr Quill"}],
        },
        keep_text=("Observation.note.text",),
    )  # fmt: skip
    assert kept["note"] == [{"text": "seen by Dr Quill"}]
    assert kept["valueString"] == "…"
    for path in ("Observation.status", "Observation.valueQuantity.value", "Account.name"):
        with pytest.raises(ConfigurationError, match="keep_text"):
            deidentifier(keep_text=(path,))


def test_an_extension_that_nobody_knows_by_its_last_part_is_refused():
    with pytest.raises(ConfigurationError, match="us-core-rase"):
        deidentifier(extensions=("us-core-rase",))


def test_safe_harbor_needs_no_rules_of_its_own():
    assert deidentifier(Mode.SAFE_HARBOR).rules.resources == RULES.resources


def test_the_restricted_zip_codes_are_those_of_the_guidance():
    assert len(RULES.restricted_zip3) == 17
    assert {"036", "893"} <= RULES.restricted_zip3
