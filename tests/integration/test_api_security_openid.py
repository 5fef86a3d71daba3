"""People of an OpenID provider: a real one (oidc-provider-mock), and what hostile ones send."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # it ships no types
    create_s256_code_challenge,
)
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.testclient import TestClient

from adapter.api.security.openid import Attempt, LoginRefused, OpenId
from adapter.api.security.outgoing import Outgoing
from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.transport.http import Asked, Reply
from adapter.server_settings import OpenIdSettings
from tests.lib.secured import ORIGIN, app_of, client_of, private, secured
from tests.lib.servers.process import free_port, started

USERS = [
    {"sub": "anna", "roles": ["tumour-board", "patients"], "preferred_username": "anna.a"},
    {"sub": "bert", "roles": ["tumour-board"]},
    {"sub": "carl", "roles": []},
]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider as a process of its own."""
    port = free_port()
    # Its own imports warn, and must not fail the tests.
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for user in USERS:
        command += ["--user-claims", json.dumps(user)]
    url = f"http://127.0.0.1:{port}"
    ready = f"{url}/.well-known/openid-configuration"
    with started(command, ready, tmp_path_factory.mktemp("provider"), seconds=60):
        yield url


def at(folder: Path, issuer: str, **more: Any) -> TestClient:
    # This provider lets in no client without a secret.
    secret = private(folder, "client.secret", "a secret: of the provider")
    settings = OpenIdSettings(
        issuer=issuer,
        client_id="raiway",
        client_secret=str(secret),
        reader_roles=("tumour-board",),
        patient_level_roles=("patients",),
        **more,
    )
    key = private(folder, "session.key", secrets.token_hex(32))
    app = secured(folder, openid=settings, session_key=str(key))
    return client_of(app, follow_redirects=False)


def authorised(client: TestClient, sub: str, to: str = "/") -> str:
    """The URL that the provider sends the browser back to."""
    sent = client.get("/auth/openid", params={"to": to})
    assert sent.status_code == 303
    answer = httpx2.post(sent.headers["location"], data={"sub": sub}, follow_redirects=False)
    back = answer.headers["location"]
    assert back.startswith(f"{ORIGIN}/auth/openid/callback?")
    return str(back)


@pytest.mark.parametrize(
    ("sub", "policy", "patient_level"), [("anna", "none", True), ("bert", "public", False)]
)
def test_people_log_in_at_the_provider(
    tmp_path: Path, issuer: str, sub: str, policy: str, patient_level: bool
) -> None:
    client = at(tmp_path, issuer)
    answer = client.get(authorised(client, sub, "/cohort"))
    assert answer.status_code == 200
    assert 'content="0; url=/cohort"' in answer.text
    told = client.get("/fhir/Measure").json()
    assert (told["id"], told["kind"]) == (sub, "user")
    assert (told["policy"], told["patient_level"]) == (policy, patient_level)


def test_another_claim_may_name_a_person(tmp_path: Path, issuer: str) -> None:
    client = at(tmp_path, issuer, name_claim="preferred_username")
    client.get(authorised(client, "anna"))
    assert client.get("/fhir/Measure").json()["id"] == "anna.a"


def test_who_has_no_role_is_not_let_in(tmp_path: Path, issuer: str) -> None:
    client = at(tmp_path, issuer)
    answer = client.get(authorised(client, "carl"))
    assert answer.status_code == 401
    assert "you have no role here" in answer.text
    assert client.get("/fhir/Measure").status_code == 401


def test_an_answer_is_good_once_and_in_its_browser_only(tmp_path: Path, issuer: str) -> None:
    client, other = at(tmp_path, issuer), at(tmp_path, issuer)
    back = authorised(client, "anna")
    cookie = client.cookies["raiway-provider"]
    authorised(other, "bert")
    assert other.get(back).status_code == 401
    assert client.get(back).status_code == 200
    again = client.get(back, headers={"Cookie": f"raiway-provider={cookie}"})
    assert again.status_code == 401
    assert client_of(app_of(client)).get(back).status_code == 401


def test_the_request_has_pkce_and_a_nonce(tmp_path: Path, issuer: str) -> None:
    sent = at(tmp_path, issuer).get("/auth/openid")
    query = dict(parse_qsl(urlsplit(sent.headers["location"]).query))
    assert query["code_challenge_method"] == "S256"
    assert query["response_type"] == "code"
    assert len(query["state"]) >= 32
    assert len(query["nonce"]) >= 32
    assert "Lax".lower() in sent.headers["set-cookie"].lower()


# A hostile provider, or one in between

KEY = RSAKey.generate_key(2048, {"kid": "p1", "alg": "RS256", "use": "sig"})
ISSUER = "https://login.hospital.example"
ATTEMPT = Attempt("s" * 32, "n" * 32, "v" * 43)


class Canned(Outgoing):
    """Answers for a provider with what a test puts in."""

    def __init__(self, id_token: str = "", **configuration: str) -> None:
        super().__init__()
        self.id_token = id_token
        self.posted: Asked | None = None
        self.configuration: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            **configuration,
        }

    def json(self, url: str) -> tuple[dict[str, Any], Reply]:
        keys = {"keys": [KEY.as_dict(private=False)]}
        document = keys if url.endswith("/jwks") else self.configuration
        return document, Reply(url, 200, {}, b"")

    def reply(self, asked: Asked, also: Any = ()) -> Reply:
        self.posted = asked
        body = json.dumps({"id_token": self.id_token}).encode()
        return Reply(asked.url, 200, {}, body)


def id_token(key: Any = KEY, alg: str = "RS256", **changed: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "raiway",
        "sub": "anna",
        "nonce": ATTEMPT.nonce,
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": ["patients"]},
        **changed,
    }
    stated = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "p1"}, stated, key, algorithms=[alg])


def identity(outgoing: Canned, query: dict[str, str] | None = None, **settings: Any) -> Any:
    stated = {"role_claim": "realm_access.roles", "patient_level_roles": ("patients",), **settings}
    openid = OpenId(OpenIdSettings(issuer=ISSUER, client_id="raiway", **stated), outgoing, ORIGIN)
    asked = {"state": ATTEMPT.state, "code": "c"} if query is None else query
    return openid.identity(asked, ATTEMPT)


def test_the_right_answer_is_taken() -> None:
    outgoing = Canned(id_token())
    found = identity(outgoing)
    assert (found.name, found.patient_level) == ("anna", True)
    assert outgoing.posted is not None
    posted = dict(parse_qsl((outgoing.posted.body or b"").decode()))
    assert posted["code_verifier"] == ATTEMPT.verifier
    assert (posted["client_id"], "client_secret" in posted) == ("raiway", False)
    assert outgoing.posted.authorization == ""


def test_the_challenge_is_that_of_the_verifier() -> None:
    attempt = Attempt.new()
    openid = OpenId(OpenIdSettings(issuer=ISSUER, client_id="raiway"), Canned(), ORIGIN)
    query = dict(parse_qsl(urlsplit(openid.redirect(attempt)).query))
    # Authlib's, which providers use.
    assert query["code_challenge"] == create_s256_code_challenge(attempt.verifier)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_is_sent_as_the_provider_wants_it(tmp_path: Path, method: str) -> None:
    secret = private(tmp_path, "client.secret", "s: e/c")
    outgoing = Canned(id_token())
    outgoing.configuration["token_endpoint_auth_methods_supported"] = [method]
    identity(outgoing, client_secret=str(secret))
    assert outgoing.posted is not None
    posted = dict(parse_qsl((outgoing.posted.body or b"").decode()))
    if method == "client_secret_post":
        assert posted["client_secret"] == "s: e/c"  # noqa: S105
    else:
        assert "client_secret" not in posted
        pair = base64.b64decode(outgoing.posted.authorization.removeprefix("Basic "))
        assert pair == b"raiway:s%3A%20e%2Fc"


def _unsigned() -> str:
    _, claims, _ = id_token().split(".")
    return f"eyJhbGciOiJub25lIn0.{claims}."


HOSTILE: dict[str, Callable[[], str]] = {
    "unsigned": _unsigned,
    "another key": lambda: id_token(RSAKey.generate_key(2048)),
    "HMAC": lambda: id_token(OctKey.generate_key(256), "HS256"),
    "another curve": lambda: id_token(ECKey.generate_key("P-256"), "ES256"),
    "another issuer": lambda: id_token(iss="https://elsewhere.example"),
    "for another client": lambda: id_token(aud="elsewhere"),
    "for several, without azp": lambda: id_token(aud=["raiway", "elsewhere"]),
    "made for another": lambda: id_token(aud=["raiway", "elsewhere"], azp="elsewhere"),
    "another nonce": lambda: id_token(nonce="another"),
    "no nonce": lambda: id_token(nonce=None),
    "expired": lambda: id_token(exp=int(time.time()) - 60),
    "without exp": lambda: id_token(exp=None),
    "of the future": lambda: id_token(iat=int(time.time()) + 600),
    "nobody": lambda: id_token(sub=None),
    "no JWT": lambda: "x.y",
    "none": lambda: "",
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_id_token_lets_nobody_in(made: Callable[[], str]) -> None:
    with pytest.raises(LoginRefused):
        identity(Canned(made()))


@pytest.mark.parametrize(
    "query",
    [
        {"state": "another", "code": "c"},
        {"code": "c"},
        {"state": ATTEMPT.state},
        {"state": ATTEMPT.state, "code": "c", "error": "access_denied"},
        {"state": ATTEMPT.state, "code": "c", "iss": "https://elsewhere.example"},
    ],
)
def test_a_hostile_answer_lets_nobody_in(query: dict[str, str]) -> None:
    outgoing = Canned(id_token())
    with pytest.raises(LoginRefused):
        identity(outgoing, query)
    assert outgoing.posted is None


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://login.hospital.example/token"},
        {"token_endpoint": "https://169.254.169.254/token"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_followed(changed: dict[str, str]) -> None:
    with pytest.raises(Unreachable):
        identity(Canned(id_token(), **changed))


def test_an_issuer_is_https() -> None:
    with pytest.raises(ConfigurationError, match="issuer"):
        OpenId(OpenIdSettings(issuer="http://login.example", client_id="x"), Outgoing(), ORIGIN)
