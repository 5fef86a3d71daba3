"""A client that is registered with a server of ours, and its access tokens."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from adapter.config import Settings
from adapter.server_settings import ClientSettings
from tests.lib.fault.authority import new_key
from tests.lib.serving import settings

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES = ("system/Measure.rs", "system/Library.rs", "system/MeasureReport.cruds")


@dataclass(frozen=True)
class Registered:
    """A client's id, its private key, and the settings of a server that knows it."""

    id: str
    key: ECKey
    settings: Settings

    @property
    def private_jwk(self) -> dict[str, Any]:
        """With `kid`."""
        return dict(self.key.as_dict(private=True))

    def token(self, origin: str, *scopes: str) -> str:
        """An access token from the server's token endpoint, found as its configuration says."""
        found = httpx2.get(f"{origin}/fhir/.well-known/smart-configuration").json()
        answer = httpx2.post(
            found["token_endpoint"],
            data={
                "grant_type": "client_credentials",
                "scope": " ".join(scopes or SCOPES),
                "client_assertion_type": ASSERTION,
                "client_assertion": self._assertion(found["token_endpoint"]),
            },
        )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def _assertion(self, audience: str) -> str:
        now = int(time.time())
        claims = {"iss": self.id, "sub": self.id, "aud": audience, "exp": now + 240}
        claims["jti"] = str(uuid.uuid4())
        head = {"alg": "ES384", "kid": self.key.kid, "typ": "JWT"}
        return jwt.encode(head, claims, self.key, algorithms=["ES384"])


def registered(folder: Path, **client: Any) -> Registered:
    """A client of the id `registry`, whose public key lies in the folder; client: its settings."""
    key = new_key()
    assert isinstance(key, ECKey)
    file = folder / "registry.jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    stated = {"id": "registry", "jwks_file": file, "scopes": SCOPES, "policy": "none", **client}
    known = ClientSettings(**stated)
    server = settings(authentication="required", clients=(known,))
    return Registered(known.id, key, server)
