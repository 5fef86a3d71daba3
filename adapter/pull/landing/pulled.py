"""When a resource without lastUpdated was as it is: the server's time of the pull, in its meta.

Without lastUpdated nothing in a resource says whether it is newer than a deletion, or than what an
earlier pull gave (pull.md W5). The server's time travels with the line, in an extension of
Resource.meta, so that the order in which runs are loaded does not matter.
"""

from __future__ import annotations

from typing import Any

import orjson

from adapter.elements import PULLED
from adapter.pull.landing import exact


def with_server_time(resource: dict[str, Any], line: bytes, instant: str | None) -> bytes:
    """The line, dated by the server's time if the resource has no lastUpdated.

    resource: as the server sent it; line: what is to be written of it.
    """
    meta = resource.get("meta")
    dated = isinstance(meta, dict) and "lastUpdated" in meta
    if instant is None or (dated and b'"lastUpdated"' in line):
        return line
    extension = {"url": PULLED, "valueInstant": instant}
    if b'"meta"' not in line:
        return line[:-1] + b',"meta":' + orjson.dumps({"extension": [extension]}) + b"}"
    try:
        return _dated(line, extension)
    except (ValueError, TypeError, RecursionError):
        # Nested deeper than anything that means something: it stays as it came.
        return line


def _dated(line: bytes, extension: dict[str, str]) -> bytes:
    resource = exact.read(line)
    meta = resource.get("meta")
    held = dict(meta) if isinstance(meta, dict) else {}
    if "lastUpdated" not in held:
        others = held.get("extension")
        held["extension"] = [*(others if isinstance(others, list) else ()), extension]
    return exact.written({**resource, "meta": held})
