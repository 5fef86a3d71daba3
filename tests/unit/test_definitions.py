"""Everything under mappings/ is checked at start, and a fault names its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter import artifacts
from adapter.definitions import load, override, study_from
from adapter.errors import DefinitionError
from analytics.study import Study
from tests.lib.mapping import mapper, observation, quantity
from tests.lib.needs import ROOT


@pytest.mark.parametrize(
    ("system", "code", "holds"),
    [
        (artifacts.LOINC, "3013-0", True),
        (artifacts.LOINC, "3013-3", False),  # a table with it would drop every thyroglobulin
        (artifacts.LOINC, "21702-9", False),
        (artifacts.LOINC, "LA9633-4", True),  # answers have no check digit of this kind
        (artifacts.SNOMED, "255029007", True),
        (artifacts.SNOMED, "255029008", False),
        (artifacts.SNOMED, "16560241000119104", True),
        (artifacts.SNOMED, "25502900x", False),
        ("urn:local", "anything", True),
    ],
)
def test_check_digits(system: str, code: str, holds: bool) -> None:
    assert artifacts.check_digit_holds(system, code) == holds


def _value_set(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "resourceType": "ValueSet",
        "id": "x",
        "url": "urn:x",
        "name": "X",
        "status": "active",
        "compose": {"include": [{"system": "http://loinc.org", "concept": [{"code": "3013-0"}]}]},
    }
    return base | changes


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        (_value_set(resourceType="CodeSystem"), "is no ValueSet"),
        (_value_set(composse={}), "unknown key composse"),
        (
            _value_set(
                compose={
                    "include": [{"system": "http://loinc.org", "concept": [{"code": "3013-3"}]}]
                }
            ),
            "http://loinc.org has no code 3013-3: wrong check digit",
        ),
        (_value_set(compose={"include": [{"concept": [{"code": "1"}]}]}), "that we can read"),
    ],
)
def test_a_wrong_file_is_refused(resource: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint) as error:
        artifacts.check(resource, "ValueSet", "mappings/ValueSet/x.json")
    assert error.value.where == "mappings/ValueSet/x.json"


def _local_map(folder: Path, **changes: Any) -> Path:
    path = folder / "local.json"
    content = {
        "resourceType": "ConceptMap",
        "status": "active",
        "group": [
            {
                "source": "urn:hospital:lab",
                "target": "http://loinc.org",
                "element": [
                    {"code": "TGSER", "target": [{"code": "3013-0", "equivalence": "equivalent"}]}
                ],
            }
        ],
    }
    path.write_text(json.dumps(content | changes))
    return path


def test_a_sites_own_code_needs_one_concept_map(tmp_path: Path) -> None:
    definitions = load((_local_map(tmp_path),))
    resource = observation("TGSER", "urn:hospital:lab", valueQuantity=quantity(3, "ng/mL"))
    assert mapper().map(resource, "x").rows == ()
    (row,) = replace(mapper(), definitions=definitions).map(resource, "x").rows
    assert row.columns["analyte"] == "Tg"
    assert definitions.fingerprint != load().fingerprint


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.write_text("{"), "cannot be read as JSON"),
        (lambda path: path.write_text("[]"), "no JSON object"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_a_broken_concept_map_is_named(
    damage: Callable[[Path], object], complaint: str, tmp_path: Path
) -> None:
    path = _local_map(tmp_path)
    damage(path)
    with pytest.raises(DefinitionError, match=complaint) as error:
        load((path,))
    assert str(path) in error.value.where


@pytest.fixture(scope="module")
def study() -> Study:
    return load().study("redifferentiation")


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("tg_profil=rcv", "no such key"),
        ("tg_profile", "no such key"),
        ("tg_profile=rvc", "tg_profile"),
        ("horizon_days=soon", "horizon_days"),
        ("grid_days=25", "does not divide"),
        ("reference_driver=KRAS", "is no driver"),
        ('finish_rules=["last_visit"]', "finish_rules"),
    ],
)
def test_a_wrong_setting_says_which(setting: str, complaint: str, study: Study) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        override(study, [setting])


def test_settings_are_toml_or_text_and_change_the_fingerprint(study: Study) -> None:
    changed = override(
        study, ["tg_profile=rcv", "horizon_days=96", 'finish_rules=["last_drug_day"]']
    )
    assert (changed.tg_profile, changed.horizon_days) == ("rcv", 96)
    assert changed.finish_rules == ("last_drug_day",)
    assert changed.fingerprint != study.fingerprint
    assert override(study, ["tg_profile=abstract"]).fingerprint == study.fingerprint


def test_an_unknown_key_of_a_study_is_refused(study: Study) -> None:
    with pytest.raises(DefinitionError, match="windows"):
        study_from(study.parameters() | {"windows": 3}, "mappings/study/x.toml")


def test_an_unknown_study_lists_those_that_are_there() -> None:
    with pytest.raises(DefinitionError) as error:
        load().study("nope")
    assert "redifferentiation" in error.value.hint


def test_every_mapping_file_is_read_by_something() -> None:
    known = {
        "CodeSystem", "ConceptMap", "Library", "Measure", "NamingSystem", "OperationDefinition",
        "SearchParameter", "StructureDefinition", "ValueSet", "ViewDefinition", "cql", "disclosure",
        "privacy", "quality", "report_form", "sensitivity", "server", "site", "study", "unit",
    }  # fmt: skip
    folders = {path.name for path in (ROOT / "mappings").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} <= known
