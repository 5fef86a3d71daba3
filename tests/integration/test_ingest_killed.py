"""An ingest that is killed (SIGKILL) in the middle of its work, and one that follows it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from adapter import definitions
from adapter.evaluate import Request, evaluate_aggregate
from adapter.store import Store, open_store
from benchmarks.thyroid import write
from tests.lib.console import RAIWAY, environment, raiway

PATIENTS = 600
SECONDS = 60


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some ten thousand resources in several files."""
    folder = tmp_path_factory.mktemp("export")
    write(PATIENTS, 1, folder)
    return folder


def command(export: Path, store_url: str) -> list[str]:
    asked = ["ingest", str(export), "--site", "A", "--timezone", "UTC", "--store", store_url]
    return [*asked, "--quiet"]


def killed_in_the_middle(export: Path, store_url: str, folder: Path) -> bool:
    """Whether the ingest was killed after it had stored something, and before its end."""
    process = subprocess.Popen([RAIWAY, *command(export, store_url)], cwd=folder, env=environment())
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < SECONDS:
        if stored(store_url):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    return process.wait(SECONDS) == -signal.SIGKILL


def stored(store_url: str) -> int:
    """The resources that others see by now."""
    try:
        with open_store(store_url, create=False) as store:
            return store.counts()["resource"]
    except Exception:  # there may be no store yet, or half of its tables
        return 0


def facts(store: Store) -> tuple[str, dict[str, object]]:
    """The version of the data, and every figure."""
    study = definitions.load().study("redifferentiation")
    found = evaluate_aggregate(store, study, Request(), keep=False)
    return found.data_version, dict(found.figures())


def test_what_was_killed_is_told_and_the_next_ingest_ends_where_one_would(
    export: Path, store_url: str, tmp_path: Path
):
    raiway(*command(export, f"sqlite:///{tmp_path / 'whole.db'}"), cwd=tmp_path)
    with open_store(f"sqlite:///{tmp_path / 'whole.db'}", create=False) as store:
        whole, resources = facts(store), store.counts()["resource"]
    assert killed_in_the_middle(export, store_url, tmp_path)
    with open_store(store_url, create=False) as store:
        assert 0 < store.counts()["resource"] < resources
        assert [run.site for run in store.unfinished_runs()] == ["A"]
    raiway(*command(export, store_url), cwd=tmp_path)
    with open_store(store_url, create=False) as store:
        assert facts(store) == whole
        assert store.counts()["resource"] == resources
        assert [run.ended is None for run in store.runs()] == [True, False]
        assert store.unfinished_runs() == []
