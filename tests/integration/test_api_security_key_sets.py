"""Clients that register the URL of their JWKS: fetched, kept as Cache-Control allows, guarded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapter.api.security import key_sets
from adapter.api.security.key_sets import life, public_keys
from adapter.api.security.outgoing import Outgoing
from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.auth.keys import new_key
from adapter.server_settings import ClientSettings
from tests.lib.fault.certificates import Tls, own_authority
from tests.lib.secured import KEY, OTHER_KEY, assertion, client_of, form, secured, signed


@dataclass
class Publisher:
    """A web server with a client's JWKS."""

    url: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    asked: int = 0

    def publish(self, *keys: Any, **headers: str) -> None:
        self.body = json.dumps({"keys": [key.public for key in keys]}).encode()
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}


@contextmanager
def publisher(tls: Tls | None = None) -> Iterator[Publisher]:
    found = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            self.send_response(found.status)
            for name, text in found.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            """Not to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.context.wrap_socket(server.socket, server_side=True)
    found.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def published() -> Iterator[Publisher]:
    with publisher() as found:
        yield found


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(key_sets, "time", found)
    return found


def client_at(folder: Path, url: str) -> TestClient:
    return client_of(secured(folder, clients=(ClientSettings(id="registry", jwks_uri=url),)))


def status(client: TestClient, text: str | None = None) -> int:
    return client.post("/auth/token", data=form(text or assertion())).status_code


def test_a_key_set_is_kept_as_long_as_it_may_be(
    tmp_path: Path, published: Publisher, clock: Clock
) -> None:
    published.publish(KEY, Cache_Control="public, max-age=100", Age="40")
    client = client_at(tmp_path, published.url)
    assert [status(client) for _ in range(3)] == [200] * 3
    assert published.asked == 1
    clock.now += 59
    assert (status(client), published.asked) == (200, 1)
    clock.now += 2
    assert (status(client), published.asked) == (200, 2)


def test_what_must_not_be_kept_is_not(tmp_path: Path, published: Publisher, clock: Clock) -> None:
    published.publish(KEY, Cache_Control="no-store")
    client = client_at(tmp_path, published.url)
    assert [status(client) for _ in range(3)] == [200] * 3
    assert published.asked == 3


def test_a_new_key_is_found_and_an_old_one_ends(
    tmp_path: Path, published: Publisher, clock: Clock
) -> None:
    published.publish(KEY, Cache_Control="max-age=3600")
    client = client_at(tmp_path, published.url)
    assert status(client) == 200
    new = new_key("ES384")
    published.publish(new, Cache_Control="max-age=3600")
    assert status(client, assertion(new)) == 401  # the set was asked for a moment ago
    clock.now += 11
    assert status(client, assertion(new)) == 200
    assert status(client) == 401


def test_unknown_kids_do_not_make_the_server_ask_again_and_again(
    tmp_path: Path, published: Publisher, clock: Clock
) -> None:
    published.publish(KEY, Cache_Control="max-age=3600")
    client = client_at(tmp_path, published.url)
    for number in range(10):
        assert status(client, signed(header={"kid": str(number)}).text) == 401
    assert published.asked == 1


@pytest.mark.parametrize(
    "broken",
    [{"status": 500}, {"body": b"<html>"}, {"body": b"{}"}, {"body": b'{"keys": 1}'}],
    ids=["500", "HTML", "no keys", "keys of a kind"],
)
def test_without_its_key_set_a_client_gets_no_token(
    tmp_path: Path, published: Publisher, broken: dict[str, Any]
) -> None:
    published.publish(KEY)
    client = client_at(tmp_path, published.url)
    for name, value in broken.items():
        setattr(published, name, value)
    assert status(client) == 401


def test_a_redirect_to_another_host_is_not_followed(tmp_path: Path, published: Publisher) -> None:
    with publisher() as elsewhere:
        elsewhere.publish(KEY)
        published.status, published.headers = 302, {"Location": elsewhere.url}
        assert status(client_at(tmp_path, published.url)) == 401
        assert (published.asked, elsewhere.asked) == (1, 0)


def test_a_hospitals_own_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    tls = own_authority(tmp_path)
    with publisher(tls) as published:
        published.publish(KEY)
        clients = (ClientSettings(id="registry", jwks_uri=published.url),)
        assert status(client_of(secured(tmp_path, clients=clients))) == 401
        named = secured(tmp_path, clients=clients, ca_file=tls.ca_file)
        assert status(client_of(named)) == 200
        assert published.asked == 1


def test_jku_must_be_the_registration(tmp_path: Path, published: Publisher) -> None:
    published.publish(KEY)
    client = client_at(tmp_path, published.url)
    assert status(client, signed(header={"jku": published.url}).text) == 200
    with publisher() as elsewhere:
        elsewhere.publish(OTHER_KEY)
        text = signed(OTHER_KEY, header={"jku": elsewhere.url}).text
        assert status(client, text) == 401
        assert elsewhere.asked == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example/jwks",
        "https://169.254.169.254/jwks",
        "https://[fe80::1]/jwks",
        "https://user@registry.example/jwks",
        "file:///etc/passwd",
        "https://0.0.0.0/jwks",
        "https://[::ffff:169.254.169.254]/jwks",
    ],
)
def test_a_url_that_is_never_asked_cannot_be_registered(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="jwks_uri of client registry") as error:
        client_at(tmp_path, url)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254"])
def test_a_name_that_leads_inside_is_not_asked(address: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [address]

    with pytest.raises(Unreachable, match="resolves to"):
        Outgoing(resolve=resolve).json("https://registry.example/jwks")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"cache-control": "max-age=30"}, 30),
        ({"cache-control": "max-age=30", "age": "40"}, 0),
        ({"cache-control": "MAX-AGE = 30, must-revalidate"}, 30),
        ({"cache-control": "max-age=999999999"}, 86_400),
        ({"cache-control": "no-cache, max-age=30"}, 0),
        ({"cache-control": "private"}, 60),
    ],
)
def test_cache_control(headers: dict[str, str], seconds: float) -> None:
    assert life(headers) == seconds


def test_only_keys_that_smart_can_use_are_taken() -> None:
    small = {**new_key("RS384").public, "n": "AQAB"}
    unfit = [
        {**KEY.public, "use": "enc"},
        {**KEY.public, "kid": ""},
        {**KEY.public, "alg": "RS384"},
        {**KEY.public, "key_ops": ["sign"]},
        {**KEY.public, "x": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"},
        {"kid": "b"},
        small,
        "text",
    ]
    assert [key.kid for key in public_keys({"keys": [*unfit, OTHER_KEY.public]})] == [OTHER_KEY.kid]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no JWKS"),
        ("nothing", "is no JSON"),
        ('{"keys": []}', "holds no key"),
        ("", "is no JSON"),
    ],
)
def test_a_registered_file_without_keys_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "registry.jwks.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        secured(tmp_path, clients=(ClientSettings(id="registry", jwks_file=file),))


def test_a_registered_private_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    file = tmp_path / "registry.jwks.json"
    private = KEY.key.as_dict(private=True)
    file.write_text(json.dumps({"keys": [{**private, "kid": KEY.kid}]}))
    with pytest.raises(ConfigurationError, match="holds a private key") as error:
        secured(tmp_path, clients=(ClientSettings(id="registry", jwks_file=file),))
    assert str(private["d"]) not in str(error.value) + error.value.hint


def test_two_keys_of_one_kid_are_no_key(tmp_path: Path) -> None:
    file = tmp_path / "registry.jwks.json"
    twins = [KEY.public, {**OTHER_KEY.public, "kid": KEY.kid}]
    file.write_text(json.dumps({"keys": twins}))
    client = client_of(secured(tmp_path, clients=(ClientSettings(id="registry", jwks_file=file),)))
    assert status(client) == 401


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path))
    new = new_key("RS384")
    assert status(client, assertion(new)) == 401
    (tmp_path / "registry.jwks.json").write_text(json.dumps({"keys": [new.public]}))
    assert status(client, assertion(new)) == 200
    assert status(client) == 401
    (tmp_path / "registry.jwks.json").unlink()
    assert status(client, assertion(new)) == 401
