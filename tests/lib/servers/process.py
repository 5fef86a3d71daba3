"""Starting a server as a process of its own, and ending it with the tests."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def started(
    command: Sequence[str | Path],
    ready: str,
    folder: Path,
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once the URL `ready` answers 200; it is ended on leaving.

    seconds: after which a server that does not answer fails the test with the end of its log,
    which lies in `folder`.
    """
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        if reason := _not_ready(process, ready, seconds):
            end = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise RuntimeError(f"{command[0]} {reason}:\n{end}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _not_ready(process: subprocess.Popen[bytes], url: str, seconds: float) -> str | None:
    """Why the server is not of use, or None once it answers."""
    end = time.monotonic() + seconds
    with httpx2.Client(timeout=5) as client:
        while time.monotonic() < end:
            if process.poll() is not None:
                return f"ended with {process.returncode}"
            try:
                if client.get(url).status_code == 200:
                    return None
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
    return f"does not answer within {seconds:.0f} s"
