"""Steps 6, 7 and 9 at the trustee: whether the agreed list may be opened, and the opening, once.

The trustee guards the sites: it keeps what was opened before, of every measure, as all measures of
a study count the same patients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from joserfc.jwk import OKPKey

from adapter.pooling.secure.messages import digest, sealed, signed, verified
from adapter.pooling.secure.party import Party, check_round, logged
from adapter.pooling.secure.refusal import SecureSumRefused
from analytics.disclosure.policy import Policy
from analytics.secure_sum import to_bytes

OPENING = "opening"
RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be opened: least sites with patients, largest share (0-1) of one site, by how many
    sites two openings differ if they do, and the least days between openings of two periods."""

    min_sites: int
    max_site_share: float
    min_site_difference: int
    cadence_days: int


def rules(summed: Policy, published: Policy) -> Rules:
    """The stricter of the policy of what is summed and that of what is then published."""
    return Rules(
        max(summed.min_sites, published.min_sites),
        min(summed.max_site_share, published.max_site_share),
        max(summed.min_site_difference, published.min_site_difference),
        summed.cadence_days,
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """A sum that was opened. measure: without its version; start, end: ISO dates; sites: those
    with patients."""

    round: str
    measure: str
    start: str
    end: str
    sites: frozenset[str]
    day: date


def check(party: Party, by: Rules, earlier: Sequence[Opening], today: date) -> None:
    """Step 6. Raises SecureSumRefused, naming the first rule that the agreed list breaks."""
    if not party.other:
        raise SecureSumRefused("order", "no list is agreed on yet")
    for rule, what in _broken(party, by, earlier, today):
        raise SecureSumRefused(rule, what)


def _broken(
    party: Party, by: Rules, earlier: Sequence[Opening], today: date
) -> Iterator[tuple[str, str]]:
    # Sites without patients hide nobody.
    by_site = {each.site: each.n for each in party.agreed if each.n}
    if len(by_site) < by.min_sites:
        yield "sites", f"{len(by_site)} sites with patients, not {by.min_sites}"
    if max(by_site.values(), default=0) > by.max_site_share * party.stated_total:
        yield "dominated", f"one site has more than {by.max_site_share:.0%} of the patients"
    for old in earlier:
        yield from _against(party, by, old, today)


def _against(party: Party, by: Rules, old: Opening, today: date) -> Iterator[tuple[str, str]]:
    announced = party.announced
    same_period = (announced.start, announced.end) == (old.start, old.end)
    if same_period and announced.measure_url == old.measure:
        yield "opened", f"it was opened on {old.day}: a correction waits for the next period"
    sites = _with_patients(party)
    if 0 < len(sites ^ old.sites) < by.min_site_difference:
        yield "differencing", f"the sites differ by too few from those opened on {old.day}"
    days = (today - old.day).days
    if not same_period and days < by.cadence_days:
        yield "cadence", f"{days} days after the opening of {old.day}, not {by.cadence_days}"


def _with_patients(party: Party) -> frozenset[str]:
    # A site without patients must not help two sums to differ enough.
    return frozenset(each.site for each in party.agreed if each.n)


def open_sum(
    party: Party, by: Rules, earlier: Sequence[Opening], key: OKPKey, at: str
) -> tuple[Party, Opening]:
    """Step 7: the sum of the masks over the agreed list, sealed for the registry, in `opening`.

    earlier: all openings on record, to which the caller adds the new one before it hands out the
    sum; one of this round, of a run that broke off there, does not count. key:
    the trustee's private signing key. Raises SecureSumRefused.
    """
    today = datetime.fromisoformat(at).date()
    announced = party.announced
    if party.opening:
        done = next((old for old in earlier if old.round == announced.round), None)
        if done is None:
            raise SecureSumRefused("opened", "it was opened, but is not on record")
        return party, done
    check(party, by, [old for old in earlier if old.round != announced.round], today)
    stated = {
        "round": announced.round,
        "announcement": announced.sha256,
        "list": party.list_sha256,
    }
    seal = sealed(to_bytes(party.sum_of_shares()), stated, party.directory.registry.sealing)
    token = signed(OPENING, stated | {"sum": seal}, key)
    sites = _with_patients(party)
    done = Opening(
        announced.round, announced.measure_url, announced.start, announced.end, sites, today
    )
    body = {"opening": digest(token.encode()), "list": party.list_sha256}
    return logged(replace(party, opening=token), "opened", body, at), done


def acknowledge(party: Party, token: str, at: str) -> Party:
    """Step 9: the registry's receipt, which commits it to the opened table.

    Raises SecureSumRefused.
    """
    if party.receipt == token:
        return party
    if not party.opening or party.receipt:
        raise SecureSumRefused("order", "nothing is opened, or it is acknowledged already")
    content = verified(RECEIPT, token, party.directory.registry.signing)
    check_round(party, content)
    if content.get("list") != party.list_sha256:
        raise SecureSumRefused("list", "the receipt is for another list")
    body = {"table": str(content.get("table")), "list": party.list_sha256}
    return logged(replace(party, receipt=token), "added", body, at)
