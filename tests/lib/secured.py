"""A small application behind the real security: routes that tell who asks, clients with keys."""

from __future__ import annotations

import json
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from joserfc import jwt
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.fhir import failures
from adapter.api.operational.database import operational_engine
from adapter.api.operational.metadata import metadata
from adapter.api.security import installation
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted
from adapter.config import Settings
from adapter.pull.auth.keys import SigningKey, new_key
from adapter.server_settings import ClientSettings, ServerSettings

ORIGIN = "http://127.0.0.1:8000"
TOKEN_URL = f"{ORIGIN}/auth/token"
FHIR = f"{ORIGIN}/fhir"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY, OTHER_KEY, RSA_KEY = new_key("ES384"), new_key("ES384"), new_key("RS384")
"""The keys of `registry` (the first and the last) and of `other`."""
ALL = "system/*.rs"


def registered(
    folder: Path,
    client_id: str = "registry",
    keys: Sequence[SigningKey] = (KEY, RSA_KEY),
    **more: Any,
) -> ClientSettings:
    """A client with a JWKS file in the folder."""
    file = folder / f"{client_id}.jwks.json"
    file.write_text(json.dumps({"keys": [key.public for key in keys]}))
    return ClientSettings(id=client_id, jwks_file=file, **more)


def secured(folder: Path, **server: Any) -> FastAPI:
    """The application, its operational database and audit in the folder.

    server: settings; default: authentication is required, and `registry` and `other` are clients.
    """
    stated: dict[str, Any] = {"authentication": "required", **server}
    if "clients" not in stated:
        stated["clients"] = (registered(folder), registered(folder, "other", [OTHER_KEY]))
    settings = Settings(server=ServerSettings(**stated))
    store_url = f"sqlite:///{folder / 'raiway.db'}"
    engine = operational_engine(settings, store_url)
    app = FastAPI()
    weakref.finalize(app, engine.dispose)
    context = ApiContext(settings, store_url, engine)
    app.state.context = context
    metadata.create_all(engine)
    failures.install(app)
    _add_routes(app)
    installation.install(app, context)
    return app


def app_of(client: TestClient) -> FastAPI:
    """The application that the client asks."""
    app = client.app
    assert isinstance(app, FastAPI)
    return app


def client_of(app: FastAPI, **more: Any) -> TestClient:
    """A client of the application at its own origin."""
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, **more)


def _add_routes(app: FastAPI) -> None:
    @app.get("/fhir/MeasureReport/{identity}")
    def read(
        request: Request,
        identity: str,
        who: Annotated[Principal, Depends(permitted("MeasureReport", "r"))],
    ) -> dict[str, Any]:
        audit(request, who, "R", [f"MeasureReport/{identity}"])
        return _told(who)

    @app.get("/fhir/Measure")
    def search(who: Annotated[Principal, Depends(permitted("Measure", "s"))]) -> dict[str, Any]:
        return _told(who)

    @app.post("/fhir/MeasureReport")
    async def create(
        request: Request, who: Annotated[Principal, Depends(permitted("MeasureReport", "c"))]
    ) -> dict[str, Any]:
        return {**_told(who), "length": len(await request.body())}

    @app.get("/fhir/metadata")
    def metadata_() -> dict[str, str]:
        return {"resourceType": "CapabilityStatement"}

    @app.get("/health/live")
    def live() -> dict[str, str]:
        return {"status": "ok"}


def _told(who: Principal) -> dict[str, Any]:
    return {
        "id": who.id,
        "kind": who.kind,
        "scopes": list(who.scopes),
        "policy": who.policy,
        "patient_level": who.patient_level,
    }


@dataclass(frozen=True)
class Signed:
    """An assertion's parts, all right unless changed. `claims` of None are left out."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: Any
    algorithms: tuple[str, ...] = ("ES384", "RS384", "HS256", "ES256", "PS384")

    @property
    def text(self) -> str:
        """The JWT."""
        claims = {name: value for name, value in self.claims.items() if value is not None}
        header = {name: value for name, value in self.header.items() if value is not None}
        return jwt.encode(
            header, claims, self.key, algorithms=list(self.algorithms), default_type=None
        )


def assertion(key: SigningKey = KEY, client_id: str = "registry", **changed: Any) -> str:
    """A right assertion; `changed` claims are put in its place, or left out if None."""
    return signed(key, client_id, claims=changed).text


def signed(
    key: SigningKey = KEY,
    client_id: str = "registry",
    *,
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
) -> Signed:
    """The parts of an assertion with these changes."""
    right = {
        "iss": client_id,
        "sub": client_id,
        "aud": TOKEN_URL,
        "exp": int(time.time()) + 240,
        "jti": secrets.token_urlsafe(16),
    }
    return Signed(
        {"alg": key.alg, "kid": key.kid, "typ": "JWT", **(header or {})},
        {**right, **(claims or {})},
        key.key,
    )


def form(text: str, scope: str = ALL, **changed: Any) -> dict[str, str]:
    """The form of a token request; fields of None are left out."""
    fields = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": text,
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def token(
    client: TestClient, key: SigningKey = KEY, client_id: str = "registry", scope: str = ALL
) -> str:
    """An access token that the server gives."""
    answer = client.post("/auth/token", data=form(assertion(key, client_id), scope))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def bearer(text: str) -> dict[str, str]:
    """The header of an access token."""
    return {"Authorization": f"Bearer {text}"}


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[None]:
    """The application at a port of this machine, until the end."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def private(folder: Path, name: str, text: str) -> Path:
    """A file of mode 0600 with this text."""
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(text)
    return file
