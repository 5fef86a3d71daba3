"""Whether a server may start as it is set up (G12): never open beyond this machine, no secret or
registration that does not hold."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from adapter.api.security.clients import Clients
from adapter.api.security.openid import OpenId
from adapter.api.security.outgoing import Outgoing
from adapter.api.security.people import cookies_of
from adapter.api.security.server_keys import StatedKeys
from adapter.api.security.users import Users
from adapter.errors import ConfigurationError
from adapter.server_settings import ServerSettings


def check_safe(server: ServerSettings, host: str) -> None:
    """Raises ConfigurationError (exit 2) for a set-up that would open the facade to others.

    host: the address to listen on. Beyond loopback, or behind a proxy, clients and people must
    authenticate, and TLS must end here or at the proxy. Keys, secrets and registrations are read.
    """
    public = urlsplit(server.public_url)
    if server.public_url and (public.scheme not in {"http", "https"} or not public.hostname):
        raise ConfigurationError("server.public_url is no http or https URL")
    _check_password(public.username or public.password)
    exposed = not is_loopback(host) or server.behind_proxy
    exposed = exposed or not is_loopback(public.hostname or "localhost")
    if exposed:
        _check_exposed(server, host)
    if server.authentication == "required":
        _check_somebody(server)
    _check_registrations(server)


def is_loopback(host: str) -> bool:
    """Is it this machine, by its name or number? An empty host listens everywhere."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_password(user: str | None) -> None:
    if user:
        raise ConfigurationError("server.public_url names a user")


def _check_exposed(server: ServerSettings, host: str) -> None:
    if server.authentication != "required":
        raise ConfigurationError(
            f"refusing to serve on {host or 'all addresses'} without authentication",
            where="server.authentication",
            hint='set authentication = "required" and register clients or users, or listen on '
            "127.0.0.1 without a proxy",
        )
    if server.tls_certificate is None and not server.behind_proxy:
        raise ConfigurationError(
            f"refusing to serve on {host or 'all addresses'} without TLS",
            where="server.tls_certificate",
            hint="give tls_certificate and tls_key, or set behind_proxy = true where a proxy in "
            "front ends TLS",
        )
    if not server.public_url.startswith("https://"):
        raise ConfigurationError(
            "server.public_url must be the https URL that clients use",
            where="server.public_url",
            hint='public_url = "https://raiway.hospital.example"',
        )


def _check_somebody(server: ServerSettings) -> None:
    if not (server.clients or server.users_file or server.openid):
        raise ConfigurationError(
            "nobody could ask: authentication is required, but no client or user is known",
            where="server",
            hint="register a client under [[server.clients]], or set users_file or [server.openid]",
        )


def _check_registrations(server: ServerSettings) -> None:
    """What the application reads at its start, without its database."""
    outgoing = Outgoing(server.ca_file)
    Clients(server, outgoing)
    if server.signing_key:
        StatedKeys(server.signing_key)
    if server.users_file is not None:
        Users(server.users_file)
    if server.openid is not None:
        OpenId(server.openid, outgoing, server.public_url)
    if server.users_file is not None or server.openid is not None:
        cookies_of(server, server.public_url)
