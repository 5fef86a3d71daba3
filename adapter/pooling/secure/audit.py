"""What a third party rechecks of a round, from the transcripts of both servers and public keys.

It needs no share and no private key. It sees that both added over one list of signed shares, that
the list was open to nobody's choice, and that neither has changed its log since. It does not see
whether a site's table is true, nor whether the two servers have colluded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.elements import Json
from adapter.pooling.secure import log
from adapter.pooling.secure.messages import Directory, digest, verified
from adapter.pooling.secure.party import Listed, list_sha256, read_list
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import Announcement, read_announcement
from adapter.pooling.secure.trustee import OPENING, RECEIPT, Rules

SAME = {"announcement": "announcement", "opening": "opening", "receipt": "receipt"}
CROSSED = (("list", "other_list"), ("other_list", "list"))


def audited(registry: Json, trustee: Json, directory: Directory, by: Rules) -> list[str]:
    """What is wrong with the transcripts of one finished round; empty where all holds.

    by: the rules that the list must obey by itself (its size, no site too large).
    """
    try:
        found = list(_messages(registry, trustee, directory, by))
    except SecureSumRefused as error:
        found = [error.what.removeprefix("not added: ")]
    except (KeyError, TypeError) as error:
        return [f"a transcript is not in its form: {type(error).__name__}"]
    logs = (log.read(registry["log"]), log.read(trustee["log"]))
    return found + log.disagreements(*logs) + list(_said(registry, *logs))


def _messages(registry: Json, trustee: Json, directory: Directory, by: Rules) -> Iterator[str]:
    for name, member in SAME.items():
        if registry[member] != trustee[member]:
            yield f"the servers hold two versions of the {name}"
    for mine, theirs in CROSSED:
        if registry[mine] != trustee[theirs]:
            yield "the servers hold two versions of a list"
    announced = read_announcement(registry["announcement"], directory)
    lists = [
        read_list(registry["list"], "registry", directory),
        read_list(trustee["list"], "trustee", directory),
    ]
    if any(
        (each.round, each.announcement) != (announced.round, announced.sha256) for each in lists
    ):
        yield "a list is of another round"
    agreed = sorted(set(lists[0].shares) & set(lists[1].shares))
    yield from _list(agreed, directory, by)
    for kind, member, key in (
        (OPENING, "opening", directory.trustee.signing),
        (RECEIPT, "receipt", directory.registry.signing),
    ):
        yield from _over(verified(kind, registry[member], key), kind, announced, agreed)


def _list(agreed: Sequence[Listed], directory: Directory, by: Rules) -> Iterator[str]:
    if strange := [each.site for each in agreed if each.site not in directory.sites]:
        yield f"{', '.join(strange)} is no registered site"
    sizes = [each.n for each in agreed if each.n]
    if len(sizes) < by.min_sites:
        yield f"it was opened over {len(sizes)} sites with patients, not {by.min_sites}"
    if max(sizes, default=0) > by.max_site_share * sum(sizes):
        yield "it was opened though one site is too large"


def _over(
    content: Json, kind: str, announced: Announcement, agreed: Sequence[Listed]
) -> Iterator[str]:
    if (content.get("round"), content.get("announcement")) != (announced.round, announced.sha256):
        yield f"the {kind} is of another round"
    if content.get("list") != list_sha256(agreed):
        yield f"the {kind} is over another list than both servers signed"


def _said(registry: Json, *logs: log.Log) -> Iterator[str]:
    """Whether the logs tell of the messages that are shown."""
    opening = digest(str(registry["opening"]).encode())
    for each in logs:
        stated = [entry.body.get("opening") for entry in each if entry.event == "opened"]
        if stated != [opening]:
            yield f"the log of the {each[0].party if each else 'server'} tells another opening"
