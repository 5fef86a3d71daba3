"""A token by SMART Backend Services (pull.md 3.2), fetched when needed and renewed in time.

Apart from `authorizers`, since signing brings a cryptographic library along that an open server or
a fixed token does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.auth import scopes, smart
from adapter.pull.auth.credentials import secret
from adapter.pull.auth.keys import SigningKey, signing_key
from adapter.pull.transport.client import Client, GaveUp, passing
from adapter.pull.transport.http import Asked, Reply
from adapter.pull.transport.retry import Kind
from adapter.site_settings import SiteSettings

AUTO = "auto"
_STRAY = 400


@dataclass
class Smart:
    """A token by SMART Backend Services, fetched when first needed and renewed in time.

    Attributes:
        scope: 'auto' derives it from `types`; anything else is asked as it stands.
        helpful: types that are asked for, and may be refused.
    """

    client_id: str
    key: SigningKey
    scope: str = AUTO
    types: Sequence[str] = ()
    helpful: Sequence[str] = ()
    token_url: str = ""
    token: smart.Token | None = None
    configuration: smart.Configuration | None = None
    _had_one: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def header(self, client: Client) -> str:
        """The token's header."""
        return (await self.granted(client)).header

    async def granted(self, client: Client) -> smart.Token:
        """A token that holds; of many that ask at once, one renews and all get the same.

        Raises Unauthorised where the server grants none, or less than is needed.
        """
        async with self._lock:
            if self.token is None or client.clock.monotonic() >= self.token.renew_at:
                self.token = await self._fetched(client)
                self._had_one = True
            return self.token

    def refused(self, header: str) -> bool:
        """Forget the token, unless another has taken its place."""
        if self.token is not None and self.token.header == header:
            self.token = None
        return True

    async def _fetched(self, client: Client) -> smart.Token:
        found = await self._discovered(client)
        required, helpful = self._wanted(client, found)
        try:
            return await self._exchanged(client, required, [*required, *helpful])
        except smart.Unauthorised as error:
            if error.code != "invalid_scope" or not helpful:
                raise
        return await self._exchanged(client, required, required)

    async def _exchanged(
        self, client: Client, required: list[scopes.Scope], asked: list[scopes.Scope]
    ) -> smart.Token:
        """The token for these scopes."""
        found = await self._discovered(client)
        scope = self.scope if self.scope != AUTO else " ".join(each.text for each in asked)

        async def build() -> Asked:
            signed = smart.assertion(
                self.client_id, self.key, found.token_endpoint, client.clock.now()
            )
            return smart.token_request(found, signed, scope)

        try:
            reply = await client.retried(build, _stray if self._had_one else passing)
        except GaveUp as error:
            if error.reply is None or error.reply.status != _STRAY:
                raise
            reply = error.reply
        at = smart.Moment(client.clock.now(), client.clock.monotonic())
        granted = smart.token(reply, required, scope, at)
        client.log.event("token", life=granted.life, scope=granted.scope, alg=self.key.alg)
        return granted

    async def _discovered(self, client: Client) -> smart.Configuration:
        if self.configuration is None:

            async def build() -> Asked:
                return smart.discovery(client.base)

            try:
                found = smart.configuration(await client.retried(build), self.token_url)
            except Unreachable:
                if not self.token_url:
                    raise
                found = smart.Configuration(self.token_url)
            smart.check_algorithm(found, self.key)
            client.origins.allow(found.token_endpoint)
            self.configuration = found
        return self.configuration

    def _wanted(
        self, client: Client, found: smart.Configuration
    ) -> tuple[list[scopes.Scope], list[scopes.Scope]]:
        """What must be granted, and what may be refused."""
        if self.scope != AUTO:
            return [scope for text in self.scope.split() if (scope := scopes.parsed(text))], []
        offered = scopes.Offered(found.v2, found.scopes_supported)
        required, not_offered = offered.derived(self.types or ["*"])
        for of in not_offered:
            client.log.event("scope-not-offered", type=of)
        if not required:
            raise smart.Unauthorised(
                "the server offers a scope for none of the types",
                hint='set scope = "…" as the site says, or other `types`',
            )
        helpful, _ = offered.derived(of for of in self.helpful if self.types)
        return required, [scope for scope in helpful if scope not in required]


def _stray(asked: Asked, reply: Reply) -> Kind | None:
    """Epic answers 400 now and then to a renewal that is right; the next one succeeds."""
    return Kind.STRAY if reply.status == _STRAY else passing(asked, reply)


def smart_of(site: SiteSettings, types: Sequence[str]) -> Smart:
    """What the site's settings ask for. Raises ConfigurationError for what is missing."""
    if not site.client_id:
        raise ConfigurationError(
            "client_id is not set",
            where=f"sites.{site.name}",
            hint='auth = "smart" is the default; an open server needs auth = "none"',
        )
    alg = site.alg if "alg" in site.model_fields_set else None
    key = signing_key(secret("private_key", site.private_key), kid=site.kid, alg=alg)
    # The kick-off of a group's export may want to read the group, which some servers never grant.
    helpful = ("Group",) if site.mode == "bulk" and site.export_level == "group" else ()
    return Smart(site.client_id, key, site.scope, types, helpful, site.token_url)
