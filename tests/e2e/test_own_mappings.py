"""What a hospital adds in a folder of its own: an analyte, a site, a measure. No Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapter.models import LabResultRow
from adapter.store import open_store
from tests.lib.console import raiway
from tests.lib.needs import ROOT

SHIPPED = ROOT / "mappings"
CALCITONIN = "1992-7"
SITE = """
timezone = "Europe/Berlin"
concept_maps = ["lab.json"]

[units]
Calcitonin = "pg/mL"
"""
UNITS = """
standard = "pg/mL"

[factors]
"pg/mL" = "1"
"ng/L" = "1"
"pmol/L" = "3.42"
"""
OURS = "urn:hospital:lab"


def shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHIPPED / name).read_text())
    return found


def write(folder: Path, name: str, content: dict[str, Any] | str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def analyte(folder: Path) -> None:
    """Calcitonin, which the shipped files know as what is no thyroglobulin, as an analyte."""
    url = "https://raiway.example/fhir/ValueSet/calcitonin"
    concept = [{"code": CALCITONIN, "display": "Calcitonin"}]
    include = [{"system": "http://loinc.org", "concept": concept}]
    write(folder, "ValueSet/calcitonin.json", {
        "resourceType": "ValueSet", "id": "calcitonin", "url": url, "name": "Calcitonin",
        "status": "active", "compose": {"include": include},
    })  # fmt: skip
    every = shipped("ValueSet/lab-analyte.json")
    every["compose"]["include"].append({"valueSet": [url]})
    write(folder, "ValueSet/lab-analyte.json", every)
    other = shipped("ValueSet/lab-other.json")
    concepts = other["compose"]["include"][0]["concept"]
    concepts[:] = [each for each in concepts if each["code"] != CALCITONIN]
    write(folder, "ValueSet/lab-other.json", other)
    write(folder, "unit/Calcitonin.toml", UNITS)


def site(folder: Path) -> None:
    """A laboratory with codes of its own, and none for units."""
    element = [{"code": "CT", "target": [{"code": CALCITONIN, "equivalence": "equivalent"}]}]
    group = [{"source": OURS, "target": "http://loinc.org", "element": element}]
    write(folder, "site/west.toml", SITE)
    lab = {"resourceType": "ConceptMap", "status": "active", "group": group}
    write(folder, "site/lab.json", lab)


def measure(folder: Path) -> None:
    """The number of patients, alone."""
    found = shipped("Measure/cohort-characteristics.json")
    named = {"id": "how-many", "url": "https://raiway.example/fhir/Measure/how-many",
             "name": "HowMany", "title": "How many patients"}  # fmt: skip
    write(folder, "Measure/how-many.json", found | named | {"group": found["group"][:1]})


@pytest.fixture(scope="module")
def folder(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic export and one with calcitonin, beside a raiway.toml."""
    found = tmp_path_factory.mktemp("own")
    for add in (analyte, site, measure):
        add(found / "ours")
    (found / "raiway.toml").write_text('[mappings]\nfolder = "ours"\n')
    values: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"system": "http://loinc.org", "code": CALCITONIN}, {"value": 20, "code": "pmol/L"}),
        ({"system": OURS, "code": "CT"}, {"value": 12.5}),
    ]
    lines = [
        {
            "resourceType": "Observation",
            "id": f"calcitonin-{place}",
            "status": "final",
            "subject": {"reference": "Patient/quaint-1"},
            "effectiveDateTime": "2024-03-05",
            "code": {"coding": [coding]},
            "valueQuantity": {"system": "http://unitsofmeasure.org", **value},
        }
        for place, (coding, value) in enumerate(values)
    ]
    patient = {"resourceType": "Patient", "id": "quaint-1", "gender": "female"}
    text = "".join(f"{json.dumps(each)}\n" for each in (patient, *lines))
    (found / "west.ndjson").write_text(text)
    raiway("ingest", "west.ndjson", "--site", "west", cwd=found)
    raiway("ingest", export, "--site", "A", "--timezone", "UTC", cwd=found)
    return found


def test_a_new_analyte_of_a_new_site_is_in_the_store_in_its_unit(folder: Path):
    with open_store(f"sqlite:///{folder / 'raiway.db'}", create=False) as store:
        rows = [row for row in store.rows(LabResultRow) if row.analyte == "Calcitonin"]
        (zone,) = [each.timezone for each in store.sites() if each.site == "west"]
    found = {row.resource_id: (str(row.value_low), row.unit) for row in rows if row.site == "west"}
    assert len(rows) > len(found), "the distractors of the synthetic hospital became results too"
    assert found == {"calcitonin-0": ("68.40", "pg/mL"), "calcitonin-1": ("12.5", "pg/mL")}
    assert zone == "Europe/Berlin"


def test_without_the_folder_it_is_what_it_was(folder: Path, tmp_path: Path):
    raiway("ingest", folder / "west.ndjson", "--site", "west", "--timezone", "UTC", cwd=tmp_path)
    with open_store(f"sqlite:///{tmp_path / 'raiway.db'}", create=False) as store:
        assert list(store.rows(LabResultRow)) == []


def test_a_new_measure_is_evaluated_and_served(folder: Path):
    report = raiway("evaluate", "how-many", cwd=folder).json
    assert report["measure"].startswith("https://raiway.example/fhir/Measure/how-many|")
    (group,) = report["group"]
    assert group["population"][0]["count"] == 16


def test_the_shipped_figures_stay_what_they_are(folder: Path, figures: dict[str, Any]):
    found = raiway("evaluate", "--format", "figures", "--site", "A", cwd=folder).figures
    assert found == figures


def test_the_environment_names_it_too(folder: Path, tmp_path: Path):
    report = raiway(
        "evaluate", "how-many", "--store", f"sqlite:///{folder / 'raiway.db'}",
        cwd=tmp_path, RAIWAY_MAPPINGS__FOLDER=str(folder / "ours"),
    ).json  # fmt: skip
    assert report["group"][0]["population"][0]["count"] == 16


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    (tmp_path / "raiway.toml").write_text('[mappings]\nfolder = "nowhere"\n')
    done = raiway("evaluate", cwd=tmp_path, expect=2)
    assert "mappings.folder: no such folder" in done.stderr
    assert "nowhere" in done.stderr


def test_a_wrong_file_in_it_is_named(tmp_path: Path):
    (tmp_path / "raiway.toml").write_text('[mappings]\nfolder = "ours"\n')
    wrong = {"resourceType": "ValueSet", "id": "other", "status": "active"}
    write(tmp_path / "ours", "ValueSet/mine.json", wrong)
    (tmp_path / "empty.ndjson").write_text("")
    done = raiway("ingest", "empty.ndjson", "--site", "A", cwd=tmp_path, expect=2)
    assert "mappings/ValueSet/mine.json" in done.stderr
