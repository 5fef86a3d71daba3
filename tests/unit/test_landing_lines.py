"""What is written of a resource, of a refusal and of a deletion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from adapter.elements import PULLED
from adapter.pull.checks import Refused
from adapter.pull.landing import closing
from adapter.pull.landing.border import Identified
from tests.lib.landings import (
    SERVER_TIME,
    Pseudonymised,
    good,
    lines,
    manifest,
    observation,
    opened,
)


def test_a_refusal_is_kept_once_and_its_bytes_only_where_all_is_identified(tmp_path: Path) -> None:
    refused = Refused("no id", b'{"resourceType":"Observation"}')
    for name, border in (("A", Identified()), ("B", Pseudonymised())):
        for _ in range(2):
            with opened(tmp_path, border, name=name) as landing:
                landing.refuse("Observation", refused, "file:3")
                landing.refuse("Observation", refused, "file:4")
                assert landing.refused == {"Observation": 2}
        content = (landing.path / "quarantine.ndjson").read_bytes()
        kept = [orjson.loads(each) for each in content.splitlines()]
        assert [each["where"] for each in kept] == ["file:3", "file:4"]
        assert [each.get("raw") for each in kept] == [
            '{"resourceType":"Observation"}' if border.identified else None
        ] * 2


def test_what_the_border_says_is_what_is_written(tmp_path: Path) -> None:
    with opened(tmp_path, Pseudonymised()) as landing:
        with landing.part("Observation", "k") as part:
            for each in (observation(1), {**observation(2), "modifierExtension": []}):
                part.put(each, orjson.dumps(each))
            part.commit()
        landing.deleted("Observation", "o9", SERVER_TIME)
        closing.close(landing, good(landing))
        written, tombstone = lines(landing.path)
        refused = (landing.path / "quarantine.ndjson").read_bytes()
    assert orjson.loads(tombstone if b"DELETE" in written else written)["id"] == "x-o1"
    assert b"x-o9" in written + tombstone
    assert b'"o9"' not in written + tombstone
    entry = orjson.loads(refused)
    assert (entry["path"], entry["reference"]) == (
        "Observation.modifierExtension",
        "Observation/x-o2",
    )
    assert "raw" not in entry


def test_a_deletion_is_kept_once_as_bulk_data_has_it(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path) as landing:
            landing.deleted("Observation", "o9", SERVER_TIME)
            assert landing.tombstones == {"Observation": 1}
    with opened(tmp_path) as landing:
        closing.close(landing, good(landing))
        listed = manifest(landing.path)["deleted"]
        assert [(each["type"], each["count"]) for each in listed] == [("Bundle", 1)]
        [bundle] = map(orjson.loads, lines(landing.path))
    assert bundle == {
        "resourceType": "Bundle",
        "meta": {"lastUpdated": SERVER_TIME},
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Observation/o9"}}],
    }


@pytest.mark.parametrize(
    "meta", [None, {}, {"versionId": "3"}, {"extension": [{"url": "u", "valueCode": "c"}]}]
)
def test_a_resource_without_lastupdated_is_dated_by_the_servers_time(
    meta: dict[str, Any] | None, tmp_path: Path
) -> None:
    raw = b'{"resourceType":"Observation","id":"o","valueQuantity":{"value":0.10}}'
    resource = orjson.loads(raw)
    if meta is not None:
        resource["meta"] = meta
        raw = raw[:-1] + b',"meta":' + orjson.dumps(meta) + b"}"
    with opened(tmp_path) as landing:
        landing.as_of(SERVER_TIME)
        landing.as_of("2030-01-01T00:00:00Z")
        with landing.part("Observation", "k") as part:
            part.put(resource, raw)
            part.commit()
        written = (landing.path / "Observation.00001.ndjson").read_bytes()
    dated = {"url": PULLED, "valueInstant": SERVER_TIME}
    held = meta or {}
    expected = {**held, "extension": [*held.get("extension", []), dated]}
    assert orjson.loads(written) == {**resource, "meta": expected}
    # A number keeps the digits it was sent with.
    assert b"0.10" in written


def test_a_resource_with_lastupdated_is_written_byte_for_byte(tmp_path: Path) -> None:
    raw = b'{"id": "o", "resourceType":"Observation","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}'
    with opened(tmp_path) as landing:
        landing.as_of(SERVER_TIME)
        with landing.part("Observation", "k") as part:
            part.put(orjson.loads(raw), raw)
            part.commit()
        assert (landing.path / "Observation.00001.ndjson").read_bytes() == raw + b"\n"
