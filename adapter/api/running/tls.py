"""The server's side of TLS: 1.2 at least, its key from a private file or the environment."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from adapter.errors import ConfigurationError
from adapter.pull.auth.credentials import secret
from adapter.server_settings import ServerSettings


def context(server: ServerSettings) -> ssl.SSLContext:
    """The context of a server with `tls_certificate` and `tls_key`.

    Raises ConfigurationError where a file is missing, readable by others, or does not fit.
    """
    if server.tls_certificate is None:
        raise ConfigurationError("server.tls_certificate is not set")
    if not server.tls_certificate.is_file():
        raise ConfigurationError(
            "server.tls_certificate names a file that is not there",
            where=str(server.tls_certificate),
        )
    key = secret("server.tls_key", server.tls_key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="raiway-tls-") as folder:
        # OpenSSL takes files only, and the key may stand in the environment.
        file = Path(folder) / "key.pem"
        file.touch(mode=0o600)
        file.write_text(key + "\n", encoding="utf-8")
        try:
            made.load_cert_chain(server.tls_certificate, file, _no_password)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                "server.tls_certificate and server.tls_key do not fit or cannot be read",
                where=str(server.tls_certificate),
                hint="both are PEM, the key without a password",
            ) from error
    return made


def _no_password() -> str:
    """Else OpenSSL asks the terminal, and the server waits."""
    return ""
