"""What goes wrong, from outside: exit codes, three lines that help, and nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ZONE
from tests.lib.console import RAIWAY, environment, raiway


def broken_export(export: Path, folder: Path) -> dict[str, str]:
    """The export with five bad lines at the end of Observation.ndjson: place -> reason."""
    shutil.copytree(export, folder)
    path = folder / "Observation.ndjson"
    lines = path.read_text(encoding="utf-8").splitlines()
    tg = next(each for each in map(json.loads, lines) if _is_tg(each))
    unit = {**tg["valueQuantity"], "code": "furlong", "unit": "furlong"}
    bad = {
        '{"resourceType": "Observation", "id": ': "not JSON",
        json.dumps({key: value for key, value in tg.items() if key != "id"}): "no id",
        json.dumps({**tg, "id": "bad-type", "resourceType": "Thyroid"}): "resourceType",
        json.dumps({**tg, "id": "bad-date", "effectiveDateTime": "2021-02-30"}): "impossible date",
        json.dumps({**tg, "id": "bad-unit", "valueQuantity": unit}): "unknown unit",
    }
    path.write_text("\n".join([*lines, *bad]) + "\n", encoding="utf-8")
    first = len(lines) + 1
    return {
        f"Observation.ndjson:{number}": reason
        for number, reason in enumerate(bad.values(), start=first)
    }


def _is_tg(resource: dict[str, Any]) -> bool:
    codes = [coding.get("code") for coding in resource.get("code", {}).get("coding", ())]
    return "3013-0" in codes and "valueQuantity" in resource and "effectiveDateTime" in resource


def test_bad_lines_are_named_and_the_rest_is_loaded(export: Path, loaded: Path, tmp_path: Path):
    reasons = broken_export(export, tmp_path / "broken")
    run = raiway(
        "ingest", "broken", "--site", "A", "--timezone", ZONE, "--json", cwd=tmp_path, expect=5
    )
    assert run.json["quarantined"] == 5
    named = [line.split(maxsplit=1) for line in run.stderr.splitlines() if line.startswith("  ")]
    assert [place for place, _ in named] == list(reasons)
    for (place, said), reason in zip(named, reasons.values(), strict=True):
        assert reason in said, place
    found = raiway("evaluate", "--json", cwd=tmp_path)
    assert found.json == raiway("evaluate", "--json", cwd=loaded).json
    assert "5 lines lie in the store's quarantine" in found.stderr

    replayed = raiway("ingest", "--replay", "--site", "A", "--json", cwd=tmp_path, expect=5)
    assert (replayed.json["read"], replayed.json["quarantined"]) == (5, 5)


def test_no_more_than_twenty_bad_lines_are_named(tmp_path: Path):
    (tmp_path / "bad.ndjson").write_text("{\n" * 25, encoding="utf-8")
    run = raiway("ingest", "bad.ndjson", "--site", "A", "--quiet", cwd=tmp_path, expect=5)
    assert run.stdout == ""
    assert sum("bad.ndjson:" in line for line in run.stderr.splitlines()) == 20
    assert "and 5 more" in run.stderr


def test_an_empty_quarantine_is_replayed_to_nothing(loaded: Path):
    run = raiway("ingest", "--replay", "--site", "A", "--json", cwd=loaded)
    assert run.json["read"] == 0


@pytest.mark.parametrize("paths", [["missing.ndjson"], ["there.ndjson", "missing"]])
def test_a_missing_path_leaves_no_store(tmp_path: Path, paths: list[str]):
    (tmp_path / "there.ndjson").write_text("", encoding="utf-8")
    run = raiway("ingest", *paths, "--site", "A", cwd=tmp_path, expect=2)
    assert run.stderr.splitlines() == [
        "error: no such file or folder",
        f"   at: {paths[-1]}",
        "   do: check the path",
    ]
    assert not list(tmp_path.glob("raiway.db*"))


def test_a_store_that_cannot_be_reached(export: Path, tmp_path: Path):
    (tmp_path / "text.db").write_text("no database\n" * 100, encoding="utf-8")
    (tmp_path / "folder.db").mkdir()
    ingest = ("ingest", export / "Patient.ndjson", "--site", "A")
    for command, url in (
        (("evaluate",), "sqlite:///text.db"),
        (ingest, "sqlite:///text.db"),
        (ingest, "sqlite:///folder.db"),
        (("cohort",), "sqlite:///none/raiway.db"),
        (ingest, "postgresql+psycopg://nobody:hush@127.0.0.1:1/none"),
    ):
        run = raiway(*command, "--store", url, cwd=tmp_path, expect=4)
        assert len(run.stderr.splitlines()) == 3, run.stderr
        assert run.stdout == ""
        assert "hush" not in run.stderr
    raiway("doctor", "--store", "sqlite:///text.db", cwd=tmp_path, expect=4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--formt", "table"], "--format"),
        (["evaluate", "--out", "none/report.json"], "none/report.json"),
        (["cohort", "--site", "Z"], "sites in the store: A"),
    ],
)
def test_wrong_use_is_told_apart_from_failure(loaded: Path, arguments: list[str], said: str):
    run = raiway(*arguments, cwd=loaded, expect=2)
    assert run.stdout == ""
    assert said in run.stderr


def test_a_misspelt_setting_is_named(tmp_path: Path):
    (tmp_path / "raiway.toml").write_text('[store]\nurk = "sqlite:///x.db"\n', encoding="utf-8")
    for command in (["evaluate"], ["doctor"]):
        run = raiway(*command, cwd=tmp_path, expect=2)
        assert "did you mean url?" in run.stdout + run.stderr


def test_the_store_is_named_by_option_then_environment_then_file(loaded: Path, tmp_path: Path):
    toml, held = tmp_path / "raiway.toml", f"sqlite:///{loaded / 'raiway.db'}"
    toml.write_text('[store]\nurl = "sqlite:///none.db"\n', encoding="utf-8")
    raiway("cohort", cwd=tmp_path, expect=4)
    raiway("cohort", cwd=tmp_path, RAIWAY_STORE__URL=held)
    none = "sqlite:///none.db"
    raiway("cohort", "--store", held, cwd=tmp_path, RAIWAY_STORE__URL=none)


def test_instants_with_an_offset_and_no_zone_warn(export: Path, tmp_path: Path):
    ingest = ("ingest", export / "Observation.ndjson", "--site", "A", "--store")
    run = raiway(*ingest, "sqlite:///none.db", cwd=tmp_path)
    assert "no time zone is set for site A" in run.stderr
    told = raiway(*ingest, "sqlite:///told.db", "--timezone", ZONE, cwd=tmp_path)
    assert "time zone" not in told.stderr
    toml = f'[[sites]]\nname = "A"\ntimezone = "{ZONE}"\n'
    (tmp_path / "raiway.toml").write_text(toml, encoding="utf-8")
    assert "time zone" not in raiway(*ingest, "sqlite:///toml.db", cwd=tmp_path).stderr


def test_the_file_of_init_does_not_silence_the_warning(export: Path, tmp_path: Path):
    raiway("init", cwd=tmp_path)
    run = raiway("ingest", export / "Observation.ndjson", "--site", "A", cwd=tmp_path)
    assert "no time zone is set for site A" in run.stderr


def test_init_writes_a_file_that_doctor_accepts_and_never_overwrites(tmp_path: Path):
    (tmp_path / ".gitignore").write_text("landing/", encoding="utf-8")
    raiway("init", cwd=tmp_path)
    written = (tmp_path / "raiway.toml").read_text(encoding="utf-8")
    ignored = (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ignored.count("landing/") == 1
    assert "raiway.db*" in ignored
    run = raiway("doctor", cwd=tmp_path)
    assert "will create it" in run.stdout
    assert not (tmp_path / "raiway.db").exists()
    again = raiway("init", cwd=tmp_path, expect=2)
    assert "not overwritten" in again.stderr
    assert (tmp_path / "raiway.toml").read_text(encoding="utf-8") == written


def test_doctor_tells_what_the_store_holds(loaded: Path):
    checks = raiway("doctor", "--json", cwd=loaded).json["checks"]
    by_name = {check["name"]: check for check in checks}
    assert set(by_name) >= {"config", "mappings", "study", "measures", "store", "disk", "python"}
    assert all(check["ok"] for check in checks)
    assert "1 site, 46 patients" in by_name["store"]["found"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_stdout_is_told(loaded: Path):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [RAIWAY, "evaluate", "--json"],
            cwd=loaded,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-3].startswith("error: stdout cannot be written")


def test_a_reader_that_leaves_is_no_failure_of_ours(loaded: Path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [RAIWAY, "evaluate", "--json", "--quiet"],
        cwd=loaded,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_control_c_ends_with_130(tmp_path: Path):
    os.mkfifo(tmp_path / "slow.ndjson")
    process = subprocess.Popen(
        [RAIWAY, "ingest", "slow.ndjson", "--site", "A"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    # Opening for writing waits until the program has opened the pipe for reading.
    with (tmp_path / "slow.ndjson").open("w", encoding="utf-8"):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
