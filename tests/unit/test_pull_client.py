"""The client on a transport without a network: names, headers, tokens, patience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
import pytest

from adapter.errors import ConfigurationError
from adapter.pull.transport.client import Client, GaveUp
from adapter.pull.transport.log import RunLog
from adapter.pull.transport.origins import ForbiddenOrigin, Origin
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings
from tests.lib.fault.clock import FakeClock

BASE = "https://fhir.a.example/r4"
FILES = "https://files.a.example"
ADDRESSES = {"fhir.a.example": ["192.0.2.1", "192.0.2.2"], "files.a.example": ["192.0.2.1"]}

Answer = Callable[[httpx2.Request], httpx2.Response]


class Network:
    """Every address answers by `answer`; those in `down` cannot be reached."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.down: set[str] = set()
        self.seen: list[httpx2.Request] = []
        self.connected: list[Origin] = []
        self.clock = FakeClock()
        self.events: list[dict[str, Any]] = []

    def client(self, **more: Any) -> AbstractAsyncContextManager[Client]:
        stated = {"name": "A", "base_url": BASE, "auth": "none", "extra_origins": [FILES]} | more
        return session(
            SiteSettings.model_validate(stated),
            clock=self.clock,
            log=RunLog(self.clock, self.events.append),
            network=(self._connect, self._resolve),
        )

    def _connect(self, origin: Origin) -> httpx2.AsyncBaseTransport:
        self.connected.append(origin)
        return httpx2.MockTransport(self._answer)

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        return ADDRESSES[host]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        if request.url.host in self.down:
            raise httpx2.ConnectError("down", request=request)
        found = self.answer(request)
        # Unread, as from a network.
        return httpx2.Response(
            found.status_code, headers=found.headers, stream=httpx2.ByteStream(found.content)
        )


def good(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"resourceType": "Bundle"})


def run(network: Network, ask: Callable[[Client], Any], **more: Any) -> Any:
    async def asked() -> Any:
        async with network.client(**more) as client:
            return await ask(client)

    return asyncio.run(asked())


def test_the_address_is_asked_under_the_name_of_the_url():
    network = Network(good)
    run(network, lambda client: client.get(f"{BASE}/Observation?a=b%2Cc"))
    (seen,) = network.seen
    assert str(seen.url) == "https://192.0.2.1/r4/Observation?a=b%2Cc"
    assert seen.headers["host"] == "fhir.a.example"
    assert seen.extensions["sni_hostname"] == "fhir.a.example"


def test_a_reply_is_named_by_the_url_not_by_the_address():
    network = Network(good)
    found = run(network, lambda client: client.get(f"{BASE}/Observation"))
    assert found.url == f"{BASE}/Observation"


def test_when_the_first_address_is_down_the_next_is_asked():
    network = Network(good)
    network.down = {"192.0.2.1"}
    assert run(network, lambda client: client.get(f"{BASE}/Observation")).status == 200
    assert [seen.url.host for seen in network.seen] == ["192.0.2.1", "192.0.2.2"]
    assert network.clock.slept == []


def test_two_names_at_one_address_do_not_share_a_connection():
    """The certificate of one was checked, not the other's."""
    network = Network(good)

    async def ask(client: Client) -> None:
        for url in (f"{BASE}/Observation", f"{FILES}/1.ndjson", f"{BASE}/Patient"):
            await client.get(url)

    run(network, ask)
    assert [origin.host for origin in network.connected] == ["fhir.a.example", "files.a.example"]


def test_cookies_stay_with_their_host():
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"set-cookie": "node=1; Path=/"}, json={})

    network = Network(answer)

    async def ask(client: Client) -> None:
        for url in (f"{BASE}/Observation", f"{FILES}/1.ndjson", f"{BASE}/Patient"):
            await client.get(url)

    run(network, ask)
    assert [seen.headers.get("cookie") for seen in network.seen] == [None, None, "node=1"]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SYNTHETIC_TOKEN", "abc")
    return {"auth": "bearer", "token": "env:SYNTHETIC_TOKEN", "headers": {"Epic-Client-ID": "x"}}


def sent(network: Network) -> list[tuple[str, bool, bool]]:
    """Host, and whether token and vendor's header went there."""
    return [
        (seen.headers["host"], "authorization" in seen.headers, "epic-client-id" in seen.headers)
        for seen in network.seen
    ]


def test_the_token_goes_to_listed_origins_and_the_vendors_header_to_the_base(token: dict):
    network = Network(good)

    async def ask(client: Client) -> None:
        await client.get(f"{BASE}/Observation")
        await client.get(f"{FILES}/1.ndjson")
        await client.get(f"{FILES}/1.ndjson", authorize=False)
        async with client.stream(f"{FILES}/1.ndjson", authorize=False):
            pass

    run(network, ask, **token)
    assert sent(network) == [
        ("fhir.a.example", True, True),
        ("files.a.example", True, False),
        ("files.a.example", False, False),
        ("files.a.example", False, False),
    ]


def test_a_redirect_within_the_origin_keeps_what_was_sent(token: dict):
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/r4/Observation":
            return httpx2.Response(307, headers={"location": "Elsewhere?x=y"})
        return good(request)

    network = Network(answer)
    found = run(network, lambda client: client.get(f"{BASE}/Observation"), **token)
    assert found.url == f"{BASE}/Elsewhere?x=y"
    assert sent(network) == [("fhir.a.example", True, True)] * 2


def test_a_redirect_to_another_origin_leaves_all_but_harmless_headers(token: dict):
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.headers["host"] == "fhir.a.example":
            return httpx2.Response(302, headers={"location": f"{FILES}/1"})
        return good(request)

    network = Network(answer)
    headers = {"Range": "bytes=1-", "X-Patient": "canary", "Prefer": "x"}
    run(network, lambda client: client.get(f"{BASE}/Observation", headers=headers), **token)
    there = network.seen[1].headers
    assert (there["range"], there["accept"]) == ("bytes=1-", "application/fhir+json")
    assert not {"authorization", "epic-client-id", "x-patient", "prefer"} & set(there)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "http://fhir.a.example/r4", "file:///x"]
)
def test_a_redirect_to_where_nobody_may_go(token: dict, target: str):
    network = Network(lambda request: httpx2.Response(302, headers={"location": target}))

    async def ask(client: Client) -> None:
        with pytest.raises(ForbiddenOrigin):
            await client.get(f"{BASE}/Observation")
        with pytest.raises(ForbiddenOrigin):
            async with client.stream(f"{BASE}/Observation"):
                pass

    run(network, ask, **token)
    assert len(network.seen) == 2


def test_what_a_caller_accepts_decides_if_html_is_odd():
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text="<html>")

    network = Network(answer)
    found = run(network, lambda client: client.get(f"{BASE}/x", accept="text/html"))
    assert found.is_html
    assert len(network.seen) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422, 501])
def test_a_status_that_stays_is_the_callers_to_judge(status: int):
    network = Network(lambda request: httpx2.Response(status, json={}))
    assert run(network, lambda client: client.get(f"{BASE}/Observation")).status == status
    assert len(network.seen) == 1


def test_post_and_delete():
    network = Network(good)

    async def ask(client: Client) -> None:
        await client.post(f"{BASE}/Observation/_search", b"a=b", content_type="x/y")
        await client.delete(f"{BASE}/status/1")

    run(network, ask)
    first, second = network.seen
    assert (first.method, first.content, first.headers["content-type"]) == ("POST", b"a=b", "x/y")
    assert (second.method, second.content) == ("DELETE", b"")


@pytest.mark.parametrize(("longest", "slept"), [("10m", 600), ("5s", 5)])
def test_a_server_that_asks_for_two_hours_gets_what_we_allow(longest: str, slept: float):
    answers = iter([httpx2.Response(429, headers={"retry-after": "7200"}), None])
    network = Network(lambda request: next(answers) or good(request))
    ask = lambda client: client.get(f"{BASE}/Observation")  # noqa: E731 - said once
    run(network, ask, limits={"retry_after_max": longest})
    assert network.clock.slept == [slept]
    (waiting,) = [event for event in network.events if event["event"] == "waiting"]
    assert (waiting["asked"], waiting["seconds"], waiting["clamped"]) == (7200, slept, True)


def test_a_retry_date_is_read_by_the_servers_own_clock():
    headers = {
        "date": "Tue, 24 Nov 2020 12:00:00 GMT",
        "retry-after": "Tue, 24 Nov 2020 12:00:30 GMT",
    }
    answers = iter([httpx2.Response(503, headers=headers), None])
    network = Network(lambda request: next(answers) or good(request))
    run(network, lambda client: client.get(f"{BASE}/Observation"))
    assert network.clock.slept == [30]


def test_the_last_reply_comes_with_the_error():
    network = Network(lambda request: httpx2.Response(500, json={"resourceType": "x"}))

    async def ask(client: Client) -> GaveUp:
        with pytest.raises(GaveUp) as found:
            await client.get(f"{BASE}/Observation?name=canary")
        return found.value

    error = run(network, ask)
    assert error.reply.json() == {"resourceType": "x"}
    assert "canary" not in f"{error!r}{error.reply!r}{network.events}"
    assert len(network.seen) == len(network.clock.slept) + 1


def test_a_stream_may_be_open_while_a_token_is_fetched(token: dict):
    """With one slot only, a stream that waited for its token within it would wait for ever."""
    network = Network(good)

    async def ask(client: Client) -> int:
        async with asyncio.timeout(5), client.stream(f"{BASE}/x") as found:
            return found.status

    assert run(network, ask, limits={"concurrency": 1}, **token) == 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_url": ""}, "base_url is not set"),
        ({"auth": "smart"}, "site A: client_id is not set"),
        ({"auth": "smart", "client_id": "x"}, "site A: private_key is not set"),
        ({"auth": "bearer"}, "site A: token is not set"),
        ({"auth": "basic", "username": "env:SYNTHETIC_COLON"}, "site A: password is not set"),
        ({"base_url": "http://fhir.a.example"}, "site A: base_url is http without TLS"),
        ({"verify_tls": False}, "site A: verify_tls = false is taken on loopback only"),
        ({"ca_file": "none.pem"}, "site A: ca_file cannot be used: No such file"),
        ({"client_cert": "none.pem"}, "site A: client_cert_key is not set"),
        ({"auth": "bearer", "token": "env:SYNTHETIC_BLANK"}, "site A: token holds blanks"),
    ],
)
def test_settings_that_do_not_hold(monkeypatch: pytest.MonkeyPatch, change: dict, told: str):
    monkeypatch.setenv("SYNTHETIC_COLON", "a:b")
    monkeypatch.setenv("SYNTHETIC_BLANK", "a b")
    network = Network(good)
    with pytest.raises(ConfigurationError) as found:
        run(network, lambda client: client.get(f"{BASE}/x"), **change)
    assert found.value.what.startswith(told)
    assert network.seen == []


def test_basic(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SYNTHETIC_USER", "Aladdin")
    monkeypatch.setenv("SYNTHETIC_WORD", "open sesame")
    network = Network(good)
    run(
        network,
        lambda client: client.get(f"{BASE}/x"),
        auth="basic",
        username="env:SYNTHETIC_USER",
        password="env:SYNTHETIC_WORD",  # noqa: S106 - a variable's name
    )
    # RFC 7617, section 2
    assert network.seen[0].headers["authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
