"""SMART Backend Services without a network: scopes, assertions, and what replies mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt

from adapter.pull.auth import smart
from adapter.pull.auth.keys import Alg, new_key, signing_key
from adapter.pull.auth.scopes import Offered, missing, parsed, reading
from adapter.pull.transport.http import NotJson, Reply

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = smart.Moment(NOW, 1000.0)
TOKEN_URL = "https://login.a.example/token"  # noqa: S105 - no secret
CONFIGURATION = smart.Configuration(TOKEN_URL)
WANTED = [reading("Patient", v2=True)]


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(TOKEN_URL, status, headers, raw)


# Scopes


@pytest.mark.parametrize(
    ("v2", "supported", "asked", "not_offered"),
    [
        (True, None, "system/Patient.rs system/Condition.rs", []),
        (False, None, "system/Patient.read system/Condition.read", []),
        (True, ["openid", "launch"], "system/Patient.rs system/Condition.rs", []),
        (True, ["system/*.rs"], "system/Patient.rs system/Condition.rs", []),
        (True, ["system/*.cruds"], "system/Patient.rs system/Condition.rs", []),
        (True, ["system/Patient.rs"], "system/Patient.rs", ["Condition"]),
        (True, ["system/Patient.r"], "", ["Patient", "Condition"]),
        (
            True,
            ["system/Patient.rs?x=y", "system/Condition.rs"],
            "system/Condition.rs",
            ["Patient"],
        ),
        # The server states permission-v2, and lists v1 only for some.
        (
            True,
            ["system/Patient.read", "system/Condition.rs"],
            "system/Patient.read system/Condition.rs",
            [],
        ),
        (False, ["system/*.rs"], "system/Patient.rs system/Condition.rs", []),
        (False, ["system/*.*"], "system/Patient.read system/Condition.read", []),
    ],
)
def test_scopes_are_cut_to_what_is_offered(
    v2: bool, supported: list[str] | None, asked: str, not_offered: list[str]
):
    offered = Offered(v2, None if supported is None else frozenset(supported))
    found, left = offered.derived(["Patient", "Condition", "Patient"])
    assert " ".join(scope.text for scope in found) == asked
    assert left == not_offered


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        ("system/Patient.rs", []),
        ("openid system/Patient.cruds", []),
        ("system/*.read", []),
        ("system/*.*", []),
        ("system/Patient.*", []),
        ("system/Patient.read system/Patient.rs?x=y", []),
        ("system/Patient.r", ["system/Patient.rs"]),
        ("system/Patient.s system/Patient.r", ["system/Patient.rs"]),
        ("system/Patient.rs?_security=x", ["system/Patient.rs"]),
        ("patient/Patient.rs user/*.rs", ["system/Patient.rs"]),
        ("system/patient.rs", ["system/Patient.rs"]),
        ("system/Patient.write", ["system/Patient.rs"]),
        ("", ["system/Patient.rs"]),
    ],
)
def test_what_is_granted_must_cover_what_is_needed(granted: str, lacking: list[str]):
    assert missing(WANTED, granted) == lacking


@pytest.mark.parametrize("text", ["system/Patient.", "system/Patient.sr", "launch", "system/*", ""])
def test_no_system_scope(text: str):
    assert parsed(text) is None


# Discovery


def test_discovery():
    asked = smart.discovery("https://fhir.a.example/r4")
    assert asked.url == "https://fhir.a.example/r4/.well-known/smart-configuration"
    assert (asked.method, asked.headers) == ("GET", {"Accept": "application/json"})
    found = smart.configuration(
        reply(
            {
                "token_endpoint": TOKEN_URL,
                "capabilities": ["permission-v2"],
                "scopes_supported": ["system/*.rs"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS384"],
            }
        )
    )
    assert found == smart.Configuration(
        TOKEN_URL, True, frozenset({"system/*.rs"}), frozenset({"RS384"})
    )


@pytest.mark.parametrize(
    "body", [{}, {"token_endpoint": 1}, {"token_endpoint": ""}, {"capabilities": "permission-v2"}]
)
def test_no_token_endpoint(body: dict):
    with pytest.raises(smart.Unauthorised, match="no token endpoint"):
        smart.configuration(reply(body))
    assert smart.configuration(reply(body), TOKEN_URL).token_endpoint == TOKEN_URL


def test_an_override_does_without_discovery():
    assert smart.configuration(reply(b"<html>", 404), TOKEN_URL) == CONFIGURATION
    with pytest.raises(smart.Unauthorised, match="status 404"):
        smart.configuration(reply(b"<html>", 404))
    with pytest.raises(NotJson):
        smart.configuration(reply(b"<html>"))


def test_an_override_keeps_what_discovery_says_of_scopes():
    found = smart.configuration(reply({"token_endpoint": "x", "capabilities": []}), TOKEN_URL)
    assert (found.token_endpoint, found.v2) == (TOKEN_URL, False)


# The request


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_an_assertion(alg: Alg):
    key = new_key(alg)
    signed = [smart.assertion("raiway", key, TOKEN_URL, NOW) for _ in range(2)]
    asked = smart.token_request(CONFIGURATION, signed[0], "system/*.rs")
    form = {name: value for name, (value,) in parse_qs((asked.body or b"").decode()).items()}
    assert (asked.method, asked.url) == ("POST", TOKEN_URL)
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["scope"] == "system/*.rs"
    assert form["client_assertion"] not in repr(asked)
    tokens = [jwt.decode(text, key.key, algorithms=[alg]) for text in signed]
    assert tokens[0].header == {"alg": alg, "kid": key.kid, "typ": "JWT"}
    claims = tokens[0].claims
    assert claims["jti"] != tokens[1].claims["jti"]
    assert len(claims.pop("jti")) >= 22  # 128 bits in base64
    assert claims == {
        "iss": "raiway",
        "sub": "raiway",
        "aud": TOKEN_URL,
        "exp": int(NOW.timestamp()) + 240,
    }


# The reply

GRANTED = {"access_token": "abc", "token_type": "Bearer", "scope": "system/*.rs"}


@pytest.mark.parametrize(
    ("life", "renew_after"),
    [(300, 240), ("300", 240), (3, 1.5), (90, 45), (None, 240), ("x", 240), (0, 240), (-1, 240)],
)
def test_a_token_is_renewed_in_time(life: Any, renew_after: float):
    found = smart.token(reply(GRANTED | {"expires_in": life}), WANTED, "", AT)
    assert found.header == "Bearer abc"
    assert found.renew_at == AT.monotonic + renew_after
    assert "abc" not in repr(found)


def test_what_a_terminal_obeys_is_not_shown_of_a_scope():
    body = {**GRANTED, "scope": "system/*.rs \x1b[2J system/Patient.rs?x=\x07"}
    assert smart.token(reply(body), WANTED, "system/Patient.rs", AT).scope == "system/*.rs"


def test_a_scope_left_out_is_what_was_asked():
    body = {"access_token": "abc", "token_type": "bearer"}
    assert smart.token(reply(body), WANTED, "system/Patient.rs", AT).scope == "system/Patient.rs"


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a b"},
        {"access_token": "ä"},
        {"token_type": "mac"},
        {"token_type": None},
        {"scope": "system/Observation.rs"},
        {"scope": ""},
    ],
)
def test_a_reply_that_grants_nothing_of_use(change: dict):
    with pytest.raises(smart.Unauthorised) as found:
        smart.token(reply(GRANTED | change), WANTED, "system/Patient.rs", AT)
    assert found.value.exit_code == 4
    assert "Evil" not in str(found.value)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_a_good_status_without_json(body: bytes):
    with pytest.raises(NotJson):
        smart.token(reply(body), WANTED, "", AT)


@pytest.mark.parametrize(
    ("error", "minutes", "told"),
    [
        ("invalid_client", 0, "401 invalid_client"),
        ("invalid_client", 0.25, "401 invalid_client"),
        ("invalid_client", 10, "401 invalid_client; this machine's clock is 10 min behind"),
        ("invalid_client", -10, "401 invalid_client; this machine's clock is 10 min ahead of"),
        ("invalid_client", 1, "401 invalid_client; this machine's clock is 60 s behind"),
        ("invalid_scope", 10, "401 invalid_scope"),
        ("canary: your assertion eyJ", 0, "401 no error code"),
        (None, 0, "401 no error code"),
        ({"x": 1}, 0, "401 no error code"),
    ],
)
def test_a_refusal_names_its_code_and_the_clocks(error: Any, minutes: float, told: str):
    date = format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)
    body = {"error": error, "error_description": "canary"}
    with pytest.raises(smart.Unauthorised) as found:
        smart.token(reply(body, 401, date=date), WANTED, "", AT)
    assert found.value.what.startswith(told)
    assert ("clock" in found.value.what) == ("clock" in told)
    assert "canary" not in f"{found.value!r}{found.value.hint}"


def test_an_algorithm_the_server_does_not_take():
    key = signing_key(new_key("ES384").key.as_pem(private=True).decode())
    smart.check_algorithm(CONFIGURATION, key)
    smart.check_algorithm(smart.Configuration(TOKEN_URL, algorithms=frozenset({"ES384"})), key)
    with pytest.raises(smart.Unauthorised, match="does not take ES384") as found:
        smart.check_algorithm(smart.Configuration(TOKEN_URL, algorithms=frozenset({"HS256"})), key)
    assert "neither ES384 nor RS384" in found.value.hint
