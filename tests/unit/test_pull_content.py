"""What a reply's bytes are: unpacked within bounds however they are cut, and parsed as JSON."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.pull.transport.content import (
    FREE,
    RATIO,
    Budget,
    Guard,
    Interrupted,
    NotJson,
    TooLarge,
    decoded,
    is_html,
    json_object,
)

URL = "https://fhir.a.example/r4/Patient/canary"
CONTENT = st.one_of(st.binary(max_size=2_000), st.binary(max_size=40).map(lambda b: b * 500))


async def _chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def unpacked(parts: Iterable[bytes], cap: int | None = None, budget: int = 10**9) -> bytes:
    async def read() -> bytes:
        guard = Guard(URL, cap, Budget(budget))
        return b"".join([block async for block in decoded(_chunks(parts), guard)])

    return asyncio.run(read())


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(body)) for place in places} | {0, len(body)})
    return [body[a:b] for a, b in pairwise(ends)]


@given(CONTENT, st.lists(st.integers(0, 3_000), max_size=6), st.integers(0, 2))
def test_gzip_is_unpacked_however_it_is_cut(content: bytes, places: list[int], layers: int):
    body = content if content[:2] != b"\x1f\x8b" else b"x" + content
    packed = body
    for _ in range(layers):
        packed = gzip.compress(packed, mtime=0)
    assert unpacked(cut(packed, places)) == body


@given(st.lists(CONTENT, min_size=1, max_size=4), st.integers(0, 600))
def test_members_follow_each_other_and_zeros_may_follow(contents: list[bytes], zeros: int):
    contents[0] = b"[" + contents[0]
    packed = b"".join(gzip.compress(content, mtime=0) for content in contents) + b"\0" * zeros
    assert unpacked([packed[:7], packed[7:]]) == b"".join(contents)


@given(CONTENT, st.integers(3, 2_000))
def test_gzip_that_ends_early_is_no_content(content: bytes, keep: int):
    packed = gzip.compress(content, mtime=0)
    if keep < len(packed):
        with pytest.raises(Interrupted):
            unpacked([packed[:keep]])


def test_gzip_that_is_broken():
    packed = bytearray(gzip.compress(b"x" * 1000))
    packed[-6] ^= 1
    with pytest.raises(Interrupted, match="is broken"):
        unpacked([bytes(packed)])


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_stopped_early(layers: int):
    bomb = b"0" * 40_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb, 9)
    with pytest.raises(TooLarge, match=f"over {RATIO} times") as found:
        unpacked(bomb[i : i + 4096] for i in range(0, len(bomb), 4096))
    assert "canary" not in str(found.value)


def test_well_packed_content_below_the_free_size_is_taken():
    content = b"0" * (FREE - 1)
    assert len(unpacked([gzip.compress(content, 9)])) == len(content)


def test_caps_of_a_page_and_of_a_run():
    assert unpacked([b"x" * 10], cap=10) == b"x" * 10
    with pytest.raises(TooLarge, match="a page of more than"):
        unpacked([b"x" * 11], cap=10)
    with pytest.raises(TooLarge, match="this run has taken as much as it may"):
        unpacked([b"x" * 11], budget=10)


def test_a_run_counts_over_its_replies():
    budget = Budget(25)

    async def read() -> None:
        async for _ in decoded(_chunks([b"x" * 10]), Guard(URL, None, budget)):
            pass

    asyncio.run(read())
    asyncio.run(read())
    assert budget.left == 5
    with pytest.raises(TooLarge):
        asyncio.run(read())


@pytest.mark.parametrize(
    "body",
    [b'{"a":1}', b'\xef\xbb\xbf{"a":1}', b'\r\n \t{"a":1}\n', b'\xef\xbb\xbf\n{"a":1}'],
)
def test_a_json_object(body: bytes):
    assert json_object(body, URL) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"<html><body>canary", "html", "an HTML page"),
        (b"\n <!DOCTYPE html>canary", "html", "an HTML page"),
        (b"\xef\xbb\xbf<HTML>", "html", "an HTML page"),
        (b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir">', "other", "XML"),
        (gzip.compress(b"{}", mtime=0), "gzip", "gzip within gzip"),
        (b"", "other", "empty"),
        (b"  \n", "other", "empty"),
        (b"[1]", "other", "JSON, but no object"),
        (b'"canary"', "other", "JSON, but no object"),
        (b'{"canary": }', "other", "not JSON: it breaks at character 11"),
        (b'{"a": "\xff"}', "other", "not JSON: it breaks at character"),
        (b'{"a": NaN}', "other", "not JSON: it breaks at character"),
        (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "deep", "nested deeper than 1024"),
    ],
)
def test_what_is_no_json_object(body: bytes, kind: str, told: str):
    with pytest.raises(NotJson) as found:
        json_object(body, URL)
    assert found.value.kind == kind
    assert told in found.value.what
    assert "canary" not in f"{found.value!r}{found.value.hint}"


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_refused(body: bytes):
    found: object = {}
    with suppress(NotJson):
        found = json_object(body, URL)
    assert isinstance(found, dict)


def test_fhir_xml_is_no_login_page():
    assert not is_html(b'<?xml version="1.0"?><OperationOutcome xmlns="http://hl7.org/fhir"/>')
    assert is_html(b"<html>")
    assert not is_html(b"")
