"""A server that would be open to others does not start (G12, exit 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.api.security.start import check_safe
from adapter.config import load
from adapter.errors import ConfigurationError
from adapter.server_settings import ClientSettings, OpenIdSettings, ServerSettings, beside_file

CLIENT = ClientSettings(id="registry", jwks_uri="https://registry.example/jwks.json")
SAFE: dict[str, Any] = {
    "authentication": "required",
    "clients": (CLIENT,),
    "public_url": "https://raiway.example",
}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_may_be_open(host: str) -> None:
    check_safe(ServerSettings(), host)
    check_safe(ServerSettings(public_url="http://localhost:9000"), host)


@pytest.mark.parametrize("more", [{"behind_proxy": True}, {"tls_certificate": Path("cert.pem")}])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "raiway.example", ""])  # noqa: S104
def test_elsewhere_with_authentication_and_tls(host: str, more: dict[str, Any]) -> None:
    check_safe(ServerSettings(**SAFE, **more), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "raiway.example", ""])  # noqa: S104
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"authentication": "none", "behind_proxy": True}, "without authentication"),
        ({}, "without TLS"),
        ({"behind_proxy": True, "clients": ()}, "nobody could ask"),
        ({"behind_proxy": True, "public_url": ""}, "public_url"),
        ({"behind_proxy": True, "public_url": "http://raiway.example"}, "public_url"),
        ({"behind_proxy": True, "clients": (CLIENT, CLIENT)}, "registered twice"),
    ],
)
def test_elsewhere_without_is_refused(host: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        check_safe(ServerSettings(**{**SAFE, **changed}), host)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "opening",
    [{"behind_proxy": True}, {"public_url": "https://raiway.example"}],
    ids=["a proxy", "a public URL"],
)
def test_loopback_that_others_reach_is_not_open(opening: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="without authentication"):
        check_safe(ServerSettings(**opening), "127.0.0.1")


@pytest.mark.parametrize("url", ["raiway.example", "ftp://raiway.example", "https://a:b@raiway"])
def test_a_public_url_is_plain(url: str) -> None:
    with pytest.raises(ConfigurationError, match="public_url"):
        check_safe(ServerSettings(public_url=url), "127.0.0.1")


def test_a_client_has_one_key_set() -> None:
    for more in ({}, {"jwks_file": "a.json", "jwks_uri": "https://a.example/jwks"}):
        with pytest.raises(ValueError, match="one of jwks_file and jwks_uri"):
            ClientSettings(id="registry", **more)


def test_paths_are_those_beside_the_file() -> None:
    stated = ServerSettings(
        clients=(ClientSettings(id="registry", jwks_file=Path("registry.json")), CLIENT),
        users_file=Path("users.json"),
        session_key="env:KEY",
        signing_key="keys/signing.pem",
        audit_log=Path("/var/log/audit.jsonl"),
    )
    found = beside_file(Path("/etc/raiway"), stated)
    assert found.clients[0].jwks_file == Path("/etc/raiway/registry.json")
    assert found.clients[1].jwks_file is None
    assert found.users_file == Path("/etc/raiway/users.json")
    assert found.session_key == "env:KEY"
    assert found.signing_key == "/etc/raiway/keys/signing.pem"
    assert found.audit_log == Path("/var/log/audit.jsonl")
    assert found.tls_key == ""


def test_a_settings_file_names_paths_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "raiway.toml").write_text(
        '[server]\nusers_file = "users.json"\n[[server.clients]]\nid = "registry"\n'
        'jwks_file = "keys/registry.json"\n[server.openid]\nissuer = "https://login.example"\n'
        'client_id = "raiway"\nclient_secret = "secret.txt"\n'
    )
    server = load(tmp_path / "raiway.toml").server
    assert server.users_file == tmp_path / "users.json"
    assert server.clients[0].jwks_file == tmp_path / "keys" / "registry.json"
    assert server.openid is not None
    assert server.openid.client_secret == str(tmp_path / "secret.txt")


def test_a_secret_itself_is_refused_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "raiway.toml").write_text('[server]\nsession_key = "-----BEGIN KEY"\n')
    with pytest.raises(ConfigurationError, match=r"server\.session_key") as error:
        load(tmp_path / "raiway.toml")
    assert "BEGIN" not in str(error.value)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"clients": (ClientSettings(id="a", jwks_file=Path("nowhere.json")),)}, "jwks_file"),
        ({"clients": (ClientSettings(id="a", jwks_uri="http://a.example/jwks"),)}, "jwks_uri"),
        ({"clients": (CLIENT.model_copy(update={"scopes": ("openid",)}),)}, "no scope"),
        ({"signing_key": "nowhere.pem"}, r"server\.signing_key"),
        ({"users_file": Path("nowhere.json")}, r"server\.users_file"),
        ({"openid": OpenIdSettings(issuer="http://login.example", client_id="a")}, "issuer"),
        ({"openid": OpenIdSettings(issuer="https://login.example", client_id="a")}, "session_key"),
    ],
)
def test_what_does_not_hold_is_told_before_the_start(stated: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        check_safe(ServerSettings(**stated), "127.0.0.1")
    assert error.value.exit_code == 2
