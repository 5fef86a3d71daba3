"""Whatever stands in a file, an ingest ends, accounts for each line, and says what is wrong with it
without saying what is in it."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from adapter import splits
from adapter.cli.app import application
from adapter.errors import RaiwayError, UsageError
from adapter.ingest import How, ingest
from adapter.mapping.lines import BOM
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.models import LabResultRow, QuarantineRow
from adapter.packed import pack
from adapter.reading import Part, Reader, site_scanner
from adapter.store import open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.databases import postgresql_server, store_url
from tests.lib.ingests import MAPPER, counted, glucose, line, ndjson, person, tg, visit, written

app = application()

__all__ = ["postgresql_server", "store_url"]
pytestmark = pytest.mark.timeout(100)

CANARY = "Jane Roe, born 1960-01-01, "
STRICT, LAX = (Reader(MAPPER, site_scanner(MAPPER), strict) for strict in (True, False))
PLAIN = How(workers=1)


def read(reader: Reader, path: Path) -> Part:
    """What comes of a file; its lines are counted, and each that was rejected has a reason."""
    whole = Part()
    for split in splits.of_file(path):
        part = reader.read(split)
        packed = pack(part.outcomes).after(whole.lines)
        whole.outcomes += [each for each in part.outcomes if isinstance(each, MappedResource)]
        whole.outcomes += packed.rejected
        whole.lines += part.lines
        whole.aside += part.aside
    for each in rejected(whole):
        assert each.reason
        assert each.source.startswith(path.name)
        assert CANARY[:8] not in each.reason + each.path + each.resource_type
    return whole


def rejected(part: Part) -> list[Rejected]:
    return [each for each in part.outcomes if isinstance(each, Rejected)]


def assert_read(path: Path, lines: list[bytes]) -> None:
    """Each line that is not blank becomes one thing, read strictly or not."""
    expected = sum(counted("a.ndjson", each) for each in lines)
    strict, lax = read(STRICT, path), read(LAX, path)
    assert len(strict.outcomes) + strict.aside == len(lax.outcomes) + lax.aside == expected
    assert {each.source for each in rejected(lax)} <= {each.source for each in rejected(strict)}
    mapped = [
        [each for each in part.outcomes if isinstance(each, MappedResource)]
        for part in (strict, lax)
    ]
    assert mapped[0] == mapped[1]


BYTES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=40).map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150)
@given(st.lists(BYTES, max_size=12))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    # UTF-16 is told by the first bytes of a file, before anything is read.
    content = b"\n".join(lines)
    path = tmp_path_factory.mktemp("any") / "a.ndjson"
    path.write_bytes(content)
    pieces = content.split(b"\n")
    nonblank = [each for each in pieces if each.removeprefix(BOM).strip()]
    strict = read(STRICT, path)
    assert len(strict.outcomes) + strict.aside == len(nonblank)
    assert_read(path, nonblank)


@cache
def samples() -> tuple[bytes, ...]:
    """The lines that the synthetic hospital exports."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_ndjson(Path(folder))
        return tuple(each for path in paths for each in path.read_bytes().splitlines())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A line of the hospital with some bytes flipped, cut out, put in, or said twice."""
    found = bytearray(draw(st.sampled_from(samples())))
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(found))] * 2)))
        match draw(st.sampled_from(("flip", "cut", "truncate", "insert", "repeat"))):
            case "flip" if at < len(found):
                found[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del found[at : min(end, at + 9)]
            case "truncate":
                del found[max(at, 1) :]
            case "insert":
                found[at:at] = draw(st.sampled_from(INSERTED))
            case _:
                found[at:at] = found[at : min(end, at + 200)]
    return bytes(found)


INSERTED = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800",
    b'"id":"x",', b'"resourceType":"Bundle",', b'"resourceType":"Encounter",', b"1e999999999", BOM,
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(mutated(), min_size=1, max_size=6))
def test_mutated_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("mutated") / "a.ndjson"
    path.write_bytes(b"\n".join(lines))
    nonblank = [each for each in path.read_bytes().split(b"\n") if each.removeprefix(BOM).strip()]
    lax, strict = read(LAX, path), read(STRICT, path)
    assert lax.lines == strict.lines
    # A line whose type is said twice may turn out to be a Bundle, of none or of many.
    if not any(b'"Bundle"' in each for each in nonblank):
        assert len(lax.outcomes) + lax.aside == len(nonblank)
        assert len(strict.outcomes) + strict.aside == len(nonblank)


VALUES = tuple(
    value.encode()
    for value in (
        "null", "true", "0", "-1e400", "1e999999999", "1e-999999999", "1" * 40,
        '""', '"\\ud800"', '"\\u0000"', "[]", "{}", "[[]]", "[null]", '{"value":[]}', "NaN",
        json.dumps(CANARY * 400), "[" * 300 + "]" * 300, '{"a":' * 900 + "1" + "}" * 900,
    )
)  # fmt: skip
HOLE = "\x1f"


def swapped(resource: Any, shift: int, at_most: int = 10_000) -> Iterator[bytes]:
    """The resource with nodes, one at a time, replaced by one of the VALUES; all nodes, if no more.

    shift: which value the first node gets.
    """
    paths = list(nodes(resource))
    for number in range(0, len(paths), 1 + len(paths) // at_most):
        made = line(with_hole(resource, paths[number])).split(line(HOLE))
        yield VALUES[(number + shift) % len(VALUES)].join(made)


def nodes(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in inner:
        yield from nodes(value, (*path, key))


def with_hole(node: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return HOLE
    if isinstance(node, dict):
        return {**node, path[0]: with_hole(node[path[0]], path[1:])}
    return [with_hole(each, path[1:]) if at == path[0] else each for at, each in enumerate(node)]


def of_all_kinds(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One resource for each type, elements and tables."""
    kinds: dict[Any, dict[str, Any]] = {}
    for each in found:
        outcome = MAPPER.map(each, "here:1")
        if outcome.rows:
            tables = tuple(row.table for row in outcome.rows)
            kinds.setdefault((each["resourceType"], *sorted(each), *tables), each)
    return list(kinds.values())


def test_any_value_in_any_place_of_the_hospital(store_url: str, tmp_path: Path) -> None:
    known = of_all_kinds([json.loads(each) for each in samples()])
    assert len({each["resourceType"] for each in known}) >= 8
    lines = [
        made
        for at, each in enumerate(known)
        for shift in (at, at + 7)
        for made in swapped(each, shift)
    ]
    assert_ingested(store_url, lines, tmp_path)


def test_any_value_in_any_place_of_the_examples(shared: Path, tmp_path: Path) -> None:
    found = [
        json.loads(path.read_bytes()) for path in sorted((shared / "examples").rglob("*.json"))
    ]
    whole = [each for each in found if isinstance(each, dict) and "resourceType" in each]
    assert len(whole) > 30
    # Of long ones, such as Bundles, some nodes only.
    lines = [made for at, each in enumerate(whole) for made in swapped(each, at, at_most=80)]
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join(lines))
    part = read(LAX, path)
    assert part.lines == len(lines)
    assert rejected(part)


def assert_ingested(url: str, lines: list[bytes], folder: Path) -> None:
    """An ingest of the lines ends, accounts for each, and tells reasons without their data."""
    path = folder / "a.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    expected = len([each for each in lines if each.removeprefix(BOM).strip()])
    with open_store(url, create=True) as store:
        for how in (PLAIN, How(strict=True, workers=2)):
            summary = ingest([path], MAPPER, store, "run", how)
            assert summary.read == summary.accounted == expected
            assert summary.quarantined > 0
        assert_silent(list(store.rows(QuarantineRow)))


def assert_silent(rows: list[QuarantineRow]) -> None:
    assert rows
    for row in rows:
        assert row.reason
        assert row.source.startswith("a.ndjson:")
        said = row.reason + row.path + row.resource_type + row.issue_code
        assert CANARY[:8] not in said
        assert "SYN-" not in said


DEEP = 100_000
NASTY = {
    "an open quote": b'{"resourceType":"Patient","id":"' + CANARY.encode(),
    "many arrays": b"[" * DEEP,
    "many closed arrays": b"[" * DEEP + b"]" * DEEP,
    "many objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a deep element": line(tg())[:-1] + b',"note":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a deep Bundle": b'{"resourceType":"Bundle","entry":[{"resource":' * 5000
    + b"1"
    + b"}]}" * 5000,
    "a number of a million digits": b'{"resourceType":"Patient","id":"1","x":'
    + b"7" * 10**6
    + b"}",
    "a number beyond all bounds": line(tg()).replace(b"12.4", b"1e999999999"),
    "a number that is almost none": line(tg()).replace(b"12.4", b"1e-999999999"),
    "an exponent beyond all bounds": line(tg()).replace(b"12.4", b"1e99999999999999999999"),
    "NaN": line(tg()).replace(b"12.4", b"NaN"),
    "Infinity": line(tg()).replace(b"12.4", b"-Infinity"),
    "NUL": b"\0" * 100,
    "NUL in a resource": line(tg()).replace(b"ng/mL", b"ng\0mL"),
    "not UTF-8": line(tg()).replace(b"ng/mL", b"ng\xff/mL"),
    "a surrogate in UTF-8": line(tg()).replace(b"ng/mL", b"\xed\xa0\x80"),
    "an escaped surrogate as the unit": line(tg()).replace(b"ng/mL", b"\\ud800"),
    "an escaped surrogate as the id": line(tg()).replace(b'"o1"', b'"\\ud800"'),
    "UTF-16": json.dumps(tg()).encode("utf-16-le"),
    "a lone BOM and text": BOM + CANARY.encode(),
    "two resources": line(tg()) + line(tg()),
    "an array": b"[" + line(tg()) + b"]",
    "a text": line(CANARY),
    "an unknown type": line({**tg(), "resourceType": CANARY}),
    "an id with a name": line({**tg(), "id": CANARY}),
    "an id of ten thousand letters": line({**tg(), "id": "x" * 10_000}),
    "a Bundle of no list": b'{"resourceType":"Bundle","entry":{"resource":{}}}',
    "a Bundle of lists": b'{"resourceType":"Bundle","entry":[[]]}',
    "an unknown unit": line(tg()).replace(b"ng/mL", CANARY.encode()),
    "a year of five digits": line({**tg(), "effectiveDateTime": "20211-05-03"}),
    "a list as the status": line({**tg(), "status": [CANARY]}),
    "a list as the subject": line({**tg(), "subject": [[CANARY]]}),
}

STRANGE = (
    line(tg("s1")).replace(b"12.4", b"12." + b"4" * 10**6),
    line({**tg("s2"), "category": [[CANARY]]}),
    line({**tg("s3"), "meta": [CANARY]}),
    line(tg("s4")).replace(b'"id"', b'"id":"s5","id"'),
)
"""What can be mapped for all that."""


def test_nasty_lines(store_url: str, tmp_path: Path) -> None:
    """None of these but the strange ones can be mapped, and each has a reason."""
    assert_ingested(store_url, [*NASTY.values(), *STRANGE, line(person())], tmp_path)
    with open_store(store_url, create=False) as store:
        sources = {row.source.partition("#")[0] for row in store.quarantined()}
        assert {row.resource_id for row in store.rows(LabResultRow)} == {"s1", "s2", "s3", "s4"}
    places = {f"a.ndjson:{number}": name for number, name in enumerate(NASTY, 1)}
    assert not [name for place, name in places.items() if place not in sources]


def test_a_line_of_10_megabytes(tmp_path: Path) -> None:
    long = line({**glucose("long"), "note": [{"text": "x" * 10_000_000}]})
    garbage = b"x" * 10_000_000
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(tg(), long, garbage, glucose(), visit()))
    part = read(LAX, path)
    assert (part.lines, len(part.outcomes), part.aside) == (5, 2, 3)
    assert [each.source for each in rejected(part)] == ["a.ndjson:3"]


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
def test_lines_that_are_too_long(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is one line in quarantine, of which nothing is kept; the others keep their places."""
    for setting, value in (("LONGEST_LINE", 4_096), ("BLOCK", 512), ("SPLIT", 1_500)):
        monkeypatch.setattr(splits, setting, value)
    lines = []
    for size in (10, 4_000, 5_000, 9_000, 20_000, 70_000):
        lines += [tg(f"a{size}"), b"x" * size, glucose(f"b{size}")]
    (path,) = written(tmp_path, [(name, ndjson(*lines)[:-1])])
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", create=True) as store:
        summary = ingest([path], MAPPER, store, "run", PLAIN)
        waiting = list(store.quarantined())
    assert (summary.read, summary.mapped, summary.irrelevant) == (18, 6, 6)
    assert {row.source for row in waiting} == {f"{name}:{at}" for at in range(2, 18, 3)}
    too_long = [row for row in waiting if row.issue_code == "too-long"]
    assert 3 <= len(too_long) <= 4  # from twice LONGEST_LINE on in any case
    assert all(row.raw == "" for row in too_long)


def ingested_again(paths: list[Path], url: str) -> str:
    """The fingerprint of a store after a whole ingest."""
    with open_store(url, create=True) as store:
        summary = ingest(paths, MAPPER, store, "again", PLAIN)
        assert summary.accounted == summary.read
        return store.fingerprint()


LINES = ndjson(*(tg(f"o{at}", day=1 + at % 9) for at in range(400)), visit(), person())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("damage", ["truncated", "corrupt", "trailing"])
def test_a_damaged_gzip_file_stops_with_a_reason_and_can_be_ingested_again(
    damage: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "SPLIT", 20_000)
    whole = gzip.compress(LINES, mtime=0)
    half = len(whole) // 2
    broken = {
        "truncated": whole[:half],
        "corrupt": whole[:half] + bytes(40) + whole[half + 40 :],
        "trailing": whole[:-8] + bytes(8),
    }[damage]
    path = tmp_path / "a.ndjson.gz"
    url = f"sqlite:///{tmp_path / 'store.db'}"
    path.write_bytes(broken)
    with (
        open_store(url, create=True) as store,
        pytest.raises(UsageError, match=r"cannot be read: .*a\.ndjson\.gz"),
    ):
        ingest([path], MAPPER, store, "run", How(workers=workers))
    path.write_bytes(whole)
    assert ingested_again([path], url) == ingested_again([path], f"sqlite:///{tmp_path / 'new.db'}")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_goes_while_it_is_read(workers: int, tmp_path: Path) -> None:
    paths = written(tmp_path, [("a.ndjson", LINES), ("b.ndjson", ndjson(tg("late")))])
    url = f"sqlite:///{tmp_path / 'store.db'}"

    def gone(name: str, count: int, size: int) -> None:
        paths[0].unlink(missing_ok=True)  # its visit is asked for at the end
        paths[1].unlink(missing_ok=True)

    with open_store(url, create=True) as store, pytest.raises(UsageError, match="No such file"):
        ingest(paths, MAPPER, store, "run", How(workers=workers, progress=gone))
    paths = written(tmp_path, [("a.ndjson", LINES), ("b.ndjson", ndjson(tg("late")))])
    assert ingested_again(paths, url) == ingested_again(paths, f"sqlite:///{tmp_path / 'new.db'}")


def test_a_worker_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(splits, "SPLIT", 20_000)
    monkeypatch.delenv("RAIWAY_STORE__URL", raising=False)
    paths = written(tmp_path, [("a.ndjson", LINES)])
    url, first_process, alive = f"sqlite:///{tmp_path / 'raiway.db'}", os.getpid(), Mapper.map

    def dying(self: Mapper, resource: dict[str, Any], source: str) -> MappedResource:
        if resource["id"] == "o300" and os.getpid() != first_process:
            os._exit(9)
        return alive(self, resource, source)

    arguments = ["ingest", "a.ndjson", "--site", "A", "--workers", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(Mapper, "map", dying)
        told = CliRunner().invoke(app, arguments)
    assert told.exit_code == RaiwayError.exit_code
    assert "a process that read the files has died" in told.stderr
    assert "ingest again to go on" in told.stderr
    assert "this is a bug" not in told.stderr
    with open_store(url, create=False) as store:
        assert len(store.unfinished_runs()) == 1
    assert ingested_again(paths, url) == ingested_again(paths, f"sqlite:///{tmp_path / 'new.db'}")
    assert CliRunner().invoke(app, arguments).exit_code == 0
    with open_store(url, create=False) as store:
        assert store.unfinished_runs() == []


def test_a_folder_that_holds_itself_ends(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    written(folder, [("a.ndjson", ndjson(tg())), ("empty.ndjson", b""), ("empty.ndjson.gz", b"")])
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "b.ndjson").symlink_to(folder / "b.ndjson")
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", create=True) as store:
        assert ingest([folder], MAPPER, store, "run", PLAIN).read == 1
