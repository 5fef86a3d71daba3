"""Signed cookies: a person's session, a login form, a login at the provider.

Each is a JWT (HS256) with a `typ` of its own, under the setting `session_key`, which all workers
share. Cookies are HttpOnly; on https their names start with `__Host-`, and they are Secure.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from fastapi import Request, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from adapter.errors import ConfigurationError

Kind = Literal["session", "form", "provider"]
_ALG = "HS256"
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Cookies:
    """Makes, sets and reads them. secure: do clients reach the server by https?"""

    key: bytes
    secure: bool

    def name(self, kind: Kind) -> str:
        """The cookie's name."""
        return f"{'__Host-' if self.secure else ''}raiway-{kind}"

    def put(self, response: Response, kind: Kind, claims: Mapping[str, Any], life: float) -> None:
        """Set the cookie on an answer; it holds `life` seconds."""
        stated = {**claims, "exp": int(time.time() + life)}
        header = {"alg": _ALG, "typ": f"{kind}+jwt"}
        text = jwt.encode(header, stated, self._signing, algorithms=[_ALG])
        response.set_cookie(
            self.name(kind),
            text,
            max_age=int(life),
            path="/",
            secure=self.secure,
            httponly=True,
            # The provider sends the browser back from its own site: a strict cookie would stay out.
            samesite="lax" if kind == "provider" else "strict",
        )

    def drop(self, response: Response, kind: Kind) -> None:
        """Remove the cookie."""
        response.delete_cookie(self.name(kind), path="/", secure=self.secure, httponly=True)

    def read(self, request: Request, kind: Kind) -> Mapping[str, Any] | None:
        """The cookie's claims, if it is ours, of this kind, and has not expired."""
        text = request.cookies.get(self.name(kind))
        if not text:
            return None
        try:
            token = jwt.decode(text, self._signing, algorithms=[_ALG])
        except (JoseError, ValueError, TypeError):
            return None
        fits = token.header.get("typ") == f"{kind}+jwt"
        return token.claims if fits and token.claims["exp"] > time.time() else None

    def csrf(self, identity: str) -> str:
        """The token that a form or script of ours sends beside the cookie of this id."""
        return hmac.new(self.key, f"csrf:{identity}".encode(), sha256).hexdigest()

    def is_csrf(self, identity: str, stated: str) -> bool:
        """Is it that token?"""
        return hmac.compare_digest(self.csrf(identity).encode(), stated.encode())

    @property
    def _signing(self) -> OctKey:
        return OctKey.import_key(self.key)


def session_cookies(key: str, *, secure: bool) -> Cookies:
    """The cookies under this key. Raises ConfigurationError for one that can be guessed."""
    if len(key) < _SHORTEST_KEY:
        raise ConfigurationError(
            f"server.session_key has less than {_SHORTEST_KEY} characters",
            hint="a file with random text, such as that of: openssl rand -hex 32",
        )
    return Cookies(key.encode(), secure)


def new_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_urlsafe(24)
