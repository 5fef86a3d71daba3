"""Where the Authorization header comes from: a fixed token, a password, or what SMART grants."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapter.errors import ConfigurationError
from adapter.pull.auth.credentials import secret
from adapter.pull.transport.client import Authorizer, Client
from adapter.site_settings import SiteSettings


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same header each time; '' for an open server."""

    value: str = field(default="", repr=False)

    async def header(self, client: Client) -> str:
        """The header."""
        return self.value

    def refused(self, header: str) -> bool:
        """There is no other."""
        return False


def authorizer(site: SiteSettings, types: Sequence[str]) -> Authorizer:
    """What the site's settings ask for. Raises ConfigurationError for what is missing."""
    match site.auth:
        case "none":
            return Fixed()
        case "bearer":
            return Fixed(f"Bearer {_header_safe('token', secret('token', site.token))}")
        case "basic":
            user, word = secret("username", site.username), secret("password", site.password)
            if ":" in user:
                raise ConfigurationError("username holds a colon, which basic auth cannot send")
            return Fixed("Basic " + b64encode(f"{user}:{word}".encode()).decode())
        case "smart":
            from adapter.pull.auth.smart_authorizer import smart_of

            return smart_of(site, types)


def _header_safe(key: str, value: str) -> str:
    if not all("!" <= c <= "~" for c in value):
        raise ConfigurationError(f"{key} holds blanks or letters that no header can carry")
    return value
