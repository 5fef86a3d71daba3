"""What registry and trustee do alike: take shares, sign the list of those held, agree on one list.

Pure: each step gives the next state, or raises SecureSumRefused and leaves the state as it was.
A step taken again with the same message changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from joserfc.jwk import OKPKey
from pydantic import TypeAdapter, ValidationError

from adapter.elements import Json
from adapter.pooling.secure.log import Log, appended, head
from adapter.pooling.secure.messages import Directory, canonical, digest, signed, verified
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import Announcement
from adapter.pooling.secure.share import Received, Role, received
from analytics.secure_sum import Vector, added, from_bytes

KIND = "list"


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """A share that a server holds, without the share."""

    site: str
    report: str
    revision: int
    n: int
    commitment: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The signed list of a server, and the head of its log before it."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    round: str
    announcement: str
    role: Role
    shares: list[Listed]
    log: str


@dataclass(frozen=True, slots=True)
class Party:
    """A server's state in one round.

    held: by site. listing: its own signed list, '' before. other: the other server's. agreed: the
    shares of both. opening, receipt: the messages of steps 7 and 9.
    """

    role: Role
    announced: Announcement
    directory: Directory
    held: Mapping[str, Received] = field(default_factory=dict)
    listing: str = ""
    other: str = ""
    agreed: tuple[Listed, ...] = ()
    opening: str = ""
    receipt: str = ""
    log: Log = ()

    @property
    def list_sha256(self) -> str:
        """The hash of the agreed list."""
        return list_sha256(self.agreed)

    @property
    def stated_total(self) -> int:
        """The patients of all agreed sites together, as the sites round them."""
        return sum(each.n for each in self.agreed)

    def sum_of_shares(self) -> Vector:
        """The sum of this server's shares over the agreed list."""
        agreed = (self.held[each.site].share for each in self.agreed)
        return added(map(from_bytes, agreed), self.announced.columns)


def with_lists(party: Party, listing: str, other: str) -> Party:
    """The state with both lists, '' for none, as they were agreed on before."""
    found = replace(party, listing=listing, other=other)
    return replace(found, agreed=_common(found, _read(found, other))) if other else found


def list_sha256(agreed: Sequence[Listed]) -> str:
    """The hash of an agreed list."""
    return digest(canonical([asdict(each) for each in agreed]))


def begin(role: Role, announced: Announcement, directory: Directory, at: str) -> Party:
    """A server's state when a round is announced. at, here and below: an ISO instant."""
    body: Json = {
        "announcement": announced.sha256,
        "round": announced.round,
        "measure": announced.measure,
        "period": [announced.start, announced.end],
        "policy": announced.policy,
    }
    return logged(Party(role, announced, directory), "announced", body, at)


def logged(party: Party, event: str, body: Json, at: str) -> Party:
    """The state with one more entry in its log."""
    return replace(party, log=appended(party.log, party.role, event, body, at))


def refused(party: Party, why: SecureSumRefused, at: str) -> Party:
    """The state with a refusal on record: the rule and the site, nothing of what was sent."""
    return logged(party, "refused", {"rule": why.rule, "site": why.where}, at)


def receive(party: Party, token: str, key: OKPKey, at: str) -> Party:
    """Steps 3 and 4: take a site's share. key: the server's private sealing key.

    A higher revision takes the place of a lower one. Raises SecureSumRefused.
    """
    sha256 = digest(token.encode())
    if any(each.sha256 == sha256 for each in party.held.values()):
        return party
    found = received(token, party.announced, party.role, party.directory, key)
    site = found.stated.site
    if party.listing or _over(party, at):
        raise SecureSumRefused("closed", "the round is closed", where=site)
    before = party.held.get(site)
    if before and found.stated.revision == before.stated.revision:
        raise SecureSumRefused("duplicate", "it differs from what came before", where=site)
    if before and found.stated.revision < before.stated.revision:
        raise SecureSumRefused("revision", "a later revision is held", where=site)
    body = {"message": sha256, **asdict(_listed(found))}
    taken = replace(party, held={**party.held, site: found})
    return logged(taken, "received", body, at)


def _over(party: Party, at: str) -> bool:
    return datetime.fromisoformat(at) > datetime.fromisoformat(party.announced.closes)


def _listed(found: Received) -> Listed:
    stated = found.stated
    return Listed(stated.site, stated.report, stated.revision, stated.n, stated.commitment)


def sign_list(party: Party, key: OKPKey, at: str) -> Party:
    """Step 5, first half: `listing` is then the signed list of all shares held; none come in.

    Due once every registered site has sent, or the announced end is past. Raises SecureSumRefused
    before: who could close a round early would choose its sites.
    """
    if party.listing:
        return party
    if not _over(party, at) and set(party.held) != set(party.directory.sites):
        raise SecureSumRefused("order", f"shares are taken until {party.announced.closes}")
    held = sorted(_listed(each) for each in party.held.values())
    announced = party.announced
    stated = Listing(announced.round, announced.sha256, party.role, held, head(party.log))
    token = signed(KIND, asdict(stated), key)
    body = {"message": digest(token.encode()), "shares": len(held)}
    return logged(replace(party, listing=token), "listed", body, at)


def agree(party: Party, token: str, at: str) -> Party:
    """Step 5, second half: the list of the shares that both servers hold, of one report each.

    A site of which a share is missing, or whose two messages state different things, is left out.
    Raises SecureSumRefused.
    """
    if not party.listing:
        raise SecureSumRefused("order", "the own list is not signed yet")
    if party.other == token:
        return party
    if party.other:
        raise SecureSumRefused("list", "the other server has sent another list before")
    theirs = _read(party, token)
    agreed = _common(party, theirs)
    sites = {*party.held, *(each.site for each in theirs.shares)}
    done = replace(party, other=token, agreed=agreed)
    body = {
        "list": done.list_sha256,
        "sites": [each.site for each in agreed],
        "left_out": sorted(sites - {each.site for each in agreed}),
        "their_list": digest(token.encode()),
        "their_head": theirs.log,
    }
    return logged(done, "agreed", body, at)


def _common(party: Party, theirs: Listing) -> tuple[Listed, ...]:
    return tuple(sorted({_listed(each) for each in party.held.values()} & set(theirs.shares)))


def _read(party: Party, token: str) -> Listing:
    role: Role = "trustee" if party.role == "registry" else "registry"
    found = read_list(token, role, party.directory)
    check_round(party, asdict(found))
    return found


def read_list(token: str, role: Role, directory: Directory) -> Listing:
    """A server's signed list. Raises SecureSumRefused where it is none of this server."""
    content = verified(KIND, token, directory.server(role).signing)
    try:
        found = TypeAdapter(Listing).validate_json(canonical(content))
    except ValidationError as error:
        raise SecureSumRefused("form", "it is no list of shares") from error
    if found.role != role:
        raise SecureSumRefused("form", f"it is no list of the {role}")
    if len({each.site for each in found.shares}) < len(found.shares):
        raise SecureSumRefused("form", "a site is listed twice")
    return found


def check_round(party: Party, content: Json) -> None:
    """Raises SecureSumRefused where a message of a server is of another round."""
    announced = party.announced
    if (content.get("round"), content.get("announcement")) != (announced.round, announced.sha256):
        raise SecureSumRefused("round", "it is of another round")
