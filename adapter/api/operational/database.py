"""The operational database: where it is, how it is connected to, and its tables brought up to date.

It holds what the server itself needs (received reports, jobs, audit), never the facts of patients:
those are in the analytic store. SQLite or PostgreSQL; the same tables on both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from adapter.api.operational.upgrade import upgraded
from adapter.config import Settings
from adapter.errors import ConfigurationError, StoreError

EMBEDDED = "raiway-server.db"
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
READING = "raiway_reading"

# Any number that nobody else uses for an advisory lock in the same database.
WRITE_LOCK = 7_241_890_511_603


def operational_url(settings: Settings, store_url: str) -> URL:
    """[server] database; else the store's own PostgreSQL, or raiway-server.db beside its file.

    Raises ConfigurationError for what is no URL or another kind of database.
    """
    try:
        url = make_url(settings.server.database or store_url)
    except (ArgumentError, ValueError):
        # The text itself may hold a password, so that it is not repeated.
        raise _wrong("the address of the operational database is no URL") from None
    engine = url.get_backend_name()
    if engine == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if engine != "sqlite":
        raise _wrong(f"an operational database of the kind {engine!r} is not supported")
    if url.database in (None, "", ":memory:"):
        raise _wrong("an operational SQLite database needs a file")
    if settings.server.database:
        return url
    # SQLite's locks are undone by a second copy of SQLite in the process, and the store is read
    # through ADBC, which brings one: the two never share a file.
    return url.set(database=str(Path(str(url.database)).with_name(EMBEDDED)))


def _wrong(what: str) -> ConfigurationError:
    hint = "database in [server]: sqlite:///server.db or postgresql+psycopg://user@host/database"
    return ConfigurationError(what, where="[server] database", hint=hint)


def operational_engine(settings: Settings, store_url: str) -> Engine:
    """The engine of the operational tables; nothing is connected to yet.

    On SQLite every transaction takes the write lock as it begins, so that what it read still holds
    when it writes; `reading` takes none.
    """
    url = operational_url(settings, store_url)
    if url.get_backend_name() == "postgresql":
        arguments: dict[str, Any] = {"options": "-c timezone=UTC"}
        if "connect_timeout" not in url.query:
            arguments["connect_timeout"] = CONNECT_SECONDS
        return create_engine(url, pool_pre_ping=True, connect_args=arguments)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _embedded)
    event.listen(engine, "begin", _begun)
    return engine


def _embedded(connection: Any, _: object) -> None:
    # The driver would begin transactions by itself, and only at the first write.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begun(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads, and whose statements all see the same state."""
    with engine.connect() as connection:
        options: dict[str, Any] = {READING: True}
        if engine.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with connection.execution_options(**options).begin():
            yield connection


@contextmanager
def writing(engine: Engine, lock: int = WRITE_LOCK) -> Iterator[Connection]:
    """A transaction that no other one under the same lock overlaps, in any process.

    Committed at the end, rolled back on any error. On SQLite there is one lock for all.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        yield connection


def migrate(engine: Engine) -> None:
    """Make the tables, or bring them to this software's version; several processes may at once.

    Raises ConfigurationError where a newer version of the software has made them, and StoreError
    where the database cannot be reached or written.
    """
    where = engine.url.render_as_string(hide_password=True)
    try:
        with reading(engine) as connection:
            if upgraded(connection, where, only_check=True):
                return
        with writing(engine) as connection:
            upgraded(connection, where, only_check=False)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreError(
            f"the operational database cannot be used: {reason}",
            where=where,
            hint="database in [server] names it; its folder must exist and be writable",
        ) from error
