"""Measure files: the shipped ones hold together, and each fault of a file is named."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from adapter.errors import DefinitionError
from adapter.fhir_r4 import validated
from adapter.measures.load import composed_resource, load_measures
from tests.lib.reports import MEASURE_IDS, measures, patched, reference_study


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    """A copy of the folders that Measures are loaded from."""
    for name in ("Measure", "CodeSystem"):
        shutil.copytree(str(files("mappings") / name), tmp_path / name)
    return tmp_path


def change(folder: Path, name: str, *patch: dict[str, object]) -> None:
    path = folder / "Measure" / f"{name}.json"
    path.write_text(json.dumps(patched(json.loads(path.read_text()), list(patch))))


def replaced(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def test_the_shipped_measures_are_those_of_the_design():
    assert tuple(measures()) == MEASURE_IDS


def test_the_composite_states_no_group_of_its_own_and_is_served_with_those_of_its_parts():
    composite = measures()["redifferentiation-outcomes"]
    assert "group" not in composite.resource
    served = composed_resource(composite, measures())
    assert [group["id"] for group in validated(served)["group"]] == [
        group.link_id for group in composite.groups
    ]
    assert [table["id"] for table in served["supplementalData"]] == ["survival-table"]
    uptake = measures()["rai-uptake"]
    assert composed_resource(uptake, measures()) == uptake.resource


def test_ids_of_elements_are_their_link_ids():
    for measure in measures().values():
        for group in measure.resource.get("group", ()):
            link_id = next(e["valueString"] for e in group["extension"] if "linkId" in e["url"])
            assert group["id"] == link_id


def test_every_driver_class_of_the_study_has_a_code():
    system = json.loads((files("mappings") / "CodeSystem" / "driver.json").read_text("utf-8"))
    drivers = reference_study().driver_classes
    assert [concept["code"] for concept in system["concept"]] == [item.code for item in drivers]


def test_another_canonical_base_moves_measures_and_extensions():
    base = "https://registry.example/r4"
    moved = load_measures(files("mappings"), base)["time-to-progression"]
    assert moved.canonical == f"{base}/Measure/time-to-progression|0.1.0"
    assert moved.extension_url("time-grid") == f"{base}/StructureDefinition/time-grid"
    assert moved.groups[0].score_figure == "ttp_median"


GROUP = "/group/0"
FIGURE = f"{GROUP}/population/2/criteria/expression"


@pytest.mark.parametrize(
    ("name", "patch", "fault"),
    [
        ("rai-uptake", replaced(FIGURE, "rai_uptake"), "'rai_uptake' is no integer figure"),
        ("rai-uptake", replaced(FIGURE, "rai_uptake_pct"), "is no integer figure"),
        (
            "rai-uptake",
            replaced(f"{GROUP}/stratifier/0/component/0/criteria/expression", "colour"),
            "no stratifier 'colour'",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/population/1/extension/0/valueString", "rai-uptake"),
            "linkId rai-uptake occurs 2 times",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/population/1/extension/0/url", "urn:x"),
            "1 elements without a linkId",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/code/coding/0/code", "uptake-of-nothing"),
            "uptake-of-nothing is no code of urn:raiway:outcome",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/code/coding/0", {"system": "urn:x", "code": "numerator"}),
            "numerator is the code of a group and of a population",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/code/coding/0", {"system": "urn:x", "code": "stratum"}),
            "stratum is a reserved name",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/population/2/code/coding/0/code", "denominator"),
            "proportion without numerator; group rai-uptake: more than one denominator",
        ),
        (
            "rai-uptake",
            replaced(f"{GROUP}/extension/1/valueCodeableConcept/coding/0/code", "ratio"),
            "scoring 'ratio' is none of",
        ),
        (
            "rai-uptake",
            {"op": "remove", "path": f"{GROUP}/extension/3"},
            "needs scoringUnit and improvementNotation",
        ),
        (
            "treatment-exposure",
            replaced("/group/1/extension/4/valueString", "drug_weeks"),
            "drug_weeks is in wk, the group in d",
        ),
        (
            "treatment-exposure",
            replaced("/group/1/extension/4/valueString", "drug_years"),
            "'drug_years' is no figure",
        ),
        (
            "treatment-exposure",
            {"op": "remove", "path": "/group/1/extension/4"},
            "score-figure belongs to continuous-variable",
        ),
        (
            "treatment-exposure",
            replaced("/group/0/stratifier/0/component/0/criteria/expression", "colour:{category}"),
            "'colour:{category}' is no family of integer figures",
        ),
        (
            "rai-uptake",
            replaced(
                f"{GROUP}/stratifier/0/component/0/criteria/expression", "driver_n:{category}"
            ),
            "categories count the one population of a group",
        ),
        (
            "time-to-progression",
            replaced("/supplementalData/0/criteria/expression", "os"),
            "no endpoint 'os'",
        ),
        (
            "time-to-progression",
            replaced("/group/0/extension/0/valueString", "time"),
            "no group with the linkId 'ttp'",
        ),
        (
            "time-to-progression",
            replaced(
                "/group/0/stratifier/0/component/0/criteria/expression", "driver_n:{category}"
            ),
            "its group may have one stratifier, of the aggregate",
        ),
        (
            "redifferentiation-outcomes",
            replaced("/relatedArtifact/0/resource", "https://raiway.example/fhir/Measure/none|1"),
            "composed-of https://raiway.example/fhir/Measure/none|1, which is no file",
        ),
        ("rai-uptake", {"op": "remove", "path": "/status"}, "not a valid FHIR R4 Measure: status"),
        ("rai-uptake", replaced("/id", "uptake"), "the id is 'uptake'"),
        (
            "rai-uptake",
            {"op": "remove", "path": f"{GROUP}/stratifier/0/component"},
            "a stratifier has one component",
        ),
    ],
)
def test_a_file_that_does_not_hold_together_is_named_with_its_fault(mappings, name, patch, fault):
    change(mappings, name, patch)
    with pytest.raises(DefinitionError) as refused:
        load_measures(mappings)
    assert fault in str(refused.value)
    assert f"{name}.json" in refused.value.where


def test_two_parts_with_one_group_do_not_make_a_composite(mappings):
    text = (mappings / "Measure" / "rai-uptake.json").read_text()
    twin = json.loads(text.replace("Measure/rai-uptake", "Measure/twin")) | {"id": "twin"}
    (mappings / "Measure" / "twin.json").write_text(json.dumps(twin))
    part = {"type": "composed-of", "resource": "https://raiway.example/fhir/Measure/twin|0.1.0"}
    change(
        mappings,
        "redifferentiation-outcomes",
        {"op": "add", "path": "/relatedArtifact/-", "value": part},
    )
    with pytest.raises(DefinitionError, match="linkId rai-uptake occurs 2 times"):
        load_measures(mappings)


def test_a_file_that_is_no_json_is_named(mappings):
    (mappings / "Measure" / "rai-uptake.json").write_text("{")
    with pytest.raises(DefinitionError, match=r"rai-uptake\.json"):
        load_measures(mappings)
