"""SQLite's write-ahead log: readers need not wait for a writer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


def write_ahead(connection: Connection, seconds: float) -> None:
    """Let readers see the last commit while another process writes. The file keeps it.

    Two processes that change a new file's journal mode at once do not wait for each other as
    statements do: SQLite gives up, so we wait.
    """
    from adbc_driver_manager import Error

    deadline = time.monotonic() + seconds
    while True:
        try:
            with connection.cursor() as cursor:
                cursor.executemany("PRAGMA journal_mode = WAL", None)
        except Error as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
