"""Steps 8 and 9 at the registry: two sums of shares make the table, which is checked and logged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NoReturn

from joserfc.jwk import OKPKey

from adapter.elements import Json
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.pool import PooledTable
from adapter.pooling.secure.messages import digest, signed, unsealed, verified
from adapter.pooling.secure.party import Party, check_round, logged
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import check_layout
from adapter.pooling.secure.table_vector import (
    Layout,
    Opened,
    implausible,
    opened_table,
    patients,
)
from adapter.pooling.secure.trustee import OPENING, RECEIPT
from adapter.report.disclosed import SHARE_ROUNDING
from analytics.secure_sum import Vector, added, commitment, from_bytes
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class Secrets:
    """The registry's private keys, and a fresh nonce of 32 bytes to commit to the table with."""

    signing: OKPKey = field(repr=False)
    sealing: OKPKey = field(repr=False)
    nonce: bytes = field(repr=False)


def add(party: Party, token: str, of: Layout, own: Secrets, at: str) -> tuple[Party, Vector]:
    """Step 8: the sum over all agreed sites; `receipt` is then for the trustee (step 9).

    Raises SecureSumRefused where the opening is not the trustee's for the agreed list, or where
    the sum does not fit what the sites have stated; the table is then not used.
    """
    check_layout(party.announced, of)
    if not party.other:
        raise SecureSumRefused("order", "no list is agreed on yet")
    total = added(
        [party.sum_of_shares(), _trustees(party, token, own.sealing)], party.announced.columns
    )
    if party.opening:
        _same_opening(party, token)
        return party, total
    _check_sum(party, total, of)
    table = commitment(total, own.nonce)
    body = {"opening": digest(token.encode()), "list": party.list_sha256}
    opened = logged(replace(party, opening=token), "opened", body, at)
    receipt = signed(RECEIPT, _receipt(party, table), own.signing)
    told = {"table": table, "list": party.list_sha256}
    return logged(replace(opened, receipt=receipt), "added", told, at), total


def _same_opening(party: Party, token: str) -> None:
    if party.opening != token:
        raise SecureSumRefused("opened", "another opening of this round was added before")


def _trustees(party: Party, token: str, key: OKPKey) -> Vector:
    """The sum of the masks, as the trustee opened it."""
    content = verified(OPENING, token, party.directory.trustee.signing)
    check_round(party, content)
    if content.get("list") != party.list_sha256:
        raise SecureSumRefused("list", "the trustee opened another list")
    seal = str(content.pop("sum", None))
    try:
        return added([from_bytes(unsealed(seal, content, key))], party.announced.columns)
    except ValueError as error:
        raise SecureSumRefused("layout", "the trustee's sum has other columns") from error


def _check_sum(party: Party, total: Vector, of: Layout) -> None:
    spread = SHARE_ROUNDING // 2 * len(party.agreed)
    if abs(patients(total, of) - party.stated_total) > spread:
        raise SecureSumRefused("total", "the sum is of more or fewer patients than are stated")
    if why := implausible(total, of):
        raise SecureSumRefused("range", why)


def _receipt(party: Party, table: str) -> Json:
    return {
        "round": party.announced.round,
        "announcement": party.announced.sha256,
        "list": party.list_sha256,
        "table": table,
    }


def table(
    party: Party, total: Vector, of: Layout, measure: MeasureDefinition, study: Study
) -> PooledTable:
    """The sum as a pooled table of the agreed sites: to estimate, and to report."""
    announced = party.announced
    reporters = tuple(each.site for each in party.agreed)
    opened = Opened(announced.round, reporters, (announced.start, announced.end))
    return opened_table(total, of, measure, study, opened)


def refuse_by_site(where: str) -> NoReturn:
    """Raises SecureSumRefused: log-rank and Cox within sites need the table of each.

    Sums of each site's O-E and V would do, in a round of their own; no Measure carries them yet.
    """
    raise SecureSumRefused(
        "stratified",
        "one sum cannot be stratified by site: pool plain site reports, or compare drivers overall",
        where=where,
    )
