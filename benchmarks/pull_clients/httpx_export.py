"""An export with httpx, every line parsed: BASE FOLDER."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx

from benchmarks.pull_clients.parsed import AT_ONCE, CHUNK, HEADERS, KICK_OFF, checked, files


async def pull(base: str, folder: Path) -> None:
    """Each file of the export into the folder."""
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(limits=limits, headers=HEADERS, timeout=60) as client:
        accepted = await client.get(f"{base}/{KICK_OFF}")
        status = accepted.headers["Content-Location"]
        wanted = files((await client.get(status)).content)
        await asyncio.gather(*(_file(client, *each, folder) for each in wanted))
        await client.delete(status)


async def _file(client: httpx.AsyncClient, kind: str, address: str, folder: Path) -> None:
    rest = b""
    async with client.stream("GET", address) as answer:
        with (folder / Path(address).name).open("wb") as target:
            async for chunk in answer.aiter_bytes(CHUNK):
                target.write(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for _ in checked(lines, kind):
                    pass


if __name__ == "__main__":
    asyncio.run(pull(sys.argv[1], Path(sys.argv[2])))
