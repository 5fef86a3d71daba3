"""The users' file: argon2, private, changed whole."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from adapter.api.security.users import User, Users, add_user, remove_user
from adapter.errors import ConfigurationError, UsageError

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "users.json"
    add_user(found, User("Anna", "", patient_level=True, policy="none"), PASSWORD)
    return found


def test_a_user_is_checked_by_an_argon2_hash(file: Path) -> None:
    stored = json.loads(file.read_text())["users"][0]
    assert stored["name"] == "anna"
    assert stored["password"].startswith("$argon2id$")
    assert PASSWORD not in file.read_text()
    user = Users(file).checked(" ANNA ", PASSWORD)
    assert user is not None
    assert (user.patient_level, user.policy) == (True, "none")


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "wrong"), ("anna", ""), ("bert", PASSWORD), ("anna", "x" * 5000)],
)
def test_others_are_not_let_in(file: Path, name: str, password: str) -> None:
    assert Users(file).checked(name, password) is None


def test_the_file_is_private(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    users = Users(file)
    file.chmod(0o640)
    for read in (lambda: Users(file), lambda: users.find("anna")):
        with pytest.raises(ConfigurationError, match="can be read by others"):
            read()


def test_a_change_is_seen_at_once(file: Path) -> None:
    users = Users(file)
    add_user(file, User("bert", ""), PASSWORD)
    assert users.checked("bert", PASSWORD) is not None
    add_user(file, User("anna", ""), PASSWORD + "2")
    assert users.checked("anna", PASSWORD) is None
    assert users.checked("anna", PASSWORD + "2") is not None
    remove_user(file, "anna")
    assert users.find("anna") is None
    with pytest.raises(UsageError, match="no user"):
        remove_user(file, "anna")


@pytest.mark.parametrize(
    ("name", "password"), [("anna", "short"), ("", PASSWORD), ("a b", PASSWORD), ("../x", PASSWORD)]
)
def test_bad_names_and_short_passwords_are_refused(file: Path, name: str, password: str) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError) as error:
        add_user(file, User(name, ""), password)
    assert password not in str(error.value) or not password
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "[]", '{"users": [{}]}', '{"users": [{"name": "a", "password": 1, "x": 2}]}']
)
def test_a_broken_file_is_told(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="users_file"):
        Users(file)


def test_without_a_file_there_is_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not there"):
        Users(tmp_path / "users.json")
