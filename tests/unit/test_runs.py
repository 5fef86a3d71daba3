"""Run ids: UUIDs of version 7, later ones sort later."""

from __future__ import annotations

import uuid

from adapter.runs import run_id


def test_run_ids_are_version_7_and_sort_by_time():
    milliseconds = [1, 1_600_000_000_000, 1_600_000_000_001, 4_000_000_000_000]
    ids = [run_id(moment) for moment in milliseconds]
    assert ids == sorted(ids)
    parsed = [uuid.UUID(each) for each in ids]
    assert {(each.version, each.variant) for each in parsed} == {(7, uuid.RFC_4122)}
    assert [each.int >> 80 for each in parsed] == milliseconds
    assert run_id(1) != run_id(1)
