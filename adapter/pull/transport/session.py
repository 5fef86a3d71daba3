"""A client for one site, from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapter.errors import ConfigurationError, RaiwayError
from adapter.pull.auth.authorizers import authorizer
from adapter.pull.transport.client import Client
from adapter.pull.transport.clock import Clock, SystemClock
from adapter.pull.transport.connections import Connect, connect_with
from adapter.pull.transport.http import Transport
from adapter.pull.transport.log import RunLog
from adapter.pull.transport.origins import Origins, Resolve
from adapter.pull.transport.tls import TlsFiles
from adapter.site_settings import SiteSettings


@asynccontextmanager
async def session(
    site: SiteSettings,
    types: Sequence[str] = (),
    *,
    clock: Clock | None = None,
    log: RunLog | None = None,
    network: tuple[Connect, Resolve] | None = None,
) -> AsyncIterator[Client]:
    """A client for the site's server; its connections are closed on leaving. Nothing is asked yet.

    types: what is to be read, for the scopes; default: the site's. network: a test's, in place of
    real connections and name servers. Raises ConfigurationError for settings that do not hold.
    """
    if not site.base_url:
        raise ConfigurationError("base_url is not set", where=f"sites.{site.name}")
    clock = clock or SystemClock()
    try:
        files = TlsFiles(site)
        connect, resolve = network or (connect_with(files, site.limits, site.proxy), None)
        origins = Origins(site.base_url, site.extra_origins, resolve=resolve)
        files.check(origins.base)
        authorized = authorizer(site, types or site.types)
    except ConfigurationError as error:
        raise _of(site, error) from error
    transport = Transport(
        origins, site.limits, connect, vendor_headers=site.headers, resolve=not site.proxy
    )
    try:
        yield Client(site.base_url, transport, authorized, site.limits, clock, log or RunLog(clock))
    finally:
        await transport.aclose()


def _of(site: SiteSettings, error: RaiwayError) -> ConfigurationError:
    """The error with its site named."""
    what = f"site {site.name}: {error.what}"
    return ConfigurationError(what, where=error.where or f"sites.{site.name}", hint=error.hint)
