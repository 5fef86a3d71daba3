"""The rounds that a server keeps: one file for each, its shares sealed as they came.

Each step loads the state, takes it, and keeps what came of it under one lock, so that several
processes may serve. The trustee keeps beside them what it has opened, which it writes before it
hands out a sum: one that was never handed out counts as opened all the same.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from filelock import FileLock

from adapter.config import Settings
from adapter.elements import Json
from adapter.files import make_folder, write_atomically
from adapter.pooling.pool import PooledTable
from adapter.pooling.secure import party as steps
from adapter.pooling.secure import registry, trustee
from adapter.pooling.secure.kept import Reader, kept, restored, transcript
from adapter.pooling.secure.keys import OwnKeys
from adapter.pooling.secure.messages import Directory
from adapter.pooling.secure.party import Party
from adapter.pooling.secure.plan import opening_rules, planned
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import ROUND, read_announcement
from adapter.pooling.secure.share import Received, Role
from adapter.pooling.secure.trustee import Opening
from analytics.secure_sum import NONCE_BYTES

OPENINGS = "openings.json"
NONCE = "nonce"


class UnknownRound(LookupError):
    """No round of this name is announced here."""


def now() -> str:
    """The instant of a step."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of one server. folder: its own, of no other server. clock: the instant, in ISO.

    checked: the shares that this process has opened, by the hash of their message.
    """

    role: Role
    folder: Path
    directory: Directory
    own: OwnKeys
    settings: Settings
    clock: Callable[[], str] = now
    checked: dict[str, Received] = field(default_factory=dict, repr=False)

    @property
    def reader(self) -> Reader:
        """Who reads what is kept."""
        return Reader(self.role, self.directory, self.own.seal(), self.checked)

    def announce(self, token: str, name: str) -> Json:
        """Step 1: take the announcement of the round of this name; again, it changes nothing.

        Raises SecureSumRefused, also for another round of a name that is taken.
        """
        found = read_announcement(token, self.directory)
        if found.round != name:
            raise SecureSumRefused("round", "it announces a round of another name")
        if self.role == "registry":
            planned(found, self.settings)
        with self._locked():
            path = self._path(found.round)
            if not path.exists():
                self._keep(steps.begin(self.role, found, self.directory, self.clock()), token)
            elif self._read(found.round)[0].announced != found:
                raise SecureSumRefused("round", "another round has this name")
        return self.shown(found.round)

    def shown(self, name: str) -> Json:
        """The transcript. Raises UnknownRound."""
        with self._locked():
            return transcript(*self._read(name))

    def take(self, name: str, token: str) -> Json:
        """Steps 3 and 4: a site's share; the entry of the log, which is the site's receipt."""
        key, at = self.own.seal(), self.clock()
        done = self._step(name, lambda party: steps.receive(party, token, key, at))
        return asdict(done.log[-1])

    def sign_list(self, name: str) -> str:
        """Step 5: the own signed list."""
        key, at = self.own.signing, self.clock()
        return self._step(name, lambda party: steps.sign_list(party, key, at)).listing

    def agree(self, name: str, token: str) -> str:
        """Step 5: the other server's list; the hash of what both have."""
        at = self.clock()
        return self._step(name, lambda party: steps.agree(party, token, at)).list_sha256

    def open(self, name: str) -> str:
        """Steps 6 and 7 at the trustee: the opening, sealed for the registry."""
        by, at = opening_rules(), self.clock()

        def opened(party: Party) -> Party:
            earlier = self._openings()
            done, opening = trustee.open_sum(party, by, earlier, self.own.signing, at)
            if opening not in earlier:
                self._record([*(old for old in earlier if old.round != name), opening])
            return done

        self._only("trustee")
        return self._step(name, opened).opening

    def add(self, name: str, token: str) -> str:
        """Step 8 at the registry: the receipt for the trustee. The table stays in `table`."""
        self._only("registry")
        at = self.clock()
        secret = registry.Secrets(
            self.own.signing, self.own.seal(), secrets.token_bytes(NONCE_BYTES)
        )
        with self._locked():
            party, announcement = self._read(name)
            of = planned(party.announced, self.settings)
            done, _ = registry.add(party, token, of.layout, secret, at)
            if done is not party:
                # It opens the receipt's commitment to an auditor.
                write_atomically(self.folder / f"{name}.{NONCE}", secret.nonce.hex() + "\n")
                self._keep(done, announcement)
            return done.receipt

    def acknowledge(self, name: str, token: str) -> Json:
        """Step 9 at the trustee: the registry's receipt."""
        self._only("trustee")
        at = self.clock()
        done = self._step(name, lambda party: trustee.acknowledge(party, token, at))
        return asdict(done.log[-1])

    def table(self, name: str) -> tuple[Party, PooledTable]:
        """The opened table, at the registry. Raises SecureSumRefused before it is opened."""
        self._only("registry")
        with self._locked():
            party, _ = self._read(name)
        if not party.opening:
            raise SecureSumRefused("order", "the sum is not opened yet")
        of = planned(party.announced, self.settings)
        secret = registry.Secrets(self.own.signing, self.own.seal(), bytes(NONCE_BYTES))
        _, total = registry.add(party, party.opening, of.layout, secret, self.clock())
        return party, registry.table(party, total, of.layout, of.measure, of.study)

    def _only(self, role: Role) -> None:
        if self.role != role:
            raise SecureSumRefused("order", f"this step is the {role}'s")

    def _step(self, name: str, step: Callable[[Party], Party]) -> Party:
        """Take a step and keep what came of it; what a registered site is refused is on record."""
        with self._locked():
            party, announcement = self._read(name)
            try:
                done = step(party)
            except SecureSumRefused as error:
                if error.where in self.directory.sites:
                    self._keep(steps.refused(party, error, self.clock()), announcement)
                raise
            if done is not party:
                self._keep(done, announcement)
            return done

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self.folder)
        with FileLock(self.folder / ".lock"):
            yield

    def _path(self, name: str) -> Path:
        if not ROUND.fullmatch(name) or f"{name}.json" == OPENINGS:
            raise UnknownRound(name)
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> tuple[Party, str]:
        path = self._path(name)
        if not path.exists():
            raise UnknownRound(name)
        found = json.loads(path.read_bytes())
        party = restored(found, self.reader)
        return party, str(found["announcement"])

    def _keep(self, party: Party, announcement: str) -> None:
        found = kept(party, announcement)
        write_atomically(self._path(party.announced.round), json.dumps(found, indent=1) + "\n")

    def _openings(self) -> list[Opening]:
        path = self.folder / OPENINGS
        found = json.loads(path.read_bytes()) if path.exists() else []
        return [
            Opening(
                each["round"],
                each["measure"],
                each["start"],
                each["end"],
                frozenset(each["sites"]),
                date.fromisoformat(each["day"]),
            )
            for each in found
        ]

    def _record(self, openings: list[Opening]) -> None:
        stated = [
            {**asdict(each), "sites": sorted(each.sites), "day": each.day.isoformat()}
            for each in openings
        ]
        write_atomically(self.folder / OPENINGS, json.dumps(stated, indent=1) + "\n")
