"""Kick-off, files and the check of a line, the same for each script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

KICK_OFF = "$export?_type=Patient,Observation"
AT_ONCE = 4
CHUNK = 1 << 16
HEADERS = {"Accept": "application/fhir+json", "Prefer": "respond-async"}


def files(manifest: bytes) -> list[tuple[str, str]]:
    """Type and address of each file that a completed export lists."""
    return [(each["type"], each["url"]) for each in orjson.loads(manifest)["output"]]


def checked(lines: Iterable[bytes], kind: str) -> Iterator[None]:
    """Each line parsed. Raises ValueError for a line of another type or without an id."""
    for line in lines:
        resource = orjson.loads(line)
        if resource["resourceType"] != kind or not resource["id"]:
            raise ValueError(f"a line is no {kind} with an id")
        yield
