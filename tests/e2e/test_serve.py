"""`raiway serve` from outside: it starts where it may, answers, says little, and ends politely."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from adapter.cli.app import application
from tests.lib.console import raiway
from tests.lib.databases import new_postgresql_url, postgresql_server
from tests.lib.fault.certificates import self_signed
from tests.lib.serving import SECONDS, command

__all__ = ["postgresql_server"]

CANARY = "CANARY-4711"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, loaded: Path, export: Path, tmp_path: Path) -> str:
    """The URL of a store with the reference cohort."""
    if request.param == "sqlite":
        return f"sqlite:///{loaded / 'raiway.db'}"
    url = new_postgresql_url(request.getfixturevalue("postgresql_server"))
    raiway("ingest", export, "--site", "A", "--store", url, "--timezone", "UTC", cwd=tmp_path)
    return url


@pytest.mark.parametrize("workers", [1, 2])
def test_it_answers_until_it_is_told_to_stop(store: str, workers: int, tmp_path: Path):
    with command("--store", store, "--workers", workers, cwd=tmp_path) as running:
        ready = httpx2.get(f"{running.url}/health/ready")
        assert ready.json()["status"] == "ok"
        answers = [httpx2.get(f"{running.url}/fhir/metadata") for _ in range(8)]
        assert {each.status_code for each in answers} == {200}
        counted = httpx2.get(f"{running.url}/metrics").text
        assert _requests(counted, "/fhir/metadata") == len(answers), "workers share their numbers"
        assert running.stop() == 0
        _is_closed(running.url)


def _requests(metrics: str, route: str) -> float:
    start = f'raiway_http_requests_total{{method="GET",route="{route}",status="200"}} '
    return sum(float(line.removeprefix(start)) for line in metrics.splitlines() if start in line)


def _is_closed(url: str) -> None:
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_waits_for_what_is_being_answered(loaded: Path, workers: int, tmp_path: Path):
    store = f"sqlite:///{loaded / 'raiway.db'}"
    body = b'{"resourceType": "MeasureReport"}'
    head = (
        b"POST /fhir/MeasureReport/$validate HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with command("--store", store, "--workers", workers, cwd=tmp_path) as running:
        address = httpx2.URL(running.url)
        with socket.create_connection((address.host, address.port), timeout=SECONDS) as opened:
            opened.sendall(head + body[:-1])
            _until(lambda: _open_requests(running.url) == 2)
            running.process.terminate()
            _until(lambda: "Shutting down" in running.log.read_text())
            opened.sendall(body[-1:])
            answer = opened.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert running.process.wait(SECONDS) == 0


def _open_requests(url: str) -> float:
    """With the one that asks."""
    lines = httpx2.get(f"{url}/metrics").text.splitlines()
    return sum(float(x.split()[-1]) for x in lines if x.startswith("raiway_http_requests_open "))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_workers_end_with_a_parent_that_is_killed(loaded: Path, tmp_path: Path):
    store = f"sqlite:///{loaded / 'raiway.db'}"
    with command("--store", store, "--workers", 2, cwd=tmp_path) as running:
        running.process.kill()
        _until(lambda: not _listens(running.url))


def _listens(url: str) -> bool:
    address = httpx2.URL(url)
    with socket.socket() as asking:
        return asking.connect_ex((address.host, address.port)) == 0


def test_the_log_names_routes_and_requests_and_nothing_that_was_asked(loaded: Path, tmp_path: Path):
    with command("--store", f"sqlite:///{loaded / 'raiway.db'}", cwd=tmp_path) as running:
        asked = httpx2.get(
            f"{running.url}/fhir/MeasureReport/{CANARY}?subject=Patient/{CANARY}",
            headers={"X-Request-Id": "req-12345678"},
        )
        assert asked.headers["X-Request-Id"] == "req-12345678"
        broken = {"resourceType": "MeasureReport", "id": CANARY, "subject": {"reference": 4711}}
        httpx2.post(f"{running.url}/fhir/MeasureReport", json=broken)
        httpx2.get(f"{running.url}/fhir/Patient/{CANARY}")
        assert running.stop() == 0
        said = running.log.read_text(encoding="utf-8")
        assert CANARY not in said
        assert "4711" not in said
        access = [line for line in running.lines if line["logger"] == "adapter.api.access"]
        first = next(line for line in access if line["request_id"] == "req-12345678")
    assert first["route"] == "/fhir/MeasureReport/{id}"
    assert first["status"] == 404
    assert first["method"] == "GET"
    assert first["ms"] > 0
    assert {"unmatched"} <= {line["route"] for line in access}


def test_a_port_in_use_is_told(loaded: Path, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        store = f"sqlite:///{loaded / 'raiway.db'}"
        done = raiway("serve", "--port", port, "--store", store, cwd=tmp_path, expect=4)
    assert f"port {port} is in use" in done.stderr
    assert "--port" in done.stderr


def test_a_store_that_is_not_there_is_told(tmp_path: Path):
    done = raiway("serve", "--port", "0", "--json", cwd=tmp_path, expect=4)
    assert done.json["error"]["what"] == "there is no store yet"
    assert not list(tmp_path.iterdir()), "nothing is made where nothing can be served"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - it must refuse them
def test_off_loopback_it_wants_authentication(host: str, loaded: Path, tmp_path: Path):
    store = f"sqlite:///{loaded / 'raiway.db'}"
    asked = ("serve", "--check", "--host", host, "--port", "0", "--store", store)
    done = raiway(*asked, cwd=tmp_path, expect=2)
    assert "authentication" in done.stderr


def test_check_says_whether_it_would_start(loaded: Path, tmp_path: Path):
    store = f"sqlite:///{loaded / 'raiway.db'}"
    done = raiway("serve", "--check", "--port", "0", "--store", store, cwd=tmp_path)
    assert done.stderr.startswith("ok: it would listen at http://127.0.0.1:")
    assert done.stdout == ""


def test_without_its_packages_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(application(), ["serve", "--check"])
    assert done.exit_code == 2
    assert "uvicorn" in done.stderr
    assert 'pip install "raiway[serve]"' in done.stderr


def _tls_settings(folder: Path, key: str) -> Path:
    """raiway.toml with a certificate that signs itself; its key lies in key.pem."""
    _key_files(folder)
    config = folder / "raiway.toml"
    config.write_text(f'[server]\nport = 0\ntls_certificate = "server.pem"\ntls_key = {key}\n')
    return config


def _key_files(folder: Path) -> None:
    self_signed(folder)
    key, mark, _ = (folder / "server.pem").read_text().partition("-----BEGIN CERTIFICATE")
    assert mark
    file = folder / "key.pem"
    file.touch(mode=0o600)
    file.write_text(key)


@pytest.mark.parametrize("workers", [1, 2])
def test_it_speaks_tls_with_its_own_key(loaded: Path, workers: int, tmp_path: Path):
    config = _tls_settings(tmp_path, key='"env:RAIWAY_TEST_KEY"')
    key = (tmp_path / "key.pem").read_text()
    store = f"sqlite:///{loaded / 'raiway.db'}"
    asked = ("--config", config, "--store", store, "--workers", workers)
    with command(*asked, cwd=tmp_path, RAIWAY_TEST_KEY=key) as running:
        assert running.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        live = httpx2.get(f"{running.url}/health/live", verify=trusted)
        assert live.json()["status"] == "ok"
        assert running.stop() == 0


def test_a_key_that_others_can_read_is_refused(loaded: Path, tmp_path: Path):
    config = _tls_settings(tmp_path, key='"key.pem"')
    (tmp_path / "key.pem").chmod(0o644)
    store = f"sqlite:///{loaded / 'raiway.db'}"
    done = raiway("serve", "--config", config, "--store", store, cwd=tmp_path, expect=2)
    assert "server.tls_key can be read by others" in done.stderr


def test_a_key_of_another_certificate_is_refused(loaded: Path, tmp_path: Path):
    config = _tls_settings(tmp_path, key='"other/key.pem"')
    (tmp_path / "other").mkdir()
    _key_files(tmp_path / "other")
    store = f"sqlite:///{loaded / 'raiway.db'}"
    done = raiway("serve", "--config", config, "--store", store, cwd=tmp_path, expect=2)
    assert "do not fit" in done.stderr
    assert "Traceback" not in done.stderr
