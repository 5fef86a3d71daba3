"""Which version holds, whose it is, and what counts as the same content."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.errors import InvalidResource, InvalidValue
from adapter.mapping.stamp import content_hash, patient_id, patient_key, stamp
from tests.lib.mapping import parsed


def _rank(**content: Any) -> str:
    meta = content.pop("meta", {})
    resource = {"resourceType": "Observation", "id": "o", "meta": meta, "status": "final"}
    return stamp(resource | content, site="a", source="here").rank


OLDER_TO_NEWER = [
    # Without lastUpdated: status, then issued, then versionId.
    {"status": "preliminary", "meta": {"versionId": "9"}},
    {"status": "final", "meta": {"versionId": "1"}},
    {"status": "final", "meta": {"versionId": "2"}},
    {"status": "final", "meta": {"versionId": "10"}},
    {"status": "final", "issued": "2021-05-03T10:00:00Z"},
    {"status": "final", "issued": "2021-05-03T12:00:00+01:00"},
    {"status": "amended"},
    {"status": "corrected"},
    # With it, time decides, and zones do not matter.
    {"status": "corrected", "meta": {"lastUpdated": "2021-05-03T10:00:00Z"}},
    {"status": "final", "meta": {"lastUpdated": "2021-05-03T10:00:00.5Z"}},
    {"status": "final", "meta": {"lastUpdated": "2021-05-03T06:00:01-05:00"}},
    {"status": "entered-in-error", "meta": {"lastUpdated": "2021-05-03T11:00:01Z"}},
    {"status": "final", "meta": {"lastUpdated": "2021-05-04T00:00:00Z"}},
    # A retraction without a date holds against all.
    {"status": "entered-in-error"},
]


def test_ranks_follow_the_order_of_versions() -> None:
    ranks = [_rank(**content) for content in OLDER_TO_NEWER]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_an_impossible_last_updated_is_refused() -> None:
    with pytest.raises(InvalidValue):
        _rank(meta={"lastUpdated": "2021-02-30T00:00:00Z"})


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ("Patient/p1", "p1"),
        ("https://fhir.example/r4/Patient/p1", "p1"),
        ("Patient/p1/_history/2", "p1"),
        ("https://fhir.example/r4/Patient/p1/_history/2", "p1"),
        ("Group/p1", ""),
        ("urn:uuid:5b0a", ""),
        ("Pa", ""),
    ],
)
def test_references_to_a_patient(reference: str, patient: str) -> None:
    resource = {"resourceType": "Observation", "subject": {"reference": reference}}
    assert patient_id(resource) == patient
    assert patient_id({"resourceType": "Coverage", "beneficiary": resource["subject"]}) == patient


def test_the_store_key_of_a_patient_tells_sites_apart_and_shows_no_id() -> None:
    assert patient_key("a", "p1") != patient_key("b", "p1")
    assert "p1" not in patient_key("a", "p1")


def test_content_ignores_narrative_and_bookkeeping_but_not_digits() -> None:
    base = parsed('{"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 12.4}}')
    same = parsed(
        '{"id": "o", "text": {"div": "x"}, "meta": {"versionId": "2"},'
        ' "valueQuantity": {"value": 12.4}, "resourceType": "Observation"}'
    )
    other = parsed('{"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 12.5}}')
    assert content_hash(base) == content_hash(same)
    assert content_hash(base) != content_hash(other)


NAMES = st.text(max_size=5)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@given(content=st.dictionaries(NAMES, JSON, max_size=5))
@example(content={"text": {"div": "x"}, "é": '\x7f\x00\n"\\/\u2028', "b": [2**70, Decimal("1E+3")]})
@example(content={"delete": "\x7f"})
@example(content={"lone": "\ud800"})
def test_the_hash_is_that_of_json_with_sorted_keys(content: dict[str, Any]) -> None:
    stated = {key: value for key, value in content.items() if key not in ("text", "meta")}
    written = json.dumps(stated, sort_keys=True, separators=(",", ":"), default=str)
    assert content_hash(content) == hashlib.sha256(written.encode()).hexdigest()


def test_content_nested_beyond_reason_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    with pytest.raises(InvalidResource, match="nested too deeply"):
        content_hash(nested)
