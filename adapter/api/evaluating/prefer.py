"""The header Prefer (RFC 7240): how a client wants to be answered."""

from __future__ import annotations

from collections.abc import Iterable

RESPOND_ASYNC = "respond-async"


def preferences(headers: Iterable[str]) -> dict[str, str]:
    """The preferences of all Prefer headers; '' for one without a value, the first one counts."""
    found: dict[str, str] = {}
    for header in headers:
        for preference in header.replace(";", ",").split(","):
            name, _, value = preference.strip().partition("=")
            if name.strip():
                found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
