"""A crawl in a process of its own, killed and run again."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from adapter import landed
from tests.integration.test_pull_landing import pulling, until
from tests.lib.console import raiway
from tests.lib.fault.server import FaultServer, fault_server
from tests.lib.fault.slow_search import TYPES, SlowSearch


def configured(folder: Path, server: FaultServer) -> None:
    text = f"""
[[sites]]
name = "A"
base_url = "{server.base}"
mode = "crawl"
auth = "none"
types = ["Patient", "Condition", "Observation"]
[sites.limits]
concurrency = 3
[sites.privacy]
mode = "identified"
"""
    (folder / "raiway.toml").write_text(text, encoding="utf-8")


def ids(folder: Path) -> list[str]:
    """Type and id of each row of the one run, in order."""
    [run] = landed.find(folder / "landing").runs
    rows = [orjson.loads(line) for file in run.files for line in file.read_bytes().splitlines()]
    return sorted(f"{row['resourceType']}/{row['id']}" for row in rows)


@pytest.mark.parametrize("committed", [0, 1, 4])
def test_killed_and_run_again_each_row_is_there_once(committed: int, tmp_path: Path) -> None:
    scenario = SlowSearch(seconds=0.03)
    everybody = range(scenario.patients)
    expected = sorted(
        f"{row['resourceType']}/{row['id']}"
        for kind in TYPES
        for row in scenario.rows(kind, everybody)
    )
    with fault_server(scenario) as server:
        configured(tmp_path, server)

        def reached() -> bool:
            files = list((tmp_path / "landing").rglob("*.0*.ndjson"))
            return scenario.asked["Observation"] > 3 and len(files) >= committed

        with pulling(tmp_path) as process:
            until(reached, process)
        scenario.seconds = 0.0
        raiway("pull", "A", cwd=tmp_path)
    assert ids(tmp_path) == expected


def test_the_next_crawl_asks_for_what_changed_and_finds_nothing_new(tmp_path: Path) -> None:
    scenario = SlowSearch(patients=3)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        raiway("pull", "A", cwd=tmp_path)
        server.seen.clear()
        raiway("pull", "A", cwd=tmp_path)
        asked = [seen.query for seen in server.seen if seen.path == "/fhir/Observation"]
    assert any("_lastUpdated" in query for query in asked)
    assert len(landed.find(tmp_path / "landing").runs) == 2
