"""Which hosts a pull may ask (G1): those of the configuration, and none that a link names.

A server can name any URL in `next` links, output files, status and token URLs. Only origins that
the configuration lists are asked; a listed name that resolves to a link-local or metadata address
is refused all the same, and it is resolved once, so that a later answer changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.transport.content import Interrupted
from adapter.pull.transport.log import masked

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to IP addresses, best first."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_METADATA = {
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, GCP; link-local too
        "fd00:ec2::254",  # AWS over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's wire server
        "192.0.0.192",  # Oracle
    )
}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenOrigin(Unreachable):
    """A URL that leads where the configuration does not allow; nothing was sent there."""

    issue_code = "security"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (lower case) and port of a URL."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_loopback(self) -> bool:
        """Is it this machine, by its name or number?"""
        stated = self.number
        return self.host == "localhost" or (stated is not None and stated.is_loopback)

    @property
    def number(self) -> Address | None:
        """The IP address that stands in the host's place; None for a name."""
        try:
            return _inner(ipaddress.ip_address(self.host))
        except ValueError:
            return None


def origin_of(url: str) -> Origin:
    """The origin. Raises ForbiddenOrigin for anything but https without userinfo; http is taken
    on loopback."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _forbidden("a URL that cannot be read", url) from None
    if scheme not in _PORTS:
        raise _forbidden(f"a {scheme or 'relative'} URL", url)
    if "@" in parts.netloc:
        raise _forbidden("a URL with a user", url)
    # Hosts outside ASCII, backslashes and controls are read differently by different parsers.
    if not _HOST.fullmatch(host):
        raise _forbidden("a URL without a proper host", url)
    if _CONTROL.search(url):
        raise _forbidden("a URL with control characters", url)
    found = Origin(scheme, host.rstrip("."), _PORTS[scheme] if port is None else port)
    if scheme == "http" and not found.is_loopback:
        raise _forbidden("http without TLS", url)
    return found


class Origins:
    """The allowed origins of one site.

    `base` and the extra ones may see the token; the token endpoint's may not.
    """

    def __init__(
        self, base_url: str, extra: Iterable[str] = (), *, resolve: Resolve | None = None
    ) -> None:
        """Raises ConfigurationError for a URL in the configuration that is not allowed."""
        self.base = _configured("base_url", base_url)
        self._trusted = {self.base, *(_configured("extra_origins", url) for url in extra)}
        self._allowed = set(self._trusted)
        self._resolve = resolve or resolved
        self._addresses: dict[Origin, asyncio.Task[Sequence[str]]] = {}

    def allow(self, url: str) -> None:
        """Allow the token endpoint's origin, which a server names.

        Raises ForbiddenOrigin where it is not https, an address that is never asked, or this
        machine though the server is not.
        """
        found = origin_of(url)
        # A proxy resolves names in our place, but an address that is stated can be told here.
        if found.number is not None and (reason := _refusal(found.number)):
            raise _forbidden(reason, url)
        if found.is_loopback and not self._may_be_here(found):
            raise _forbidden("this machine", url)
        self._allowed.add(found)

    def _may_be_here(self, origin: Origin) -> bool:
        """May this origin be on this machine? One that only the server names could otherwise reach
        what listens here for us alone."""
        return origin in self._trusted or self.base.is_loopback

    def check(self, url: str) -> Origin:
        """The URL's origin. Raises ForbiddenOrigin where it is not allowed."""
        found = origin_of(url)
        if found not in self._allowed:
            raise ForbiddenOrigin(
                f"the server points to {found}, which is not among the allowed origins",
                where=masked(url),
                hint="if it belongs to the server, list it in extra_origins",
            )
        return found

    def may_see_token(self, url: str) -> bool:
        """May a request to this URL carry the access token?"""
        return self.check(url) in self._trusted

    async def addresses(self, origin: Origin) -> Sequence[str]:
        """The origin's IP addresses, resolved once in this object's life.

        Raises Unreachable where the name has none, ForbiddenOrigin where one is link-local, a
        cloud's metadata service, or no address of a host.
        """
        if origin not in self._addresses:
            self._addresses[origin] = asyncio.ensure_future(self._looked_up(origin))
        asked = self._addresses[origin]
        try:
            return await asyncio.shield(asked)
        except Unreachable as error:
            # A name server may be back at the next try; what it answered stays as it was.
            if not isinstance(error, ForbiddenOrigin):
                self._addresses.pop(origin, None)
            raise

    async def _looked_up(self, origin: Origin) -> Sequence[str]:
        try:
            found = list(await self._resolve(origin.host, origin.port))
        except OSError as error:
            passing = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise _unknown(
                origin, error.strerror, Interrupted if passing else Unreachable
            ) from error
        if not found:
            raise _unknown(origin, "none is registered", Unreachable)
        for text in found:
            address = _inner(ipaddress.ip_address(text.partition("%")[0]))
            reason = _refusal(address)
            if not reason and address.is_loopback and not self._may_be_here(origin):
                reason = "this machine"
            if reason:
                raise ForbiddenOrigin(
                    f"{origin.host} resolves to {reason}",
                    where=str(origin),
                    hint="such an address is never asked; check the name server",
                )
        return found


async def resolved(host: str, port: int) -> list[str]:
    """The addresses that the system knows for this host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def _refusal(address: Address) -> str:
    """Why this address is never asked; '' where it may be. address: not wrapped in another."""
    if address in _METADATA:
        return "a cloud's metadata service"
    if address.is_link_local:
        return "a link-local address"
    if address.is_unspecified or address.is_multicast:
        return "no address of a host"
    return ""


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one wraps, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _configured(key: str, url: str) -> Origin:
    try:
        return origin_of(url)
    except ForbiddenOrigin as error:
        raise ConfigurationError(
            f"{key} is {error.what.removeprefix('the server points to ')}",
            where=error.where,
            hint="an https URL without a user; http only on this machine (127.0.0.1, localhost)",
        ) from None


def _unknown(origin: Origin, why: str | None, kind: type[Unreachable]) -> Unreachable:
    return kind(
        f"no address for {origin.host}: {why}",
        where=str(origin),
        hint="check base_url, the name server and the network",
    )


def _forbidden(what: str, url: str) -> ForbiddenOrigin:
    return ForbiddenOrigin(
        f"the server points to {what}", where=masked(url), hint="nothing was sent there"
    )
