"""A client's signed assertion (RFC 7523, SMART 2.2.0 "Client Authentication: Asymmetric").

What is checked, in this order: form, algorithm, client, `jku`, key, signature, audience, times, and
that it is used for the first time. Before the signature holds, an answer does not tell what failed.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError

from adapter.api.security.clients import Clients
from adapter.api.security.key_sets import PublicKey
from adapter.api.security.nonces import Nonces
from adapter.errors import RaiwayError
from adapter.server_settings import ClientSettings

ALGORITHMS = ("ES384", "RS384")
LONGEST_LIFE = 300
SKEW = 10
"""Seconds by which a client's clock may be ahead of ours."""
_LONGEST = 16_384
_LONGEST_TEXT = 512

_log = logging.getLogger(__name__)


class InvalidClient(Exception):
    """An assertion that does not hold. The text is for the client and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Assertions:
    """Checks assertions for one token endpoint, whose URL is the audience."""

    clients: Clients
    nonces: Nonces
    audience: str

    def client(self, assertion: str) -> ClientSettings:
        """The client that signed. Raises InvalidClient."""
        header, claims = _unverified(assertion)
        client = self._stated(claims)
        key = self._key(client, header)
        try:
            # The algorithm is the key's: a header cannot choose another for it.
            claims = jwt.decode(assertion, key.key, algorithms=[key.alg]).claims
        except (JoseError, ValueError, TypeError):
            raise _unverifiable("the signature does not hold", client.id) from None
        self._check_audience(claims)
        expires = _checked_times(claims, time.time())
        self._use(client, claims, expires)
        return client

    def _stated(self, claims: Mapping[str, Any]) -> ClientSettings:
        issuer = claims.get("iss")
        client = self.clients.find(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise _unverifiable("no such client")
        if claims.get("sub") != issuer:
            raise _unverifiable("sub differs from iss", client.id)
        return client

    def _key(self, client: ClientSettings, header: Mapping[str, Any]) -> PublicKey:
        if "jku" in header and header["jku"] != (client.jwks_uri or None):
            raise _unverifiable("jku is not the registered URL", client.id)
        try:
            found = self.clients.keys(client, header["kid"])
        except RaiwayError as error:
            raise _unverifiable(f"no key set: {error.what}", client.id) from None
        found = [key for key in found if key.alg == header["alg"]]
        if len(found) != 1:
            raise _unverifiable(f"{len(found)} keys of this kid and type", client.id)
        return found[0]

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        stated = claims.get("aud")
        if stated != self.audience and stated != [self.audience]:
            raise InvalidClient(f"aud is not {self.audience}")

    def _use(self, client: ClientSettings, claims: Mapping[str, Any], expires: float) -> None:
        nonce = claims.get("jti")
        if not isinstance(nonce, str) or not 0 < len(nonce) <= _LONGEST_TEXT:
            raise InvalidClient("jti is missing")
        if not self.nonces.use(f"client:{client.id}", nonce, expires + SKEW):
            raise InvalidClient("the assertion was used before (jti)")


def _unverified(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims as stated, of a JWT that is formed as SMART asks. Raises InvalidClient."""
    if len(assertion) > _LONGEST:
        raise InvalidClient("the assertion is too long")
    try:
        found = jws.extract_compact(assertion.encode("ascii"))
        header, claims = found.headers(), _claims(found.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise InvalidClient("the assertion is no signed JWT") from None
    if header.get("alg") not in ALGORITHMS:
        raise InvalidClient(f"alg must be one of {', '.join(ALGORITHMS)}")
    if str(header.get("typ", "")).upper() != "JWT":
        raise InvalidClient("typ must be JWT")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_TEXT:
        raise InvalidClient("kid is missing")
    return header, claims


def _claims(payload: bytes) -> Mapping[str, Any]:
    """The claims' set of a JWT. Raises ValueError."""
    claims = orjson.loads(payload)
    if not isinstance(claims, dict):
        raise ValueError("no set of claims")
    return claims


def _checked_times(claims: Mapping[str, Any], now: float) -> float:
    """`exp` in epoch seconds; it, `nbf` and `iat` fit the clock. Raises InvalidClient."""
    expires = _instant(claims, "exp")
    if expires is None:
        raise InvalidClient("exp is missing")
    if expires <= now:
        raise InvalidClient("the assertion has expired (exp)")
    if expires > now + LONGEST_LIFE + SKEW:
        raise InvalidClient(f"exp is more than {LONGEST_LIFE} s ahead")
    for name in ("nbf", "iat"):
        stated = _instant(claims, name)
        if stated is not None and stated > now + SKEW:
            raise InvalidClient(f"{name} lies in the future")
    return expires


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    stated = claims.get(name)
    if stated is None and name not in claims:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not math.isfinite(stated):
        raise InvalidClient(f"{name} is no number of seconds")
    return float(stated)


def _unverifiable(why: str, client_id: str = "") -> InvalidClient:
    """What all failures before the signature look like from outside; the log tells them apart."""
    fields = {"client": client_id, "why": why}
    _log.warning("client assertion refused", extra={"fields": fields})
    return InvalidClient("the client is not known, or the assertion does not fit its keys")
