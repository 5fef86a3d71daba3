"""The operational database: where it is, how its tables come to be, and who writes when."""

from __future__ import annotations

import multiprocessing
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, column, inspect, table, text, update

import adapter.api
from adapter.api.operational.database import (
    migrate,
    operational_engine,
    operational_url,
    reading,
    writing,
)
from adapter.api.operational.metadata import SCHEMA_PREFIX, metadata
from adapter.api.operational.upgrade import VERSION_TABLE, scripts, version
from adapter.config import Settings
from adapter.errors import ConfigurationError, StoreError
from adapter.server_settings import ServerSettings
from tests.lib.databases import new_postgresql_url
from tests.lib.operational import migrate_alone, migrated, unmigrated

SPAWN = multiprocessing.get_context("spawn")
WORKERS = 3


def where(store_url: str, database: str = "") -> str:
    settings = Settings(server=ServerSettings(database=database))
    return operational_url(settings, store_url).render_as_string(hide_password=False)


def test_it_lies_beside_an_embedded_store() -> None:
    assert where("sqlite:////data/raiway.db") == "sqlite:////data/raiway-server.db"
    assert where("sqlite:///raiway.db") == "sqlite:///raiway-server.db"


def test_it_is_the_store_s_own_postgresql() -> None:
    for scheme in ("postgresql", "postgresql+psycopg"):
        assert where(f"{scheme}://u:p@db/raiway") == "postgresql+psycopg://u:p@db/raiway"


def test_the_setting_comes_first() -> None:
    assert where("postgresql://db/raiway", "sqlite:////data/own.db") == "sqlite:////data/own.db"
    assert where("sqlite:///a.db", "postgresql://db/own") == "postgresql+psycopg://db/own"


@pytest.mark.parametrize("database", ["no url, p4ssword", "mysql://u:p4ssword@db/x", "sqlite://"])
def test_what_it_cannot_be_is_refused_without_its_password(database: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        where("sqlite:///raiway.db", database)
    assert "p4ssword" not in str(refused.value)


def test_an_empty_database_gets_all_tables(store_url: str) -> None:
    import_all_of_the_server()
    with unmigrated(store_url) as engine:
        assert version_of(engine) is None
        migrate(engine)
        found = set(inspect(engine).get_table_names())
        assert found == {*metadata.tables, VERSION_TABLE}
        assert version_of(engine) == scripts().get_current_head()


def test_the_migrations_make_what_the_modules_declare(store_url: str) -> None:
    import_all_of_the_server()
    with migrated(store_url) as engine, engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or (str(name).startswith(SCHEMA_PREFIX) and name != VERSION_TABLE)


def import_all_of_the_server() -> None:
    """Every module of the server: whichever declares a table has then done so."""
    prefix = f"{adapter.api.__name__}."
    for found in pkgutil.walk_packages(adapter.api.__path__, prefix):
        if ".migrations" not in found.name:
            import_module(found.name)
    assert all(name.startswith(SCHEMA_PREFIX) for name in metadata.tables)


def test_the_store_s_own_tables_in_the_same_database_are_left_alone(postgresql_server: Any) -> None:
    with unmigrated(new_postgresql_url(postgresql_server)) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('of another program')"))
        migrate(engine)
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
            assert list(found) == ["of another program"]


def test_migrating_again_changes_nothing(store_url: str) -> None:
    with migrated(store_url) as engine:
        migrate(engine)
        assert version_of(engine) == scripts().get_current_head()


def test_workers_that_start_at_once_make_the_tables_once(store_url: str) -> None:
    workers = [SPAWN.Process(target=migrate_alone, args=(store_url,)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    with migrated(store_url) as engine:
        assert version_of(engine) == scripts().get_current_head()


def test_threads_that_start_at_once_make_the_tables_once(store_url: str) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(migrate_alone, [store_url] * WORKERS))
    with migrated(store_url) as engine:
        assert version_of(engine) == scripts().get_current_head()


def test_tables_of_a_newer_version_are_refused_and_left_as_they_are(store_url: str) -> None:
    with migrated(store_url) as engine:
        with engine.begin() as connection:
            newer = table(VERSION_TABLE, column("version_num")).update()
            connection.execute(newer.values(version_num="r9999"))
        with pytest.raises(ConfigurationError, match=r"newer version of Raiway \(r9999\)"):
            migrate(engine)
        assert version_of(engine) == "r9999"


def test_a_failed_migration_leaves_nothing(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    head = scripts().get_revision("head")
    made = head.module.upgrade

    def failing() -> None:
        made()
        raise StoreError("the disk is full")

    shipped = scripts()
    monkeypatch.setattr(shipped.get_revision("head").module, "upgrade", failing)
    monkeypatch.setattr("adapter.api.operational.upgrade.scripts", lambda: shipped)
    with unmigrated(store_url) as engine:
        with pytest.raises(StoreError, match="disk is full"):
            migrate(engine)
        assert inspect(engine).get_table_names() == []


def test_a_database_out_of_reach_is_said_without_its_password(tmp_path: Path) -> None:
    for url in (
        f"sqlite:///{tmp_path}/none/raiway.db",
        "postgresql://someone:p4ssword@127.0.0.1:1/raiway",
    ):
        with unmigrated(url) as engine, pytest.raises(StoreError) as told:
            migrate(engine)
        assert "p4ssword" not in f"{told.value} {told.value.hint}"


def test_a_role_by_password_gets_in(guarded_url: Any) -> None:
    with migrated(guarded_url("s3cret/@:pass")) as engine:
        assert version_of(engine) == scripts().get_current_head()
    with unmigrated(guarded_url("wr0ng")) as engine, pytest.raises(StoreError) as told:
        migrate(engine)
    assert "wr0ng" not in str(told.value)


def test_transactions_that_read_and_then_write_lose_nothing(store_url: str) -> None:
    """SQLite would refuse the second that read before the first had written."""
    kept = metadata.tables["server_snapshot"]
    row = {"digest": "d", "owner": "o", "expires": 0, "total": 0, "page": 1, "url": ""}

    def add(_: int) -> None:
        with writing(engine) as connection:
            total = connection.execute(kept.select()).one().total
            connection.execute(update(kept).values(total=total + 1))

    with migrated(store_url) as engine:
        with writing(engine) as connection:
            connection.execute(kept.insert().values(row))
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(add, range(40)))
        with reading(engine) as connection:
            assert connection.execute(kept.select()).one().total == 40


def test_readers_neither_wait_for_a_writer_nor_see_half_of_its_work(store_url: str) -> None:
    kept = metadata.tables["server_snapshot"]
    row = {"digest": "d", "owner": "o", "expires": 0, "total": 0, "page": 1, "url": ""}
    with migrated(store_url) as engine:
        with writing(engine) as writer:
            writer.execute(kept.insert().values(row))
            with reading(engine) as reader:
                assert reader.execute(kept.select()).all() == []
        with reading(engine) as reader:
            assert len(reader.execute(kept.select()).all()) == 1
            with writing(engine) as writer:
                writer.execute(kept.delete())
            assert len(reader.execute(kept.select()).all()) == 1


def version_of(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return version(connection)


def test_the_engine_connects_to_nothing_by_itself(tmp_path: Path) -> None:
    operational_engine(Settings(), f"sqlite:///{tmp_path}/raiway.db").dispose()
    assert list(tmp_path.iterdir()) == []
