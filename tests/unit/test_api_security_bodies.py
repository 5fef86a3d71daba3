"""The depth of JSON that comes in pieces."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.bodies import Gunzip, JsonDepth

text = st.text(st.sampled_from('ab"\\[]{}é\n'))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)


def depth(value: Any) -> int:
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def is_taken(content: bytes, deepest: int, size: int) -> bool:
    follower = JsonDepth(deepest)
    try:
        for start in range(0, len(content), size):
            follower.feed(content[start : start + size])
    except FhirFailure:
        return False
    return True


@given(values, st.integers(1, 9))
def test_the_depth_is_that_of_the_parsed_value(value: Any, size: int) -> None:
    content = json.dumps(value, ensure_ascii=False).encode()
    found = depth(value)
    assert is_taken(content, max(found, 1), size)
    if found > 1:
        assert not is_taken(content, found - 1, size)


@given(st.binary(), st.integers(1, 9))
def test_what_is_no_json_does_no_harm(content: bytes, size: int) -> None:
    is_taken(content, 8, size)


def test_gzip_is_not_unpacked_beyond_its_bound() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with pytest.raises(FhirFailure) as failure:
        Gunzip(1000).decoded(bomb, True)
    assert failure.value.status == 413
