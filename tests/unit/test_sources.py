"""Reading NDJSON, gzip, JSON and Bundles: every resource with its place, every fault named."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import UsageError
from adapter.mapping.stamp import is_deletion
from adapter.sources import Broken, Found, expand, read

ONE = '{"resourceType": "Patient", "id": "1"}'
TWO = '{"resourceType": "Patient", "id": "2", "x": 12.40}'


def _file(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lines_have_numbers_and_decimals_keep_their_digits(tmp_path: Path) -> None:
    found = list(read(_file(tmp_path, "a.ndjson", f"{ONE}\n\n{TWO}\n")))
    assert [item.source for item in found] == ["a.ndjson:1", "a.ndjson:3"]
    assert isinstance(found[1], Found)
    assert str(found[1].resource["x"]) == "12.40"
    assert isinstance(found[1].resource["x"], Decimal)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"resourceType": "Patient", "id": ', "not JSON: "),
        ("[1, 2]", "not a JSON object"),
        ('{"value": NaN}', "NaN is no number"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"value": 1E+99999999999999999999}', "a number beyond all bounds"),
        ('{"resourceType": "Bundle", "entry": 3}', "Bundle.entry is no list"),
    ],
)
def test_a_broken_line_is_named_and_the_rest_goes_on(
    line: str | bytes, reason: str, tmp_path: Path
) -> None:
    line = line if isinstance(line, bytes) else line.encode()
    found = list(
        read(_file(tmp_path, "a.ndjson", ONE.encode() + b"\n" + line + b"\n" + TWO.encode()))
    )
    assert [type(item) for item in found] == [Found, Broken, Found]
    assert found[1].source == "a.ndjson:2"
    assert isinstance(found[1], Broken)
    assert reason in found[1].reason


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.jsonl.gz"])
def test_gzip(name: str, tmp_path: Path) -> None:
    found = list(read(_file(tmp_path, name, gzip.compress(f"{ONE}\n{TWO}".encode()))))
    assert [item.source for item in found] == [f"{name}:1", f"{name}:2"]


def test_a_truncated_gzip_is_one_clear_error(tmp_path: Path) -> None:
    whole = gzip.compress(f"{ONE}\n{TWO}\n".encode() * 100)
    with pytest.raises(UsageError, match="ends in the middle"):
        list(read(_file(tmp_path, "a.ndjson.gz", whole[: len(whole) // 2])))


def test_a_document_is_bounded_since_it_is_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapter.sources.DOCUMENT", 2 << 20)
    path = _file(tmp_path, "a.json.gz", gzip.compress(bytes(3 << 20)))
    with pytest.raises(UsageError, match="a JSON document of more than 2 MiB"):
        list(read(path))


def test_json_may_be_one_resource_or_lines(tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(ONE), indent=2)
    assert [item.source for item in read(_file(tmp_path, "a.json", pretty))] == ["a.json"]
    lines = _file(tmp_path, "b.json", b"\xef\xbb\xbf" + f"{ONE}\n{TWO}\n".encode())
    assert [item.source for item in read(lines)] == ["b.json:1", "b.json:2"]


def test_references_inside_a_bundle_are_resolved(tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p"}},
            {
                "fullUrl": "urn:uuid:2",
                "resource": {
                    "resourceType": "Observation",
                    "id": "o",
                    "subject": {"reference": "urn:uuid:1"},
                },
            },
            {"request": {"method": "DELETE", "url": "Patient/x"}},
        ],
    }
    found = list(read(_file(tmp_path, "b.json", json.dumps(bundle))))
    assert [item.source for item in found] == [f"b.json#entry[{at}]" for at in range(3)]
    assert isinstance(found[1], Found)
    assert found[1].resource["subject"] == {"reference": "Patient/p"}
    assert isinstance(found[2], Found)
    assert is_deletion(found[2].resource)


def test_folders_are_walked_and_manifests_left_out(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("b.ndjson", "inner/a.json", "manifest.json", "readme.txt"):
        _file(tmp_path, name, "{}")
    assert [path.name for path in expand([tmp_path])] == ["b.ndjson", "a.json"]


@pytest.mark.parametrize("name", ["missing.ndjson", "readme.txt", "empty"])
def test_a_path_that_is_not_read_is_one_clear_error(name: str, tmp_path: Path) -> None:
    _file(tmp_path, "readme.txt", "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as error:
        expand([tmp_path / name])
    assert name in str(error.value)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_to_the_end(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = _file(tmp_path_factory.mktemp("any"), "a.ndjson", content)
    lines = [line for line in content.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip()]
    assert len(list(read(path))) == len(lines)


def test_what_is_named_gz_and_is_not_is_told_before_anything_is_read(tmp_path: Path) -> None:
    _file(tmp_path, "a.ndjson", ONE)
    _file(tmp_path, "b.ndjson.gz", ONE)
    with pytest.raises(UsageError, match=r"not a gzip file .*b\.ndjson\.gz"):
        expand([tmp_path])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.ndjson", "a.json.gz"])
def test_utf_16_is_one_clear_error(encoding: str, name: str, tmp_path: Path) -> None:
    content = f"\ufeff{ONE}\n{TWO}".encode(encoding)
    path = _file(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(UsageError, match="UTF-16") as error:
        expand([path])
    assert "iconv" in error.value.hint


def test_a_damaged_gzip_is_one_clear_error(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(f"{ONE}\n{TWO}\n".encode() * 100))
    whole[-6] ^= 0xFF
    with pytest.raises(UsageError, match="damaged"):
        list(read(_file(tmp_path, "a.ndjson.gz", bytes(whole))))


def test_what_is_kept_of_a_bundle_has_the_digits_that_were_sent(tmp_path: Path) -> None:
    entry = '{"resource": {"resourceType": "Patient", "id": "1", "x": 0.10}}'
    path = _file(tmp_path, "b.json", f'{{"resourceType": "Bundle", "entry": [{entry}]}}')
    (found,) = read(path)
    assert isinstance(found, Found)
    assert '"x":0.10' in found.raw


def test_what_is_no_utf_8_can_not_be_replayed_as_text(tmp_path: Path) -> None:
    (broken,) = read(_file(tmp_path, "a.ndjson", b'{"resourceType": "Patient", "id": "\xe9"}'))
    assert isinstance(broken, Broken)
    (again,) = read(_file(tmp_path, "b.ndjson", broken.raw))
    assert isinstance(again, Broken)
