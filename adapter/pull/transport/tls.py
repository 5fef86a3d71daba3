"""The client's side of TLS (G9): 1.2 at least, verified, with the site's own authority if any."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.auth.credentials import private_file
from adapter.pull.transport.origins import Origin
from adapter.site_settings import SiteSettings

_VERSION_REASONS = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
    }
)


class TlsRefused(Unreachable):
    """A connection that is not safe: a certificate nobody we trust has signed, or an old TLS."""

    issue_code = "security"


class TlsFiles:
    """The contexts of one site's connections, by origin."""

    def __init__(self, site: SiteSettings) -> None:
        """Raises ConfigurationError for files that cannot be used."""
        self._verify = site.verify_tls
        self._site = site
        self._context: ssl.SSLContext | None = None
        if site.ca_file or site.client_cert:
            self._context = _verified(site)

    def check(self, origin: Origin) -> None:
        """Raises ConfigurationError where verification is off and the origin is not loopback."""
        if not self._verify and not origin.is_loopback:
            raise ConfigurationError(
                "verify_tls = false is taken on loopback only",
                where=str(origin),
                hint="give the server's authority: ca_file",
            )

    def context(self, origin: Origin) -> ssl.SSLContext:
        """For a connection to this origin. Raises as `check` does."""
        self.check(origin)
        if origin.scheme == "http":
            # It trusts nobody, and costs no reading of the system's authorities.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._verify:
            self._context = self._context or _verified(self._site)
            return self._context
        context = httpx2.create_ssl_context(verify=False)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _verified(site: SiteSettings) -> ssl.SSLContext:
    context = httpx2.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if site.ca_file is not None:
        with _readable("ca_file", site.ca_file):
            context.load_verify_locations(site.ca_file)
    if site.client_cert is not None:
        key = private_file("client_cert_key", site.client_cert_key)
        with _readable("client_cert", site.client_cert):
            context.load_cert_chain(site.client_cert, key)
    return context


@contextmanager
def _readable(key: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror
        raise ConfigurationError(
            f"{key} cannot be used: {reason}", where=str(path), hint="a PEM file"
        ) from error


def refusal(error: BaseException, origin: Origin) -> TlsRefused | None:
    """Why TLS failed, from what lies beneath a connection's error; None where it did not."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsRefused(
                f"the certificate is not trusted: {cause.verify_message}",
                where=str(origin),
                hint="if the hospital has an authority of its own, give its file: ca_file",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _VERSION_REASONS:
            return TlsRefused(
                "the server does not speak TLS 1.2 or newer",
                where=str(origin),
                hint="older versions are broken; the server must be updated",
            )
    return None


def broke_off(error: BaseException) -> bool:
    """Did the connection end in the handshake, as with servers that refuse without a word?"""
    return any(isinstance(cause, ssl.SSLEOFError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
