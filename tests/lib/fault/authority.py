"""A SMART Backend Services authority that checks what it is sent, for the fault server."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.lib.fault.replies import outcome, reply
from tests.lib.fault.server import FaultServer, Scenario

ALGORITHMS = ["ES384", "RS384"]
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = 300


def new_key(alg: str = "ES384", kid: str = "key-1") -> ECKey | RSAKey:
    """A new private key for an algorithm of `ALGORITHMS`."""
    parameters: Any = {"kid": kid, "alg": alg, "use": "sig"}
    if alg == "ES384":
        return ECKey.generate_key("P-384", parameters)
    return RSAKey.generate_key(2048, parameters)


@dataclass
class Authority(Scenario):
    """The paths `/fhir/.well-known/smart-configuration` and `/token`, to use within a scenario.

    Attributes:
        keys: the client's; only their public halves are used.
        lifetime: of its tokens, in seconds.
        scopes_supported: None leaves the element out.
        granted: the scope that it grants whatever is asked; None grants what is asked.
        skew: seconds by which its clock, `Date` included, is ahead.
        issued: the tokens in order; `valid`: which of them still hold, by the time they end.
        refusals: error descriptions that it has sent.
    """

    client_id: str
    keys: list[ECKey | RSAKey]
    lifetime: int = 300
    scopes_supported: list[str] | None = None
    capabilities: tuple[str, ...] = ("client-confidential-asymmetric", "permission-v2")
    granted: str | None = None
    skew: float = 0.0
    discovery: bool = True
    issued: list[str] = field(default_factory=list)
    valid: dict[str, float] = field(default_factory=dict)
    claims: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        asked = f"{request.method} {request.path}"
        if asked == "GET /fhir/.well-known/smart-configuration" and self.discovery:
            return reply(self.configuration(server), content_type="application/json")
        if asked == "POST /token":
            return self._token(await request.text(), server)
        return None

    def configuration(self, server: FaultServer) -> dict[str, Any]:
        """What discovery answers."""
        stated: dict[str, Any] = {
            "token_endpoint": self.token_url(server),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "capabilities": list(self.capabilities),
        }
        if self.scopes_supported is not None:
            stated["scopes_supported"] = self.scopes_supported
        return stated

    @staticmethod
    def token_url(server: FaultServer) -> str:
        """The token endpoint."""
        return f"{server.root()}/token"

    def accepts(self, request: web.Request) -> bool:
        """Whether the request carries a token that holds."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self.valid.get(token, 0.0) > self._now()

    def revoke(self) -> None:
        """Let no token hold that was issued so far."""
        self.valid.clear()

    def _now(self) -> float:
        return time.time() + self.skew

    def _token(self, form: str, server: FaultServer) -> web.Response:
        given = {name: values[-1] for name, values in parse_qs(form).items()}
        try:
            self.claims.append(self._checked(given, self.token_url(server)))
        except _Refused as refused:
            self.refusals.append(refused.text)
            error = {"error": refused.error, "error_description": refused.text}
            return reply(error, 400, self._headers(), "application/json")
        return reply(self._issued(given["scope"]), 200, self._headers(), "application/json")

    def _headers(self) -> dict[str, str]:
        return {"Cache-Control": "no-store", "Date": formatdate(self._now(), usegmt=True)}

    def _issued(self, scope: str) -> dict[str, Any]:
        number = len(self.issued) + 1
        token = f"fault-token-{number}-{hashlib.sha256(str(number).encode()).hexdigest()}"
        self.issued.append(token)
        self.valid[token] = self._now() + self.lifetime
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "scope": scope if self.granted is None else self.granted,
        }

    def _checked(self, given: dict[str, str], audience: str) -> dict[str, Any]:
        """The claims of the assertion; SMART App Launch 2.2.0, Backend Services."""
        if given.get("grant_type") != "client_credentials":
            raise _Refused("grant_type is not client_credentials", "unsupported_grant_type")
        if given.get("client_assertion_type") != _ASSERTION_TYPE:
            raise _Refused("client_assertion_type is not jwt-bearer", "invalid_request")
        if not given.get("scope"):
            raise _Refused("no scope", "invalid_scope")
        try:
            public = KeySet([type(key).import_key(key.as_dict(private=False)) for key in self.keys])
            token = jwt.decode(given.get("client_assertion", ""), public, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise _Refused(f"the assertion does not verify: {error}") from error
        if token.header.get("typ") != "JWT" or "kid" not in token.header:
            raise _Refused("the header lacks typ JWT or kid")
        self._check_claims(token.claims, audience)
        return token.claims

    def _check_claims(self, claims: dict[str, Any], audience: str) -> None:
        ahead = claims.get("exp", 0) - self._now()
        wrong = {
            "iss and sub are not the client": {claims.get("iss"), claims.get("sub")}
            != {self.client_id},
            "aud is not the token URL": claims.get("aud") != audience,
            "the assertion is expired": ahead <= 0,
            "exp is more than 5 minutes ahead": ahead > _LONGEST_ASSERTION,
            "iat lies in the future": claims.get("iat", 0) > self._now(),
            "no jti, or a used one": claims.get("jti") in self._used | {None},
        }
        for text, is_so in wrong.items():
            if is_so:
                raise _Refused(text)
        self._used.add(claims["jti"])


class _Refused(Exception):
    def __init__(self, text: str, error: str = "invalid_client") -> None:
        super().__init__(text)
        self.text, self.error = text, error


def unauthorized() -> web.Response:
    """401 as a resource server sends it for a token that does not hold."""
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return outcome("login", "the token is expired", 401, challenge)
