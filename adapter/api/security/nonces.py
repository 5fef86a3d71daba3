"""What may be used once, in a table that all workers share: `jti` of assertions, ended sessions."""

from __future__ import annotations

import time
from hashlib import sha256

from sqlalchemy import BigInteger, Column, Engine, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from adapter.api.operational.database import reading
from adapter.api.operational.metadata import metadata

used_nonce = Table(
    "server_used_nonce",
    metadata,
    Column("issuer", String(200), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
)


class Nonces:
    """Values by their issuer, kept until they expire; of each only its SHA-256."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def use(self, issuer: str, value: str, expires: float) -> bool:
        """Note that the value was used. False where it had been, by any worker.

        expires: epoch seconds until which it is kept.
        """
        row = {"issuer": issuer, "digest": _digest(value), "expires": int(expires) + 1}
        expired = delete(used_nonce).where(used_nonce.c.expires < int(time.time()))
        try:
            with self._engine.begin() as connection:
                connection.execute(expired)
                connection.execute(insert(used_nonce).values(row))
        except IntegrityError:
            return False
        return True

    def is_used(self, issuer: str, value: str) -> bool:
        """Was the value used?"""
        found = select(used_nonce.c.expires).where(
            used_nonce.c.issuer == issuer, used_nonce.c.digest == _digest(value)
        )
        with reading(self._engine) as connection:
            return connection.execute(found).first() is not None


def _digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()
