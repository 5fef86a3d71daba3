"""The server as its clients meet it: a real one on a free port of this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from adapter.api.app import create_app
from adapter.api.running.serving import listening
from adapter.config import Settings
from adapter.server_settings import ServerSettings
from adapter.synthetic.hospital import write_ndjson
from tests.lib.console import RAIWAY, environment, raiway

SECONDS = 90
"""A busy machine takes long to start a server; what hangs takes longer."""


def settings(**server: Any) -> Settings:
    """Settings without a file, with these of [server]; port 0 unless another is given."""
    return Settings(server=ServerSettings(**{"port": 0, **server}))


def reference_store(folder: Path) -> str:
    """The URL of a store in this folder that holds the reference cohort."""
    write_ndjson(folder / "export")
    raiway("ingest", "export", "--site", "A", "--timezone", "UTC", cwd=folder)
    return f"sqlite:///{folder / 'raiway.db'}"


@contextmanager
def serving(store_url: str, chosen: Settings | None = None) -> Iterator[str]:
    """A server in a thread of this process, over a store that exists; its origin as clients see it.

    Without settings it is open, as on loopback. The FHIR base is `{origin}/fhir`.
    """
    with listening(chosen or settings()) as at:
        app = create_app(at.settings, store_url)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([at.socket],), daemon=True)
        thread.start()
        try:
            _wait(server, thread)
            yield at.url
        finally:
            server.should_exit = True
            thread.join(SECONDS)
            app.state.context.engine.dispose()
            assert not thread.is_alive(), "the server did not stop"


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended before it had started"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.01)


@dataclass
class Command:
    """A running `raiway serve`: its process, its origin, and the file of its stderr."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log's JSON lines."""
        said = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in said if line.startswith("{")]

    def wait_until_ready(self) -> None:
        """Until `/health/ready` says so."""
        deadline = time.monotonic() + SECONDS
        while True:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            with suppress(httpx2.TransportError):
                if httpx2.get(f"{self.url}/health/ready", verify=False).status_code == 200:
                    return
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@contextmanager
def command(*arguments: object, cwd: Path, **added: str) -> Iterator[Command]:
    """`raiway serve` on a free port, ready to answer; killed if it still runs at the end."""
    log = cwd / "serve.log"
    asked = [RAIWAY, "serve", "--json", "--port", "0", *map(str, arguments)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            asked, cwd=cwd, env=environment(**added), stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        assert process.stdout is not None
        said = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
        running = Command(process, json.loads(said)["url"], log)
        running.wait_until_ready()
        yield running
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
