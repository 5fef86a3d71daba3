"""Where the store is, and one transaction on it, through ADBC on both engines.

SQLite is read through ADBC too: the driver brings an SQLite of its own, and two copies of SQLite
in one process undo each other's file locks
(https://www.sqlite.org/howtocorrupt.html, "Multiple copies of SQLite linked into the same
application"). Nothing else in Raiway may open the store's file with `sqlite3`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, ClauseElement, Dialect, make_url
from sqlalchemy.exc import ArgumentError

from adapter.errors import StoreError, UsageError
from adapter.start_up import import_arrow
from adapter.store.journal import write_ahead
from adapter.store.reasons import first_line, hint

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection

SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")

# Another ingest's batch takes seconds; only a writer that hangs makes us wait longer.
BUSY_MILLISECONDS = 60_000
CONNECT_SECONDS = 10
CACHE_KIBIBYTES = 32_768

_SESSION = {
    "sqlite": (
        f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
        f"PRAGMA cache_size = -{CACHE_KIBIBYTES}",
        "PRAGMA temp_store = MEMORY",
        # In WAL mode the store stays whole whatever happens; what a power cut may take back is the
        # last transactions (https://www.sqlite.org/pragma.html#pragma_synchronous).
        "PRAGMA synchronous = NORMAL",
    ),
    # Dates, instants and floats are read as text or binary in one form, whatever the server's.
    "postgresql": ("SET DateStyle TO ISO", "SET TimeZone TO 'UTC'"),
}


class Transaction:
    """Statements of SQLAlchemy Core on one connection; all of them hold, or none."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    @property
    def engine(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._dialect.name

    def execute(self, statement: ClauseElement | str) -> None:
        """Run a statement that returns no rows."""
        sql, values = self._compiled(statement)
        with self._connection.cursor() as cursor:
            cursor.executemany(sql, [values] if values else None)

    def batches(self, statement: ClauseElement | str) -> Iterator[list[list[Any]]]:
        """The rows that a statement returns, as lists of columns, batch by batch."""
        sql, values = self._compiled(statement)
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            for batch in cursor.fetch_record_batch():
                if batch.num_rows:
                    yield [_cells(column) for column in batch.columns]

    def stage(self, table: str, rows: pa.RecordBatch | pa.Table) -> None:
        """Fill a new temporary table, which nobody else sees and the transaction's end drops."""
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(table, rows, mode="create", temporary=True)

    def _compiled(self, statement: ClauseElement | str) -> tuple[str, list[Any]]:
        if isinstance(statement, str):
            return statement, []
        # render_postcompile: lists of IN become one placeholder for each value.
        compiled = statement.compile(
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        values = compiled.params
        return str(compiled), [values[name] for name in names]


class Database:
    """An open store: gives out transactions, and turns the drivers' errors into `StoreError`."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.engine = self.url.get_backend_name()
        self.dialect = _dialect(self.engine)
        self._base: Connection | None = None

    @property
    def path(self) -> Path | None:
        """The file of an SQLite store."""
        return Path(self.url.database or "") if self.engine == "sqlite" else None

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def there(self) -> bool:
        """Whether there is a database to connect to: for SQLite its file, or what bars it."""
        return self.path is None or not self.path.parent.is_dir() or self._found(self.path)

    def open(self, *, create: bool) -> None:
        """Connect; the connections of transactions share what this one learns of the server.

        create: the SQLite file is made where it is missing, and will be written. Else one that
        this user may not write is opened for reading only.
        """
        if self.path is not None:
            self._check_path(self.path, create=create)
        import_arrow()
        with self.explained("cannot open the store"):
            self._base = self._connected(read_only=not create and not self.writable())
            if create and self.engine == "sqlite":
                for pragma in _SESSION["sqlite"]:
                    with self._base.cursor() as cursor:
                        cursor.executemany(pragma, None)
                write_ahead(self._base, BUSY_MILLISECONDS / 1000)

    def _check_path(self, path: Path, *, create: bool) -> None:
        """Say what SQLite would only call an error, and what it would call something else."""
        if not path.parent.is_dir():
            raise StoreError(
                "the store's folder does not exist",
                where=str(self),
                hint=f"make the folder {path.parent}, or correct the store's URL",
            )
        found = self._found(path)
        if found and path.is_dir():
            raise StoreError("a folder, not a store", where=str(self), hint="name a file in it")
        if not create and not found:
            raise StoreError(
                "there is no store yet", where=str(self), hint="`raiway ingest` makes one"
            )
        if found and not os.access(path, os.R_OK):
            raise self._barred("the store's file may not be read by this user")
        if create and not self.writable():
            raise self._barred("the store's file, or its folder, may not be written by this user")

    def _found(self, path: Path) -> bool:
        if not os.access(path.parent, os.X_OK):
            raise self._barred("the store's folder may not be entered by this user")
        return path.exists()

    def _barred(self, what: str) -> StoreError:
        return StoreError(what, where=str(self), hint="ask for the right, or name another store")

    def writable(self) -> bool:
        """Whether this user may write the SQLite file, and beside it what SQLite keeps there."""
        if self.path is None:
            return True
        needed = [self.path.parent, *([self.path] if self.path.exists() else [])]
        return all(os.access(each, os.W_OK) for each in needed)

    def close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        """Commit at the end, roll back on any error; on a connection of its own.

        `snapshot`: all statements see the store as the first one saw it.
        """
        with self.explained("cannot use the store"), self._cloned() as connection:
            transaction = Transaction(connection, self.dialect)
            if snapshot and self.engine == "postgresql":
                transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield transaction
            connection.commit()

    @contextmanager
    def _cloned(self) -> Iterator[Connection]:
        if self._base is None:
            raise StoreError("the store is closed", where=str(self))
        with self._base.adbc_clone() as connection:
            # Not in a transaction, where SQLite lets nobody change how it syncs.
            connection.adbc_connection.set_autocommit(True)
            for statement in _SESSION[self.engine]:
                with connection.cursor() as cursor:
                    cursor.executemany(statement, None)
            connection.adbc_connection.set_autocommit(False)
            # Closing a connection without a commit rolls back, on both engines.
            yield connection

    def _connected(self, *, read_only: bool) -> Connection:
        if self.path is not None:
            from adbc_driver_sqlite import dbapi as sqlite

            uri = _read_only(self.path) if read_only else str(self.path)
            return sqlite.connect(uri, autocommit=True)
        try:
            from adbc_driver_postgresql import dbapi as postgresql  # type: ignore[import-untyped]
        except ImportError:
            raise StoreError(
                "the driver for PostgreSQL is not installed",
                where=str(self),
                hint="pip install 'raiway[postgres]'",
            ) from None
        connection: Connection = postgresql.connect(_libpq(self.url), autocommit=True)
        return connection

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Raise what the driver says as one line, without the password."""
        from adbc_driver_manager import Error

        try:
            yield
        except Error as error:
            reason = first_line(self.redacted(str(error)))
            raise StoreError(f"{doing}: {reason}", where=str(self), hint=hint(reason)) from None

    def redacted(self, text: str) -> str:
        """The text without the store's password."""
        password = str(self.url.password or "")
        for spelling in {password, quote(password, safe=""), quote(password)} - {""}:
            text = text.replace(spelling, "***")
        return text


def _cells(column: pa.Array) -> list[Any]:
    """The column's values; by way of NumPy it takes half as long."""
    if column.null_count:
        cells: list[Any] = column.to_pylist()
    else:
        cells = column.to_numpy(zero_copy_only=False).tolist()
    return cells


def _dialect(engine: str) -> Dialect:
    """Each is imported where it is needed: together they take a tenth of a second."""
    if engine == "sqlite":
        from sqlalchemy.dialects.sqlite.base import SQLiteDialect

        return SQLiteDialect(paramstyle="qmark")
    from sqlalchemy.dialects.postgresql.base import PGDialect

    dialect: Dialect = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return dialect


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text itself may hold a password, so that it is not repeated.
        raise UsageError(
            "the store's address is no URL",
            hint="sqlite:///raiway.db or postgresql+psycopg://user@host/database",
        ) from None
    if parsed.drivername not in SCHEMES:
        raise UsageError(
            f"stores of the kind {parsed.drivername!r} are not supported",
            hint="sqlite:///raiway.db or postgresql+psycopg://user@host/database",
        )
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UsageError("an SQLite store needs a file", hint="sqlite:///raiway.db")
    return parsed


def _read_only(path: Path) -> str:
    """The URI that opens an SQLite file for reading (https://www.sqlite.org/uri.html).

    A file in WAL mode cannot be read where its index cannot be made, unless it is said to be
    immutable: then a log beside it, of a process that writes it or has crashed, would be ignored.
    """
    log = path.with_name(f"{path.name}-wal")
    return f"{path.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"


def _libpq(url: URL) -> str:
    """The address as libpq reads it, with a limit to the wait for the server."""
    timed = url.set(drivername="postgresql")
    if "connect_timeout" not in timed.query:
        timed = timed.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
    return timed.render_as_string(hide_password=False)
