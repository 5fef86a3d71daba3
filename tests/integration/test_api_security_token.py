"""SMART Backend Services, the server's side: who gets a token, and who does not (G13)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from adapter.pull.auth.keys import SigningKey, new_key
from tests.lib.secured import (
    KEY,
    OTHER_KEY,
    RSA_KEY,
    TOKEN_URL,
    Signed,
    assertion,
    bearer,
    client_of,
    form,
    registered,
    secured,
    signed,
    token,
)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(secured(tmp_path))


def now() -> int:
    return int(time.time())


# Discovery


@pytest.mark.parametrize("base", ["", "/fhir"])
def test_discovery_tells_what_a_backend_service_needs(client: TestClient, base: str) -> None:
    answer = client.get(f"{base}/.well-known/smart-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    found = answer.json()
    assert found["token_endpoint"] == TOKEN_URL
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(found["capabilities"])
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    algorithms = found["token_endpoint_auth_signing_alg_values_supported"]
    assert set(algorithms) == {"ES384", "RS384"}
    assert found["grant_types_supported"] == ["client_credentials"]
    assert {"system/MeasureReport.rs", "system/MeasureReport.cu"} <= set(found["scopes_supported"])
    assert "issuer" not in found


# The good path


@pytest.mark.parametrize("key", [KEY, RSA_KEY], ids=["ES384", "RS384"])
def test_a_right_assertion_gets_a_short_lived_token(client: TestClient, key: object) -> None:
    answer = client.post("/auth/token", data=form(assertion(key)))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert found["token_type"].lower() == "bearer"
    assert isinstance(found["expires_in"], int)
    assert 0 < found["expires_in"] <= 300
    assert found["scope"] == "system/Measure.rs system/MeasureReport.rs"
    assert "refresh_token" not in found
    told = client.get("/fhir/MeasureReport/1", headers=bearer(found["access_token"])).json()
    assert told["id"] == "registry"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/*.read", "system/Measure.read system/MeasureReport.read"),
        ("system/MeasureReport.cruds", "system/MeasureReport.rs"),
        ("system/MeasureReport.r", "system/MeasureReport.r"),
        ("system/Measure.rs system/Patient.rs openid", "system/Measure.rs"),
        ("system/MeasureReport.rs?status=final system/Measure.s", "system/Measure.s"),
    ],
)
def test_scopes_are_cut_to_what_is_registered(client: TestClient, asked: str, granted: str) -> None:
    answer = client.post("/auth/token", data=form(assertion(), asked))
    assert answer.json()["scope"] == granted


@pytest.mark.parametrize("asked", ["system/Patient.rs", "user/Measure.rs", "", None, "nonsense"])
def test_a_request_for_nothing_registered_is_invalid_scope(
    client: TestClient, asked: str | None
) -> None:
    answer = client.post("/auth/token", data=form(assertion(), scope=asked))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


# Wrong requests


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"client_assertion_type": None}, 401, "invalid_client"),
        ({"client_assertion_type": "urn:wrong"}, 401, "invalid_client"),
        ({"client_assertion": None}, 401, "invalid_client"),
        ({"client_assertion": "no.jwt"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
    ],
)
def test_a_wrong_request_is_told_by_rfc_6749(
    client: TestClient, changed: dict[str, str | None], status: int, error: str
) -> None:
    answer = client.post("/auth/token", data=form(assertion(), **changed))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_a_repeated_parameter_or_another_body_is_invalid(client: TestClient) -> None:
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/auth/token", content=twice, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = client.post("/auth/token", json=form(assertion()))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


# Assertions that must not hold


def _unsigned() -> str:
    right = signed()
    parts = ({**right.header, "alg": "none"}, right.claims)
    return ".".join(_encoded(part) for part in parts) + "."


def _encoded(part: object) -> str:
    return _base64(json.dumps(part).encode())


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _hmac_with_public_key() -> str:
    """The classic confusion: HS256 under the text of the public key."""
    right = signed(header={"alg": "HS256"})
    text = f"{_encoded(right.header)}.{_encoded(right.claims)}"
    mac = hmac.new(KEY.key.as_pem(private=False), text.encode(), "sha256").digest()
    return f"{text}.{_base64(mac)}"


def _critical() -> str:
    """Rightly signed, but with a header that a server must understand or refuse (RFC 7515)."""
    right = signed(header={"crit": ["urn:unknown"], "urn:unknown": 1})
    text = f"{_encoded(right.header)}.{_encoded(right.claims)}"
    key = KEY.key.raw_value
    assert isinstance(key, EllipticCurvePrivateKey)
    der = key.sign(text.encode(), ECDSA(SHA384()))
    r, s = decode_dss_signature(der)
    return f"{text}.{_base64(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"


def _bad_signature() -> str:
    head, claims, signature = assertion().split(".")
    return f"{head}.{claims}.{'A' * 12}{signature[12:]}"


def _changed_claims() -> str:
    head, _, signature = assertion().split(".")
    return f"{head}.{_encoded(signed(client_id='other').claims)}.{signature}"


def _other_curve() -> str:
    right = signed(header={"alg": "ES256"})
    return Signed(right.header, right.claims, ECKey.generate_key("P-256")).text


def _embedded_key() -> str:
    """The header brings a key of its own along, under the registered kid."""
    mine = new_key("ES384")
    return signed(mine, header={"kid": KEY.kid, "jwk": mine.public}).text


MUTATED: dict[str, Callable[[], str]] = {
    "alg none": _unsigned,
    "HS256 with the public key": _hmac_with_public_key,
    "ES256 with a key of its own": _other_curve,
    "PS384 with the RSA key": lambda: signed(RSA_KEY, header={"alg": "PS384"}).text,
    "a key in the header": _embedded_key,
    "bad signature": _bad_signature,
    "changed claims": _changed_claims,
    "another client's key": lambda: assertion(OTHER_KEY),
    "another client's key under this kid": lambda: signed(OTHER_KEY, header={"kid": KEY.kid}).text,
    "unknown kid": lambda: signed(header={"kid": "another"}).text,
    "no kid": lambda: signed(header={"kid": None}).text,
    "kid as a path": lambda: signed(header={"kid": "../../registry.jwks.json"}).text,
    "kid as SQL": lambda: signed(header={"kid": "x' OR '1'='1"}).text,
    "jku elsewhere": lambda: signed(header={"jku": "https://attacker.example/jwks"}).text,
    "wrong typ": lambda: signed(header={"typ": "at+jwt"}).text,
    "no typ": lambda: signed(header={"typ": None}).text,
    "unknown critical header": _critical,
    "wrong aud": lambda: assertion(aud="https://elsewhere.example/auth/token"),
    "aud is the base": lambda: assertion(aud=TOKEN_URL.replace("auth/token", "fhir")),
    "aud among others": lambda: assertion(aud=[TOKEN_URL, "https://elsewhere.example/token"]),
    "no aud": lambda: assertion(aud=None),
    "expired": lambda: assertion(exp=now() - 1),
    "far exp": lambda: assertion(exp=now() + 900),
    "no exp": lambda: assertion(exp=None),
    "exp as text": lambda: assertion(exp=str(now() + 200)),
    "exp as truth": lambda: assertion(exp=True),
    "nbf in future": lambda: assertion(nbf=now() + 60),
    "iat in future": lambda: assertion(iat=now() + 60),
    "no jti": lambda: assertion(jti=None),
    "empty jti": lambda: assertion(jti=""),
    "jti as number": lambda: assertion(jti=7),
    "sub is another": lambda: assertion(sub="other"),
    "no sub": lambda: assertion(sub=None),
    "iss is another": lambda: assertion(iss="other"),
    "unknown client": lambda: assertion(iss="nobody", sub="nobody"),
    "iss as list": lambda: assertion(iss=["registry"], sub=["registry"]),
    "very long": lambda: assertion(jti="a" * 20_000),
}


@pytest.mark.parametrize("mutated", MUTATED.values(), ids=MUTATED)
def test_a_mutated_assertion_is_refused(client: TestClient, mutated: Callable[[], str]) -> None:
    answer = client.post("/auth/token", data=form(mutated()))
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_refusal_does_not_tell_whether_the_client_exists(client: TestClient) -> None:
    unknown = client.post("/auth/token", data=form(assertion(iss="nobody", sub="nobody")))
    known = client.post("/auth/token", data=form(assertion(OTHER_KEY)))
    assert unknown.json() == known.json()


def test_an_assertion_is_good_once(client: TestClient) -> None:
    same = form(assertion())
    assert client.post("/auth/token", data=same).status_code == 200
    again = client.post("/auth/token", data=same)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


def test_a_jti_is_once_per_client(client: TestClient) -> None:
    nonce = secrets.token_urlsafe(16)
    mine = client.post("/auth/token", data=form(assertion(jti=nonce)))
    other = client.post("/auth/token", data=form(assertion(OTHER_KEY, "other", jti=nonce)))
    again = client.post("/auth/token", data=form(assertion(jti=nonce)))
    assert (mine.status_code, other.status_code, again.status_code) == (200, 200, 401)


def test_a_replay_at_another_worker_at_once_is_refused(tmp_path: Path) -> None:
    """Two applications over one database are two workers; of ten at once one gets a token."""
    first = secured(tmp_path)
    clients = [client_of(first), client_of(secured(tmp_path))]
    same = form(assertion())
    with ThreadPoolExecutor(10) as threads:
        statuses = list(
            threads.map(
                lambda n: clients[n % 2].post("/auth/token", data=same).status_code, range(10)
            )
        )
    assert sorted(statuses) == [200] + [401] * 9


def test_a_refused_assertion_does_not_use_up_its_jti(client: TestClient) -> None:
    nonce = secrets.token_urlsafe(16)
    assert client.post("/auth/token", data=form(assertion(OTHER_KEY, jti=nonce))).status_code == 401
    assert client.post("/auth/token", data=form(assertion(jti=nonce))).status_code == 200


# Access tokens


def test_a_token_of_one_worker_is_taken_by_another(tmp_path: Path) -> None:
    mine = token(client_of(secured(tmp_path)))
    answer = client_of(secured(tmp_path)).get("/fhir/Measure", headers=bearer(mine))
    assert answer.status_code == 200


def test_an_expired_token_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, later = token(client), time.time() + 301
    assert client.get("/fhir/Measure", headers=bearer(mine)).status_code == 200
    monkeypatch.setattr("adapter.api.security.tokens.time.time", lambda: later)
    answer = client.get("/fhir/Measure", headers=bearer(mine))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_changed_or_foreign_token_is_refused(client: TestClient) -> None:
    mine = token(client)
    head, claims, signature = mine.split(".")
    wide = json.loads(base64.urlsafe_b64decode(claims + "=="))
    wide["scope"] = "system/*.cruds"
    widened = f"{head}.{_encoded(wide)}.{signature}"
    for text in (widened, assertion(), mine[:-4], "x", _unsigned(), "a" * 10_000):
        answer = client.get("/fhir/Measure", headers=bearer(text))
        assert answer.status_code == 401, text[:40]
        assert answer.json()["issue"][0]["code"] == "login"
    for header in ("Basic cmVnaXN0cnk6eA==", "Bearer", mine):
        answer = client.get("/fhir/Measure", headers={"Authorization": header})
        assert answer.status_code == 401


def test_a_token_in_the_url_is_not_looked_at(client: TestClient) -> None:
    mine = token(client)
    assert client.get("/fhir/Measure", params={"access_token": mine}).status_code == 401


def test_a_token_ends_with_its_client(tmp_path: Path) -> None:
    mine = token(client_of(secured(tmp_path)))
    without = secured(tmp_path, clients=(registered(tmp_path, "other", [OTHER_KEY]),))
    answer = client_of(without).get("/fhir/Measure", headers=bearer(mine))
    assert answer.status_code == 401


def test_a_renewed_key_ends_no_token(tmp_path: Path) -> None:
    old = token(client_of(secured(tmp_path)))
    renewed = client_of(secured(tmp_path, signing_key_life=timedelta(0)))
    new = token(renewed)
    assert old.split(".")[0] != new.split(".")[0]
    for text in (old, new):
        assert renewed.get("/fhir/Measure", headers=bearer(text)).status_code == 200


def test_a_stated_key_signs_and_the_one_before_is_still_taken(tmp_path: Path) -> None:
    first, second = new_key("ES384"), new_key("ES384")
    file = tmp_path / "signing.json"
    file.touch(mode=0o600)

    def at(*keys: SigningKey) -> TestClient:
        private = [{**key.key.as_dict(private=True), "kid": key.kid} for key in keys]
        file.write_text(json.dumps({"keys": private}))
        return client_of(secured(tmp_path, signing_key=str(file)))

    old = token(at(first))
    assert at(second, first).get("/fhir/Measure", headers=bearer(old)).status_code == 200
    assert at(second).get("/fhir/Measure", headers=bearer(old)).status_code == 401
