"""One or several server processes on a socket, from the first check to the last answer."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EADDRINUSE
from functools import partial
from multiprocessing import parent_process
from ssl import SSLContext
from threading import Thread

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from adapter.api.app import create_app
from adapter.api.context import origin
from adapter.api.operational.database import migrate, operational_engine
from adapter.api.running import tls
from adapter.api.running.logs import log_config
from adapter.api.running.metrics import FOLDER
from adapter.api.security.start import check_safe
from adapter.config import Settings
from adapter.errors import ConfigurationError, Unreachable
from adapter.server_settings import ServerSettings
from adapter.store import open_store

_log = logging.getLogger(__name__)

FINISH_SECONDS = 60
"""How long a stop waits for requests that are being answered."""
SILENT_SECONDS = 120
"""After which a worker that does not answer is replaced. It answers once it has imported all, which
takes a minute on a busy machine."""
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that is bound, and the settings with the address that it got."""

    socket: socket.socket
    settings: Settings

    @property
    def url(self) -> str:
        """The origin at which this process answers (a proxy's may be another)."""
        return origin(self.settings.server)


@contextmanager
def listening(settings: Settings) -> Iterator[Listening]:
    """Bind the address of the settings; port 0 takes a free one.

    Raises Unreachable for a port in use, ConfigurationError for an address that is not ours.
    """
    server = settings.server
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    # With its protocol named: asyncio turns off Nagle's algorithm for such sockets alone, and a
    # client would wait 40 ms for each answer that is sent in two parts.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        where = f"{server.host}:{server.port}"
        try:
            opened.bind((server.host, server.port))
            # Two processes may bind the same port; only one may listen on it.
            opened.listen(BACKLOG)
        except OSError as error:
            if error.errno == EADDRINUSE:
                hint = "stop the other program, or choose another: raiway serve --port PORT"
                raise Unreachable(
                    f"port {server.port} is in use", where=where, hint=hint
                ) from error
            what = f"cannot listen: {error.strerror or error}"
            hint = "host in [server] must be an address of this machine; ports below 1024 need root"
            raise ConfigurationError(what, where=where, hint=hint) from error
        opened.set_inheritable(True)
        port = opened.getsockname()[1]
        bound = settings.model_copy(update={"server": server.model_copy(update={"port": port})})
        yield Listening(opened, bound)


def check(settings: Settings, store_url: str) -> None:
    """Whether a server could start with these settings, without one; nothing stays open.

    The operational tables are made or brought up. Raises RaiwayError: what would keep it from
    starting (a missing store: StoreError; an unsafe address or a broken key: ConfigurationError).
    """
    check_safe(settings.server, settings.server.host)
    if settings.server.tls_certificate:
        tls.context(settings.server)
    with open_store(store_url, create=False):
        pass
    engine = operational_engine(settings, store_url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


def serve(at: Listening, store_url: str) -> None:
    """Answer until SIGTERM or SIGINT; then finish what is being answered, and return.

    Raises RaiwayError where the application cannot start.
    """
    workers = at.settings.server.workers
    with _stop_is_no_failure():
        if workers == 1:
            app = create_app(at.settings, store_url)
            uvicorn.Server(_config(app, at.settings)).run([at.socket])
            return
        with _shared_metrics():
            config = _config(partial(_worker, at.settings, store_url), at.settings)
            config.factory, config.workers = True, workers
            processes = Multiprocess(config, sockets=[at.socket])
            processes.run()
        if any(each.exitcode == STARTUP_FAILURE for each in processes.processes):
            raise Unreachable("no worker could start", hint="the log above says why")


def _worker(settings: Settings, store_url: str) -> FastAPI:
    """The application of one of several processes. What it cannot start with ends them all."""
    _end_with_parent()
    try:
        return create_app(settings, store_url)
    except Exception:
        _log.exception("a worker cannot start")
        sys.exit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers to stop, and they would keep the port."""

    def watch() -> None:
        if parent := parent_process():
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, daemon=True).start()


def _config(app: object, settings: Settings) -> uvicorn.Config:
    server = settings.server
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application, or what makes one
        log_config=log_config(),
        access_log=False,
        server_header=False,
        proxy_headers=server.behind_proxy,
        timeout_graceful_shutdown=FINISH_SECONDS,
        timeout_worker_healthcheck=SILENT_SECONDS,
        ssl_context_factory=partial(_keys, server) if server.tls_certificate else None,
    )


def _keys(server: ServerSettings, *_: object) -> SSLContext:
    return tls.context(server)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="raiway-metrics-") as folder:
        # The workers' prometheus-client looks at it when it is imported.
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


@contextmanager
def _stop_is_no_failure() -> Iterator[None]:
    """Uvicorn raises the signal that stopped it again: it would end us as if killed."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, lambda *_: None) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
