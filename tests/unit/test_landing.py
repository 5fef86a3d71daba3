"""The landing folder by itself: what is written, what is refused, and what a kill leaves."""

from __future__ import annotations

import errno
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from adapter import landed
from adapter.errors import ConfigurationError, LandingError, UsageError
from adapter.pull.landing import closing, folder, site
from adapter.pull.landing.border import Identified
from adapter.pull.plan import mapped_types
from tests.lib.landings import (
    BASE,
    NOW,
    SERVER_TIME,
    Pseudonymised,
    good,
    lines,
    manifest,
    observation,
    opened,
    plan,
    pulled,
    put,
    tree,
)

PATIENT = {"resourceType": "Patient", "id": "p", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}


def test_a_run_is_a_folder_as_of_a_bulk_data_export(tmp_path: Path) -> None:
    files = {"p": [PATIENT], "o1": [observation(1), observation(2)], "o2": [observation(3)]}
    path = pulled(tmp_path, files)
    assert path == tmp_path / "A" / "2026-11-23T143200Z"
    assert tree(path) == {
        "Patient.00001.ndjson",
        "Observation.00001.ndjson",
        "Observation.00002.ndjson",
        "quarantine.ndjson",
        "log.ndjson",
        "manifest.json",
    }
    private = tmp_path / "A" / ".state"
    run = {f"{path.name}/run.json", f"{path.name}/files.ndjson"}
    assert tree(private) - {"lock"} == {"site.json", *run}
    found = manifest(path)
    assert found["transactionTime"] == SERVER_TIME
    assert [(each["type"], each["url"], each["count"]) for each in found["output"]] == [
        ("Patient", "Patient.00001.ndjson", 1),
        ("Observation", "Observation.00001.ndjson", 2),
        ("Observation", "Observation.00002.ndjson", 1),
    ]
    for each in found["output"]:
        assert (path / each["url"]).stat().st_size == each["bytes"]
    assert (found["deleted"], found["error"]) == ([], [])
    assert found["raiway"]["site"] == "A"
    assert found["raiway"]["privacy"] == "identified"
    assert orjson.loads((path / "Patient.00001.ndjson").read_bytes()) == PATIENT


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    pulled(tmp_path, {"p": [PATIENT]})
    for each in (tmp_path / "A").rglob("*"):
        mode = stat.S_IMODE(each.stat().st_mode)
        assert mode == (0o700 if each.is_dir() else 0o600), each


def test_what_is_not_committed_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        with landing.part("Observation", "k") as part:
            part.put(observation(1), b"{}")
            assert [each.suffix for each in landing.path.glob("Observation*")] == [".part"]
        assert not list(landing.path.glob("Observation*"))
        with pytest.raises(ZeroDivisionError), landing.part("Observation", "k"):
            raise ZeroDivisionError
        put(landing, "k", [observation(1)])
        assert [each.name for each in landing.files] == ["Observation.00001.ndjson"]


def test_a_committed_key_is_known_and_not_written_twice(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        put(landing, "k", [observation(1)])
    with opened(tmp_path) as landing:
        assert landing.committed("Observation", "k")
        assert not landing.committed("Patient", "k")
        assert landing.rows("Observation") == 1
        with pytest.raises(UsageError, match="committed already"):
            landing.part("Observation", "k")


def test_a_file_without_rows_is_on_record_and_not_in_the_folder(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        with landing.part("Observation", "nothing") as part:
            part.commit()
        assert landing.committed("Observation", "nothing")
        assert not list(landing.path.glob("Observation*"))
        closing.close(landing, good(landing))
        assert manifest(landing.path)["output"] == []


@pytest.mark.parametrize("name", ["../../PWNED", "CON", "Observation\0", "/etc/x", "Bundles", ""])
def test_no_other_name_becomes_a_files(name: str, tmp_path: Path) -> None:
    with opened(tmp_path) as landing, pytest.raises(UsageError, match="R4 does not have"):
        landing.part(name, "k")
    assert {each.split("/")[0] for each in tree(tmp_path)} == {"A"}


@pytest.mark.parametrize("name", ["..", ".state", "a/b", "", "x" * 65])
def test_no_other_site_becomes_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no name of a folder"), opened(tmp_path, name=name):
        pass


def test_no_symbolic_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "landing"
    root.mkdir()
    (root / "A").symlink_to(outside)
    with pytest.raises(UsageError, match="a symbolic link"), opened(root):
        pass
    (root / "A").unlink()
    with opened(root) as landing:
        put(landing, "k", [observation(1)])
        (landing.path / "Observation.00002.ndjson").symlink_to(outside / "stolen")
        with pytest.raises(LandingError, match="File exists"):
            put(landing, "k2", [observation(2)])
    assert not list(outside.iterdir())


def test_the_folder_of_one_server_takes_nothing_of_another(tmp_path: Path) -> None:
    pulled(tmp_path, {"p": [PATIENT]})
    with (
        pytest.raises(ConfigurationError, match="one folder, one server"),
        opened(tmp_path, base_url="http://127.0.0.2:1/fhir"),
    ):
        pass


def test_the_folder_of_one_key_takes_nothing_of_another(tmp_path: Path) -> None:
    pulled(tmp_path, {"p": [PATIENT]})
    with (
        pytest.raises(ConfigurationError, match="another privacy mode or key"),
        opened(tmp_path, border=Pseudonymised()),
    ):
        pass


@pytest.mark.parametrize(
    ("base_url", "border"),
    [("http://127.0.0.2:1/fhir", Identified()), (BASE, Pseudonymised())],
)
def test_a_dry_run_says_what_a_pull_would_refuse(
    tmp_path: Path, base_url: str, border: Identified
) -> None:
    pulled(tmp_path, {"p": [PATIENT]})
    with pytest.raises(ConfigurationError):
        site.place(tmp_path, plan(base_url=base_url), border, NOW)


@pytest.mark.parametrize(
    ("base_url", "border"),
    [("http://127.0.0.2:1/fhir", Identified()), (BASE, Pseudonymised())],
)
def test_a_folder_into_which_nothing_came_is_bound_to_nothing(
    tmp_path: Path, base_url: str, border: Identified
) -> None:
    """As after a mistyped base_url; the run that was begun is not gone on with."""
    with opened(tmp_path) as landing:
        first = landing.path
    made = plan(base_url=base_url)
    assert site.place(tmp_path, made, border, NOW)[1] is False
    with site.opened(tmp_path, made, border, NOW) as landing:
        assert landing.path != first
        assert (landing.site.base_url, landing.site.privacy) == (base_url, border.fingerprint)
        put(landing, "k", [observation(1)])
        second = landing.path
    with site.opened(tmp_path, made, border, NOW) as landing:
        assert landing.path == second
    with pytest.raises(ConfigurationError), opened(tmp_path):
        pass


def test_two_pulls_of_a_site_do_not_mix(tmp_path: Path) -> None:
    with opened(tmp_path):
        with pytest.raises(LandingError, match="another pull of site A"), opened(tmp_path):
            pass
        with opened(tmp_path, name="B"):
            pass
    with opened(tmp_path):
        pass


def test_the_interrupted_run_is_gone_on_with_if_it_asks_for_the_same(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        put(landing, "k", [observation(1)])
        first = landing.path
    made = plan(types=("Patient",))
    assert site.place(tmp_path, plan(), Identified(), NOW) == (first, True)
    assert site.place(tmp_path, made, Identified(), NOW) == (
        first.with_name("2026-11-23T143201Z"),
        False,
    )
    with site.opened(tmp_path, made, Identified(), NOW) as landing:
        assert landing.path != first
        closing.close(landing, good(landing))
    with opened(tmp_path) as landing:
        # The first was given up for the second.
        assert landing.path.name == "2026-11-23T143202Z"
    assert landed.find(tmp_path).unfinished == (first, landing.path)


def test_what_was_dropped_is_gone_and_its_number_not_given_twice(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        for at, key in enumerate(("kept", "lost", "last")):
            put(landing, key, [observation(at)])
        landing.drop(["lost", "never there"])
        assert not landing.committed("Observation", "lost")
        assert landing.committed("Observation", "kept")
        assert not (landing.path / "Observation.00002.ndjson").exists()
    with opened(tmp_path) as landing:
        put(landing, "lost", [observation(4)])
        assert [(each.key, each.name[12:17]) for each in landing.files] == [
            ("kept", "00001"),
            ("last", "00003"),
            ("lost", "00004"),
        ]
        closing.close(landing, good(landing))
        assert [orjson.loads(each)["id"] for each in lines(landing.path)] == ["o0", "o2", "o4"]


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        put(landing, "k", [observation(1)])
        before = tree(tmp_path)
        with _at_most(1 << 16), pytest.raises(LandingError) as told:
            put(landing, "k2", [observation(n, note="x" * 1000) for n in range(100)])
        assert "a file would become larger" in told.value.what
        assert "goes on where it stopped" in told.value.hint
        assert told.value.exit_code == 4
        assert tree(tmp_path) == before
    with opened(tmp_path) as landing:
        put(landing, "k2", [observation(2)])
        assert landing.rows("Observation") == 2


@contextmanager
def _at_most(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond so many bytes: as a full disk, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["sync", "settle"])
def test_a_disk_that_is_full_at_the_end_leaves_nothing_half(
    code: int, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(code, "full")

    with opened(tmp_path) as landing:
        with monkeypatch.context() as patched:
            patched.setattr(folder, step, full)
            with pytest.raises(LandingError):
                put(landing, "k", [observation(1)])
        assert not list(landing.path.glob("Observation*"))
        assert not landing.committed("Observation", "k")


@pytest.mark.parametrize("torn", [b'{"type":"Ob', b"\0" * 40, b"\0" * 40 + b"\n"])
def test_a_torn_line_never_was(torn: bytes, tmp_path: Path) -> None:
    with opened(tmp_path) as landing:
        landing.note("warning", "incomplete", "first")
    path = landing.path / "log.ndjson"
    with path.open("ab") as file:
        file.write(torn)
    with opened(tmp_path) as landing:
        assert landing.notes == {"warning": 1}
        landing.note("warning", "incomplete", "second")
    texts = [orjson.loads(line)["text"] for line in path.read_bytes().splitlines()]
    assert texts == ["first", "second"]


def test_state_that_is_broken_or_of_another_version_is_told(tmp_path: Path) -> None:
    pulled(tmp_path, {})
    for text in ("{", '{"format": 2}', "[]", '{"format": 1, "zzz": 2}'):
        (tmp_path / "A" / ".state" / "site.json").write_text(text)
        with pytest.raises(UsageError, match=r"cannot be read|another version"):
            site.held(tmp_path, "A")


def test_the_default_types_are_those_that_are_mapped() -> None:
    types = mapped_types()
    assert types[0] == "Patient"
    assert {"Observation", "Condition", "Procedure", "MedicationRequest"} <= set(types)
