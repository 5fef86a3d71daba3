"""Which URLs are asked at all (G1)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.transport.content import Interrupted
from adapter.pull.transport.origins import ForbiddenOrigin, Origin, Origins, origin_of

BASE = "https://fhir.a.example/r4"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://fhir.a.example/r4", ("https", "fhir.a.example", 443)),
        ("HTTPS://FHIR.A.example:443/x?y#z", ("https", "fhir.a.example", 443)),
        ("https://fhir.a.example.:8443", ("https", "fhir.a.example", 8443)),
        ("http://127.0.0.1:8080/fhir", ("http", "127.0.0.1", 8080)),
        ("http://localhost/fhir", ("http", "localhost", 80)),
        ("http://[::1]:1/fhir", ("http", "::1", 1)),
    ],
)
def test_an_origin(url: str, origin: tuple[str, str, int]):
    assert origin_of(url) == Origin(*origin)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Observation?page=2",
        "/fhir/Observation",
        "//fhir.a.example/r4",
        "file:///etc/passwd",
        "ftp://fhir.a.example/",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "http://fhir.a.example/r4",
        "http://127.0.0.1.a.example/",
        "http://2130706433/",
        "https://user@fhir.a.example/r4",
        "https://user:secret@fhir.a.example/r4",
        "https://@fhir.a.example/",
        "https://fhir.a.example\\@evil.example/",
        "https://fhir.a.example%2f@evil.example/",
        "https://fhir.a.example%00.evil.example/",
        "https:///r4",
        "https://fhir.a.example:port/",
        "https://fhir.a.example:99999/",
        "https://[::1/",
        "https://exa mple/",
        "https://fhir.a.exam\tple/",
        "https://fhir.a.example/x\r\nX-Evil: 1",
        "https://fhir.ä.example/",
        "https://fhir。a。example/",
    ],
)
def test_no_origin(url: str):
    with pytest.raises(ForbiddenOrigin) as found:
        origin_of(url)
    assert "secret" not in str(found.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/r4/Observation",
        "https://fhir.a.example:8443/r4",
        "https://fhir.a.example.evil.example/r4",
        "https://sub.fhir.a.example/r4",
        "https://127.0.0.1/",
        "http://127.0.0.1/",
    ],
)
def test_an_origin_that_is_not_listed(url: str):
    origins = Origins(BASE, ["https://files.a.example"])
    with pytest.raises(ForbiddenOrigin):
        origins.check(url)
    with pytest.raises(ForbiddenOrigin):
        origins.may_see_token(url)


def test_who_may_see_the_token():
    origins = Origins(BASE, ["https://files.a.example"])
    origins.allow("https://login.a.example/token")
    assert origins.may_see_token("https://fhir.a.example/elsewhere")
    assert origins.may_see_token("https://files.a.example/1.ndjson")
    assert not origins.may_see_token("https://login.a.example/token")


def test_a_token_endpoint_without_tls_is_not_allowed():
    origins = Origins(BASE)
    with pytest.raises(ForbiddenOrigin):
        origins.allow("http://login.a.example/token")


@pytest.mark.parametrize(
    ("base", "extra", "key"),
    [
        ("http://fhir.a.example", [], "base_url"),
        ("fhir.a.example/r4", [], "base_url"),
        (BASE, ["http://files.a.example"], "extra_origins"),
    ],
)
def test_a_configured_url_that_cannot_be(base: str, extra: list[str], key: str):
    with pytest.raises(ConfigurationError, match=f"^{key} is ") as found:
        Origins(base, extra)
    assert found.value.exit_code == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:6379/",
        "https://localhost/t",
        "http://[::1]/",
        "https://[::ffff:127.0.0.1]/t",
        "https://[64:ff9b::7f00:1]/t",
    ],
)
def test_a_server_elsewhere_cannot_name_this_machine(url: str):
    with pytest.raises(ForbiddenOrigin, match="points to this machine"):
        Origins(BASE).allow(url)
    Origins(BASE, [url]).allow(url)
    Origins("http://127.0.0.1:8080/fhir").allow(url)


@pytest.mark.parametrize("url", ["https://169.254.169.254/t", "https://[fd00:ec2::254]/t"])
def test_nor_an_address_that_is_never_asked(url: str):
    """Told from the URL itself: through a proxy no name is resolved here."""
    with pytest.raises(ForbiddenOrigin, match="metadata service"):
        Origins(BASE).allow(url)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_nor_by_a_name_that_resolves_to_it(address: str):
    async def resolve(host: str, port: int) -> Sequence[str]:
        return [address]

    async def ask(origins: Origins) -> None:
        await origins.addresses(origin_of("https://login.example"))

    origins = Origins(BASE, resolve=resolve)
    origins.allow("https://login.example/token")
    with pytest.raises(ForbiddenOrigin, match="resolves to this machine"):
        asyncio.run(ask(origins))
    asyncio.run(ask(Origins(BASE, ["https://login.example"], resolve=resolve)))


def addresses(*answers: list[str]) -> tuple[Origins, list[tuple[str, int]]]:
    """Origins whose name server gives these answers, and what was asked of it."""
    asked: list[tuple[str, int]] = []
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return left.pop(0)

    return Origins(BASE, resolve=resolve), asked


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "::",
        "224.0.0.1",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_listed_name_that_resolves_to_what_is_never_asked(address: str, first: bool):
    found = [address, "192.0.2.7"] if first else ["192.0.2.7", address]
    origins, _ = addresses(found)
    with pytest.raises(ForbiddenOrigin, match=r"fhir\.a\.example resolves to "):
        asyncio.run(origins.addresses(origins.base))


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.9", "127.0.0.1", "2001:db8::1"])
def test_a_hospital_may_live_in_a_private_network(address: str):
    origins, _ = addresses([address])
    assert asyncio.run(origins.addresses(origins.base)) == [address]


def test_a_name_without_an_address():
    origins, _ = addresses([])
    with pytest.raises(Unreachable, match="no address for"):
        asyncio.run(origins.addresses(origins.base))


def test_a_name_is_resolved_once():
    """Or its second answer could lead to where the first may not (DNS rebinding)."""
    origins, asked = addresses(["192.0.2.7"], ["169.254.169.254"])

    async def ask() -> list[Sequence[str]]:
        together = await asyncio.gather(*(origins.addresses(origins.base) for _ in range(5)))
        return [*together, await origins.addresses(origins.base)]

    assert asyncio.run(ask()) == [["192.0.2.7"]] * 6
    assert asked == [("fhir.a.example", 443)]


@pytest.mark.parametrize(
    ("number", "kind"), [(socket.EAI_AGAIN, Interrupted), (socket.EAI_NONAME, Unreachable)]
)
def test_a_name_server_that_fails_may_be_asked_again(number: int, kind: type[Unreachable]):
    failures = [socket.gaierror(number, "no")]

    async def resolve(host: str, port: int) -> Sequence[str]:
        if failures:
            raise failures.pop()
        return ["192.0.2.7"]

    async def ask() -> Sequence[str]:
        origins = Origins(BASE, resolve=resolve)
        with pytest.raises(Unreachable) as error:
            await origins.addresses(origins.base)
        assert type(error.value) is kind
        return await origins.addresses(origins.base)

    assert asyncio.run(ask()) == ["192.0.2.7"]


NASTY = [
    "https", "http", "://", ":", "//", "/", "\\", "@", "#", "?", "%2f", "%40", "%00", "[", "]",
    "::1", "127.0.0.1", "fhir.a.example", "evil.example", ".", ":443", ":80", "FHIR.A.EXAMPLE",
    "user", "。", "ä", "\t", " ",
]  # fmt: skip
_PIECES = st.lists(st.sampled_from(NASTY), max_size=8).map("".join)


@given(st.sampled_from(["", "https://", "https://fhir.a.example", "http://127.0.0.1"]), _PIECES)
def test_what_is_checked_is_what_the_library_would_ask(start: str, rest: str):
    """Two parsers that read one URL differently are how such guards are passed by."""
    origins = Origins(BASE, ["http://127.0.0.1"])
    try:
        found = origins.check(start + rest)
    except ForbiddenOrigin:
        return
    asked = httpx2.URL(start + rest)
    port = asked.port or {"https": 443, "http": 80}[asked.scheme]
    assert (asked.scheme, asked.host.rstrip("."), port) == (found.scheme, found.host, found.port)
    assert asked.userinfo == b""
