"""A store that this user may only read, or not even that: read it, or say so in one clear line."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.errors import StoreError
from adapter.store import open_store
from tests.lib.needs import ROOT
from tests.lib.stores import resource, tg

# Root may do anything, so that its process becomes nobody; what opening a store loads, which nobody
# may not be able to read, is loaded before.
OPEN = """
import os, sys, tempfile
from adapter.errors import StoreError
from adapter.store import open_store

def opened(url, create):
    with open_store(url, create=create) as store:
        return store.counts()["lab_result"], len(list(store.patients()))

with tempfile.TemporaryDirectory() as folder:
    opened(f"sqlite:///{folder}/first.db", True)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    print(*opened(sys.argv[1], sys.argv[2] == "create"))
except StoreError as error:
    print(error.what)
"""


def opened(url: str, how: str) -> str:
    """What a user who is not root gets of the store."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, url, how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own folder, which no other user may enter."""
    made = Path(tempfile.mkdtemp(prefix="raiway rights #"))
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


@pytest.fixture
def url(folder: Path) -> str:
    """A store of one result, which nobody may write, in a folder that nobody may write."""
    path = folder / "store.db"
    with open_store(f"sqlite:///{path}", create=True) as store:
        store.load([resource("a", tg("1"))], "run")
    path.chmod(0o444)
    folder.chmod(0o555)
    return f"sqlite:///{path}"


def test_a_store_that_may_only_be_read_is_read_and_left_alone(url: str, folder: Path):
    before = (folder / "store.db").read_bytes()
    assert opened(url, "read") == "1 1"
    assert (folder / "store.db").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["store.db"]


def test_a_file_of_ones_own_in_a_folder_that_may_not_be_written_is_read(url: str, folder: Path):
    (folder / "store.db").chmod(0o666)
    assert opened(url, "read") == "1 1"


def test_a_store_that_may_not_be_written_is_not_ingested_into(url: str):
    assert "may not be written by this user" in opened(url, "create")


def test_a_folder_that_may_not_be_written_gets_no_store(url: str, folder: Path):
    assert "may not be written" in opened(f"sqlite:///{folder / 'new.db'}", "create")
    assert opened(f"sqlite:///{folder / 'new.db'}", "read") == "there is no store yet"


@pytest.mark.parametrize("how", ["read", "create"])
def test_a_file_that_may_not_be_read_is_named(url: str, folder: Path, how: str):
    (folder / "store.db").chmod(0)
    assert "file may not be read by this user" in opened(url, how)


@pytest.mark.parametrize("how", ["read", "create"])
def test_a_folder_that_may_not_be_entered_is_named(url: str, folder: Path, how: str):
    folder.chmod(0)
    assert "folder may not be entered by this user" in opened(url, how)


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_is_no_store(folder: Path, create: bool):
    (folder / "store.db").mkdir()
    with (
        pytest.raises(StoreError, match="a folder, not a store"),
        open_store(f"sqlite:///{folder / 'store.db'}", create=create),
    ):
        pass
