"""Steps 2 to 4, at the site: a table is split, and each server gets one share, sealed for it alone.

The signed envelope states who sends what of which round, the rounded number of patients, and a
commitment to the table; the share inside is bound to all of that, so it fits no other envelope.
The nonce of the commitment stays at the site: it opens the commitment to an auditor in a dispute.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal
from uuid import NAMESPACE_URL, uuid5

from joserfc.jwk import OKPKey
from pydantic import TypeAdapter, ValidationError

from adapter.elements import Json
from adapter.pooling.secure.messages import (
    Directory,
    canonical,
    digest,
    sealed,
    signed,
    signer,
    unsealed,
    verified,
)
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import Announcement, check_layout
from adapter.pooling.secure.table_vector import Layout, patients
from adapter.report.disclosed import SHARE_ROUNDING
from analytics.disclosure.mask import rounded
from analytics.secure_sum import NONCE_BYTES, WIDTH, Vector, commitment, split, to_bytes

KIND = "share"
Role = Literal["registry", "trustee"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What an envelope says beside its share. report: the report's key; n: rounded patients."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    round: str
    announcement: str
    site: str
    report: str
    revision: int
    n: int
    commitment: str
    to: Role


@dataclass(frozen=True, slots=True)
class Received:
    """An envelope whose signature holds. share: 8 bytes a column; message: as it came; sha256: its
    hash."""

    stated: Stated
    sha256: str
    share: bytes = field(repr=False)
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """The site that sends: its registered name, and its private key."""

    site: str
    key: OKPKey = field(repr=False)
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """The two messages, to be kept until both are acknowledged: what is sent again is the same.

    nonce: of the commitment, kept by the site alone.
    """

    registry: str
    trustee: str
    nonce: bytes = field(repr=False)


def report_key(site: str, announced: Announcement) -> str:
    """The key of a site's report: of one site, measure, version and period."""
    name = canonical([site, announced.measure, announced.start, announced.end]).decode()
    return str(uuid5(NAMESPACE_URL, name))


def stated_patients(n: int) -> int:
    """The class in which a site tells how many patients it has: 0, or the middle of 1-6, 7-12."""
    return max(0, rounded(n, SHARE_ROUNDING).high - SHARE_ROUNDING // 2)


def shares(
    table: Vector, of: Layout, announced: Announcement, sender: Sender, random: bytes
) -> Sent:
    """The site's two messages. random: `random_bytes(of)` uniform bytes from a secure source.

    Raises SecureSumRefused for a table on other columns than those announced.
    """
    check_layout(announced, of)
    if table.size != announced.columns:
        raise SecureSumRefused("layout", "the table is not on the announced columns")
    if sender.revision < 1:
        raise SecureSumRefused("revision", "revisions are numbered from 1")
    nonce, parts = random[:NONCE_BYTES], split(table, random[NONCE_BYTES:])
    common = {
        "round": announced.round,
        "announcement": announced.sha256,
        "site": sender.site,
        "report": report_key(sender.site, announced),
        "revision": sender.revision,
        "n": stated_patients(patients(table, of)),
        "commitment": commitment(table, nonce),
    }
    return Sent(
        _message(common | {"to": "registry"}, parts.masked, announced.registry_key, sender.key),
        _message(common | {"to": "trustee"}, parts.mask, announced.trustee_key, sender.key),
        nonce,
    )


def random_bytes(of: Layout) -> int:
    """How many random bytes one splitting needs."""
    return NONCE_BYTES + WIDTH * len(of.columns)


def _message(stated: Json, share: Vector, to: dict[str, str], key: OKPKey) -> str:
    seal = sealed(to_bytes(share), stated, OKPKey.import_key({**to}))
    return signed(KIND, stated | {"share": seal}, key)


def received(
    token: str, announced: Announcement, role: Role, directory: Directory, key: OKPKey
) -> Received:
    """The message as a server takes it. key: the server's private sealing key.

    Raises SecureSumRefused, naming the rule, for one that is not a registered site's, of this
    round, for this server, and whole.
    """
    site = directory.site_of(signer(token))
    content = verified(KIND, token, directory.sites[site])
    seal = content.pop("share", None)
    stated = _stated(content)
    if stated.site != site:
        raise SecureSumRefused("key", f"the key of {site} signs for another", where=site)
    if (stated.round, stated.announcement) != (announced.round, announced.sha256):
        raise SecureSumRefused("round", "it is of another round", where=site)
    if stated.to != role:
        raise SecureSumRefused("recipient", f"it is for the {stated.to}", where=site)
    if stated.report != report_key(site, announced) or min(stated.revision - 1, stated.n) < 0:
        raise SecureSumRefused("form", "its key, revision or n is none", where=site)
    share = unsealed(str(seal), asdict(stated), key)
    if len(share) != WIDTH * announced.columns:
        raise SecureSumRefused("layout", "its share has other columns", where=site)
    return Received(stated, digest(token.encode()), share, token)


def _stated(content: Json) -> Stated:
    try:
        return TypeAdapter(Stated).validate_json(canonical(content))
    except ValidationError as error:
        raise SecureSumRefused("form", "it is no share of a table") from error
