"""sekmet-fhir, a FHIR server in an environment of its own, which bin/test makes.

One instance is open, one wants SMART Backend Services and issues tokens of `LIFETIME` seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lib.fault.authority import new_key
from tests.lib.needs import ROOT, missing
from tests.lib.servers.process import free_port, started

PROGRAM = ROOT / ".venv-sekmet" / "bin" / "sekmet"
KID = "2026-11"
CLIENTS = {"ES384": "raiway-es", "RS384": "raiway-rs"}
"""The clients that the SMART instance knows; it takes one key of each."""
LIFETIME = 3
LOADER = "loader"
"""A token that holds for ever and lets in who fills the server."""
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SmartServer:
    """A server that wants tokens: its base, and the private keys' files by algorithm."""

    base: str
    private_keys: dict[str, Path]


@contextmanager
def open_server(folder: Path) -> Iterator[str]:
    """The base of an instance that lets everyone in."""
    with _running(folder, {"types": ["none"]}) as base:
        yield base


@contextmanager
def smart_server(folder: Path) -> Iterator[SmartServer]:
    """An instance that knows `CLIENTS`, for `system/*.rs` at most."""
    clients, files = [], {}
    for alg, client_id in CLIENTS.items():
        key = new_key(alg, KID)
        files[alg] = folder / f"{alg}.pem"
        files[alg].touch(mode=0o600)
        files[alg].write_bytes(key.as_pem(private=True))
        public = {"keys": [key.as_dict(private=False)]}
        clients.append({"client_id": client_id, "jwks": public, "scopes": "system/*.rs"})
    auth = {
        "types": ["smart", "bearer"],
        "smart_clients": clients,
        "token_lifetime": LIFETIME,
        "tokens": [LOADER],
    }
    with _running(folder, auth) as base:
        yield SmartServer(base, files)


@contextmanager
def _running(folder: Path, auth: dict[str, Any]) -> Iterator[str]:
    if not PROGRAM.is_file():
        missing("sekmet-fhir is not installed; bin/test installs it")
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "base_url": base,
        "data_dir": str(folder / "data"),
        "log_inbound": False,
        "validation": {"inbound": "off"},
        "simulator": {"enabled": False},
        "server_auth": auth,
    }
    # A JSON document is a YAML one.
    file = folder / "settings.yaml"
    file.write_text(json.dumps(settings))
    (folder / "data").mkdir()
    with started([PROGRAM, "serve", "-c", file], f"{base}/metadata", folder, seconds=_SECONDS):
        yield base
