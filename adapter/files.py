"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from adapter.errors import UsageError


def write_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8; a reader sees the old file or the new one, never a part.

    Raises UsageError when the file cannot be written; nothing is left behind then.
    """
    beside = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="name a file in a folder that exists and may be written",
        ) from error
    finally:
        _forget(beside)


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
