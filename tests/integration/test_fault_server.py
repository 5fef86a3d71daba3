"""The fault server does what its scenarios say, so that a test of the client proves something."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt

from tests.lib.fault.authority import Authority, new_key, unauthorized
from tests.lib.fault.certificates import no_newer_than_1_1, own_authority, self_signed
from tests.lib.fault.content import bundle, ndjson, observation
from tests.lib.fault.replies import cut, drip, dropped, gzipped, redirect, reply, wrong_length
from tests.lib.fault.server import OTHER_HOST, Script, fault_server

LINES = ndjson(5)


def test_answers_come_in_turn_and_all_is_recorded():
    answers = [lambda r, s: reply("slow down", 429, {"Retry-After": "2"}), lambda r, s: page(s)]
    script = Script({"GET /fhir/Observation": answers})
    with fault_server(script) as server:
        first = httpx2.get(f"{server.base}/Observation?code=a&code=b", headers={"X-Mark": "1"})
        assert script.unasked == ["GET /fhir/Observation"]
        second = httpx2.get(f"{server.base}/Observation")
    assert (first.status_code, first.headers["retry-after"]) == (429, "2")
    assert second.json()["link"] == [{"relation": "next", "url": f"{server.other}/page"}]
    assert script.unasked == []
    seen = server.seen[0]
    assert (seen.host, seen.query["code"]) == ("127.0.0.1", ["a", "b"])
    assert seen.headers["x-mark"] == "1"


def page(server: Any) -> Any:
    return reply(bundle([observation(1)], next=f"{server.other}/page"))


def test_the_unexpected_fails_the_test():
    with pytest.raises(AssertionError, match=r"127\.0\.0\.2 GET /fhir/Patient\?a=1"):
        ask_for_the_unexpected()


def ask_for_the_unexpected() -> None:
    with fault_server(Script({})) as server:
        assert httpx2.get(f"{server.other}/Patient?a=1").status_code == 500
        assert [seen.host for seen in server.elsewhere] == [OTHER_HOST]


def test_the_other_host_has_answers_of_its_own():
    answers = {
        "GET /fhir/x": lambda r, s: redirect(f"{s.other}/x", 307),
        "127.0.0.2 GET /fhir/x": lambda r, s: reply({"there": True}),
    }
    with fault_server(Script(answers)) as server:
        assert httpx2.get(f"{server.base}/x", follow_redirects=True).json() == {"there": True}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_body_shows_as_one(framing: Any, reset: bool):
    got: list[bytes] = []
    with served(lambda r, s: cut(LINES, 700, framing, reset=reset)) as server:
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            read_into(got, f"{server.base}/file")
        assert len(server.seen) == 1
    assert b"".join(got) == LINES[:700]


def read_into(got: list[bytes], url: str) -> None:
    with httpx2.stream("GET", url) as stream:
        got.extend(stream.iter_bytes())


def test_a_cut_that_http_cannot_show():
    with served(lambda r, s: cut(LINES, 700, "close")) as server:
        assert httpx2.get(f"{server.base}/file").content == LINES[:700]


def test_a_length_that_is_not_the_bodys():
    with (
        served(lambda r, s: wrong_length(LINES, len(LINES) + 9)) as server,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        httpx2.get(f"{server.base}/file")
    with served(lambda r, s: wrong_length(LINES, 9)) as server:
        assert httpx2.get(f"{server.base}/file").content == LINES[:9]


def test_a_slow_drip_and_no_reply():
    with served(lambda r, s: drip(LINES, 400, 0.03)) as server:
        began = time.monotonic()
        assert httpx2.get(f"{server.base}/file").content == LINES
        assert time.monotonic() - began > 0.05
    with served(lambda r, s: dropped()) as server, pytest.raises(httpx2.TransportError):
        httpx2.get(f"{server.base}/file")


@pytest.mark.parametrize("header", [False, True])
def test_gzip_with_and_without_its_header(header: bool):
    with served(lambda r, s: gzipped(LINES, header=header)) as server:
        got = httpx2.get(f"{server.base}/file").content
    assert (got == LINES) is header
    assert got.startswith(b"{" if header else b"\x1f\x8b")


def test_a_date_of_its_own():
    stated = "Mon, 01 Jan 2024 00:00:00 GMT"
    with served(lambda r, s: reply({}, headers={"Date": stated})) as server:
        assert httpx2.get(f"{server.base}/file").headers.get_list("date") == [stated]


def test_it_comes_back_on_its_port():
    with served(lambda r, s: reply({})) as server:
        url = f"{server.base}/file"
        assert httpx2.get(url).status_code == 200
        server.stop()
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url)
        server.start()
        assert httpx2.get(url).status_code == 200


def served(answer: Any) -> Any:
    return fault_server(Script({"GET /fhir/file": answer}))


@pytest.mark.parametrize("make", [own_authority, self_signed])
def test_tls_is_trusted_by_its_file_alone(tmp_path: Path, make: Any):
    tls = make(tmp_path)
    with fault_server(Script({"GET /fhir/a": lambda r, s: reply({})}), tls=tls.context) as server:
        assert server.base.startswith("https://127.0.0.1:")
        assert httpx2.get(f"{server.base}/a", verify=context(tls)).status_code == 200
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.get(f"{server.base}/a")


def test_tls_1_1_is_too_old(tmp_path: Path):
    tls = no_newer_than_1_1(own_authority(tmp_path))
    with fault_server(Script({}), tls=tls.context) as server, pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.base}/a", verify=context(tls))


def context(tls: Any) -> Any:
    return ssl.create_default_context(cafile=str(tls.ca_file))


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_token_for_a_sound_assertion(alg: str):
    key = new_key(alg)
    authority = Authority("raiway-a", [key], lifetime=60)
    guarded = Script({"GET /fhir/x": lambda r, s: guard(authority, r)}, authority)
    with fault_server(guarded) as server:
        stated = httpx2.get(f"{server.base}/.well-known/smart-configuration").json()
        url = stated["token_endpoint"]
        granted = httpx2.post(url, data=form(key, alg, url)).json()
        header = {"Authorization": f"Bearer {granted['access_token']}"}
        assert httpx2.get(f"{server.base}/x", headers=header).status_code == 200
        authority.revoke()
        refused = httpx2.get(f"{server.base}/x", headers=header)
    assert (granted["expires_in"], granted["scope"]) == (60, "system/Observation.rs")
    assert (refused.status_code, "invalid_token" in refused.headers["www-authenticate"]) == (401, 1)


def guard(authority: Authority, request: Any) -> Any:
    return reply({}) if authority.accepts(request) else unauthorized()


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "aud": ({"aud": "https://elsewhere.example/token"}, {}, "aud is not"),
    "exp-far": ({"exp": 400}, {}, "more than 5 minutes"),
    "exp-past": ({"exp": -5}, {}, "expired"),
    "iss": ({"iss": "raiway-b"}, {}, "not the client"),
    "jti": ({"jti": None}, {}, "no jti"),
    "typ": ({}, {"typ": "X"}, "typ JWT"),
    "kid": ({}, {"kid": "key-2"}, "does not verify"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_token_for_an_unsound_assertion(fault: str):
    key = new_key()
    claims, header, text = FAULTS[fault]
    authority = Authority("raiway-a", [key])
    with fault_server(Script({}, authority)) as server:
        url = authority.token_url(server)
        answer = httpx2.post(url, data=form(key, "ES384", url, claims, header))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert text in answer.json()["error_description"]


def test_an_assertion_is_good_once_and_for_its_own_key():
    key, stranger = new_key(), new_key()
    authority = Authority("raiway-a", [key])
    with fault_server(Script({}, authority)) as server:
        url = authority.token_url(server)
        once = form(key, "ES384", url)
        assert httpx2.post(url, data=once).status_code == 200
        assert httpx2.post(url, data=once).status_code == 400
        assert httpx2.post(url, data=form(stranger, "ES384", url)).status_code == 400
        assert httpx2.post(url, data={**once, "scope": ""}).json()["error"] == "invalid_scope"
    assert len(authority.issued) == 1


def form(key: Any, alg: str, url: str, claims: Any = None, header: Any = None) -> dict[str, str]:
    """The form of a token request; `exp` among the claims is relative."""
    stated: dict[str, Any] = {
        "iss": "raiway-a",
        "sub": "raiway-a",
        "aud": url,
        "exp": 240,
        "jti": "j1",
    }
    stated |= claims or {}
    stated["exp"] += int(time.time())
    if stated["jti"] is None:
        del stated["jti"]
    signed = jwt.encode(
        {"alg": alg, "kid": "key-1", "typ": "JWT", **(header or {})}, stated, key, algorithms=[alg]
    )
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        "scope": "system/Observation.rs",
    }
