"""Transport against the fault server: scenarios by the names of `pull.md` 2.2.

Each asserts what the client does, and what arrived at the other host.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.transport import retry
from adapter.pull.transport.client import GaveUp
from adapter.pull.transport.content import RATIO
from adapter.pull.transport.http import Interrupted, NotJson, Reply, TooLarge
from adapter.pull.transport.origins import ForbiddenOrigin
from adapter.pull.transport.tls import TlsRefused
from adapter.site_settings import SiteSettings
from tests.lib.fault import certificates
from tests.lib.fault.auth_scenarios import (
    ELSEWHERE,
    LASTING,
    PAGE,
    PASSING,
    WHOLE,
    InCircles,
    Redirects,
    RoundTrip,
    good,
    page,
    rows,
)
from tests.lib.fault.replies import cut, login_page, reply
from tests.lib.fault.server import FaultServer, Script, fault_server
from tests.lib.fault.watched import ONE_ROW, TOKEN, Watched, asked, assert_silent, ids, refused
from tests.lib.needs import ROOT


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN, encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def site(token_file: Path) -> Callable[..., SiteSettings]:
    """A site that sends a fixed token and a vendor's header."""

    def made(server: FaultServer, **more: Any) -> SiteSettings:
        stated = {
            "name": "A",
            "base_url": server.base,
            "auth": "bearer",
            "token": str(token_file),
            "headers": {"Epic-Client-ID": "canary-client"},
        }
        return SiteSettings.model_validate(stated | more)

    return made


@pytest.mark.parametrize("name", WHOLE)
def test_a_sound_page_is_read(watched: Watched, site: Callable, name: str):
    with fault_server(WHOLE[name]()) as server:
        assert ids(asked(watched, site(server))[0]) == ONE_ROW
        (seen,) = server.seen
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["epic-client-id"] == "canary-client"
        assert seen.headers["accept-encoding"] == "gzip"
    assert watched.clock.slept == []


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("429-seconds", [2], [2]),
        ("429-date", [1], [2]),
        ("503-once", [1], [1]),
        ("5xx-series", [0.5, 1, 2, 4], [1, 2, 4, 8]),
        ("transient-outcome", [0.5], [1]),
        ("html-once", [0.5], [1]),
        ("reset", [0.5], [1]),
        ("dropped", [0.5], [1]),
    ],
)
def test_what_passes_is_asked_again(
    watched: Watched, site: Callable, name: str, least: list[float], most: list[float]
):
    with fault_server(scenario := PASSING[name]()) as server:
        assert ids(asked(watched, site(server))[0]) == ONE_ROW
        assert len(server.seen) == len(least) + 1
        assert scenario.unasked == []
        assert server.elsewhere == []
    assert len(watched.clock.slept) == len(least)
    for low, slept, high in zip(least, watched.clock.slept, most, strict=True):
        assert low <= slept <= high
    assert [event["seconds"] for event in watched.named("waiting")] == pytest.approx(
        watched.clock.slept, abs=0.1
    )
    assert_silent(watched)


def test_html_200(watched: Watched, site: Callable):
    with fault_server(LASTING["html-200"]()) as server:
        error = refused(watched, site(server), NotJson)
        assert len(server.seen) == retry.Policy().stray
    assert (error.kind, error.what) == ("html", "the reply is an HTML page")


def test_500_forever(watched: Watched, site: Callable):
    with fault_server(LASTING["500-forever"]()) as server:
        error = refused(watched, site(server), GaveUp)
        assert len(server.seen) == retry.Policy().attempts
    assert error.what == "GET: status 500"
    assert error.where == f"{server.base}/Observation?patient.name=…"
    assert error.exit_code == 4


def test_a_server_that_is_always_cut(watched: Watched, site: Callable):
    def answer() -> Any:
        return cut(b'{"resourceType":"Bundle"}', 5)

    with fault_server(page(answer)) as server:
        error = refused(watched, site(server), GaveUp)
        assert len(server.seen) == retry.Policy().attempts
    assert "the reply broke off" in error.what


def test_deep_json(watched: Watched, site: Callable):
    with fault_server(LASTING["deep-json"]()) as server:
        error = refused(watched, site(server), NotJson)
        assert len(server.seen) == 1
    assert error.kind == "deep"


@pytest.mark.parametrize("name", ["gzip-bomb", "gzip-bomb-raw"])
def test_gzip_bomb(site: Callable, name: str):
    """In a process of its own, as memory once taken is not told from memory in use."""
    with fault_server(LASTING[name]()) as server:
        stated = site(server).model_dump_json(exclude_unset=True)
        done = subprocess.run(
            [sys.executable, "-c", BOMBED, stated],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert len(server.seen) == 1
    kind, what, megabytes = done.stdout.split("|")
    assert kind == TooLarge.__name__
    assert f"over {RATIO} times" in what
    assert float(megabytes) < 150


BOMBED = """
import asyncio, pathlib, re, resource, sys
from adapter.errors import Unreachable
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings

async def ask():
    async with session(SiteSettings.model_validate_json(sys.argv[1])) as client:
        await client.get(f"{client.base}/Observation")

try:
    asyncio.run(ask())
except Unreachable as error:
    # Linux counts the parent's memory in ru_maxrss of what it started.
    status = pathlib.Path("/proc/self/status")
    size = (
        int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) / 1e3
        if status.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    )
    print(type(error).__name__, error.what, size, sep="|")
"""


def test_a_coding_that_nobody_asked_for(watched: Watched, site: Callable):
    with fault_server(LASTING["brotli"]()) as server:
        assert "'br'" in refused(watched, site(server), Unreachable).what
        assert len(server.seen) == 1


def test_a_page_above_the_cap(watched: Watched, site: Callable):
    with fault_server(page(lambda: reply(b" " * 1_000_001))) as server:
        error = refused(watched, site(server, limits={"page_mb": 1}), TooLarge)
    assert error.what == "a page of more than 1 MB"


@pytest.mark.parametrize("status", [302, 307])
def test_redirect_other_host(watched: Watched, site: Callable, status: int):
    with fault_server(Redirects(status)) as server:
        refused(watched, site(server), ForbiddenOrigin)
        assert server.elsewhere == []
        listed = site(server, extra_origins=[server.other])
        assert ids(asked(watched, listed)[0]) == ONE_ROW
        (seen,) = server.elsewhere
        assert "authorization" not in seen.headers
        assert "epic-client-id" not in seen.headers


def test_a_redirect_there_and_back_brings_no_token_home(watched: Watched, site: Callable):
    with fault_server(RoundTrip()) as server:
        assert ids(asked(watched, site(server, extra_origins=[server.other]))[0]) == ONE_ROW
        assert ["authorization" in seen.headers for seen in server.seen] == [True, False, False]


def test_a_redirect_in_circles(watched: Watched, site: Callable):
    with fault_server(InCircles()) as server:
        assert "more than 3 redirects" in refused(watched, site(server), Unreachable).what
        assert len(server.seen) == 4


def test_a_post_is_not_redirected_to_another_host(watched: Watched, site: Callable):
    async def post(site: SiteSettings) -> Reply:
        async with watched.client(site) as client:
            return await client.post(f"{client.base}/Observation/_search", b"patient=canary-mrn-88")

    def there(request: Any, server: FaultServer) -> Any:
        return reply(None, 307, {"Location": f"{server.other}/Observation/_search"})

    with fault_server(Script({"POST /fhir/Observation/_search": there})) as server:
        with pytest.raises(ForbiddenOrigin):
            asyncio.run(post(site(server, extra_origins=[server.other])))
        assert server.elsewhere == []


@pytest.mark.parametrize(
    "url",
    [
        "{other}/Observation",
        "file:///etc/passwd",
        "http://user@{host}/fhir/Observation",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "//{elsewhere}/fhir",
        "gopher://{host}/",
        "",
    ],
)
def test_next_forbidden(watched: Watched, site: Callable, url: str):
    async def ask(site: SiteSettings, url: str) -> None:
        async with watched.client(site) as client:
            with pytest.raises(ForbiddenOrigin) as found:
                await client.get(url)
            assert_silent(watched, found.value)
            with pytest.raises(ForbiddenOrigin):
                async with client.stream(url):
                    pass

    with fault_server(Script({})) as server:
        host, elsewhere = server.base.split("/")[2], server.other.split("/")[2]
        asked_for = url.format(other=server.other, host=host, elsewhere=elsewhere)
        asyncio.run(ask(site(server), asked_for))
        assert server.seen == []


def test_many_429s_lower_the_concurrency(watched: Watched, site: Callable):
    asked_so_far = 0

    def busy(request: Any, server: FaultServer) -> Any:
        nonlocal asked_so_far
        asked_so_far += 1
        return reply(None, 429, {"Retry-After": "1"}) if asked_so_far % 7 == 0 else rows()

    with fault_server(Script({PAGE: busy})) as server:
        found = asked(watched, site(server), times=60)
        assert all(ids(each) == ONE_ROW for each in found)
        assert len(server.seen) == 60 + len(watched.named("slower"))
    assert watched.named("slower")[-1]["concurrency"] == 1


def test_a_stream_is_one_attempt_and_decoded(watched: Watched, site: Callable):
    async def ask(site: SiteSettings) -> tuple[int, bytes]:
        async with watched.client(site) as client:
            async with client.stream(f"{client.base}/Observation") as first:
                assert first.status == 503
            async with client.stream(f"{client.base}/Observation") as second:
                return second.status, b"".join([chunk async for chunk in second.chunks()])

    answers = page(lambda: reply("", 503), lambda: cut(b"one\ntwo\n", 4))
    with fault_server(answers) as server, pytest.raises(Interrupted) as found:
        asyncio.run(ask(site(server)))
    assert_silent(watched, found.value)
    with fault_server(page(lambda: reply("", 503), login_page)) as server:
        status, body = asyncio.run(ask(site(server)))
    assert (status, body[:5]) == (200, b"<!DOC")


# TLS


def test_tls_self_signed(watched: Watched, site: Callable, tmp_path: Path):
    with fault_server(page(rows), tls=certificates.self_signed(tmp_path).context) as server:
        error = refused(watched, site(server), TlsRefused)
        assert server.seen == []
    assert error.what.startswith("the certificate is not trusted")
    assert watched.clock.slept == []


def test_tls_own_authority(watched: Watched, site: Callable, tmp_path: Path):
    tls = certificates.own_authority(tmp_path)
    with fault_server(page(rows), tls=tls.context) as server:
        assert ids(asked(watched, site(server, ca_file=tls.ca_file))[0]) == ONE_ROW
        refused(watched, site(server), TlsRefused)
        # The certificate names addresses and localhost, not this machine's other names.
        named = server.base.replace("127.0.0.1", "localhost")
        found = asked(watched, site(server, base_url=named, ca_file=tls.ca_file))
        assert ids(found[0]) == ONE_ROW
        assert len(server.seen) == 2


def test_tls_1_1(watched: Watched, site: Callable, tmp_path: Path):
    """A server may end the handshake with an alert, or without a word as asyncio's does."""
    tls = certificates.no_newer_than_1_1(certificates.own_authority(tmp_path))
    with fault_server(page(rows), tls=tls.context) as server:
        error = refused(watched, site(server, ca_file=tls.ca_file), GaveUp)
        assert server.seen == []
        assert "TLS 1.2" in error.what
        with alerting(tls.context) as base:
            error = refused(watched, site(server, ca_file=tls.ca_file, base_url=base), TlsRefused)
    assert error.what == "the server does not speak TLS 1.2 or newer"


@contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[str]:
    """The base of a server of one connection, by blocking sockets, which send the alert."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def shake() -> None:
            taken, _ = listening.accept()
            with taken, suppress(ssl.SSLError):
                context.wrap_socket(taken, server_side=True)

        thread = threading.Thread(target=shake)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/fhir"
        thread.join(10)


def test_verification_is_off_on_loopback_only(watched: Watched, site: Callable, tmp_path: Path):
    tls = certificates.self_signed(tmp_path)
    with fault_server(page(rows), tls=tls.context) as server:
        assert ids(asked(watched, site(server, verify_tls=False))[0]) == ONE_ROW
        elsewhere = site(server, verify_tls=False, base_url="https://fhir.example/r4")
        with pytest.raises(ConfigurationError, match="loopback only"):
            asked(watched, elsewhere)


def test_a_server_that_wants_our_certificate(watched: Watched, site: Callable, tmp_path: Path):
    tls = certificates.own_authority(tmp_path)
    tls.context.load_verify_locations(tls.ca_file)
    tls.context.verify_mode = ssl.CERT_REQUIRED
    # The server's own certificate does for the client as well.
    ours = tmp_path / "server.pem"
    ours.chmod(0o600)
    with fault_server(page(rows), tls=tls.context) as server:
        known = {"client_cert": ours, "client_cert_key": str(ours), "ca_file": tls.ca_file}
        assert ids(asked(watched, site(server, **known))[0]) == ONE_ROW
        refused(watched, site(server, ca_file=tls.ca_file), Unreachable)
        assert len(server.seen) == 1
        ours.chmod(0o644)
        with pytest.raises(ConfigurationError, match="client_cert_key can be read by others"):
            asked(watched, site(server, **known))


def test_through_a_proxy(watched: Watched, site: Callable):
    """Which resolves names in our place; the origins that may be asked stay the same."""
    base = "http://localhost:9/fhir"
    with fault_server(Script({ELSEWHERE: good})) as server:
        through = site(server, proxy=server.root("127.0.0.2"), base_url=base)
        assert ids(asked(watched, through)[0]) == ONE_ROW
        (seen,) = server.seen
        assert seen.url.startswith(f"{base}/Observation?")
        assert seen.headers["host"] == "localhost:9"
