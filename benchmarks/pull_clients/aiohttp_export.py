"""An export with aiohttp: BASE FOLDER bytes|parsed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp

from benchmarks.pull_clients.parsed import AT_ONCE, CHUNK, HEADERS, KICK_OFF, checked, files


async def pull(base: str, folder: Path, *, parse: bool) -> None:
    """Each file of the export into the folder; every line parsed on the way, or none."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        async with session.get(f"{base}/{KICK_OFF}") as accepted:
            status = accepted.headers["Content-Location"]
        async with session.get(status) as completed:
            wanted = files(await completed.read())
        await asyncio.gather(*(_file(session, *each, folder, parse=parse) for each in wanted))
        async with session.delete(status):
            pass


async def _file(
    session: aiohttp.ClientSession, kind: str, address: str, folder: Path, *, parse: bool
) -> None:
    rest = b""
    async with session.get(address) as answer:
        with (folder / Path(address).name).open("wb") as target:
            async for chunk in answer.content.iter_chunked(CHUNK):
                target.write(chunk)
                if parse:
                    *lines, rest = (rest + chunk).split(b"\n")
                    for _ in checked(lines, kind):
                        pass


if __name__ == "__main__":
    asyncio.run(pull(sys.argv[1], Path(sys.argv[2]), parse=sys.argv[3] == "parsed"))
