"""`raiway ingest` as a command: what it tells of files, versions, sites and the quarantine."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapter.cli.app import application
from tests.lib.mapping import observation, quantity

app = application()

TG = observation("3013-0", valueQuantity=quantity(12.4, "ng/mL"))
BAD = {**TG, "id": "bad", "valueQuantity": quantity(1, "furlong")}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAIWAY_STORE__URL", raising=False)
    return tmp_path


def sent(name: str, *resources: dict[str, Any]) -> str:
    Path(name).write_text("\n".join(map(json.dumps, resources)) + "\n", encoding="utf-8")
    return name


def ingest(*arguments: str, site: str = "A", expect: int = 0) -> Result:
    run = CliRunner().invoke(app, ["ingest", *arguments, "--site", site])
    assert run.exit_code == expect, run.output
    return run


def test_the_rejected_are_listed_in_the_json():
    path = sent("a.ndjson", TG, BAD)
    document = json.loads(ingest(path, "--json", expect=5).stdout)
    reason = "unknown unit 'furlong' for Tg"
    assert document["rejected"] == [
        {"source": "a.ndjson:2", "reason": reason, "resource_type": "Observation"}
    ]


def test_what_still_cannot_be_mapped_is_discarded_when_asked():
    ingest(sent("a.ndjson", BAD), expect=5)
    ingest(sent("b.ndjson", BAD), site="B", expect=5)
    run = ingest("--replay", "--discard", expect=5)
    assert "1 lines of site A leave the quarantine for good" in run.stderr
    assert json.loads(ingest("--replay", "--json").stdout)["read"] == 0
    assert json.loads(ingest("--replay", "--json", site="B", expect=5).stdout)["read"] == 1
    assert "--replay" in ingest("a.ndjson", "--discard", expect=2).stderr


def test_versions_in_doubt_are_named():
    path = sent("a.ndjson", TG, {**TG, "valueQuantity": quantity(2, "ng/mL")})
    run = ingest(path, expect=5)
    assert "nothing (lastUpdated, status, issued, versionId) says which is newer" in run.stderr
    assert "  a.ndjson:2" in run.stderr.splitlines()


def test_all_files_are_looked_into_before_any_is_loaded():
    sent("a.ndjson", TG)
    Path("b.ndjson.gz").write_text("{}", encoding="utf-8")
    run = ingest(".", expect=2)
    assert "not a gzip file" in run.stderr
    assert not Path("raiway.db").exists()


def test_an_early_end_says_what_stays_and_doctor_remembers():
    sent("a.ndjson", TG)
    whole = gzip.compress(json.dumps(TG).encode() * 100)
    Path("b.ndjson.gz").write_bytes(whole[:-20])
    run = ingest(".", expect=2)
    assert "1 resources were loaded and stay; ingest again to go on" in run.stderr
    checks = CliRunner().invoke(app, ["doctor"])
    assert checks.exit_code == 0
    line = next(each for each in checks.stdout.splitlines() if each.startswith("ingests"))
    assert line.split()[:3] == ["ingests", "warn", "1"]
    assert "ingest the same paths again" in checks.stdout


def test_files_of_other_kinds_are_counted():
    sent("a.ndjson", TG)
    Path("scan.dcm").write_bytes(b"\0")
    Path("notes.txt").write_text("", encoding="utf-8")
    assert "2 files of other kinds" in ingest(".").stderr


def test_a_site_keeps_its_zone_and_other_zones_are_refused():
    path = sent("a.ndjson", {**TG, "effectiveDateTime": "2021-05-03T23:30:00-04:00"})
    ingest(path, "--timezone", "America/New_York")
    run = ingest(path, "--timezone", "Europe/Berlin", expect=2)
    assert "site A was loaded with America/New_York" in run.stderr
    assert "--timezone America/New_York" in run.stderr
    again = ingest(path, "--json")
    assert (json.loads(again.stdout)["unchanged"], "time zone" in again.stderr) == (1, False)


def test_changed_mappings_and_unlisted_sites_warn():
    path = sent("a.ndjson", TG)
    ingest(path)
    Path("raiway.toml").write_text('[[sites]]\nname = "A"\n', encoding="utf-8")
    assert "warning" not in ingest(path).stderr
    own = {"resourceType": "ConceptMap", "url": "urn:own", "status": "active", "group": []}
    run = ingest(path, "--map", sent("own.json", own), expect=0)
    assert "mappings changed since the last ingest of site A" in run.stderr
    assert "site B is not in the configuration, which lists A" in ingest(path, site="B").stderr


@pytest.mark.parametrize(
    ("arguments", "site", "said"),
    [
        (("a.ndjson",), "A B", "no id of a site"),
        (("a.ndjson", "--map", "none.json"), "A", "no such file"),
        (("--replay",), "Z", "no site Z in the store"),
    ],
)
def test_wrong_use_registers_nothing(arguments: tuple[str, ...], site: str, said: str):
    ingest(sent("a.ndjson", TG), site="A")
    assert said in ingest(*arguments, site=site, expect=2).stderr
    run = CliRunner().invoke(app, ["cohort", "--site", "none"])
    assert "sites in the store: A\n" in run.stderr


def test_a_profile_says_what_the_sites_server_is():
    """Below a limit Epic sends words, with the unit in the reference range alone."""
    limit = {"high": quantity(59.9, "ng/mL")}
    path = sent("a.ndjson", observation("3013-0", valueString="<0.1", referenceRange=[limit]))
    assert "no unit for Tg" in ingest(path, expect=5).stderr
    ingest(path, "--profile", "epic", site="B")
    refused = ingest(path, "--profile", "cerner", site="C", expect=2)
    assert "epic, mii, oracle" in refused.stderr
