"""People of a single machine: a private file of names and argon2 hashes.

`{"users": [{"name": "anna", "password": "$argon2id$…", "patient_level": false, "policy": …}]}`
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, get_args

from filelock import FileLock
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from adapter.errors import ConfigurationError, UsageError
from adapter.pull.auth.credentials import private_file
from adapter.server_settings import Policy

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_hash = PasswordHash((Argon2Hasher(),))
# A name that nobody has costs as much time as one that somebody has.
_NOBODY = _hash.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class User:
    """A person of the users' file; `password` is its hash."""

    name: str
    password: str
    patient_level: bool = False
    policy: Policy = "public"


class Users:
    """The users' file, read again when it changes."""

    def __init__(self, file: Path) -> None:
        """Raises ConfigurationError for a file that others can read, or that is broken."""
        self._file = file
        self._stamp = (0, 0)
        self._users: dict[str, User] = {}
        self._read()

    def find(self, name: str) -> User | None:
        """The person of this name now. Raises ConfigurationError."""
        self._read()
        return self._users.get(name.strip().lower())

    def checked(self, name: str, password: str) -> User | None:
        """The person, if the password is theirs."""
        user = self.find(name)
        if len(password) > LONGEST_PASSWORD:
            return None
        try:
            right = _hash.verify(password, user.password if user else _NOBODY)
        except PwdlibError:
            return None
        return user if right else None

    def _read(self) -> None:
        file = private_file("server.users_file", str(self._file))
        status = file.stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._users = {user.name: user for user in read_users(file)}
            self._stamp = stamp


def read_users(file: Path) -> list[User]:
    """The people of a file. Raises ConfigurationError."""
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
        return [_user(each) for each in stated["users"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            "server.users_file cannot be read as a list of users",
            where=str(file),
            hint="raiway users NAME makes one",
        ) from error


def add_user(file: Path, user: User, password: str) -> None:
    """Add the person, or change the one of this name; the file is made with mode 0600.

    user: without its hash. Raises UsageError for a name or password that is not taken.
    """
    name = user.name.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no login name", hint="letters, digits, dot, dash, underscore, @"
        )
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"a password has {SHORTEST_PASSWORD} characters at least")
    added = replace(user, name=name, password=_hash.hash(password))
    with _locked(file):
        others = [each for each in _existing(file) if each.name != name]
        _write(file, [*others, added])


def remove_user(file: Path, name: str) -> None:
    """Remove the person; their sessions end. Raises UsageError where there is none."""
    with _locked(file):
        users = _existing(file)
        left = [each for each in users if each.name != name.strip().lower()]
        if len(left) == len(users):
            raise UsageError(f"no user {name!r}", where=str(file))
        _write(file, left)


def _user(stated: dict[str, Any]) -> User:
    user = User(**stated)
    if user.policy not in get_args(Policy) or not isinstance(user.patient_level, bool):
        raise ValueError("a policy or level that does not exist")
    return user


def _existing(file: Path) -> list[User]:
    return read_users(private_file("server.users_file", str(file))) if file.exists() else []


def _locked(file: Path) -> FileLock:
    return FileLock(file.with_name(f".{file.name}.lock"), timeout=10, mode=0o600)


def _write(file: Path, users: list[User]) -> None:
    """Whole or not at all; a temporary file is made with mode 0600."""
    text = json.dumps({"users": [asdict(user) for user in users]}, indent=2) + "\n"
    with NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    Path(out.name).replace(file)
