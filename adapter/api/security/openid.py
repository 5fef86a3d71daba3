"""OpenID Connect: the code flow with PKCE at any provider (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapter.api.security.outgoing import Outgoing
from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.auth.credentials import secret
from adapter.pull.transport.http import Asked
from adapter.server_settings import OpenIdSettings

CALLBACK_PATH = "/auth/openid/callback"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
SKEW = 30
_KEPT = 3600.0  # seconds that the provider's configuration is kept
_FORM = "application/x-www-form-urlencoded"


class LoginRefused(Exception):
    """The provider, or what it says of a person, does not let them in."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser takes along to the provider and back, in a signed cookie."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Attempt:
        """Three values that nobody guesses."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """S256 of the verifier (RFC 7636 4.2)."""
        digest = sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider let in, and what of."""

    name: str
    patient_level: bool


class OpenId:
    """One provider, as the settings name it."""

    def __init__(self, settings: OpenIdSettings, outgoing: Outgoing, public_url: str) -> None:
        """Raises ConfigurationError for a URL or secret that cannot be used."""
        self.settings = settings
        self._outgoing = outgoing
        self._redirect = f"{public_url}{CALLBACK_PATH}"
        self._known: dict[str, Any] = {}
        self._known_until = 0.0
        stated = settings.client_secret
        self._secret = secret("server.openid.client_secret", stated) if stated else ""
        try:
            outgoing.check(settings.issuer)
        except Unreachable as error:
            raise ConfigurationError(
                f"server.openid.issuer is {error.what.removeprefix('the server points to ')}",
                hint="the https URL of the provider, as its openid-configuration states it",
            ) from None

    def redirect(self, attempt: Attempt) -> str:
        """The provider's URL to send the browser to. Raises Unreachable."""
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect,
            "scope": self.settings.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identity(self, query: Mapping[str, str], attempt: Attempt) -> Identity:
        """Who came back with this query. Raises LoginRefused, Unreachable."""
        if not secrets.compare_digest(query.get("state", "").encode(), attempt.state.encode()):
            raise LoginRefused("the answer belongs to another login")
        if query.get("iss", self.settings.issuer) != self.settings.issuer:  # RFC 9207
            raise LoginRefused("the answer is of another provider")
        code = query.get("code")
        if "error" in query or not code:
            raise LoginRefused("the provider did not let you in")
        claims = self._claims(self._exchanged(code, attempt), attempt)
        return self._let_in(claims)

    def _exchanged(self, code: str, attempt: Attempt) -> str:
        """The id_token that the code is exchanged for."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": attempt.verifier,
        }
        headers = {"Accept": "application/json", "Content-Type": _FORM}
        authorization = ""
        endpoint = self._endpoint("token_endpoint")
        methods = self._known.get("token_endpoint_auth_methods_supported")
        if self._secret and "client_secret_basic" in (methods or ["client_secret_basic"]):
            authorization = _basic(self.settings.client_id, self._secret)
        else:
            form |= {"client_id": self.settings.client_id}
            form |= {"client_secret": self._secret} if self._secret else {}
        body = urlencode(form).encode()
        reply = self._outgoing.reply(Asked("POST", endpoint, headers, body, authorization))
        token = reply.json().get("id_token") if reply.status == 200 else None
        if not isinstance(token, str):
            raise LoginRefused("the provider gave no id_token")
        return token

    def _claims(self, token: str, attempt: Attempt) -> Mapping[str, Any]:
        """The claims of an id_token that holds (OpenID Connect Core 3.1.3.7)."""
        document, _ = self._outgoing.json(self._endpoint("jwks_uri"))
        try:
            keys = KeySet.import_key_set({"keys": document["keys"]})
            claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, KeyError):
            raise LoginRefused("the id_token's signature does not hold") from None
        self._check(claims, attempt)
        return claims

    def _check(self, claims: Mapping[str, Any], attempt: Attempt) -> None:
        audience, client = claims.get("aud"), self.settings.client_id
        audience = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.settings.issuer or client not in audience:
            raise LoginRefused("the id_token is of another provider or for another client")
        if claims.get("azp", client) != client or (len(audience) > 1 and "azp" not in claims):
            raise LoginRefused("the id_token was made for another client")
        if claims.get("nonce") != attempt.nonce:
            raise LoginRefused("the id_token belongs to another login")
        expires, issued, now = claims.get("exp"), claims.get("iat"), time.time()
        if not isinstance(expires, int | float) or not isinstance(issued, int | float):
            raise LoginRefused("the id_token states no times")
        if expires <= now - SKEW or issued > now + SKEW:
            raise LoginRefused("the id_token has expired or is not yet valid")

    def _let_in(self, claims: Mapping[str, Any]) -> Identity:
        name = claims.get(self.settings.name_claim)
        if not isinstance(name, str) or not name:
            raise LoginRefused(f"the provider states no {self.settings.name_claim}")
        roles = set(_roles(claims, self.settings.role_claim))
        patient_level = bool(roles & set(self.settings.patient_level_roles))
        readers = set(self.settings.reader_roles)
        if readers and not patient_level and not roles & readers:
            raise LoginRefused("you have no role here")
        return Identity(name[:128], patient_level)

    def _endpoint(self, name: str) -> str:
        """A URL of the provider's configuration (OpenID Connect Discovery 1.0). Raises
        Unreachable."""
        if time.monotonic() >= self._known_until:
            url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            known, _ = self._outgoing.json(url)
            if known.get("issuer") != self.settings.issuer:
                raise Unreachable("the provider states another issuer", where=self.settings.issuer)
            self._known, self._known_until = known, time.monotonic() + _KEPT
        stated = self._known.get(name)
        if not isinstance(stated, str):
            raise Unreachable(f"the provider states no {name}", where=self.settings.issuer)
        self._outgoing.check(stated, self.settings.issuer)
        return stated


def _roles(claims: Mapping[str, Any], path: str) -> Iterable[str]:
    """The roles at a dotted path: `roles`, or Keycloak's `realm_access.roles`."""
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return found.split()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _basic(user: str, password: str) -> str:
    """RFC 6749 2.3.1: both are form-encoded first."""
    pair = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
