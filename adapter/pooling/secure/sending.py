"""Messages of a secure sum to its two servers over HTTP, repeated until they answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Literal

from adapter.elements import Json
from adapter.errors import Unreachable
from adapter.pooling.secure.refusal import RULES, SecureSumRefused
from adapter.pull.transport.content import NotJson
from adapter.pull.transport.http import Asked, Reply
from adapter.pull.transport.log import masked
from adapter.pull.transport.session import session
from adapter.registry_settings import RegistrySettings

ATTEMPTS = 5
JOSE = "application/jose"
SCOPE = "system/MeasureReport.cru"
"""What a server of the secure sum wants of its clients."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of the secure sum, asked as the settings of the registry say.

    url: its origin, without a path.
    """

    url: str
    settings: RegistrySettings

    def ask(
        self, method: Literal["GET", "POST", "PUT"], name: str, what: str = "", message: str = ""
    ) -> Json:
        """The answer about the round of this name. what: `shares`, `list`, ...; '' the round.

        Raises SecureSumRefused as the server does, Unreachable where it does not answer, does not
        let us in, or is no such server.
        """
        url = f"{self.url.rstrip('/')}/secure-sum/rounds/{name}{what and '/'}{what}"
        return _judged(asyncio.run(self._asked(method, url, message)))

    async def _asked(self, method: str, url: str, message: str) -> Reply:
        base = f"{self.url.rstrip('/')}/fhir"
        site = self.settings.connection(base).model_copy(update={"scope": SCOPE})
        headers = {"Content-Type": JOSE, "Accept": "application/json"}
        async with session(site) as client:
            client.policy = replace(client.policy, attempts=ATTEMPTS, throttled=ATTEMPTS)

            async def build() -> Asked:
                token = await client.authorizer.header(client)
                content = message.encode() if method != "GET" else None
                return Asked(method, url, headers, content, token)

            return await client.retried(build)


def _judged(reply: Reply) -> Json:
    try:
        found: Any = reply.json()
    except NotJson:
        found = {}
    if reply.status == 200 and isinstance(found, dict):
        return found
    said = _said(found)
    rule = said.rpartition("[")[2].rstrip("]")
    if reply.status in (409, 422) and rule in RULES:
        what = said.rpartition(" [")[0].removeprefix("not added: ")
        raise SecureSumRefused(rule, what, where=masked(reply.url))
    raise Unreachable(
        f"the server does not take it (status {reply.status}): {said}",
        where=masked(reply.url),
        hint="is it a server of the secure sum, and are client_id and private_key in [registry]?",
    )


def _said(found: Any) -> str:
    issues = found.get("issue", ()) if isinstance(found, dict) else ()
    return "; ".join(str(each.get("diagnostics", "")) for each in issues)
