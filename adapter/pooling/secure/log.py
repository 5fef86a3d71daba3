"""The log that registry and trustee each keep of a round: a hash chain, and what an auditor checks.

No entry holds a share or a count of a table, only hashes of messages and the rounded n of each
site. A chain alone can be rewritten by its keeper; so each server's signed list states the head of
its log, which the other one logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from adapter.elements import Json
from adapter.pooling.secure.messages import canonical, digest

START = "0" * 64
BOTH_SAY = {"announced": "announcement", "agreed": "list", "opened": "opening", "added": "table"}
"""Events of which both logs must state the same: the member of their body that tells."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. at: an ISO instant with its offset; previous: the hash of the entry before."""

    number: int
    at: str
    party: str
    event: str
    body: Json
    previous: str
    sha256: str


Log = tuple[Entry, ...]


def head(log: Sequence[Entry]) -> str:
    """The hash of the last entry, zeros for none."""
    return log[-1].sha256 if log else START


def appended(log: Log, party: str, event: str, body: Json, at: str) -> Log:
    """The log with one more entry."""
    entry = Entry(len(log), at, party, event, body, head(log), "")
    return (*log, Entry(**{**asdict(entry), "sha256": _hash(entry)}))


def _hash(entry: Entry) -> str:
    members = asdict(entry)
    del members["sha256"]
    return digest(canonical(members))


def written(log: Sequence[Entry]) -> list[Json]:
    """The log as JSON, as it is handed to an auditor."""
    return [asdict(entry) for entry in log]


def read(entries: Sequence[Json]) -> Log:
    """The log in this JSON. Raises TypeError for an entry of another form."""
    return tuple(Entry(**entry) for entry in entries)


def problems(log: Sequence[Entry]) -> list[str]:
    """Where one log does not hold together; empty for an untouched one."""
    found = []
    before = START
    for place, entry in enumerate(log):
        if entry.number != place or entry.previous != before:
            found.append(f"entry {place} does not follow the one before it")
        if entry.sha256 != _hash(entry):
            found.append(f"entry {place} is not what its hash says")
        before = entry.sha256
    return found


def disagreements(registry: Sequence[Entry], trustee: Sequence[Entry]) -> list[str]:
    """Where two logs of one round do not hold together, each alone or with the other."""
    logs = {"registry": registry, "trustee": trustee}
    found = [f"{name}: {what}" for name, log in logs.items() for what in problems(log)]
    for event, member in BOTH_SAY.items():
        stated = [sorted(_said(log, event, member)) for log in logs.values()]
        if stated[0] != stated[1]:
            found.append(f"the logs do not state the same {member}")
    found += [f"registry: {what}" for what in _list_problems(registry, trustee)]
    found += [f"trustee: {what}" for what in _list_problems(trustee, registry)]
    return found


def _said(log: Sequence[Entry], event: str, member: str) -> Iterator[str]:
    return (str(entry.body.get(member)) for entry in log if entry.event == event)


def _list_problems(mine: Sequence[Entry], other: Sequence[Entry]) -> Iterator[str]:
    """Whether my log is the one that my list was signed over, as the other one logged it."""
    lists = [entry for entry in mine if entry.event == "listed"]
    for agreed in (entry for entry in other if entry.event == "agreed"):
        if [entry.body.get("message") for entry in lists] != [agreed.body.get("their_list")]:
            yield "its list is not the one that the other server has"
        elif lists[0].previous != agreed.body.get("their_head"):
            yield "its entries before the list are not those that it signed over"
