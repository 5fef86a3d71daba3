"""Runs: ids that sort by time, and what is refused before one begins."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from adapter.config import Settings
from adapter.errors import UsageError
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
