"""Names of inputs, bounds on them, and the folder that holds what is temporary."""

from __future__ import annotations

import io
import os
import resource
import signal
import stat
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import UsageError
from adapter.inputs import kinds, signals, spool
from adapter.inputs.guards import Limits, Meter, checked_name
from adapter.inputs.kinds import Archive
from adapter.inputs.signals import undisturbed, unwinding
from adapter.inputs.spool import PREFIX, Spool

MIB = 1 << 20


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("export.zip", Archive("zip", "")),
        ("EXPORT.ZIP", Archive("zip", "")),
        ("a/b.tar", Archive("tar", "")),
        ("b.tar.gz", Archive("tar", ".gz")),
        ("b.tgz", Archive("tar", ".gz")),
        ("b.tar.zst", Archive("tar", ".zst")),
        ("b.ndjson.gz", None),
        ("zip", None),
    ],
)
def test_archives_are_known_by_their_ending(name: str, kind: Archive | None):
    assert kinds.archive(name) == kind


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("Observation.ndjson", ".ndjson"),
        ("Observation.jsonl.gz", ".ndjson"),
        ("Observation.ndjson.zst", ".ndjson"),
        ("Bundle.JSON", ".json"),
        ("notes.txt", ""),
        ("export.zip", ""),
        ("scan.dcm.gz", ""),
    ],
)
def test_resource_files_are_known_by_their_ending(name: str, ending: str):
    assert kinds.resource_ending(name) == ending


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "a/log.ndjson",
        "a/manifest.json.gz",
        "quarantine.ndjson",
        ".state/x.ndjson",
        "a/._Patient.ndjson",
        "__MACOSX/Patient.ndjson",
    ],
)
def test_what_only_accompanies_data_is_known(name: str):
    assert kinds.is_no_data(name)
    assert not kinds.is_no_data("export/Patient.ndjson")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://h.example/x.ndjson?X-Amz-Signature=s3cr3t#t0k3n", "https://h.example/x.ndjson"),
        ("https://us3r:s3cr3t@h.example:8443/x", "https://h.example:8443/x"),
        ("s3://k3y:s3cr3t@bucket/x.ndjson", "s3://bucket/x.ndjson"),
        ("https://[s3cr3t", "https://…"),
    ],
)
def test_an_address_is_shown_without_secrets(address: str, shown: str):
    assert kinds.shown(address) == shown


def test_a_name_is_shown_on_one_line():
    shown = kinds.printable("a\x1b[31m\n" + "x" * 1000)
    assert shown.startswith("a\ufffd[31m\ufffdx")
    assert len(shown) < 400


@pytest.mark.parametrize(
    ("key", "container"),
    [
        ("/data/export.zip!Observation.ndjson", "/data/export.zip"),
        ("/data/all.zip!b.tar.gz!x!y.ndjson", "/data/all.zip"),
        ("s3://b/x.tgz!a.ndjson", "s3://b/x.tgz"),
        ("/da!ta/x.ndjson.zst", "/da!ta/x.ndjson.zst"),
    ],
)
def test_a_key_tells_its_container(key: str, container: str):
    assert kinds.container_of(key) == container


@given(st.text(min_size=1), st.integers(2, 99))
def test_a_number_can_be_taken_off_again(name: str, count: int):
    numbered = kinds.numbered(name, count)
    assert numbered != name
    assert kinds.unnumbered(numbered) == name


@pytest.mark.parametrize(
    "name",
    ["../x.ndjson", "a/../../x", "/etc/x", "\\\\host\\x", "..\\x", "C:\\x", "c:/x", "a/.."],
)
def test_a_member_that_leads_out_is_refused(name: str):
    with pytest.raises(UsageError, match="leads out of it"):
        checked_name(name, "a.zip")


@given(st.lists(st.sampled_from(["a", "..b", "c..", ".", "", "x.ndjson"]), min_size=1))
def test_a_member_that_stays_inside_loses_its_empty_parts(parts: list[str]):
    name = "x/" + "/".join(parts)
    assert not {"", ".", ".."} & set(checked_name(name, "a.zip").split("/"))


def test_a_meter_lets_small_things_be_and_stops_a_bomb():
    meter = Meter("a.zip", lambda: 1000, Limits())
    meter.count(10 * MIB)
    with pytest.raises(UsageError, match="more than 200 times"):
        meter.count(1)
    large = Meter("a.zip", lambda: MIB, Limits())
    large.count(200 * MIB)
    with pytest.raises(UsageError, match="more than 200 times"):
        large.count(1)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, for this test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_spool_is_private_and_goes(temporary: Path):
    before = os.umask(0)
    try:
        with Spool(Limits()) as made:
            assert not list(temporary.iterdir())
            path = made.new(".ndjson.gz")
            made.pack(io.BytesIO(b"x"), path, MIB)
            assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    finally:
        os.umask(before)
    assert not list(temporary.iterdir())


def test_a_spool_goes_after_an_error(temporary: Path):
    def interrupted() -> None:
        with Spool(Limits()) as made:
            made.keep(io.BytesIO(b"x"), made.new(".archive"))
            assert list(temporary.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(temporary.iterdir())


def test_a_file_that_could_not_be_written_does_not_stay(temporary: Path):
    with Spool(Limits(total=MIB)) as made:
        path = made.new(".archive")
        with pytest.raises(UsageError, match="more than 1 MiB"):
            made.keep(io.BytesIO(bytes(2 * MIB)), path)
        assert not path.exists()


def test_all_files_together_are_bounded(temporary: Path):
    with Spool(Limits(total=3 * MIB)) as made:
        made.keep(io.BytesIO(bytes(2 * MIB)), made.new(".archive"))
        with pytest.raises(UsageError, match="more than 3 MiB"):
            made.keep(io.BytesIO(bytes(2 * MIB)), made.new(".archive"))


def test_a_full_disk_is_said(temporary: Path):
    with (
        pytest.raises(UsageError, match="no room to unpack") as error,
        Spool(Limits(free=1 << 60)) as made,
    ):
        made.new(".archive")
    assert "TMPDIR" in error.value.hint


def test_a_disk_that_fills_up_meanwhile_is_said(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    free = iter([1 << 40, 1 << 20])
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=next(free)))
    with Spool(Limits()) as made:
        path = made.new(".archive")
        with pytest.raises(UsageError, match="no room to unpack"):
            made.keep(io.BytesIO(bytes(80 * MIB)), path)
        assert not path.exists()


def test_a_file_that_may_not_grow_is_said(temporary: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        with Spool(Limits()) as made:
            path = made.new(".archive")
            with pytest.raises(UsageError, match="no room to unpack"):
                made.keep(io.BytesIO(bytes(4 * MIB)), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_spool_does_not_write_through_a_link(temporary: Path):
    with Spool(Limits()) as made:
        path = made.new(".archive")
        path.symlink_to(temporary / "elsewhere")
        with pytest.raises(FileExistsError):
            made.keep(io.BytesIO(b"x"), path)
        assert not (temporary / "elsewhere").exists()


def abandoned(folder: Path, name: str, age: float) -> Path:
    left = folder / f"{PREFIX}{name}"
    left.mkdir(mode=0o700)
    (left / "000001.ndjson.gz").write_bytes(b"x")
    now = left.stat().st_mtime
    os.utime(left, (now - age, now - age))
    return left


def test_what_a_killed_process_left_is_removed_and_what_others_use_is_not(temporary: Path):
    dead = abandoned(temporary, "dead", 3600)
    young = abandoned(temporary, "young", 0)
    used = abandoned(temporary, "used", 3600)
    with FileLock(used / spool.LOCK), Spool(Limits()) as made:
        old = used.stat().st_mtime - 3600
        os.utime(used, (old, old))
        made.new(".archive")
    assert not dead.exists()
    assert young.exists()
    assert used.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_as_an_exception_does(number: signal.Signals):
    def ended() -> None:
        with unwinding():
            os.kill(os.getpid(), number)
            threading.Event().wait(5)

    with pytest.raises(SystemExit) as end:
        ended()
    assert end.value.code == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_signals_of_others_stay_theirs():
    def theirs(*_: object) -> None:
        raise AssertionError("not called")

    before = signal.signal(signal.SIGTERM, theirs)
    try:
        with unwinding():
            assert signal.getsignal(signal.SIGTERM) is theirs
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nothing_disturbs_the_removal():
    before = signal.getsignal(signal.SIGINT)
    with undisturbed():
        for number in (signal.SIGINT, *signals.ENDING):
            os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGINT) is before
