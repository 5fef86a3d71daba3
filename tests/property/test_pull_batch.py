"""The short way through a chunk of an export: never another result than line by line."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.pull.checks import Checked, checked
from adapter.pull.export import rows
from adapter.pull.export.batch import plain
from adapter.pull.export.filters import Filters
from adapter.pull.export.job import JobFile
from adapter.pull.export.linereader import Suspect
from adapter.pull.export.manifest import Section
from adapter.pull.export.rows import OutputFile, Rules
from tests.lib.landings import BASE, SERVER_TIME, observation, opened

ODD = (
    b"", b"  ", b"{", b"[]", b"7", b"null", b"<html>", b"\xff", b'{"resourceType":"Observation"}',
    b'{"resourceType":"Patient","id":"p","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}',
    b'{"resourceType":"Observation","id":"a b","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"x":1e3}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"x":01}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"x":"\xff"}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"x":null}',
    b'{"resourceType":"Observation","id":"a","meta":{}}',
    b'{"resourceType":"Observation","id":"a","meta":{"versionId":"2"},"note":[{"text":"\xc3\xa4"}]}',
    b' {"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}\r',
    b'{"resourceType":"Observation",\r"id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}',
    b'{"resourceType":"Observation","id":"a","id":"b c",'
    b'"meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z",'
    b'"tag":[{"code":"SUBSETTED"}]}}',
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"processing"}]}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}} {}',
    b'{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"x":'
    + b"[" * 1100 + b"]" * 1100 + b"}",
)  # fmt: skip
GOOD = st.integers(0, 999).map(lambda number: orjson.dumps(observation(number)))
# Without the last: hypothesis raises Python's limit of recursion, which bounds the depth.
LINES = st.lists(st.one_of(GOOD, GOOD, GOOD, st.sampled_from(ODD[:-1])), max_size=30)
CUTS = st.lists(st.integers(1, 3000), max_size=8)


@given(LINES)
def test_what_is_joined_would_have_passed_line_by_line(found: list[bytes]):
    joined = plain(found, "Observation")
    if joined is None:
        return
    for line in found:
        each = checked(line, "Observation")
        assert isinstance(each, Checked)
        assert each.raw == line
        assert "lastUpdated" in each.resource["meta"]
    assert joined.split(b"\n") == (found or [b""])


@pytest.mark.parametrize("line", ODD, ids=range(len(ODD)))
def test_what_may_need_a_look_is_left_to_it(line: bytes):
    usual = orjson.dumps(observation(1))
    joined = plain([usual, line, usual], "Observation")
    found = checked(line, "Observation")
    if isinstance(found, Checked) and found.raw == line and b"SUBSETTED" not in line:
        assert (joined is not None) == ("lastUpdated" in found.resource["meta"])
    else:
        assert joined is None


def test_many_good_lines_go_the_short_way():
    found = [orjson.dumps(observation(number)) for number in range(100)]
    assert plain(found, "Observation") == b"\n".join(found)
    assert plain(found, "Patient") is None


@settings(max_examples=60, deadline=None)
@given(LINES, CUTS)
def test_a_file_comes_out_the_same_either_way(found: list[bytes], cuts: list[int]):
    body = b"\n".join(found)
    chunks, at = [], 0
    for size in (*cuts, len(body) + 1):
        chunks.append(body[at : at + size])
        at += size
    short = _landed(chunks)
    with patch.object(rows, "plain", lambda *_: None):
        assert _landed(chunks) == short


def _landed(chunks: Sequence[bytes]) -> object:
    """What a file's chunks leave behind: rows, what was refused, notes; or the error."""
    file = JobFile(Section.OUTPUT, f"{BASE}/a", "Observation", None, requires_token=False, key="a")
    rules = Rules(frozenset({"Observation"}), Filters({}), cap=1 << 16)
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as landing:
        landing.as_of(SERVER_TIME)
        try:
            with OutputFile(file, landing, rules, lambda *_: None) as output:
                for chunk in chunks:
                    output.feed(chunk)
                asyncio.run(output.commit())
        except Suspect as error:
            return error.what
        kept = [(landing.path / each.name).read_bytes() for each in landing.files if each.name]
        return kept, dict(landing.refused), dict(landing.notes)
