"""HAPI's JPA server, which bin/test fetches, checks and compiles (tests/judges/hapi).

Its pages are links with `_getpages`, its export is its own, with a Retry-After of 120 s.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lib.needs import ROOT, missing
from tests.lib.servers.process import free_port, started

TARGET = ROOT / "tests" / "judges" / "hapi" / "target"
_SECONDS = 120
# It starts in 11 s with these and in 21 s without: it lives too short for the second compiler.
_JAVA = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


@contextmanager
def open_server(folder: Path) -> Iterator[str]:
    """The base of an instance that lets everyone in; its log lies in the folder."""
    if not (TARGET / "raiway.stamp").is_file():
        missing("HAPI is not here; bin/test fetches it, with mvn and javac")
    java = shutil.which("java") or missing("the program java is not installed")
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    path = f"{TARGET / 'classes'}:{TARGET / 'lib'}/*"
    command = [java, *_JAVA, _QUIET, "-cp", path, "HapiServer", str(port)]
    with started(command, f"{base}/metadata", folder, seconds=_SECONDS):
        yield base
