"""Laws of reading exports: chunks may be cut anywhere, manifests may hold anything."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
from hypothesis import example, given

from adapter.pull.checks import Checked, Refused, checked, known_types
from adapter.pull.export.linereader import LineReader, Suspect
from adapter.pull.export.manifest import InvalidManifest, Manifest, Section, manifest, together
from adapter.pull.export.ndjson import KEPT, Splitter

URL = "https://fhir.example/status/1"


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    """The body in pieces that end at the places, some of them empty."""
    ends = [*sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    starts = [0, *ends[:-1]]
    return [body[start:end] for start, end in zip(starts, ends, strict=True)]


def split(chunks: list[bytes], cap: int = 1 << 20) -> list[bytes | Refused]:
    splitter = Splitter(cap)
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*found, splitter.end()]


TEXT = st.binary(max_size=200).map(lambda body: body.replace(b"\0", b"\n"))
CUTS = st.lists(st.integers(0, 400), max_size=12)


@given(TEXT, CUTS)
@example(b"\xef\xbb\xbf{}\n{}", [1, 2])
@example(b"\n\n", [1])
def test_chunks_cut_anywhere_give_the_same_lines(body: bytes, cuts: list[int]):
    expected = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert split(pieces(body, cuts)) == expected


@given(TEXT, CUTS, st.integers(0, 50))
def test_a_line_too_long_is_refused_alone(body: bytes, cuts: list[int], cap: int):
    whole = body.split(b"\n")
    found = split(pieces(body, cuts), cap)
    assert len(found) == len(whole)
    for line, was in zip(found, whole, strict=True):
        if len(was) > cap:
            assert isinstance(line, Refused)
            assert line.raw == was[: len(line.raw)]
            assert len(line.raw) <= KEPT
        else:
            assert line in (was, was.removeprefix(b"\xef\xbb\xbf"))


RESOURCES = st.lists(st.integers(0, 99), max_size=8)


@given(RESOURCES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \r\n"]), CUTS, st.booleans())
def test_every_way_to_end_lines_gives_the_same_rows(
    numbers: list[int], end: bytes, cuts: list[int], closed: bool
):
    lines = [b'{"resourceType":"Patient","id":"p-%d"}' % number for number in numbers]
    body = end.join(lines) + (end if closed else b"")
    rows: list[bytes] = []

    def take(line: bytes | Refused, number: int) -> None:
        found = checked(line, "Patient") if isinstance(line, bytes) else line
        assert isinstance(found, Checked)
        rows.append(found.raw)

    reader = LineReader(1 << 20, take)
    for chunk in pieces(body, cuts):
        reader.feed(chunk)
    reader.end()
    assert rows == lines
    assert reader.count == len(lines)


@given(st.integers(1, 60), CUTS)
def test_a_file_cut_within_a_line_is_not_taken_for_whole(missing: int, cuts: list[int]):
    body = b'{"resourceType":"Patient","id":"p"}\n' * 2
    kept = body[: len(body) - 1 - missing]
    reader = LineReader(1 << 20, lambda line, number: None)
    for chunk in pieces(kept, cuts):
        reader.feed(chunk)
    try:
        reader.end()
    except Suspect:
        return
    # Cut between two lines: only a count can show it.
    assert kept.rstrip(b"\n").endswith(b"}") or not kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(["Patient", "Observation", "../../PWNED", "CON", "Pa\0tient", "/etc/x", ""])
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | JSON,
            "url": st.sampled_from(["a.ndjson", "https://b.example/c", "//x", "", "b?x=1", "//[x"])
            | JSON,
            "count": JSON,
            "continuesInFile": st.just("d.ndjson") | JSON,
        },
    )
    | JSON,
    max_size=4,
)
MANIFESTS = st.fixed_dictionaries(
    {"transactionTime": st.just("2024-01-02T00:00:00Z"), "output": ENTRIES},
    optional={
        "requiresAccessToken": st.booleans() | JSON,
        "deleted": ENTRIES | JSON,
        "error": ENTRIES,
        "outcome": ENTRIES,
        "link": JSON
        | st.sampled_from([[{"relation": "next", "url": url}] for url in ("?page=2", "//[")]),
        "outputOrganizedBy": st.just("Patient") | JSON,
        "extension": JSON,
    },
)


@given(MANIFESTS | JSON)
def test_a_manifest_is_read_or_refused(content: Any):
    try:
        found = manifest(content, URL)
    except InvalidManifest:
        return
    assert found.instant.tzinfo is not None
    urls = [file.url for file in found.files]
    assert len(set(urls)) == len(urls)
    for file in found.files:
        assert file.resource_type is None or file.resource_type in known_types()
        assert file.section is Section.OUTPUT or file.resource_type in (
            "Bundle",
            "OperationOutcome",
        )
        assert file.count is None or file.count >= 0
    assert "PWNED" not in json.dumps(found.warnings)


@given(st.lists(MANIFESTS, min_size=1, max_size=4))
def test_pages_together_hold_each_file_once(contents: list[Any]):
    pages: list[Manifest] = []
    for content in contents:
        try:
            pages.append(manifest(content, URL))
        except InvalidManifest:
            continue
    if not pages:
        return
    whole = together(pages)
    urls = [file.url for file in whole.files]
    assert set(urls) == {file.url for page in pages for file in page.files}
    assert len(set(urls)) == len(urls)
    assert whole.instant == min(page.instant for page in pages)
    assert together([whole]) == whole
