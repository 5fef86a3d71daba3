"""`raiway ingest` and `coverage` of archives, object stores and pipes, from outside."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.inputs.spool import PREFIX
from tests.e2e.conftest import ZONE
from tests.lib.archives import DRUG, ORDER, PATIENT, zipped
from tests.lib.console import RAIWAY, environment, raiway
from tests.lib.s3 import BUCKET, Bucket, s3_server

Figures = dict[str, float | int | None]
SITE = ("--site", "A", "--timezone", ZONE)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The temporary folder of a run; nothing may be left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An S3 server that checks signatures."""
    with s3_server(tmp_path_factory.mktemp("s3")) as made:
        yield made


def zip_of(export: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in export.iterdir():
            archive.write(file, f"export/{file.name}")
    return path


def figures_of(cwd: Path) -> Figures:
    figures: Figures = raiway("evaluate", "--format", "figures", cwd=cwd).figures
    return figures


def expected(shared: Path) -> list[dict[str, Any]]:
    reference = json.loads((shared / "reference/expectations.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = reference["expectations"]
    assert len(found) == 75
    return found


def assert_met(figures: Figures, expectations: list[dict[str, Any]]) -> None:
    for each in expectations:
        found = figures[each["name"]]
        assert found is not None, each["name"]
        assert abs(found - each["value"]) <= each["tolerance"], each["name"]


def test_every_reference_figure_is_met_from_a_zip(
    shared: Path, export: Path, figures: Figures, tmp_path: Path, temporary: Path
):
    path = zip_of(export, tmp_path / "export.zip")
    run = raiway("ingest", path.name, *SITE, cwd=tmp_path, TMPDIR=str(temporary))
    assert "export.zip!export/Observation.ndjson" in run.stderr
    found = figures_of(tmp_path)
    assert found == figures
    assert_met(found, expected(shared))


def test_every_reference_figure_is_met_from_s3(
    shared: Path, export: Path, figures: Figures, store: Bucket, tmp_path: Path, temporary: Path
):
    for file in export.iterdir():
        store.put(f"exports/2026/{file.name}.gz", gzip.compress(file.read_bytes()))
    store.guard(on=True)
    added = store.environment(TMPDIR=str(temporary))
    address = f"s3://{BUCKET}/exports/2026/"
    run = raiway("ingest", address, *SITE, "--json", cwd=tmp_path, **added)
    assert not any(secret in run.stderr + run.stdout for secret in store.keys.values())
    first = run.json
    found = figures_of(tmp_path)
    assert found == figures
    assert_met(found, expected(shared))
    again = raiway("ingest", address, *SITE, "--json", "--workers", "2", cwd=tmp_path, **added).json
    assert (again["read"], again["mapped"]) == (first["read"], 0)
    assert again["unchanged"] == first["mapped"] + first["retracted"] > 0


def test_coverage_of_an_archive_is_that_of_its_files(export: Path, tmp_path: Path, temporary: Path):
    path = zip_of(export, tmp_path / "export.zip")
    of_archive, of_folder = (
        raiway("coverage", each, "--json", cwd=tmp_path, TMPDIR=str(temporary)).json
        for each in (path, export)
    )
    assert of_archive == of_folder
    assert of_archive["coverage"]["overall"]["mapped"] > 0


def test_a_place_in_an_archive_is_named(tmp_path: Path, temporary: Path):
    (tmp_path / "e.zip").write_bytes(zipped({"a.ndjson": PATIENT + b"[]\n"}))
    run = raiway("ingest", "e.zip", *SITE, cwd=tmp_path, expect=5, TMPDIR=str(temporary))
    assert "  e.zip!a.ndjson:2  not a JSON object" in run.stderr


def test_what_is_lost_is_named_on_one_line(tmp_path: Path, temporary: Path):
    added = {"TMPDIR": str(temporary)}
    path = tmp_path / "e.zip"
    path.write_bytes(zipped({"a\x1b[31m\n.ndjson": ORDER}))
    raiway("ingest", path, *SITE, cwd=tmp_path, **added)
    path.unlink()
    (tmp_path / "Drug.ndjson").write_bytes(DRUG)
    run = raiway("ingest", "Drug.ndjson", *SITE, cwd=tmp_path, expect=5, **added)
    assert f"ingest it again: {path}!a\ufffd[31m\ufffd.ndjson\n" in run.stderr
    assert "\x1b" not in run.stderr


@pytest.mark.parametrize(
    ("argument", "code", "told"),
    [
        ("../e.zip", 2, "an archive with an entry that leads out of it"),
        ("gs://bucket/x.ndjson", 2, "pip install gcsfs"),
        ("https://u:s3cr3t@h.example/x?s3cr3t", 2, "https://h.example/x"),
        ("http://127.0.0.1:9/x.ndjson?s3cr3t", 4, "cannot be read: ConnectError"),
    ],
)
def test_a_refused_input_leaves_no_store(
    argument: str, code: int, told: str, tmp_path: Path, temporary: Path
):
    (tmp_path / "e.zip").write_bytes(zipped({"../x.ndjson": PATIENT}))
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    run = raiway("ingest", argument, *SITE, cwd=cwd, expect=code, TMPDIR=str(temporary))
    assert told in run.stderr
    assert "s3cr3t" not in run.stderr
    assert not list(cwd.iterdir())


def test_standard_input(export: Path, tmp_path: Path, temporary: Path):
    done = subprocess.run(
        [RAIWAY, "ingest", "-", *SITE, "--json"],
        input=b"".join(file.read_bytes() for file in export.glob("*.ndjson")),
        cwd=tmp_path,
        env=environment(TMPDIR=str(temporary)),
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout)["mapped"] > 0


def waiting(path: Path, cwd: Path, temporary: Path) -> subprocess.Popen[bytes]:
    """An ingest that has unpacked the archive and waits for its standard input to end."""
    # A shell's background job, as which tests may run, hands on that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [RAIWAY, "ingest", path, "-", *SITE],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment(TMPDIR=str(temporary)),
    )
    until(lambda: bool(list(temporary.glob(f"{PREFIX}*/*.gz"))))
    # Until it waits: an interrupt that falls into a destructor's turn is one that Python ignores.
    time.sleep(1)
    return process


def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to that within 30 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_end_by_a_signal_leaves_nothing(
    number: signal.Signals, export: Path, tmp_path: Path, temporary: Path
):
    process = waiting(zip_of(export, tmp_path / "export.zip"), tmp_path, temporary)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert b"Traceback" not in stderr
    assert not list(temporary.iterdir())


def test_what_a_killed_run_left_is_removed_by_the_next(
    export: Path, tmp_path: Path, temporary: Path
):
    path = zip_of(export, tmp_path / "export.zip")
    process = waiting(path, tmp_path, temporary)
    process.kill()
    process.communicate(timeout=60)
    (left,) = temporary.iterdir()
    # It counts as abandoned after a minute.
    os.utime(left, (time.time() - 3600,) * 2)
    raiway("ingest", path, *SITE, cwd=tmp_path, TMPDIR=str(temporary))
    assert not left.exists()
