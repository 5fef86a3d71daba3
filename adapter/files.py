"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from adapter.errors import UsageError

HINT = "name a file in a folder that exists and may be written"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content`, a text as UTF-8; a reader sees the old file or the new one, never a part.

    Raises UsageError when the file cannot be written; nothing is left behind then.
    """
    beside = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint=HINT,
        ) from error
    finally:
        _forget(beside)


def check_writable(path: Path) -> None:
    """Raise UsageError where `write_atomically` would fail, before work is done for it."""
    if path.is_dir():
        raise UsageError("cannot be written: it is a folder", where=str(path), hint=HINT)
    if not path.parent.is_dir():
        raise UsageError("cannot be written: no such folder", where=str(path), hint=HINT)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError("cannot be written: no permission", where=str(path), hint=HINT)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there. Raises UsageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot be made a folder: {error.strerror}",
            where=str(path),
            hint="name a folder that may be written",
        ) from error


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
