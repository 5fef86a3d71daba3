"""Opening a store: every failure is one clear line with a hint, and none shows the password."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapter.errors import StoreError, UsageError
from adapter.store import open_store
from adapter.store.connect import Database
from adapter.store.schema import TABLES, schema_version
from tests.lib.databases import GUARDED_PASSWORD
from tests.lib.stores import resource, tg


def refusal(url: str, *, create: bool = False) -> StoreError:
    with pytest.raises(StoreError) as caught, open_store(url, create=create):
        pass
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_a_new_store_has_all_tables_and_opens_again(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        assert store.counts() == {table.name: 0 for table in TABLES}
        store.load([resource("a", tg("1"))], "run")
    for create in (True, False):
        with open_store(store_url, create=create) as store:
            assert store.counts()["lab_result"] == 1


def test_a_closed_store_says_so(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        pass
    with pytest.raises(StoreError, match="the store is closed"):
        store.counts()


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "raiway.db", "sqlite://", "sqlite:///:memory:", "postgresql+x://h/d"]
)
def test_an_address_of_no_kind_we_know_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as caught, open_store(url, create=True):
        pass
    assert "sqlite:///raiway.db" in caught.value.hint


@pytest.mark.parametrize("create", [True, False])
def test_a_missing_folder_is_named(tmp_path: Path, create: bool) -> None:
    url = f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}"
    assert "folder does not exist" in str(refusal(url, create=create))


def test_a_missing_store_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    assert "no store yet" in str(refusal(f"sqlite:///{path}"))
    assert not path.exists()


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear colleague, " * 500)
    before = path.read_bytes()
    assert "file is not a database" in str(refusal(f"sqlite:///{path}", create=create))
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE visit (day TEXT)")
    assert "not a Raiway store" in str(refusal(f"sqlite:///{path}"))
    assert "visit" in str(refusal(f"sqlite:///{path}", create=True))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("visit",)]


def test_an_empty_postgresql_database_is_no_store(store_url: str) -> None:
    expected = "no store yet" if store_url.startswith("sqlite") else "not a Raiway store"
    assert expected in str(refusal(store_url))


def test_a_store_of_another_version_is_refused_with_both_versions(store_url: str) -> None:
    with open_store(store_url, create=True):
        pass
    database = Database(store_url)
    database.open(create=False)
    with database.transaction() as transaction:
        transaction.execute("UPDATE store_schema SET version = 'older'")
    database.close()
    for create in (True, False):
        error = refusal(store_url, create=create)
        assert "older" in str(error)
        assert schema_version() in str(error)


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    error = refusal("postgresql+psycopg://me:s3cret%2F@127.0.0.1:1/db", create=True)
    assert "Connection refused" in str(error)
    assert "s3cret" not in str(error) + error.hint + error.where


def test_a_wrong_password_is_said_and_not_shown(guarded_url: Callable[[str], str]) -> None:
    with open_store(guarded_url(GUARDED_PASSWORD), create=True) as store:
        assert GUARDED_PASSWORD not in str(store)
    error = refusal(guarded_url("wr0ng/@:pass"))
    assert "password authentication failed" in str(error)
    assert "wr0ng" not in str(error) + error.hint + error.where


def test_the_password_is_taken_out_of_what_a_driver_says() -> None:
    database = Database("postgresql+psycopg://me:s3%2Fcret@host/db")
    assert database.redacted("at me:s3/cret or s3%2Fcret") == "at me:*** or ***"


def test_a_missing_driver_for_postgresql_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    error = refusal("postgresql+psycopg://127.0.0.1:1/db", create=True)
    assert error.hint == "pip install 'raiway[postgres]'"


def test_postgresql_orders_all_text_by_code_point(both_urls: tuple[str, str]) -> None:
    """The server of the tests may have no other collation; those of hospitals do."""
    database = Database(both_urls[1])
    with open_store(both_urls[1], create=True):
        database.open(create=False)
    listed = (
        "SELECT table_name::text, coalesce(collation_name, '')::text "
        "FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'"
    )
    with database.transaction() as transaction:
        (batch,) = transaction.batches(listed)
    database.close()
    assert set(batch[0]) == {table.name for table in TABLES} | {"store_schema"}
    assert set(batch[1]) == {"C"}
