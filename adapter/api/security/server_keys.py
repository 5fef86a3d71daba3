"""The keys that sign access tokens: from a file or the environment, else kept in the database.

All workers sign with the newest key. The one before it is still taken, so that a renewal ends no
token.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from threading import Lock
from typing import Final, Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from adapter.api.operational.database import reading
from adapter.api.operational.metadata import metadata
from adapter.errors import ConfigurationError
from adapter.pull.auth.credentials import secret
from adapter.pull.auth.keys import SigningKey, new_key, signing_key

ALG: Final = "ES384"
_KEPT = 2  # generations: the one that signs, and the one before
_LOOK_AGAIN = 5.0  # seconds between readings for a key that is not known

server_key = Table(
    "server_signing_key",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("kid", String(64), nullable=False),
    Column("jwk", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)


class ServerKeys(Protocol):
    """Where the keys are."""

    def current(self) -> SigningKey:
        """The key that signs."""
        ...

    def find(self, kid: str) -> SigningKey | None:
        """The key of this id, if it may still have signed."""
        ...


class StatedKeys:
    """The keys of the setting `signing_key`; the first one signs."""

    def __init__(self, stated: str) -> None:
        """Raises ConfigurationError for keys that cannot be used."""
        text = secret("server.signing_key", stated)
        self._keys = [_parsed(each) for each in _each(text)]

    def current(self) -> SigningKey:
        """The first."""
        return self._keys[0]

    def find(self, kid: str) -> SigningKey | None:
        """One of them by its id."""
        return next((key for key in self._keys if key.kid == kid), None)


class KeptKeys:
    """Keys that the operational database keeps, renewed after `life`."""

    def __init__(self, engine: Engine, life: timedelta) -> None:
        self._engine = engine
        self._life = life.total_seconds()
        self._keys: list[tuple[int, float, SigningKey]] = []
        self._read_at = 0.0
        self._lock = Lock()

    def current(self) -> SigningKey:
        """The newest, made if there is none or it is too old."""
        with self._lock:
            if not self._fresh():
                self._read()
            if not self._fresh():
                self._renew()
            return self._keys[0][2]

    def find(self, kid: str) -> SigningKey | None:
        """One that is kept; the table is read again for one that another worker may have made."""
        with self._lock:
            found = self._known(kid)
            if found is None and time.monotonic() - self._read_at > _LOOK_AGAIN:
                self._read()
                found = self._known(kid)
            return found

    def _fresh(self) -> bool:
        return bool(self._keys) and time.time() - self._keys[0][1] < self._life

    def _known(self, kid: str) -> SigningKey | None:
        return next((key for _, _, key in self._keys if key.kid == kid), None)

    def _read(self) -> None:
        newest = select(server_key).order_by(server_key.c.generation.desc()).limit(_KEPT)
        with reading(self._engine) as connection:
            rows = connection.execute(newest).all()
        self._keys = [
            (row.generation, row.created, signing_key(row.jwk, kid=row.kid)) for row in rows
        ]
        self._read_at = time.monotonic()

    def _renew(self) -> None:
        generation = self._keys[0][0] + 1 if self._keys else 1
        key = new_key(ALG)
        row = {
            "generation": generation,
            "kid": key.kid,
            "jwk": json.dumps(key.key.as_dict(private=True)),
            "created": int(time.time()),
        }
        retired = delete(server_key).where(server_key.c.generation <= generation - _KEPT)
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(server_key).values(row))
                connection.execute(retired)
        except IntegrityError:
            pass  # another worker was first, and its key counts
        self._read()


def server_keys(engine: Engine, stated: str, life: timedelta) -> ServerKeys:
    """The keys of the setting, else the database's. Raises ConfigurationError."""
    return StatedKeys(stated) if stated else KeptKeys(engine, life)


def _each(text: str) -> list[str]:
    if not text.startswith("{"):
        return [text]
    try:
        members = json.loads(text)
    except ValueError:
        return [text]
    keys = members.get("keys")
    return [json.dumps(key) for key in keys] if isinstance(keys, list) and keys else [text]


def _parsed(text: str) -> SigningKey:
    try:
        return signing_key(text, alg=ALG)
    except ConfigurationError as error:
        what = error.what.replace("private_key", "server.signing_key")
        hint = "an unencrypted PEM, JWK or JWKS of EC keys on P-384"
        raise ConfigurationError(what, hint=hint) from None
