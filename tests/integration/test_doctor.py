"""`raiway doctor` before the first ingest, and on a configuration that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.doctor import Check, checks
from adapter.store.connect import Database


def found(config: Path | None, url: str | None) -> dict[str, Check]:
    return {check.name: check for check in checks(config, url)}


def test_a_store_that_is_to_be_made_is_ok(store_url: str):
    store = found(None, store_url)["store"]
    assert store.ok
    expected = "none yet" if store_url.startswith("sqlite") else "no tables yet"
    assert expected in store.found
    assert "raiway ingest will" in store.found


def test_the_database_of_another_program_is_no_store(store_url: str, tmp_path: Path):
    (tmp_path / "store.db").touch()
    database = Database(store_url)
    database.open(create=False)
    with database.transaction() as transaction:
        transaction.execute("CREATE TABLE visit_of_another (day TEXT)")
    database.close()
    store = found(None, store_url)["store"]
    assert not store.ok
    assert "not a Raiway store" in store.found


def test_on_a_broken_configuration_nothing_is_made_up(tmp_path: Path):
    file = tmp_path / "raiway.toml"
    file.write_text("[store", encoding="utf-8")
    seen = found(file, None)
    assert (seen["config"].state, seen["config"].exit_code) == ("FAIL", 2)
    for name in ("mappings", "store", "disk"):
        check = seen[name]
        assert (check.found, check.state, check.ok) == ("not checked", "-", False)
    assert seen["python"].ok


@pytest.mark.parametrize("made", [True, False])
def test_a_store_named_apart_is_checked_on_a_broken_configuration(tmp_path: Path, made: bool):
    file = tmp_path / "raiway.toml"
    file.write_text("[store", encoding="utf-8")
    url = f"sqlite:///{tmp_path / ('' if made else 'none')}/store.db"
    seen = found(file, url)
    assert seen["store"].ok is made
    assert seen["disk"].ok
