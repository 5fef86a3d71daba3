"""A server's state of a round as JSON: what it keeps, and what it shows to an auditor.

Shares are kept as they came, sealed: whoever reads the file without the server's key reads none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from joserfc.jwk import OKPKey

from adapter.elements import Json
from adapter.pooling.secure import log
from adapter.pooling.secure.messages import Directory, digest
from adapter.pooling.secure.party import Party, begin, with_lists
from adapter.pooling.secure.round import Announcement, read_announcement
from adapter.pooling.secure.share import Received, Role, received


def transcript(party: Party, announcement: str) -> Json:
    """All signed messages of a round but the shares, and the log: what an auditor checks.

    announcement: the registry's message. It states the rounded n of each site.
    """
    return {
        "role": party.role,
        "announcement": announcement,
        "list": party.listing,
        "other_list": party.other,
        "opening": party.opening,
        "receipt": party.receipt,
        "log": log.written(party.log),
    }


def kept(party: Party, announcement: str) -> Json:
    """The state, to be read by `restored`."""
    messages = [party.held[site].message for site in sorted(party.held)]
    return transcript(party, announcement) | {"shares": messages}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what was kept. key: the server's private sealing key. checked: messages that this
    process has checked before, by their hash: each is opened once, not at every step."""

    role: Role
    directory: Directory
    key: OKPKey = field(repr=False)
    checked: dict[str, Received] = field(default_factory=dict, repr=False)

    def received(self, message: str, announced: Announcement) -> Received:
        """The share in a message that was taken."""
        sha256 = digest(message.encode())
        found = self.checked.get(sha256)
        if found is None:
            found = received(message, announced, self.role, self.directory, self.key)
            self.checked[sha256] = found
        return found


def restored(found: Json, by: Reader) -> Party:
    """The state that was kept.

    Raises SecureSumRefused where the directory or the key is no longer that of the round.
    """
    announced = read_announcement(found["announcement"], by.directory)
    held = [by.received(each, announced) for each in found["shares"]]
    party = replace(
        begin(by.role, announced, by.directory, ""),
        held={each.stated.site: each for each in held},
        opening=found["opening"],
        receipt=found["receipt"],
        log=log.read(found["log"]),
    )
    return with_lists(party, found["list"], found["other_list"])
