"""`raiway pull` from outside: what it says, what it leaves, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapter.store import open_store
from tests.lib.console import RAIWAY, environment, raiway
from tests.lib.fault.content import capability, manifest, ndjson, observation
from tests.lib.fault.landing_scenarios import SlowExport
from tests.lib.fault.replies import outcome, reply
from tests.lib.fault.server import FaultServer, Script, fault_server

KEY = "c1" * 8 + "".join(f"{n:02x}" for n in range(24))
OTHER_KEY = KEY[::-1]
CANARY = "canary-4711"


def site(name: str, base_url: str, *more: str, privacy: str = 'mode = "identified"') -> str:
    return "\n".join(
        (
            "[[sites]]",
            f'name = "{name}"',
            f'base_url = "{base_url}"',
            'export_level = "system"',
            'auth = "none"',
            'types = ["Observation"]',
            *more,
            "[sites.privacy]",
            f"{privacy}\n",
        )
    )


def configured(folder: Path, *sites: str) -> Path:
    (folder / "raiway.toml").write_text("\n".join(sites), encoding="utf-8")
    return folder


@contextmanager
def exporting(
    tmp_path: Path, *more: str, privacy: str = 'mode = "identified"'
) -> Iterator[FaultServer]:
    """A server with an export of Observations, and a raiway.toml of site A that names it."""
    with fault_server(SlowExport(files=2, lines=5, polls=0)) as server:
        configured(tmp_path, site("A", server.base, *more, privacy=privacy))
        yield server


def test_from_the_server_to_the_store(tmp_path: Path) -> None:
    with exporting(tmp_path) as server:
        pulled = raiway("pull", "A", cwd=tmp_path)
        assert server.elsewhere == []
    *_, last = pulled.stderr.splitlines()
    assert last.startswith("next: raiway ingest landing/A/")
    assert pulled.stdout == ""
    loaded = raiway(*last.removeprefix("next: raiway ").split(), "--json", cwd=tmp_path)
    assert (loaded.json["read"], loaded.json["mapped"]) == (10, 10)


def test_a_dry_run_sends_and_writes_nothing(tmp_path: Path) -> None:
    with exporting(tmp_path, 'type_filter = ["Observation?code=3013-0"]') as server:
        dry = raiway("pull", "A", "--dry-run", cwd=tmp_path)
        as_json = raiway("pull", "A", "--dry-run", "--json", cwd=tmp_path).json
        assert server.seen == []
    ask, types, since, writes = dry.stdout.splitlines()
    assert ask == f"would ask   {server.base}/$export"
    assert types == "types       Observation"
    assert since == "since       everything"
    assert writes.startswith("writes      landing/A/20")
    assert "nothing was sent" in dry.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["raiway.toml"]
    assert as_json["sent"] is False
    assert as_json["sites"][0]["requests"] == [f"{server.base}/$export"]


def test_a_crawls_dry_run_names_each_type(tmp_path: Path) -> None:
    configured(tmp_path, site("A", "https://fhir.a.example/r4"))
    arguments = ("--mode", "crawl", "--since", "2026-10-01T00:00:00Z")
    dry = raiway("pull", "A", "--dry-run", *arguments, cwd=tmp_path)
    assert dry.stdout.splitlines()[:2] == [
        "would ask   https://fhir.a.example/r4/Observation",
        "since       2026-10-01T00:00:00Z",
    ]


def test_json_says_what_came(tmp_path: Path) -> None:
    with exporting(tmp_path):
        [found] = raiway("pull", "--json", cwd=tmp_path).json["sites"]
    assert found["site"] == "A"
    assert found["finished"] is True
    assert found["types"]["Observation"] == {
        "rows": 10,
        "refused": 0,
        "deleted": 0,
        "failed": None,
        "watermark": "2024-01-02T00:00:00Z",
    }
    assert (tmp_path / found["folder"] / "manifest.json").is_file()


def test_to_another_folder(tmp_path: Path) -> None:
    with exporting(tmp_path):
        raiway("pull", "A", "--to", "elsewhere", cwd=tmp_path)
    assert (tmp_path / "elsewhere" / "A").is_dir()
    assert not (tmp_path / "landing").exists()


def test_without_a_name_all_sites_are_pulled_and_one_that_fails_stops_none(tmp_path: Path) -> None:
    with fault_server(SlowExport(files=1, lines=5, polls=0)) as server:
        configured(
            tmp_path,
            '[[sites]]\nname = "local"',
            site("A", "http://127.0.0.1:9/fhir"),
            site("B", server.base),
        )
        told = raiway("pull", "--json", cwd=tmp_path, expect=5)
    first, second = told.json["sites"]
    assert (first["site"], first["exit_code"]) == ("A", 4)
    assert (second["site"], second["exit_code"]) == ("B", 0)
    assert "error: site A:" in told.stderr
    assert "--site B" in told.stderr


def test_a_server_that_cannot_be_reached_is_exit_4(tmp_path: Path) -> None:
    configured(tmp_path, site("A", "http://127.0.0.1:9/fhir"))
    told = raiway("pull", "A", "--json", cwd=tmp_path, expect=4)
    assert told.json["error"]["exit_code"] == 4
    assert "127.0.0.1:9" in told.stderr


def test_a_type_that_fails_is_exit_5_and_is_asked_for_again(tmp_path: Path) -> None:
    def status(_: object, server: FaultServer) -> object:
        files = [
            {"type": "Observation", "url": f"{server.base}/files/o"},
            {"type": "Patient", "url": f"{server.base}/files/p"},
        ]
        made = manifest(files, f"{server.base}/$export")
        return reply(made, content_type="application/json")

    answers = {
        "GET /fhir/metadata": lambda *_: reply(capability()),
        "GET /fhir/$export": lambda _, server: reply(
            None, 202, {"Content-Location": f"{server.base}/job"}
        ),
        "GET /fhir/job": status,
        "DELETE /fhir/job": lambda *_: reply(None, 202),
        "GET /fhir/files/o": lambda *_: reply(ndjson([observation(1, id=CANARY)])),
        "GET /fhir/files/p": lambda *_: outcome("not-found", f"Patient/{CANARY} is gone", 404),
    }
    with fault_server(Script(answers)) as server:
        text = site("A", server.base).replace('["Observation"]', '["Observation", "Patient"]')
        configured(tmp_path, text)
        told = raiway("pull", "A", cwd=tmp_path, expect=5)
        assert "warning: Patient failed" in told.stderr
        assert "next: raiway ingest" in told.stderr
        dry = raiway("pull", "A", "--dry-run", cwd=tmp_path)
    assert "since       everything for Patient" in dry.stdout
    assert "2024-01-02T00:00:00Z (last good pull) for Observation" in dry.stdout
    # No id in what is said or logged.
    logged = "".join(each.read_text() for each in (tmp_path / "landing").rglob("log.ndjson"))
    assert CANARY not in told.stderr + told.stdout + logged


def test_the_privacy_mode_is_limited_and_wants_a_key(tmp_path: Path) -> None:
    with exporting(tmp_path, privacy="") as server:
        told = raiway("pull", "A", cwd=tmp_path, expect=2)
        assert "needs a key for ids" in told.stderr
        assert server.seen == []


def test_a_type_of_which_nothing_may_be_kept_is_told_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    with fault_server(SlowExport()) as server:
        text = site("A", server.base, privacy='id_key = "env:A_ID_KEY"')
        configured(tmp_path, text.replace('["Observation"]', '["Observation", "Slot"]'))
        told = raiway("pull", "A", cwd=tmp_path, expect=2, A_ID_KEY=KEY)
        assert "nothing may be kept of Slot" in told.stderr
        assert server.seen == []


def test_pseudonyms_are_what_is_written_and_another_key_does_not_append(tmp_path: Path) -> None:
    privacy = 'id_key = "env:A_ID_KEY"'
    with exporting(tmp_path, privacy=privacy) as server:
        pulled = raiway("pull", "A", cwd=tmp_path, A_ID_KEY=KEY)
        before = len(server.seen)
        told = raiway("pull", "A", cwd=tmp_path, expect=2, A_ID_KEY=OTHER_KEY)
        assert "another privacy mode or key" in told.stderr
        assert len(server.seen) == before
    written = "".join(
        each.read_text() for each in (tmp_path / "landing").rglob("*") if each.is_file()
    )
    assert '"id":"' in written
    assert "obs-1" not in written
    assert "Patient/pat-" not in written
    assert KEY not in written
    folder = pulled.stderr.splitlines()[-1].split()[3]
    loaded = raiway("ingest", folder, "--site", "A", "--json", cwd=tmp_path)
    assert loaded.json["mapped"] == 10


@pytest.mark.parametrize("privacy", ['mode = "identified"', 'id_key = "env:A_ID_KEY"'])
def test_what_the_server_deleted_leaves_the_store(privacy: str, tmp_path: Path) -> None:
    scenario = SlowExport(files=2, lines=5, polls=0)
    with fault_server(scenario) as server:
        configured(tmp_path, site("A", server.base, privacy=privacy))
        raiway("pull", "A", cwd=tmp_path, A_ID_KEY=KEY)
        scenario.files, scenario.deleted = 0, ("Observation/obs-3", "Observation/obs-7")
        raiway("pull", "A", cwd=tmp_path, A_ID_KEY=KEY)
    loaded = raiway("ingest", "landing/A", "--site", "A", "--json", cwd=tmp_path)
    assert (loaded.json["read"], loaded.json["deleted"]) == (12, 2)
    with open_store(f"sqlite:///{tmp_path / 'raiway.db'}", create=False) as store:
        assert store.counts()["lab_result"] == 8


def test_an_export_that_outlasts_the_deadline_is_gone_on_with(tmp_path: Path) -> None:
    scenario = SlowExport(files=1, lines=5, polls=1_000_000)
    with fault_server(scenario) as server:
        configured(tmp_path, site("A", server.base, "[sites.limits]", 'deadline = "1s"'))
        told = raiway("pull", "A", cwd=tmp_path, expect=5)
        assert "not at its end yet: raiway pull A goes on with it" in told.stderr
        scenario.polls = 0
        [found] = raiway("pull", "A", "--json", cwd=tmp_path).json["sites"]
    assert (found["finished"], found["types"]["Observation"]["rows"]) == (True, 5)
    assert scenario.jobs == 1


def test_another_server_does_not_append(tmp_path: Path) -> None:
    with exporting(tmp_path) as server:
        raiway("pull", "A", cwd=tmp_path)
        configured(tmp_path, site("A", f"{server.base}2"))
        told = raiway("pull", "A", cwd=tmp_path, expect=2)
    assert "one folder, one server" in told.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("", ["A"], "no site A"),
        ("", [], "no site has a base_url"),
        ('[[sites]]\nname = "A"', ["A"], "no base_url"),
        (site("A", "https://a.example", 'mode = "files"'), ["A"], "nothing is copied"),
        (site("A", "https://a.example"), ["A", "--mode", "magic"], "--mode magic"),
        (site("A", "https://a.example"), ["A", "--full", "--since", "none"], "two things"),
        (site("A", "https://a.example"), ["A", "--everything", "--mode", "bulk"], "a crawl"),
        (site("A", "https://a.example"), ["A", "--since", "yesterday"], "instant"),
        (
            site("A", "https://a.example").replace('export_level = "system"', ""),
            ["A"],
            "needs the group's id",
        ),
        (site("A", "https://a.example").replace("Observation", "Obs"), ["A"], "has no Obs"),
    ],
)
def test_what_is_wrong_with_the_settings_is_exit_2(
    text: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    configured(tmp_path, text)
    told = raiway("pull", *arguments, cwd=tmp_path, expect=2)
    assert said in told.stderr
    assert not (tmp_path / "landing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_and_gone_on_with(tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "landing"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with fault_server(SlowExport(files=4, lines=300, polls=0)) as server:
            configured(tmp_path, site("A", server.base))
            told = raiway("pull", "A", cwd=tmp_path, expect=4)
            assert "no space is left on the disk" in told.stderr
            assert "goes on where it stopped" in told.stderr
            for file in disk.rglob("Observation.*.ndjson"):
                assert all(json.loads(line) for line in file.read_bytes().splitlines())
            subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
            raiway("pull", "A", cwd=tmp_path)
            [run] = [each.parent for each in disk.rglob("manifest.json")]
            listed = json.loads((run / "manifest.json").read_bytes())["output"]
            assert sum(each["count"] for each in listed) == 1200
    finally:
        subprocess.run(["umount", disk], check=True)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    with fault_server(SlowExport(files=2, lines=5, polls=10_000)) as server:
        configured(tmp_path, site("A", server.base))
        with interruptible(tmp_path) as process:
            end = time.monotonic() + 60
            while not any("/job/" in each.path for each in server.seen):
                assert time.monotonic() < end, "the export is never asked after"
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == (
        "warning: interrupted: what was whole stays; raiway pull A goes on with it"
    )


def test_an_export_that_lists_no_deletions_is_noted(tmp_path: Path) -> None:
    """Of changes only: of all there is, nothing can be gone."""
    noted = []
    with exporting(tmp_path):
        for _ in range(2):
            [found] = raiway("pull", "--json", cwd=tmp_path).json["sites"]
            log = (tmp_path / found["folder"] / "log.ndjson").read_text()
            noted.append("deletions not tracked" in log)
    assert noted == [False, True]


@contextmanager
def interruptible(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A pull that Ctrl-C reaches, as at a terminal: a shell's background job ignores it."""
    signals = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen(
            [RAIWAY, "pull", "A"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process
            process.kill()
    finally:
        signal.signal(signal.SIGINT, signals)
