"""Secrets, from a private file or the environment only (G8)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from adapter.errors import ConfigurationError
from adapter.site_settings import ENVIRONMENT

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def secret(key: str, stated: str) -> str:
    """The secret that the setting `key` names: a file, or "env:NAME".

    Raises ConfigurationError where it is missing, empty, or readable by others; no message repeats
    what was stated, which may be the secret itself by mistake.
    """
    if stated.startswith(ENVIRONMENT):
        name = stated.removeprefix(ENVIRONMENT)
        found = os.environ.get(name, "")
        if not found.strip():
            raise ConfigurationError(
                f"{key}: {name} is not set", where="environment", hint=f"export {name}=…"
            )
        return found.strip()
    file = private_file(key, stated)
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key} cannot be read", hint="a text file") from error
    if not found:
        raise ConfigurationError(f"{key} names an empty file")
    return found


def private_file(key: str, stated: str) -> Path:
    """The file that the setting names, which nobody but its owner may read (mode 0600).

    Raises ConfigurationError.
    """
    if not stated:
        raise ConfigurationError(f"{key} is not set", hint=f'a file, or "{ENVIRONMENT}NAME"')
    file = Path(stated)
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        # The path is not shown: it may be a secret that was put in its place.
        raise ConfigurationError(
            f"{key} names a file that is not there",
            hint=f'a secret itself does not belong here: give its file, or "{ENVIRONMENT}NAME"',
        ) from None
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{key} is no file", where=str(file))
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigurationError(
            f"{key} can be read by others (mode {stat.S_IMODE(mode):04o})",
            where=str(file),
            hint=f"chmod 600 {file}",
        )
    return file
