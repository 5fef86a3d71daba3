"""Steps 5 to 9: signed messages carried from server to server, by whoever runs the round.

The courier can neither read nor change what it carries; it can only not carry it.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapter.elements import Json
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.sending import Peer


def open_round(name: str, registry: Peer, trustee: Peer) -> Iterator[str]:
    """Take the steps, telling each; again after a break they change nothing.

    Raises SecureSumRefused as the servers do.
    """
    lists = [str(peer.ask("POST", name, "list")["message"]) for peer in (registry, trustee)]
    yield "both lists are signed"
    agreed = [
        registry.ask("PUT", name, "list", lists[1])["list"],
        trustee.ask("PUT", name, "list", lists[0])["list"],
    ]
    if agreed[0] != agreed[1]:
        raise SecureSumRefused("list", "the servers agree on two lists")
    yield "both servers agree on one list"
    opening = str(trustee.ask("POST", name, "opening")["message"])
    yield "the trustee has opened its sum for the registry"
    receipt = str(registry.ask("PUT", name, "opening", opening)["message"])
    yield "the registry has added, and committed to the table"
    trustee.ask("PUT", name, "receipt", receipt)
    yield "the trustee has the registry's receipt"


def sites_of(transcript: Json) -> tuple[list[str], list[str]]:
    """The agreed sites, and those left out, as a transcript tells."""
    for entry in transcript.get("log", ()):
        if entry["event"] == "agreed":
            return list(entry["body"]["sites"]), list(entry["body"]["left_out"])
    return [], []
