"""Any value of any type in any place of a resource rejects that resource at most."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapter import definitions, sources
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.quarantine import map_one
from adapter.runs import ingest_run
from adapter.store import open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.mapping import concept, observation, quantity

WRONG: tuple[Any, ...] = (
    19600101, -1, 1612137600.5, "12,5", "", " ", "NaN", "Infinity", "x" * 20_000, "é\u0000 \ud800",
    True, False, None, [], {}, [[]], ["a"], [1], {"a": 1}, {"value": []}, [None], 10**400,
)  # fmt: skip
Path_ = tuple[str | int, ...]


def leaves(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The path of every leaf and, as senders get those wrong too, of every inner element."""
    if path:
        yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from leaves(value, (*path, at))


def replaced(resource: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(resource)
    node: Any = made
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return made


def samples(folder: Path) -> list[dict[str, Any]]:
    """One resource of the synthetic hospital for each type and code that states a fact."""
    mapper = Mapper(definitions.load(), "A", ZoneInfo("UTC"))
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for path in write_ndjson(folder):
        for item in sources.read(path):
            assert isinstance(item, sources.Found)
            outcome = map_one(item, mapper)
            if isinstance(outcome, MappedResource) and outcome.rows:
                tables = sorted({row.table for row in outcome.rows})
                found.setdefault((outcome.stamp.resource_type, *tables), json.loads(item.raw))
    return list(found.values())


def wrong_lines(resources: list[dict[str, Any]]) -> Iterator[str]:
    number = 0
    for resource in resources:
        for path in leaves(resource):
            for value in WRONG:
                number += 1
                made = {**replaced(resource, path, value)}
                if path != ("id",):
                    made["id"] = f"{resource['id']}-{number}"[-64:]
                yield json.dumps(made)


def test_no_value_anywhere_stops_an_ingest(store_url: str, tmp_path: Path) -> None:
    resources = samples(tmp_path / "export")
    assert len(resources) >= 12
    lines = list(wrong_lines(resources))
    path = tmp_path / "wrong.ndjson"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mapper = Mapper(definitions.load(), "A", ZoneInfo("UTC"))
    with open_store(store_url, create=True) as store:
        summary = ingest_run([path], mapper, store)
        assert summary.read == len(lines)
        waiting = sum(1 for _ in store.quarantined("A"))
        assert 0 < waiting <= summary.quarantined < len(lines)
        loaded = summary.mapped + summary.unchanged + summary.older + summary.retracted
        irrelevant = len(lines) - loaded - summary.quarantined
        assert irrelevant >= 0
        assert summary.relevant <= loaded
        assert len(list(store.patients())) > 0


def outcome_of(resource: dict[str, Any]) -> MappedResource | Rejected:
    mapper = Mapper(definitions.load(), "A", ZoneInfo("UTC"))
    (found,) = sources.parsed("f.ndjson:7", json.dumps(resource).encode())
    return map_one(found, mapper)


PERSON = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960"}
TG = observation("3013-0", valueQuantity=quantity(12.4, "ng/mL"))


@pytest.mark.parametrize(
    "resource",
    [
        {**PERSON, "birthDate": 19600101},
        {**PERSON, "gender": 1},
        {**PERSON, "meta": {"lastUpdated": 1612137600}},
        {**TG, "valueQuantity": quantity("12,5", "ng/mL")},
        {**TG, "valueQuantity": quantity("NaN", "ng/mL")},
        {**TG, "valueQuantity": quantity("Infinity", "ng/mL")},
    ],
)
def test_a_wrong_type_rejects_its_resource_only(
    resource: dict[str, Any], store_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.ndjson"
    good = {**PERSON, "id": "good"}
    path.write_text("\n".join(map(json.dumps, [resource, good])), encoding="utf-8")
    mapper = Mapper(definitions.load(), "A", ZoneInfo("UTC"))
    with open_store(store_url, create=True) as store:
        summary = ingest_run([path], mapper, store)
    assert (summary.mapped, summary.quarantined) == (1, 1)
    assert summary.rejected[0].source == "a.ndjson:1"
    assert summary.rejected[0].issue_code in {"structure", "value"}


def test_what_nobody_foresaw_is_a_structure_issue_without_the_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unforeseen(self: Mapper, resource: object, source: str) -> MappedResource:
        raise LookupError("Jane Roe")

    monkeypatch.setattr(Mapper, "map", unforeseen)
    rejected = outcome_of(PERSON)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "cannot be mapped: a value of the wrong type (LookupError)"
    assert (rejected.issue_code, rejected.source) == ("structure", "f.ndjson:7")
    assert (rejected.resource_type, rejected.resource_id) == ("Patient", "p")


@pytest.mark.parametrize(
    ("unit", "shown"), [("furlong", True), ("Jane Roe", False), ("x" * 21, False), ("a'b c", False)]
)
def test_a_reason_shows_a_unit_only_if_it_looks_like_one(unit: str, shown: bool) -> None:
    rejected = outcome_of({**TG, "valueQuantity": {"value": 1, "unit": unit}})
    assert isinstance(rejected, Rejected)
    assert "unit" in rejected.reason
    assert (unit in rejected.reason) is shown


@pytest.mark.parametrize("name", ["Jane Roe", "born 1960", 5, ["Patient"], "X" * 50])
def test_a_resource_type_that_is_none_is_not_shown(name: object) -> None:
    rejected = outcome_of({**TG, "resourceType": name})
    assert isinstance(rejected, Rejected)
    assert rejected.resource_type == ""
    assert str(name) not in rejected.reason


def test_a_code_that_is_no_code_is_listed_and_does_not_fill_the_key(store_url: str) -> None:
    """Random text, which PostgreSQL cannot compress into the 2,700 bytes of its keys."""
    text = "".join(chr(0x4E00 + (7919 * at * at) % 20_000) for at in range(9_000))
    sent = observation("3013-0", valueCodeableConcept=concept(text, system=text))
    mapped = outcome_of(sent)
    assert isinstance(mapped, MappedResource)
    assert mapped.unmapped
    with open_store(store_url, create=True) as store:
        assert store.load([mapped], "run").new == 1
