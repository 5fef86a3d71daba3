"""A Spark session, on a cluster of its own or an existing one.

Only the DataFrame interface is used, which Spark Connect has too: a server of it may be Spark,
Databricks, or Sail, which needs no JVM.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapter import errors
from adapter.errors import RaiwayError, Unreachable, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT = "sc://"
CONNECT_PORT = 15002
SECONDS = 10
LOCAL = "local[*]"
EXTRA = "pip install 'raiway[spark]'"
ROWS_AT_ONCE = "16"
"""Each of these rows may be what came of a split, some megabytes."""

OWN = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # A worker keeps what it has imported from one task to the next.
    "spark.python.worker.reuse": "true",
}
# What is on one machine is nobody else's to reach.
ON_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
SETTINGS = {"spark.sql.execution.arrow.maxRecordsPerBatch": ROWS_AT_ONCE}


@contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """A session at `local[2]`, `spark://host:7077`, `yarn`, … or `sc://host:port`; it is stopped
    at the end, unless there was one before.

    Raises UsageError without the extra, Unreachable where Spark does not start or answer.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise UsageError("the Spark engine is not installed", hint=EXTRA) from None
    before, interrupted = SparkSession.getActiveSession(), signal.getsignal(signal.SIGINT)
    session = before or _begun(master or LOCAL)
    try:
        for name, value in SETTINGS.items():
            session.conf.set(name, value)
        yield session
    finally:
        if before is None:
            session.stop()
            _give_back(interrupted)


def _give_back(interrupted: Any) -> None:
    """Let SIGINT do what it did before: PySpark takes it at the start, and keeps it."""
    if interrupted is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupted)


@contextmanager
def explained() -> Iterator[None]:
    """What goes wrong on Spark: an error of ours as it was raised there, any other as Unreachable.

    Its own message, with all that its workers say, is left out: it may hold data.
    """
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        found = _OURS.search(str(error))
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, RaiwayError):
            raise kind(found[2]) from None
        hint = "see the log of Spark; too little memory for a worker?"
        raise Unreachable("a task of Spark failed", hint=hint) from error


_OURS = re.compile(r"^adapter\.errors\.(\w+): (.*)$", re.MULTILINE)


def _begun(master: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # The workers are this Python, with all that is installed for it.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("raiway")
    try:
        if master.startswith(CONNECT):
            _check_answers(master)
            return builder.remote(master).getOrCreate()
        own = {**OWN, **(ON_LOOPBACK if master.startswith("local") else {})}
        for name, value in own.items():
            builder = builder.config(name, value)
        return builder.master(master).getOrCreate()
    except PySparkException as error:
        hint = f"Java 17 or newer, and a master that answers; for {CONNECT}…: {EXTRA}"
        raise Unreachable("Spark does not start", where=_shown(master), hint=hint) from error


def _check_answers(master: str) -> None:
    """Raise Unreachable where nobody listens, for whom Spark Connect would wait ten minutes."""
    address = urlsplit(master)
    try:
        where = (address.hostname or "localhost", address.port or CONNECT_PORT)
        socket.create_connection(where, timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        hint = "start the Spark Connect server, or correct --master"
        raise Unreachable("no Spark Connect server", where=_shown(master), hint=hint) from error


def _shown(master: str) -> str:
    """The master without its parameters, of which one may be a token."""
    return master.partition(";")[0]
