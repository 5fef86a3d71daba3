"""Is a site's server there, does it let us in, what does it offer? For `raiway doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from adapter.errors import RaiwayError, Unreachable
from adapter.pull.auth.smart_authorizer import Smart
from adapter.pull.crawl import capability
from adapter.pull.crawl.capability import Capability
from adapter.pull.transport.client import Client
from adapter.pull.transport.log import masked
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings

_SECONDS = 30.0
_EXPORTS = frozenset({"export", "group-export", "patient-export"})


@dataclass(frozen=True, slots=True)
class Found:
    """One thing learnt of a site; `error` where it failed, `hint` alone is a warning."""

    part: str
    what: str
    hint: str = ""
    error: RaiwayError | None = None


async def reached(site: SiteSettings) -> list[Found]:
    """What the site's server answers: metadata, token, $export. Each is asked once, in vain or
    not; what fails ends the list."""
    found: list[Found] = []
    part = ""
    try:
        async with asyncio.timeout(_SECONDS), _client(site) as client:
            server = await _metadata(client)
            silent = server.types is None
            hint = "is base_url the FHIR base, such as https://host/fhir/r4?" if silent else ""
            found.append(Found("", _described(client, server), hint))
            part = "token"
            found.append(Found(part, await _authorised(client, site)))
            if site.mode == "bulk":
                found.append(_export(server, site))
    except RaiwayError as error:
        found.append(Found(part, str(error), error.hint, error))
    except TimeoutError:
        late = Unreachable(f"no answer in {_SECONDS:.0f} s", where=masked(site.base_url))
        found.append(Found(part, str(late), "check the server and the network", late))
    return found


@asynccontextmanager
async def _client(site: SiteSettings) -> AsyncIterator[Client]:
    """A client that does not try again."""
    async with session(site) as client:
        client.policy = replace(client.policy, attempts=1, throttled=1, stray=1)
        yield client


async def _metadata(client: Client) -> Capability:
    """The CapabilityStatement, asked without a token as it must be open."""
    reply = await client.get(f"{client.base}/metadata", authorize=False)
    if reply.status != 200:
        return Capability(warnings=(f"metadata: status {reply.status}",))
    return capability.parse(reply.json())


def _described(client: Client, server: Capability) -> str:
    version = f"R4 {server.version}" if server.version else ", ".join(server.warnings)
    software = f", {server.software[:40]}" if server.software else ""
    return f"{masked(client.base)}  {version}{software}"


async def _authorised(client: Client, site: SiteSettings) -> str:
    """Raises Unreachable where the server does not let us in."""
    held = client.authorizer
    if isinstance(held, Smart):
        token = await held.granted(client)
        return f"{held.key.alg}, {token.life:.0f} s, scopes {token.scope}"
    reply = await client.get(f"{client.base}/metadata")
    if reply.status in {401, 403}:
        raise Unreachable(
            f"the server refuses us (status {reply.status})",
            where=masked(client.base),
            hint=f'auth = "{site.auth}": check the secret, or the right way with the site',
        )
    return {"none": "none needed"}.get(site.auth, f"{site.auth}, taken from where you put it")


def _export(server: Capability, site: SiteSettings) -> Found:
    levels = _levels(server)
    what = ", ".join(levels) or "not advertised"
    if site.export_level in {level.lower() for level in levels}:
        return Found("$export", what)
    hint = f'{site.export_level} is not among them; it may work all the same, else mode = "crawl"'
    return Found("$export", what, hint)


def _levels(server: Capability) -> list[str]:
    """The levels at which the statement names an export, on the server or on the type."""
    types = server.types or {}
    found = ["system"] if "export" in server.operations else []
    for name in ("Patient", "Group"):
        own = types[name].operations if name in types else frozenset[str]()
        if own & _EXPORTS or f"{name.lower()}-export" in server.operations:
            found.append(name)
    return found
