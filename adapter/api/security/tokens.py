"""Access tokens: JWTs (RFC 9068) that this server signs and only it reads, good for 300 s."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from adapter.api.security.server_keys import ALG, ServerKeys

LIFE = 300
TYPE = "at+jwt"
_LONGEST = 8192
_REMEMBERED = 4096


class InvalidToken(Exception):
    """A token that is not ours, was changed, or has expired; what is said of it quotes nothing."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a token says: whose it is, and what was granted until `expires` (epoch seconds)."""

    client_id: str
    scopes: tuple[str, ...]
    expires: float


class Tokens:
    """Issues tokens for one audience and reads them."""

    def __init__(self, keys: ServerKeys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._read: dict[bytes, Access] = {}
        self._lock = Lock()

    def issue(self, client_id: str, scopes: Sequence[str]) -> str:
        """A new token for the client."""
        key, now = self._keys.current(), int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": client_id,
            "client_id": client_id,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + LIFE,
            "jti": secrets.token_urlsafe(16),
        }
        header = {"alg": ALG, "kid": key.kid, "typ": TYPE}
        return jwt.encode(header, claims, key.key, algorithms=[ALG])

    def access(self, token: str) -> Access:
        """What the token grants. Raises InvalidToken."""
        digest = sha256(token.encode()).digest()
        found = self._read.get(digest)
        if found is None:
            found = self._verified(token)
            with self._lock:
                if len(self._read) >= _REMEMBERED:
                    self._read.clear()
                self._read[digest] = found
        if found.expires <= time.time():
            raise InvalidToken("the token has expired")
        return found

    def known(self, token: str) -> str | None:
        """The client whose token was read here before, without reading it; else None."""
        found = self._read.get(sha256(token.encode()).digest())
        return found.client_id if found and found.expires > time.time() else None

    def _verified(self, token: str) -> Access:
        if len(token) > _LONGEST:
            raise InvalidToken("the token is too long")
        try:
            header = jws.extract_compact(token.encode()).headers()
            key = self._keys.find(str(header.get("kid", "")))
            if key is None or header.get("typ") != TYPE:
                raise InvalidToken("the token is not of this server")
            claims = jwt.decode(token, key.key, algorithms=[ALG]).claims
        except (JoseError, ValueError, TypeError):
            raise InvalidToken("the token cannot be read, or was changed") from None
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            raise InvalidToken("the token is for another server")
        return _access(claims)


def _access(claims: Mapping[str, Any]) -> Access:
    return Access(str(claims["client_id"]), tuple(claims["scope"].split()), float(claims["exp"]))
