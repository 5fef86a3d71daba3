"""The site's side: from its exact MeasureReport to two messages, kept until both are taken."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from adapter.config import Settings
from adapter.elements import Json
from adapter.errors import UsageError
from adapter.pooling.secure.keys import OwnKeys, write_private
from adapter.pooling.secure.messages import Directory
from adapter.pooling.secure.plan import planned
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import Announcement, read_announcement
from adapter.pooling.secure.sending import Peer
from adapter.pooling.secure.share import Sender, Sent, random_bytes, shares
from adapter.pooling.secure.table_vector import vector
from adapter.pooling.site_report import site_report


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its keys, and the servers as it reaches them."""

    own: OwnKeys
    directory: Directory
    registry: Peer
    trustee: Peer
    settings: Settings

    @property
    def name(self) -> str:
        """As the directory names the holder of the key. Raises SecureSumRefused for nobody's."""
        return self.directory.site_of(self.own.signing.thumbprint())

    def announced(self, round_name: str) -> Announcement:
        """The round, as both servers show it.

        Raises SecureSumRefused where they show two: a registry could tell each site another.
        """
        shown = [
            str(peer.ask("GET", round_name).get("announcement", ""))
            for peer in (self.registry, self.trustee)
        ]
        if shown[0] != shown[1]:
            raise SecureSumRefused("round", "the servers show two announcements of it")
        return read_announcement(shown[0], self.directory)

    def split(self, report: Json, announced: Announcement, revision: int) -> Sent:
        """The report's table as two messages. Raises SecureSumRefused, PoolingRefused."""
        plan = planned(announced, self.settings)
        found = site_report(report, plan.measure)
        if found.period != (announced.start, announced.end):
            raise SecureSumRefused("layout", "the report's period is not the announced one")
        if found.reporters != (self.name,):
            raise SecureSumRefused("key", f"the report is not that of {self.name}")
        table = vector(found, plan.layout)
        sender = Sender(self.name, self.own.signing, revision)
        random = secrets.token_bytes(random_bytes(plan.layout))
        return shares(table, plan.layout, announced, sender, random)

    def send(self, round_name: str, sent: Sent) -> list[Json]:
        """Both messages to their servers; the entries of their logs."""
        return [
            self.registry.ask("POST", round_name, "shares", sent.registry),
            self.trustee.ask("POST", round_name, "shares", sent.trustee),
        ]


def kept_beside(report: Path, round_name: str, revision: int) -> Path:
    """Where the messages of a report are kept: what is sent again must be the same."""
    return report.with_suffix(f".{round_name}.{revision}.shares.json")


def keep(path: Path, sent: Sent) -> None:
    """Write the messages and the nonce of the commitment: together they are the table."""
    content = {"registry": sent.registry, "trustee": sent.trustee, "nonce": sent.nonce.hex()}
    write_private(path, content)


def kept_messages(path: Path) -> Sent:
    """What was kept. Raises UsageError for a file of another form."""
    try:
        found = json.loads(path.read_bytes())
        return Sent(found["registry"], found["trustee"], bytes.fromhex(found["nonce"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "holds no shares that were sent before", where=str(path), hint="use another --revision"
        ) from error
