"""The audit's trail: a line of the chained file, and a row of the table, for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from adapter.api.context import ApiContext
from adapter.api.operational.database import operational_engine, reading
from adapter.api.security.audit_events import Event, audit_event
from adapter.api.security.audit_log import AuditLog, Link, verify
from adapter.config import Settings
from adapter.errors import ConfigurationError, StoreError

DEFAULT_FILE = "raiway-audit.jsonl"


@dataclass
class _Waiting:
    """An event that waits to be written, and what came of it."""

    event: Event
    recorded: datetime
    done: bool = False
    failed: StoreError | None = None


class Trail:
    """Writes events: to the file first, then to the table with the line's hash.

    Events that come while others are written are written together afterwards: a transaction costs
    as much for many as for one.
    """

    def __init__(self, engine: Engine, file: Path | None) -> None:
        """Raises StoreError where the file cannot be written."""
        self._engine = engine
        self._log = AuditLog(file) if file is not None else None
        self._waiting: list[_Waiting] = []
        self._queue = Lock()
        self._writer = Lock()

    def write(self, event: Event) -> None:
        """Note the event, also one without a request, such as a job's end. Raises StoreError."""
        mine = _Waiting(event, datetime.now(UTC))
        with self._queue:
            self._waiting.append(mine)
        with self._writer:
            if not mine.done:
                with self._queue:
                    batch, self._waiting = self._waiting, []
                self._write(batch)
        if mine.failed is not None:
            raise mine.failed

    def _write(self, batch: Sequence[_Waiting]) -> None:
        # Whatever is raised on the way, nobody whose event is not written is told that it is.
        failed: StoreError | None = StoreError("the audit cannot be written")
        try:
            links = self._linked(batch)
            rows = [_row(each, link) for each, link in zip(batch, links, strict=True)]
            with self._engine.begin() as connection:
                connection.execute(insert(audit_event), rows)
            failed = None
        except StoreError as error:
            failed = error
        except SQLAlchemyError as error:
            failed = StoreError("the audit's table cannot be written")
            failed.__cause__ = error
        finally:
            for each in batch:
                each.done, each.failed = True, failed

    def _linked(self, batch: Sequence[_Waiting]) -> list[Link]:
        if self._log is None:
            return [Link(0, "")] * len(batch)
        return self._log.append(*(each.event.line(each.recorded) for each in batch))


def _row(waiting: _Waiting, link: Link) -> dict[str, Any]:
    return {
        **waiting.event.row(),
        "id": str(uuid4()),
        "recorded": int(waiting.recorded.timestamp() * 1000),
        "chain_number": link.number,
        "chain_hash": link.hash,
    }


def newest_link(engine: Engine) -> Link | None:
    """The newest line of the file that the table knows, for `audit_log.verify`."""
    columns = select(audit_event.c.chain_number, audit_event.c.chain_hash)
    newest = columns.order_by(audit_event.c.chain_number.desc()).limit(1)
    with reading(engine) as connection:
        row = connection.execute(newest).first()
    return Link(row.chain_number, row.chain_hash) if row and row.chain_number else None


_building = Lock()


def trail_by(app: FastAPI, context: ApiContext) -> Trail:
    """The application's trail, opened when first asked for.

    Raises StoreError, ConfigurationError.
    """
    with _building:
        if not hasattr(app.state, "trail"):
            app.state.trail = Trail(context.engine, audit_file(context))
        trail: Trail = app.state.trail
        return trail


def audit_file(context: ApiContext) -> Path | None:
    """The chained file; beside an embedded database if the setting names none.

    Raises ConfigurationError where a server that needs one has none.
    """
    server, url = context.settings.server, context.engine.url
    if server.audit_log is not None:
        return server.audit_log
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        return Path(str(url.database)).with_name(DEFAULT_FILE)
    if server.authentication == "required":
        raise ConfigurationError(
            "server.audit_log is not set",
            hint="a file on a disk of its own or that all workers share",
        )
    return None


def verified(settings: Settings, store_url: str) -> int:
    """The number of lines of the server's audit, whose chain holds up to the table's newest event.

    Raises GateFailed naming the first line that was changed or is missing, ConfigurationError where
    the server keeps no file.
    """
    engine = operational_engine(settings, store_url)
    try:
        file = audit_file(ApiContext(settings, store_url, engine))
        if file is None:
            raise ConfigurationError("server.audit_log is not set: there is no file to verify")
        return verify(file, newest_link(engine))
    finally:
        engine.dispose()
