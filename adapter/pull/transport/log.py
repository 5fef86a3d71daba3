"""What a run says about itself, without patients and tokens (G7).

An id in a URL becomes a short HMAC under a key that lives as long as the process: two lines about
one patient can be told to be that, and nobody can look the patient up.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from adapter.pull.transport.clock import Clock

Fact = str | int | float | bool | None
Sink = Callable[[dict[str, Fact]], None]

_TYPE = re.compile(r"[A-Z][A-Za-z]{2,63}")
_PLAIN = re.compile(r"[$_.]?[A-Za-z][A-Za-z._-]{0,39}|[A-Za-z]{0,4}\d{0,2}")
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class RunLog:
    """Events of one run, counted, and handed to a sink as flat dictionaries.

    A fact named `url` is masked; the others are the caller's to keep free of patients' data.
    """

    def __init__(self, clock: Clock, sink: Sink | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._sink = sink

    def event(self, name: str, **facts: Fact) -> None:
        """Note that something happened."""
        self.counts[name] += 1
        if self._sink is not None:
            known = {key: _safe(key, fact) for key, fact in facts.items()}
            self._sink({"at": self._clock.now().isoformat(), "event": name, **known})


def _safe(key: str, fact: Fact) -> Fact:
    return masked(fact) if key == "url" and isinstance(fact, str) else fact


def masked(url: str) -> str:
    """The URL as it may be shown: no user, no query values, no ids.

    Path parts that are words stay (`/fhir/r4/Observation`, `$export`); what follows a resource
    type, and what looks like an id or a ticket, is replaced.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return f"~{_short(url)}"
    return urlunsplit((parts.scheme, host, _path(parts.path), _query(parts.query), ""))


def _path(path: str) -> str:
    shown: list[str] = []
    after_type = False
    for part in path.split("/"):
        operation = part.startswith(("$", "_"))
        plain = _PLAIN.fullmatch(part) and (operation or not after_type)
        shown.append(part if plain or not part else f"~{_short(part)}")
        after_type = bool(_TYPE.fullmatch(part)) and not after_type
    return "/".join(shown)


def _query(query: str) -> str:
    names = dict.fromkeys(part.partition("=")[0] for part in query.split("&") if part)
    return "&".join(f"{name}=…" if _NAME.fullmatch(name) else "…" for name in names)


def _short(text: str) -> str:
    return hmac.new(_key(), text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:8]


@cache
def _key() -> bytes:
    return secrets.token_bytes(32)
