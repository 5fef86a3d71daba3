"""What each member of the network in a box has: its folder, its keys, its settings, its data.

The synthetic cohort's patients are dealt to the hospitals in turn; nobody is at two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.errors import UsageError
from adapter.files import make_folder, write_atomically
from adapter.pooling.secure.keys import new_keys, own_keys, public_keys, write_private
from adapter.store import open_store
from adapter.synthetic.hospital import write_bundles

ZONE = "America/Jamaica"
SERVERS = ("registry", "trustee")
KEYS = "own.keys.json"


@dataclass(frozen=True, slots=True)
class Premises:
    """The folder of the whole network. hospitals: their names."""

    folder: Path
    hospitals: tuple[str, ...]

    @property
    def directory(self) -> Path:
        """Everybody's public keys."""
        return self.folder / "keys.json"

    def of(self, member: str) -> Path:
        """The folder of a hospital or a server."""
        return self.folder / member

    def export(self, hospital: str) -> Path:
        """A hospital's records: one Bundle for each patient."""
        return self.of(hospital) / "export"


def made(folder: Path, hospitals: int) -> Premises:
    """A new network in this folder, which must be empty or not exist. Raises UsageError."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("is not empty", where=str(folder), hint="--out with a folder of its own")
    names = tuple(f"hospital-{number}" for number in range(1, hospitals + 1))
    premises = Premises(folder, names)
    for member in (*names, *SERVERS):
        make_folder(premises.of(member))
    _deal(premises)
    _keys(premises)
    for hospital in names:
        _settings(premises, hospital, [])
    for role in SERVERS:
        _settings(premises, role, _serving(role))
        with open_store(_store(premises, role), create=True):
            pass
    return premises


def prepared(folder: Path, hospitals: int) -> Premises:
    """The network that was made in this folder before, else a new one. Raises UsageError."""
    names = tuple(f"hospital-{number}" for number in range(1, hospitals + 1))
    before = Premises(folder, names)
    return before if before.directory.exists() else made(folder, hospitals)


def reporter(member: str) -> str:
    """As the directory and the reports name a hospital."""
    return f"Organization/{member}"


def _deal(premises: Premises) -> None:
    for hospital in premises.hospitals:
        make_folder(premises.export(hospital))
    for number, bundle in enumerate(write_bundles(premises.folder / "all")):
        hospital = premises.hospitals[number % len(premises.hospitals)]
        write_atomically(premises.export(hospital) / bundle.name, bundle.read_bytes())


def _keys(premises: Premises) -> None:
    public = {}
    for member in (*premises.hospitals, *SERVERS):
        keys = new_keys(server=member in SERVERS)
        write_private(premises.of(member) / KEYS, keys)
        public[member] = public_keys(own_keys(json.dumps(keys), member))
    sites = {reporter(hospital): public[hospital] for hospital in premises.hospitals}
    directory = {role: public[role] for role in SERVERS} | {"sites": sites}
    write_atomically(premises.directory, json.dumps(directory, indent=1) + "\n")


def _store(premises: Premises, member: str) -> str:
    return f"sqlite:///{premises.of(member).resolve() / 'raiway.db'}"


def _settings(premises: Premises, member: str, more: Sequence[str]) -> None:
    lines = [
        "[store]",
        f"url = {json.dumps(_store(premises, member))}",
        "[report]",
        f"reporter = {json.dumps(reporter(member))}",
        *more,
    ]
    write_atomically(premises.of(member) / "raiway.toml", "\n".join(lines) + "\n")


def _serving(role: str) -> list[str]:
    return [
        "[server]",
        "port = 0",
        "[server.secure_sum]",
        f'role = "{role}"',
        'directory = "../keys.json"',
        f'keys = "{KEYS}"',
        'folder = "rounds"',
    ]
