"""Runs: ids that sort by time, and what is refused before one begins."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapter.config import Settings
from adapter.errors import UsageError
from adapter.models import IngestRunRow
from adapter.quality.stamp import runs_so_far
from adapter.runs import run_id, site_mapper


def test_run_ids_are_version_7_and_sort_by_time():
    milliseconds = [1, 1_600_000_000_000, 1_600_000_000_001, 4_000_000_000_000]
    ids = [run_id(moment) for moment in milliseconds]
    assert ids == sorted(ids)
    parsed = [uuid.UUID(each) for each in ids]
    assert {(each.version, each.variant) for each in parsed} == {(7, uuid.RFC_4122)}
    assert [each.int >> 80 for each in parsed] == milliseconds
    assert run_id(1) != run_id(1)


@pytest.mark.parametrize("site", ["", " ", "A B", "a/b", "Ä", "x" * 65, "A\n"])
def test_a_site_id_that_is_none_is_refused(site: str):
    with pytest.raises(UsageError) as error:
        site_mapper(Settings.model_construct(), site)
    assert "--site A" in error.value.hint


def test_a_map_that_is_missing_is_named():
    with pytest.raises(UsageError, match=r"no such file \(none\.json\)"):
        site_mapper(Settings.model_construct(), "A", [Path("none.json")])


def test_an_ingest_that_ends_after_a_later_one_is_noticed():
    """Two sites ingest at once; the gate must look again at each end."""
    begun = datetime(2026, 1, 1, 10, tzinfo=UTC)
    first = IngestRunRow(run_id="1", site="A", started=begun)
    second = IngestRunRow(run_id="2", site="B", started=begun)
    runs = [first]
    seen = [runs_so_far(_Runs(runs))]
    runs.append(second)
    seen.append(runs_so_far(_Runs(runs)))
    second.ended = begun + timedelta(minutes=1)
    seen.append(runs_so_far(_Runs(runs)))
    first.ended = begun + timedelta(minutes=9)
    seen.append(runs_so_far(_Runs(runs)))
    assert len(set(seen)) == 4
    assert runs_so_far(_Runs(runs)) == seen[-1]


class _Runs:
    """Stands for a store that holds these runs and nothing else."""

    def __init__(self, held: list[IngestRunRow]) -> None:
        self.runs = lambda: held
