"""The network in a box, and the steps of a secure sum from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.network.premises import made, prepared
from adapter.network.processes import serving
from tests.lib.console import RAIWAY, environment, raiway

SECONDS = 900
"""Thirty processes, one after the other on a busy machine."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("network") / "box"
    done = subprocess.run(
        [RAIWAY, "network", "--out", folder, "--json"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.timeout(SECONDS)
def test_the_sum_is_that_of_all_rows(box: tuple[Path, dict[str, Any]]) -> None:
    _, told = box
    assert len(told["sites"]) == 5
    for way in ("secure_sum", "plain_reports"):
        assert told[way]["differing"] == []
        assert told[way]["uncarried"] == ["drug_days"]
        assert told[way]["figures"] > 200
    rows = {name: (ours, theirs) for name, ours, theirs in told["secure_sum"]["rows"]}
    assert rows["n_patients"] == ("16", "16")
    assert rows["rmst_192_days"][0] == rows["rmst_192_days"][1] != "-"
    assert told["audit"] == []


@pytest.mark.timeout(SECONDS)
def test_no_server_holds_a_hospitals_report(box: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = box
    report = json.loads((folder / "hospital-1" / "report.json").read_text())
    table = next(
        each["valueSampledData"]["data"]
        for each in report["contained"]
        if each.get("id") == "survival-all"
    )
    for role in ("registry", "trustee"):
        for file in (folder / role).rglob("*"):
            if file.is_file():
                assert table.encode() not in file.read_bytes(), file.name
        (round_,) = (folder / role / "rounds").glob("box.json")
        assert len(json.loads(round_.read_text())["shares"]) == 5


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, list[str]]]:
    folder = tmp_path_factory.mktemp("servers") / "network"
    premises = made(folder, 5)
    with serving([premises.of("registry"), premises.of("trustee")]) as origins:
        yield folder, origins


def between(origins: list[str]) -> list[str]:
    return ["--round", "r", "--registry", origins[0], "--trustee", origins[1]]


KNOWN = ["--directory", "../keys.json", "--keys", "own.keys.json"]
PERIOD = ["--period-start", "2010-01-01", "--period-end", "2026-12-31"]


@pytest.mark.timeout(SECONDS)
def test_what_is_refused_is_told_with_its_rule(servers: tuple[Path, list[str]]) -> None:
    folder, origins = servers
    registry, hospital = folder / "registry", folder / "hospital-1"
    unknown = raiway("secure-sum", "open", *between(origins), cwd=registry, expect=4)
    assert "no round r is announced" in unknown.stderr
    by_site = ["--stratify", "site"]
    refused = raiway(
        "secure-sum", "announce", *between(origins), *KNOWN, *PERIOD, *by_site,
        cwd=registry, expect=3,
    )  # fmt: skip
    assert "cannot be stratified by site" in refused.stderr
    open_ = ["--measure", "cohort-characteristics"]
    undeclared = raiway(
        "secure-sum", "announce", *between(origins), *KNOWN, *PERIOD, *open_, cwd=registry, expect=3
    )
    assert "no categories are declared" in undeclared.stderr
    stranger = raiway(
        "secure-sum", "announce", *between(origins), *KNOWN, *PERIOD, cwd=hospital, expect=3
    )
    assert "signature" in stranger.stderr
    told = raiway(
        "secure-sum", "announce", *between(origins), *KNOWN, *PERIOD, "--json", cwd=registry
    )
    assert json.loads(told.stdout)["columns"] > 100
    early = raiway("secure-sum", "open", *between(origins), cwd=registry, expect=3)
    assert "shares are taken until" in early.stderr
    wrong = raiway("secure-sum", "share", "none.json", *between(origins), *KNOWN, cwd=hospital,
                   expect=2)  # fmt: skip
    assert "cannot be read" in wrong.stderr
    unfinished = raiway(
        "secure-sum", "audit", *between(origins), "--directory", "../keys.json",
        cwd=registry, expect=3,
    )  # fmt: skip
    assert "round r" in unfinished.stderr


def test_keys_are_private_and_never_overwritten(tmp_path: Path) -> None:
    shown = json.loads(raiway("secure-sum", "keys", "a.json", cwd=tmp_path).stdout)
    assert set(shown) == {"kty", "crv", "x"}
    file = tmp_path / "a.json"
    assert file.stat().st_mode & 0o077 == 0
    assert "d" in json.loads(file.read_text())["signing"]
    raiway("secure-sum", "keys", "a.json", cwd=tmp_path, expect=2)
    server = json.loads(raiway("secure-sum", "keys", "b", "--server", cwd=tmp_path).stdout)
    assert {name: key["crv"] for name, key in server.items()} == {
        "signing": "Ed25519",
        "sealing": "X25519",
    }


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for step, flag in (("open", "--round"), ("share", "FILE"), ("keys", "FILE")):
        done = raiway("secure-sum", step, cwd=tmp_path, expect=2)
        assert flag in done.stderr
    assert "from 5 to 20" in raiway("network", "--hospitals", 4, cwd=tmp_path, expect=2).stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "not empty" in raiway("network", "--out", "full", cwd=tmp_path, expect=2).stderr


def test_what_was_prepared_is_left_as_it_is(tmp_path: Path) -> None:
    first = prepared(tmp_path / "box", 5)
    keys = first.directory.read_text()
    assert prepared(tmp_path / "box", 5).directory.read_text() == keys
