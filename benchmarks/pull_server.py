"""A static server with one finished Bulk Data export, for `benchmarks.pull`.

nginx where it is installed, else aiohttp in another process. Files are compressed beforehand, so
that the server does little but send; nothing of it is a real server's speed.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.templates import coding, concept, quantity, template

PATIENTS_PER_FILE = 1_000
PER_FILE = 10_000
TIME = "2026-11-01T00:00:00Z"
_SYSTEM = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Export:
    """What is served: its folder, the resources in it, their bytes, their files."""

    folder: Path
    resources: int
    bytes: int
    files: int


def _observation() -> bytes:
    """A laboratory result of about 730 bytes."""
    category = coding(f"{_SYSTEM}/observation-category", "laboratory", "Laboratory")
    code = coding("http://loinc.org", "3013-0", "Thyroglobulin [Mass/volume] in Serum or Plasma")
    made = {
        "resourceType": "Observation",
        "id": "obs-%(n)08d",
        "meta": {"versionId": "1", "lastUpdated": "2026-10-01T08:00:00.000+00:00"},
        "status": "final",
        "category": [concept(category, text="Laboratory")],
        "code": concept(code, text="Thyroglobulin"),
        "subject": {"reference": "Patient/pat-%(patient)06d"},
        "effectiveDateTime": "2024-%(month)02d-%(day)02dT08:00:00+00:00",
        "issued": "2024-%(month)02d-%(day)02dT12:00:00.000+00:00",
        "valueQuantity": quantity(12.5, "ng/mL"),
        "referenceRange": [{"text": "3.5 - 77 ng/mL"}],
    }
    return template(made).line


def _patient() -> bytes:
    made = {
        "resourceType": "Patient",
        "id": "pat-%(n)06d",
        "meta": {"versionId": "1", "lastUpdated": "2026-10-01T08:00:00.000+00:00"},
        "identifier": [{"system": "urn:oid:2.999.1", "value": "MRN%(n)08d"}],
        "name": [{"family": "Synthetic", "given": ["Patient %(n)06d"]}],
        "gender": "female",
        "birthDate": "1960-%(month)02d-%(day)02d",
    }
    return template(made).line


def export(work: Path, observations: int) -> Export:
    """The files of an export of so many Observations, of ten times fewer files as one of
    PER_FILE lines, and of 1 Patient for each 100 of them; written unless they are there."""
    folder = work / f"pull-{observations}"
    counts = {"Patient": max(1, observations // 100), "Observation": observations}
    whole = folder / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "files").mkdir(parents=True)
        for kind, line in (("Patient", _patient()), ("Observation", _observation())):
            _write(folder / "files", kind, line, counts[kind])
        whole.touch()
    files = sorted((folder / "files").glob("*.ndjson"))
    size = sum(file.stat().st_size for file in files)
    return Export(folder, sum(counts.values()), size, len(files))


def _write(folder: Path, kind: str, line: bytes, count: int) -> None:
    for first in range(0, count, PER_FILE):
        body = b"".join(
            line % {b"n": n, b"patient": n % 1_000, b"month": n % 12 + 1, b"day": n % 28 + 1}
            for n in range(first, min(first + PER_FILE, count))
        )
        file = folder / f"{kind}.{first // PER_FILE}.ndjson"
        file.write_bytes(body)
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(body, 1, mtime=0))


@contextmanager
def served(made: Export, *, compressed: bool) -> Iterator[str]:
    """The FHIR base of a server that has this export; it ends on leaving."""
    with tempfile.TemporaryDirectory(prefix="raiway-pull-") as folder:
        root = Path(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _documents(root, made, port)
        command = _nginx(root, made, port, compressed) or _aiohttp(root, made, port, compressed)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ran:
            try:
                _wait_for(port)
                yield f"http://127.0.0.1:{port}/fhir"
            finally:
                ran.terminate()


def server_name() -> str:
    """What `served` starts."""
    return "nginx" if shutil.which("nginx") else "aiohttp"


def _documents(root: Path, made: Export, port: int) -> None:
    base = f"http://127.0.0.1:{port}/fhir"
    output = [
        {"type": file.name.partition(".")[0], "url": f"{base}/files/{file.name}"}
        for file in sorted((made.folder / "files").glob("*.ndjson"))
    ]
    manifest = {
        "transactionTime": TIME,
        "request": f"{base}/$export",
        "requiresAccessToken": False,
        "output": output,
        "error": [],
    }
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]}
                    for kind in ("Patient", "Observation")
                ],
            }
        ],
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    (root / "metadata.json").write_text(json.dumps(statement))


_CONFIGURATION = """
{user}worker_processes 1; pid {root}/pid; error_log {root}/error.log; daemon off;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/json;
  client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;
  uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;
  server {{
    listen 127.0.0.1:{port};
    location = /fhir/$export {{
      add_header Content-Location http://127.0.0.1:{port}/fhir/status always; return 202;
    }}
    location = /fhir/status {{
      if ($request_method = DELETE) {{ return 202; }}
      alias {root}/manifest.json;
    }}
    location = /fhir/metadata {{ alias {root}/metadata.json; }}
    location /fhir/files/ {{
      alias {files}/; default_type application/fhir+ndjson; gzip_static {compressed};
    }}
  }}
}}
"""


def _nginx(root: Path, made: Export, port: int, compressed: bool) -> list[str] | None:
    program = shutil.which("nginx")
    if program is None:
        return None
    stated = _CONFIGURATION.format(
        root=root,
        port=port,
        # Its workers would be another user, who may not read the files.
        user="user root; " if os.geteuid() == 0 else "",
        files=made.folder / "files",
        compressed="on" if compressed else "off",
    )
    (root / "nginx.conf").write_text(stated)
    return [program, "-c", str(root / "nginx.conf"), "-p", str(root)]


def _aiohttp(root: Path, made: Export, port: int, compressed: bool) -> list[str]:
    files = made.folder / "files"
    return [sys.executable, "-m", "benchmarks.pull_server", str(root), str(files), str(port),
            "gzip" if compressed else "plain"]  # fmt: skip


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/fhir/metadata", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the static server does not start")


def main() -> None:
    """Serve with aiohttp: ROOT FILES PORT gzip|plain."""
    from aiohttp import web

    root, files, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    compressed = sys.argv[4] == "gzip"
    base = f"http://127.0.0.1:{port}/fhir"

    async def kickoff(request: web.Request) -> web.StreamResponse:
        return web.Response(status=202, headers={"Content-Location": f"{base}/status"})

    async def left(request: web.Request) -> web.StreamResponse:
        return web.Response(status=202)

    async def document(request: web.Request) -> web.StreamResponse:
        name = "manifest.json" if request.path.endswith("status") else "metadata.json"
        return web.FileResponse(root / name)

    async def file(request: web.Request) -> web.StreamResponse:
        path = files / Path(request.match_info["name"]).name
        headers = {"Content-Type": "application/fhir+ndjson"}
        if compressed:
            path = path.with_name(f"{path.name}.gz")
            headers["Content-Encoding"] = "gzip"
        return web.FileResponse(path, headers=headers)

    app = web.Application()
    app.router.add_get("/fhir/$export", kickoff)
    app.router.add_get("/fhir/status", document)
    app.router.add_delete("/fhir/status", left)
    app.router.add_get("/fhir/metadata", document)
    app.router.add_get("/fhir/files/{name}", file)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main()
