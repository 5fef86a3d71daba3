"""Authorisation against the fault server: scenarios by the names of `pull.md` 2.2."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from adapter.errors import ConfigurationError
from adapter.pull.auth import keyring, keys
from adapter.pull.auth.smart import Unauthorised
from adapter.pull.transport.http import NotJson
from adapter.site_settings import SiteSettings
from tests.lib.fault.auth_scenarios import PAGE, Guarded, rows
from tests.lib.fault.authority import Authority
from tests.lib.fault.replies import login_page, reply
from tests.lib.fault.server import FaultServer, Script, address, fault_server
from tests.lib.fault.watched import ONE_ROW, Watched, asked, assert_silent, ids, refused


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def key() -> keys.SigningKey:
    return keys.new_key("ES384")


@pytest.fixture
def smart(tmp_path: Path, key: keys.SigningKey) -> Callable[..., SiteSettings]:
    """A site that authorises by SMART Backend Services."""
    file = keyring.keep(key, "A", tmp_path)

    def made(server: FaultServer, **more: Any) -> SiteSettings:
        stated = {
            "name": "A",
            "base_url": server.base,
            "client_id": "raiway",
            "private_key": str(file),
        }
        return SiteSettings.model_validate(stated | more)

    return made


def authority(key: keys.SigningKey, **more: Any) -> Authority:
    return Authority(
        "raiway", [type(key.key).import_key({**key.key.as_dict(), "kid": key.kid})], **more
    )


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_token_is_fetched_once_for_many_requests(watched: Watched, tmp_path: Path, alg: Any):
    key = keys.new_key(alg)
    file = keyring.keep(key, "A", tmp_path)
    held = authority(key)
    with fault_server(Guarded(held)) as server:
        stated = SiteSettings(
            name="A", base_url=server.base, client_id="raiway", private_key=str(file)
        )
        found = asked(watched, stated, times=5)
        assert [ids(each) for each in found] == [ONE_ROW] * 5
        assert len(held.issued) == 1
        assert held.refusals == []
        (form,) = [seen.body.decode() for seen in server.seen if seen.path == "/token"]
        assert "scope=system%2FObservation.rs+system%2FGroup.rs" in form
    assert_silent(watched, None, *held.issued)


def test_401_once(watched: Watched, smart: Callable, key: keys.SigningKey):
    held = authority(key)
    with fault_server(Guarded(held, refuse=1)) as server:
        assert ids(asked(watched, smart(server))[0]) == ONE_ROW
        assert len(held.issued) == 2
    assert watched.clock.slept == []
    assert_silent(watched, None, *held.issued)


def test_401_always(watched: Watched, smart: Callable, key: keys.SigningKey):
    held = authority(key)
    with fault_server(Guarded(held, refuse=100)) as server:
        (found,) = asked(watched, smart(server))
        assert found.status == 401
        assert len(held.issued) == 2


def test_of_many_that_get_401_one_renews(watched: Watched, smart: Callable, key: keys.SigningKey):
    held = authority(key)
    with fault_server(Guarded(held, refuse=1)) as server:
        found = asked(watched, smart(server, limits={"concurrency": 20}), times=20)
        assert all(ids(each) == ONE_ROW for each in found)
        assert len(held.issued) == 2
    assert len(held.claims) == len({claim["jti"] for claim in held.claims})


def test_a_token_is_renewed_before_it_ends(watched: Watched, smart: Callable, key: Any):
    held = authority(key, lifetime=300)

    async def ask(site: SiteSettings) -> None:
        async with watched.client(site) as client:
            for seconds in (0, 239, 2):
                await watched.clock.sleep(seconds)
                held.skew += seconds
                assert ids(await client.get(f"{client.base}/Observation")) == ONE_ROW

    with fault_server(Guarded(held)) as server:
        asyncio.run(ask(smart(server)))
        sent = [
            seen.headers["authorization"] for seen in server.seen if seen.path == PAGE.split()[1]
        ]
    assert [text.split()[1] for text in sent] == [held.issued[0], held.issued[0], held.issued[1]]


def test_scope_less(watched: Watched, smart: Callable, key: keys.SigningKey):
    held = authority(key, granted="system/Patient.rs openid")
    with fault_server(Guarded(held)) as server:
        error = refused(watched, smart(server), Unauthorised)
        assert error.what == "granted less than asked: no system/Observation.rs"
        assert [seen.path for seen in server.seen] == [
            "/fhir/.well-known/smart-configuration",
            "/token",
        ]
    assert error.exit_code == 4
    assert_silent(watched, error, *held.issued)


@pytest.mark.parametrize(
    ("skew", "told"),
    [
        # The server refuses an `exp` in the past, or more than 5 minutes ahead.
        (-600, "this machine's clock is 10 min behind the server's"),
        (600, "this machine's clock is 10 min ahead of the server's"),
    ],
)
def test_clock_skew(smart: Callable, key: keys.SigningKey, skew: float, told: str):
    watched = Watched(skew)
    with fault_server(Guarded(authority(key))) as server:
        error = refused(watched, smart(server), Unauthorised)
        assert [seen.path for seen in server.seen][1:] == ["/token"]
    assert error.what == f"400 invalid_client; {told}"


def test_a_key_that_the_server_does_not_know(watched: Watched, smart: Callable):
    held = authority(keys.new_key("ES384"))
    with fault_server(Guarded(held)) as server:
        error = refused(watched, smart(server), Unauthorised)
    assert error.what == "400 invalid_client"
    assert "raiway keys" in error.hint


def test_an_algorithm_that_the_server_does_not_take(
    watched: Watched, smart: Callable, monkeypatch: pytest.MonkeyPatch, key: keys.SigningKey
):
    monkeypatch.setattr("tests.lib.fault.authority.ALGORITHMS", ["RS384"])
    with fault_server(Guarded(authority(key))) as server:
        error = refused(watched, smart(server), Unauthorised)
        assert len(server.seen) == 1
    assert error.what == "the server does not take ES384"
    assert error.hint.startswith("it takes RS384")


def test_the_token_endpoint_never_sees_a_token(watched: Watched, smart: Callable, key: Any):
    """On an origin that is allowed only because discovery named it."""
    held = authority(key)

    class Apart(Guarded):
        async def answer(self, request: Any, server: FaultServer) -> Any:
            if address(request) == "127.0.0.2" and request.path == "/fhir/Observation":
                return rows()
            return await super().answer(request, server)

    async def ask(site: SiteSettings, other: str) -> None:
        async with watched.client(site) as client:
            await client.get(f"{client.base}/Observation")
            await client.get(f"{other}/Observation")

    held.token_url = lambda server: f"{server.root('127.0.0.2')}/token"  # type: ignore[method-assign]
    with fault_server(Apart(held)) as server:
        asyncio.run(ask(smart(server), server.other))
        assert [seen.path for seen in server.elsewhere] == ["/token", "/fhir/Observation"]
        assert all("authorization" not in seen.headers for seen in server.elsewhere)
    assert len(held.issued) == 1


def test_v1_scopes_and_only_those_that_are_offered(watched: Watched, smart: Callable, key: Any):
    held = authority(
        key,
        capabilities=("client-confidential-asymmetric",),
        scopes_supported=["openid", "system/Observation.read"],
    )
    with fault_server(Guarded(held)) as server:
        assert ids(asked(watched, smart(server, types=["Observation", "Procedure"]))[0]) == ONE_ROW
        (form,) = [seen.body.decode() for seen in server.seen if seen.path == "/token"]
        assert "scope=system%2FObservation.read&" in form


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_can_read(watched: Watched, smart: Callable, mode: int):
    with fault_server(Script({})) as server:
        stated = smart(server)
        Path(stated.private_key).chmod(mode)
        with pytest.raises(ConfigurationError, match=rf"mode {mode:04o}") as found:
            asked(watched, stated)
        assert server.seen == []
    assert (found.value.exit_code, found.value.hint[:9]) == (2, "chmod 600")


def test_a_token_url_of_our_own_does_without_discovery(
    watched: Watched, smart: Callable, key: keys.SigningKey
):
    """Here in place of it stands a login page."""
    held = authority(key, discovery=False)

    class Portal(Guarded):
        async def answer(self, request: Any, server: FaultServer) -> Any:
            if request.path.endswith("smart-configuration"):
                return login_page()
            return await super().answer(request, server)

    with fault_server(Portal(held)) as server:
        refused(watched, smart(server), NotJson)
        stated = smart(server, token_url=held.token_url(server))
        assert ids(asked(watched, stated)[0]) == ONE_ROW


class Choosy(Authority):
    """Refuses a scope of which it does not know a part, and answers 400 now and then."""

    def __init__(self, *given: Any, stray: int = 0, **more: Any) -> None:
        super().__init__(*given, **more)
        self.stray = stray

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        if request.path == "/token" and self.issued and self.stray:
            self.stray -= 1
            return reply({"error": "invalid_client"}, 400)
        if request.path == "/token" and b"Group" in await request.read():
            return reply({"error": "invalid_scope"}, 400)
        return await super().answer(request, server)


def test_the_group_is_left_out_where_the_site_grants_no_scope_for_it(
    watched: Watched, smart: Callable, key: keys.SigningKey
):
    held = Choosy("raiway", [key.key])
    with fault_server(Guarded(held)) as server:
        assert ids(asked(watched, smart(server, kid=key.kid))[0]) == ONE_ROW
        scopes = [parse_qs(seen.body.decode())["scope"] for seen in server.seen if seen.body]
    assert scopes == [["system/Observation.rs system/Group.rs"], ["system/Observation.rs"]]


@pytest.mark.parametrize(("stray", "status"), [(2, 200), (3, None)])
def test_a_stray_400_at_a_renewal(
    watched: Watched, smart: Callable, key: Any, stray: int, status: int | None
):
    """As Epic's server answers now and then to a renewal that is right."""
    held = Choosy("raiway", [key.key], stray=stray)
    with fault_server(Guarded(held, refuse=1)) as server:
        if status is None:
            error = refused(watched, smart(server), Unauthorised)
            assert error.what == "400 invalid_client"
        else:
            assert ids(asked(watched, smart(server))[0]) == ONE_ROW
    assert len(watched.clock.slept) == 2
