"""What every request needs, built once at start and kept in `app.state.context`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request
from sqlalchemy import Engine

from adapter.config import Settings
from adapter.errors import StoreError, UsageError
from adapter.server_settings import ServerSettings
from adapter.store import open_store

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class ApiContext:
    """settings: as loaded. store_url: the analytic store. engine: the operational tables."""

    settings: Settings
    store_url: str
    engine: Engine

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The analytic store. Raises StoreError where it is not there."""
        with ExitStack() as opened:
            try:
                found = opened.enter_context(open_store(self.store_url, create=False))
            except UsageError as error:
                # What is wrong with the store's address is no fault of the client's.
                raise StoreError("the store of this server is not there") from error
            yield found

    @property
    def public_url(self) -> str:
        """The origin that clients see, without a slash at its end."""
        server = self.settings.server
        return server.public_url.rstrip("/") or origin(server)

    @property
    def base(self) -> str:
        """The FHIR base."""
        return f"{self.public_url}/fhir"


def origin(server: ServerSettings) -> str:
    """Where the server itself listens; a proxy's address may be another."""
    scheme = "https" if server.tls_certificate else "http"
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{scheme}://{host}:{server.port}"


def context_of(request: Request) -> ApiContext:
    """The context of the application that a request came to."""
    context: ApiContext = request.app.state.context
    return context
