"""Folders of smart-fetch: what still holds is read, once, and nothing that accompanies it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from adapter.folders import inside
from adapter.sources import expand

LINE = b'{"resourceType":"Condition","id":"1"}\n'


@pytest.fixture
def managed(tmp_path: Path) -> Path:
    """As smart-fetch 1.0 leaves it: two full exports of Conditions, of which the second holds, and
    one of Observations (docs/exporting.md)."""
    metadata = {
        ".metadata": {"kind": "managed", "fhir-url": "https://h.example", "group": None},
        "001.2025-06-26/.metadata": {"kind": "output"},
        "002.2025-06-27/.metadata": {"kind": "output"},
        "003.obs/.metadata": {"kind": "output"},
    }
    data = [
        "001.2025-06-26/Condition.001.ndjson",
        "001.2025-06-26/deleted/Patient.001.ndjson",
        "001.2025-06-26/log.ndjson",
        "002.2025-06-27/Condition.001.ndjson",
        "002.2025-06-27/log.ndjson",
        "003.obs/Observation.001.ndjson",
        "003.obs/error/OperationOutcome.001.ndjson",
        "log.ndjson",
    ]
    for name, content in metadata.items():
        written(tmp_path / name, json.dumps(content).encode())
    for name in data:
        written(tmp_path / name, LINE)
    link(tmp_path / "Condition.001.ndjson", "002.2025-06-27/Condition.001.ndjson")
    link(tmp_path / "Observation.001.ndjson", "003.obs/Observation.001.ndjson")
    return tmp_path


def written(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)


def link(path: Path, target: str) -> None:
    path.symlink_to(target)


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in expand([folder])]


def test_what_a_newer_export_replaced_is_not_read(managed: Path):
    assert names(managed) == [
        "001.2025-06-26/deleted/Patient.001.ndjson",
        "002.2025-06-27/Condition.001.ndjson",
        "003.obs/Observation.001.ndjson",
    ]
    # Nothing is left to be counted as passed over.
    assert len(inside(managed)) == 3


def test_one_of_its_exports_can_be_read_alone(managed: Path):
    assert names(managed / "001.2025-06-26") == [
        "Condition.001.ndjson",
        "deleted/Patient.001.ndjson",
    ]


def test_where_the_links_were_lost_all_is_read(managed: Path):
    for path in managed.iterdir():
        if path.is_symlink():
            path.unlink()
    assert "001.2025-06-26/Condition.001.ndjson" in names(managed)
    assert "002.2025-06-27/Condition.001.ndjson" in names(managed)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": "output"}', b"\xff"])
def test_metadata_of_others_change_nothing(content: bytes, managed: Path):
    (managed / ".metadata").write_bytes(content)
    assert "001.2025-06-26/Condition.001.ndjson" in names(managed)


def test_a_link_to_another_file_of_the_folder_is_not_read_twice(tmp_path: Path):
    written(tmp_path / "in/a.ndjson", LINE)
    outside = tmp_path / "outside.ndjson"
    written(outside, LINE)
    link(tmp_path / "in/b.ndjson", "a.ndjson")
    link(tmp_path / "in/c.ndjson", os.fspath(outside))
    link(tmp_path / "in/broken.ndjson", "none.ndjson")
    assert names(tmp_path / "in") == ["a.ndjson", "c.ndjson"]


def test_what_is_hidden_is_not_read(tmp_path: Path):
    written(tmp_path / "a.ndjson", LINE)
    written(tmp_path / "._a.ndjson", b"\0\0")
    written(tmp_path / ".old/b.ndjson", LINE)
    assert names(tmp_path) == ["a.ndjson"]
