"""The benchmark of pulling, on an export small enough for every run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import pull, pull_server


@pytest.mark.parametrize("coding", ["plain", "gzip"])
@pytest.mark.parametrize("server", ["aiohttp", "nginx"])
def test_all_rows_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coding: str, server: str):
    if server == "aiohttp":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif pull_server.server_name() != "nginx":
        pytest.skip("nginx is not installed: the benchmark's other server is tested")
    made = pull_server.export(tmp_path, 300)
    assert (made.resources, made.files) == (303, 2)
    with pull_server.served(made, compressed=coding == "gzip") as base:
        found = pull.run(pull.CLIENTS[0], base)
    assert found.lines == 303
    assert found.peak_bytes > 0


def test_the_table_names_what_it_compares():
    made = pull_server.Export(Path(), resources=101, bytes=1, files=1)
    ours = pull.Result("raiway", "plain", 2.0, 1.5, 1.0, 1.0, 50_000_000, whole=True)
    peer = pull.Result(pull.PEER, "plain", 3.0, 2.5, 1.0, 0.5, 120_000_000, whole=False)
    *_, first, second = pull.table(made, [ours, peer])
    assert first == "| raiway | plain | 2.00 | 50 | 1.00 | 101 | 1.00 | 1.50 | 0.50 | 50 | all |"
    assert second.endswith("| 34 | 1.50 | 50 | 2.00 | 2.50 | 2.00 | 120 | **not all** |")


@pytest.mark.parametrize("script", [each for each in pull.CLIENTS if "script" in each.name])
def test_the_scripts_bring_the_same_rows(tmp_path: Path, script: pull.Client):
    made = pull_server.export(tmp_path, 300)
    with pull_server.served(made, compressed=True) as base:
        assert pull.run(script, base).lines == 303
