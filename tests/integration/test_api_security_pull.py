"""The client of `raiway pull` gets a token from the server of `raiway serve`: written apart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapter.pull.auth.smart import Token, Unauthorised
from adapter.pull.auth.smart_authorizer import Smart
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings
from tests.lib.secured import KEY, OTHER_KEY, RSA_KEY, private, registered, secured, served
from tests.lib.servers.process import free_port


@pytest.fixture
def base(tmp_path: Path) -> Any:
    port = free_port()
    scopes = ("system/*.rs",)
    clients = (registered(tmp_path, scopes=scopes), registered(tmp_path, "other", [OTHER_KEY]))
    with served(secured(tmp_path, port=port, clients=clients), port):
        yield f"http://127.0.0.1:{port}/fhir"


def granted(base: str, folder: Path, key: Any = KEY, **more: Any) -> Token:
    """The token that the client of a pull gets."""
    file = private(folder, f"{key.kid}.pem", key.key.as_pem(private=True).decode())
    stated = {"client_id": "registry", "private_key": str(file), "kid": key.kid, **more}
    site = SiteSettings(
        name="facade", base_url=base, mode="crawl", types=("MeasureReport",), **stated
    )

    async def asked() -> Token:
        async with session(site) as client:
            assert isinstance(client.authorizer, Smart)
            return await client.authorizer.granted(client)

    return asyncio.run(asked())


@pytest.mark.parametrize("key", [KEY, RSA_KEY], ids=["ES384", "RS384"])
def test_pull_gets_a_token_and_reads_with_it(base: str, tmp_path: Path, key: Any) -> None:
    token = granted(base, tmp_path, key)
    assert token.scope == "system/MeasureReport.rs"
    assert token.life == 300
    url = f"{base}/MeasureReport/1"
    assert httpx2.get(url, headers={"Authorization": token.header}).json()["id"] == "registry"
    assert httpx2.get(url).status_code == 401


def test_pull_asks_for_v1_scopes_too(base: str, tmp_path: Path) -> None:
    token = granted(base, tmp_path, scope="system/*.read")
    assert token.scope == "system/*.read"


@pytest.mark.parametrize(
    ("more", "code"),
    [({"client_id": "other"}, "invalid_client"), ({"client_id": "nobody"}, "invalid_client")],
)
def test_pull_understands_a_refusal(
    base: str, tmp_path: Path, more: dict[str, str], code: str
) -> None:
    with pytest.raises(Unauthorised) as error:
        granted(base, tmp_path, **more)
    assert error.value.code == code


def test_pull_notices_that_less_is_granted(base: str, tmp_path: Path) -> None:
    with pytest.raises(Unauthorised, match=r"system/AuditEvent\.rs"):
        granted(
            base,
            tmp_path,
            OTHER_KEY,
            client_id="other",
            scope="system/Measure.rs system/AuditEvent.rs",
        )
