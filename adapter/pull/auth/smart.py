"""SMART Backend Services without a network: what to ask, and what the answers mean.

SMART App Launch 2.2.0, "Backend Services" and "Client Authentication: Asymmetric". Duties A1-A7.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt

from adapter.errors import Unreachable
from adapter.pull.auth.keys import SigningKey
from adapter.pull.auth.scopes import Scope, missing
from adapter.pull.transport import retry
from adapter.pull.transport.http import Asked, NotJson, Reply
from adapter.pull.transport.log import masked

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE = 240  # seconds; servers refuse more than 300
_DEFAULT_LIFE = 300.0  # of a token whose reply does not say
_MARGIN = 60.0
_SKEW = 30.0  # seconds by which clocks may differ without being named


class Unauthorised(Unreachable):
    """The server does not let us in, or grants less than was asked; `code` as in RFC 6749 5.2."""

    issue_code = "security"

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `.well-known/smart-configuration` says; None where it does not.

    Attributes:
        v2: does the server understand scopes such as `system/Patient.rs`?
    """

    token_endpoint: str
    v2: bool = True
    scopes_supported: frozenset[str] | None = None
    algorithms: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `renew_at` by the clock's `monotonic`, `life` in seconds."""

    header: str = field(repr=False)
    renew_at: float
    life: float
    scope: str


def discovery(base: str) -> Asked:
    """The request for the server's SMART configuration (A1)."""
    return Asked("GET", f"{base}/.well-known/smart-configuration", {"Accept": JSON})


def configuration(reply: Reply, token_url: str = "") -> Configuration:
    """What the reply to `discovery` says. token_url: the setting that overrides the server's.

    Raises Unauthorised where no token endpoint is known, NotJson.
    """
    document = reply.json() if reply.status == 200 else {}
    endpoint = token_url or document.get("token_endpoint")
    if not isinstance(endpoint, str) or not endpoint:
        raise Unauthorised(
            f"no token endpoint (status {reply.status})",
            where=masked(reply.url),
            hint='set token_url, or auth = "none" if the server is open',
        )
    if not document:
        return Configuration(endpoint)
    return Configuration(
        endpoint,
        "permission-v2" in (_texts(document.get("capabilities")) or ()),
        _texts(document.get("scopes_supported")),
        _texts(document.get("token_endpoint_auth_signing_alg_values_supported")),
    )


def check_algorithm(found: Configuration, key: SigningKey) -> None:
    """Raises Unauthorised where the server says that it does not take the key's algorithm."""
    if found.algorithms is not None and key.alg not in found.algorithms:
        known = (
            ", ".join(sorted(found.algorithms & {"ES384", "RS384"})) or "neither ES384 nor RS384"
        )
        raise Unauthorised(
            f"the server does not take {key.alg}",
            where=masked(found.token_endpoint),
            hint=f"it takes {known}; raiway keys SITE --new --alg makes another key",
        )


def assertion(client_id: str, key: SigningKey, audience: str, now: datetime) -> str:
    """The signed JWT that stands for the client (A2), to be used once.

    `iat` is left out: a server whose clock is behind would refuse it.
    """
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "exp": int(now.timestamp()) + _ASSERTION_LIFE,
        "jti": secrets.token_urlsafe(24),
    }
    header = {"alg": key.alg, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims, key.key, algorithms=[key.alg])


def token_request(found: Configuration, signed: str, scope: str) -> Asked:
    """The request for a token (A4)."""
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": _ASSERTION,
        "client_assertion": signed,
    }
    headers = {"Accept": JSON, "Content-Type": FORM, "Cache-Control": "no-store"}
    return Asked("POST", found.token_endpoint, headers, urlencode(form).encode())


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reply came, by both of the clock's hands."""

    now: datetime
    monotonic: float


def token(reply: Reply, required: Iterable[Scope], scope: str, at: Moment) -> Token:
    """The token of the reply to `token_request`.

    required: what must be granted; scope: what was asked, which RFC 6749 5.1 lets a server that
    grants just that leave out. Raises Unauthorised, naming the error, the clocks' difference, or
    the scopes that were not granted (A5, A7); NotJson.
    """
    document = _document(reply)
    if reply.status != 200:
        raise _refused(reply, document, at.now)
    value, kind = document.get("access_token"), document.get("token_type")
    if not isinstance(value, str) or not _sendable(value):
        raise Unauthorised("the reply holds no access token", where=masked(reply.url))
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unauthorised("the token is not of type bearer", where=masked(reply.url))
    granted = document.get("scope")
    granted = granted if isinstance(granted, str) else scope
    if lacking := missing(required, granted):
        raise Unauthorised(
            f"granted less than asked: no {', '.join(lacking)}",
            where=masked(reply.url),
            hint="ask the site to grant them, or leave these types out of `types`",
        )
    life = _life(document.get("expires_in"))
    renew_at = at.monotonic + life - min(_MARGIN, life / 2)
    # It is shown and logged, and what a terminal obeys must not come from a server.
    shown = " ".join(each for each in granted.split() if _sendable(each))
    return Token(f"Bearer {value}", renew_at, life, shown)


def _document(reply: Reply) -> dict[str, Any]:
    """An error's body may be anything; a token's must be JSON."""
    try:
        return reply.json()
    except NotJson:
        if reply.status == 200:
            raise
        return {}


def _refused(reply: Reply, document: dict[str, Any], now: datetime) -> Unauthorised:
    """RFC 6749 5.2. The description is the server's own text, and may hold what we sent."""
    error = document.get("error")
    error = error if isinstance(error, str) and error in _ERRORS else "no error code"
    skew = _skew(reply, now) if error != "invalid_scope" else 0.0
    if abs(skew) >= _SKEW:
        direction = "ahead of" if skew > 0 else "behind"
        return Unauthorised(
            f"{reply.status} {error}; this machine's clock is {_long(abs(skew))} {direction} "
            "the server's",
            where=masked(reply.url),
            hint="set the clock (NTP), then try again",
        )
    return Unauthorised(
        f"{reply.status} {error}", where=masked(reply.url), hint=_ERRORS[error], code=error
    )


_ERRORS = {
    "invalid_client": "does the site hold this key (raiway keys SITE), its kid and this client_id?",
    "invalid_scope": 'the site grants no such scope; set scope = "…" as it says',
    "invalid_grant": "the site does not take the assertion",
    "unauthorized_client": "the client is not registered for client_credentials",
    "unsupported_grant_type": "the server does not speak SMART Backend Services here",
    "invalid_request": "check token_url",
    "no error code": "check token_url and client_id",
}


def _skew(reply: Reply, now: datetime) -> float:
    """Seconds by which our clock is ahead of the server's."""
    theirs = retry.server_time(reply.headers)
    return (now - theirs).total_seconds() if theirs else 0.0


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _life(stated: Any) -> float:
    """Some servers send the number as text."""
    try:
        life = float(stated)
    except (TypeError, ValueError):
        return _DEFAULT_LIFE
    return life if 0 < life < 7 * 86_400 else _DEFAULT_LIFE


def _sendable(value: str) -> bool:
    """RFC 6750 2.1: printable and without spaces, or it could forge a header."""
    return bool(value) and all("!" <= c <= "~" for c in value)


def _texts(stated: Any) -> frozenset[str] | None:
    return frozenset(map(str, stated)) if isinstance(stated, list) else None
