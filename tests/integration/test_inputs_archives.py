"""Archives and compressed files as inputs: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.errors import UsageError
from adapter.inputs.guards import Limits
from adapter.inputs.opened import LIMITS, opened
from adapter.inputs.spool import PREFIX
from adapter.sources import Found, read
from tests.lib.archives import OTHER, PATIENT, entry, tar_of, tarred, written, zipped, zstd
from tests.lib.inputs import places, places_in, temporary

__all__ = ["temporary"]

MIB = 1 << 20


def refused(path: Path, why: str, limits: Limits = LIMITS) -> UsageError:
    with pytest.raises(UsageError, match=why) as error:
        places_in(path, limits=limits)
    return error.value


TWO = {"Patient.ndjson": PATIENT + OTHER, "more/Patient.json": PATIENT.strip()}
MAKERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "e.zip": zipped,
    "e.tar": tarred,
    "e.tar.gz": lambda files: tarred(files, "w:gz"),
    "e.tgz": lambda files: gzip.compress(tarred(files)),
    "e.tar.zst": lambda files: zstd(tarred(files)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_member_is_named(name: str, tmp_path: Path):
    path = written(tmp_path / name, MAKERS[name](TWO))
    assert places_in(path) == [
        f"{name}!Patient.ndjson:1",
        f"{name}!Patient.ndjson:2",
        f"{name}!more/Patient.json",
    ]


def test_content_is_the_same_to_the_byte(tmp_path: Path):
    line = '{"resourceType":"Patient","id":"1","x":0.10,"name":[{"family":"Ñandú\u2028"}]}'.encode()
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": line}))
    with opened([str(path)]) as inputs:
        (found,) = read(inputs.paths[0])
    assert isinstance(found, Found)
    assert found.text == line


@pytest.mark.parametrize("packed", [gzip.compress, zstd])
@pytest.mark.parametrize("name", ["e.zip", "e.tar.gz"])
def test_members_may_be_compressed_themselves(
    name: str, packed: Callable[[bytes], bytes], tmp_path: Path
):
    ending = ".gz" if packed is gzip.compress else ".zst"
    files = {f"Patient.ndjson{ending}": packed(PATIENT + OTHER)}
    path = written(tmp_path / name, MAKERS[name](files))
    inside = f"{name}!Patient.ndjson{ending}"
    assert places_in(path) == [f"{inside}:1", f"{inside}:2"]


def test_a_file_of_zstd(tmp_path: Path):
    path = written(tmp_path / "Patient.ndjson.zst", zstd(PATIENT + OTHER))
    assert places_in(path) == ["Patient.ndjson.zst:1", "Patient.ndjson.zst:2"]


def test_plain_files_stay_where_they_are(tmp_path: Path, temporary: Path):
    plain = written(tmp_path / "Patient.ndjson", PATIENT)
    packed = written(tmp_path / "Other.ndjson.gz", gzip.compress(OTHER))
    with opened([str(plain), str(packed)]) as inputs:
        assert inputs.paths == [plain, packed]
        assert not list(temporary.iterdir())


def test_an_archive_in_an_archive_is_opened_once(tmp_path: Path):
    deepest = zipped({"c.ndjson": PATIENT})
    inner = tarred({"b.ndjson": PATIENT, "deepest.zip": deepest}, "w:gz")
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": PATIENT, "inner.tar.gz": inner}))
    with opened([str(path)]) as inputs:
        assert places(inputs) == ["e.zip!a.ndjson:1", "e.zip!inner.tar.gz!b.ndjson:1"]
        assert inputs.passed_over == 1


def test_a_folder_may_hold_all_kinds(tmp_path: Path):
    written(tmp_path / "a.ndjson", PATIENT)
    written(tmp_path / "b.zip", zipped({"b.ndjson": PATIENT}))
    written(tmp_path / "c.ndjson.zst", zstd(PATIENT))
    written(tmp_path / "scan.dcm", b"x")
    with opened([str(tmp_path)]) as inputs:
        assert places(inputs) == ["a.ndjson:1", "b.zip!b.ndjson:1", "c.ndjson.zst:1"]
        assert inputs.passed_over == 1


def test_files_of_other_kinds_are_counted_and_what_accompanies_data_is_not(tmp_path: Path):
    beside = {
        "e/manifest.json": b"{}",
        "e/log.ndjson": b"{}\n",
        "__MACOSX/._Patient.ndjson": b"\0",
        ".metadata": b"{}",
    }
    files = {"Patient.ndjson": PATIENT, "scan.dcm": b"x", "readme.txt": b"x", **beside}
    path = written(tmp_path / "e.zip", zipped(files))
    with opened([str(path)]) as inputs:
        assert places(inputs) == ["e.zip!Patient.ndjson:1"]
        assert inputs.passed_over == 2


def test_nothing_to_read_is_an_error(tmp_path: Path):
    path = written(tmp_path / "e.zip", zipped({"scan.dcm": b"x"}))
    assert str(path) in refused(path, "nothing to read").where


def test_thousands_of_members(tmp_path: Path, temporary: Path):
    files = {f"{n % 7}/{n}.json": PATIENT.strip() for n in range(3000)}
    for name in ("e.zip", "e.tar.gz"):
        path = written(tmp_path / name, MAKERS[name](files))
        found = places_in(path)
        assert len(found) == len(set(found)) == 3000


def test_what_is_given_twice_is_read_once(tmp_path: Path):
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": PATIENT}))
    link = tmp_path / "link.zip"
    link.symlink_to(path)
    assert places_in(path, path.as_uri(), tmp_path, link) == ["e.zip!a.ndjson:1"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [tar_of, None], ids=["tar", "zip"])
def test_members_of_one_name_are_all_read_and_told_apart(make: object, tmp_path: Path):
    path = tmp_path / ("e.tar" if make else "e.zip")
    if make:
        path.write_bytes(tar_of([(entry("a.ndjson", len(x)), x) for x in (PATIENT, OTHER)]))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.ndjson", PATIENT)
            archive.writestr("a.ndjson", OTHER)
    with opened([str(path)]) as inputs:
        assert places(inputs) == [f"{path.name}!a.ndjson:1", f"{path.name}!a.ndjson (2):1"]
        assert len({inputs.key(file) for file in inputs.paths}) == 2


# What is refused.

OUTSIDE = ["../../PWNED.ndjson", "/var/PWNED.ndjson", "a/../../PWNED.ndjson", "C:\\PWNED.ndjson"]


@pytest.mark.parametrize("member", OUTSIDE)
@pytest.mark.parametrize("name", ["e.zip", "e.tar"])
def test_traversal(name: str, member: str, tmp_path: Path):
    path = written(tmp_path / name, MAKERS[name]({"a.ndjson": PATIENT, member: PATIENT}))
    refused(path, "leads out of it")
    assert [file.name for file in tmp_path.rglob("*")] == [name]
    assert not (tmp_path.parent / "PWNED.ndjson").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_of_a_tar_are_passed_over(kind: bytes, tmp_path: Path):
    entries = [
        (entry("link.ndjson", kind=kind, link="/etc/passwd"), b""),
        (entry("a.ndjson", len(PATIENT)), PATIENT),
    ]
    path = written(tmp_path / "e.tar", tar_of(entries))
    assert places_in(path) == ["e.tar!a.ndjson:1"]


def test_links_of_a_zip_are_passed_over(tmp_path: Path):
    path = tmp_path / "e.zip"
    link = zipfile.ZipInfo("link.ndjson")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.ndjson", PATIENT)
    assert places_in(path) == ["e.zip!a.ndjson:1"]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes(kind: bytes, tmp_path: Path):
    path = written(tmp_path / "e.tar", tar_of([(entry("a.ndjson", kind=kind), b"")]))
    refused(path, "a device, a pipe")


def test_holes(tmp_path: Path):
    header = entry("a.ndjson", kind=tarfile.GNUTYPE_SPARSE)
    path = written(tmp_path / "e.tar", tar_of([(header, b"")]))
    refused(path, "a file with holes")


def test_a_header_that_is_too_long(tmp_path: Path):
    header = entry("././@LongLink", 2 * MIB, kind=tarfile.GNUTYPE_LONGNAME)
    path = written(tmp_path / "e.tar.gz", tar_of([(header, b"x" * 2 * MIB)], "w:gz"))
    refused(path, "damaged")


ZEROS = bytes(64 * MIB)


@pytest.mark.parametrize("name", ["e.zip", "e.tar.gz", "e.tar.zst"])
def test_a_bomb_is_stopped(name: str, tmp_path: Path, temporary: Path):
    path = written(tmp_path / name, MAKERS[name]({"a.ndjson": ZEROS}))
    assert path.stat().st_size < MIB
    refused(path, "more than 200 times")


def test_a_bomb_among_what_is_passed_over_is_stopped(tmp_path: Path):
    path = written(tmp_path / "e.tar.gz", tarred({"a.dcm": ZEROS, "b.ndjson": PATIENT}, "w:gz"))
    refused(path, "more than 200 times")


def test_many_small_members_are_a_bomb_too(tmp_path: Path):
    # Entries that share their data, as in Fifield's "better zip bomb".
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": bytes(8 * MIB)}))
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.infolist()[0]
        archive.filelist += [first] * 20
        archive.comment = b"changed"
    refused(path, "more than 200 times|cannot be unpacked")


@pytest.mark.parametrize("inner", [zipped, lambda files: zstd(files["a.ndjson"])])
def test_a_bomb_inside_an_archive_is_stopped(
    inner: Callable[[dict[str, bytes]], bytes], tmp_path: Path
):
    name = "inner.zip" if inner is zipped else "inner.ndjson.zst"
    path = written(tmp_path / "e.tar", tarred({name: inner({"a.ndjson": ZEROS})}))
    refused(path, "more than 200 times")


def test_a_bomb_of_zstd_is_stopped(tmp_path: Path):
    path = written(tmp_path / "a.ndjson.zst", zstd(ZEROS))
    refused(path, "more than 200 times")


def test_the_total_of_a_run_is_bounded(tmp_path: Path):
    noise = os.urandom(3 * MIB)
    one = written(tmp_path / "a.zip", zipped({"a.ndjson": noise}))
    two = written(tmp_path / "b.zip", zipped({"b.ndjson": noise}))
    with pytest.raises(UsageError, match="more than 5 MiB"):
        places_in(one, two, limits=Limits(total=5 * MIB))


def test_a_document_is_bounded_since_it_is_read_as_a_whole(tmp_path: Path):
    path = written(tmp_path / "e.zip", zipped({"a.json": b" " * 2 * MIB}))
    error = refused(path, "more than 1 MiB", Limits(document=MIB))
    assert error.where == "e.zip!a.json"


STORED = zipped({"a.ndjson": PATIENT}, zipfile.ZIP_STORED)
DIRECTORY = STORED.index(b"PK\x01\x02")
"""Where the zip's directory begins; its fields and the header's are those of APPNOTE 4.3."""


def test_an_encrypted_zip(tmp_path: Path):
    content = bytearray(STORED)
    content[6] |= 1
    content[DIRECTORY + 8] |= 1
    path = written(tmp_path / "e.zip", bytes(content))
    error = refused(path, "encrypted")
    assert error.where == "e.zip!a.ndjson"
    assert "password" in error.hint


def test_a_method_that_is_not_known(tmp_path: Path):
    content = bytearray(STORED)
    content[8] = content[DIRECTORY + 10] = 97
    path = written(tmp_path / "e.zip", bytes(content))
    refused(path, "a method that is not known")


@pytest.mark.parametrize("name", MAKERS)
def test_an_archive_that_is_cut(name: str, tmp_path: Path):
    whole = MAKERS[name]({"a.ndjson": os.urandom(2 * MIB)})
    path = written(tmp_path / name, whole[: len(whole) // 2])
    assert refused(path, "cannot be unpacked").where.startswith(name)


def test_a_member_that_is_damaged(tmp_path: Path):
    content = bytearray(zipped({"a.ndjson": PATIENT * 1000}, zipfile.ZIP_STORED))
    content[1000] ^= 0xFF
    path = written(tmp_path / "e.zip", bytes(content))
    assert refused(path, "cannot be unpacked").where == "e.zip!a.ndjson"


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_no_archive(name: str, tmp_path: Path):
    path = written(tmp_path / name, b"hello, this is none" * 100)
    refused(path, "cannot be unpacked")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PATIENT.decode().encode("utf-16"), "UTF-16"),
        (b"<html>log in</html>", "HTML or XML"),
    ],
)
def test_what_is_no_json_is_one_clear_error(content: bytes, why: str, tmp_path: Path):
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": content}))
    assert refused(path, why).where == "e.zip!a.ndjson"


def test_a_missing_archive_is_a_missing_file(tmp_path: Path):
    refused(tmp_path / "none.zip", "no such file or folder")


def test_what_was_unpacked_lies_in_a_private_folder(tmp_path: Path, temporary: Path):
    path = written(tmp_path / "e.zip", zipped(TWO))
    with opened([str(path)]) as inputs:
        (folder,) = temporary.iterdir()
        assert folder.name.startswith(PREFIX)
        assert {file.parent for file in inputs.paths} == {folder}
        assert {file.stat().st_mode & 0o077 for file in (folder, *inputs.paths)} == {0}
