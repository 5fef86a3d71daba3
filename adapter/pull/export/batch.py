"""Many lines at once where none needs a look of its own, as in most of a large export.

Of each line only the frame is built; what stands beside it is read by the same strict grammar and
left as it is. So a chunk of an export costs a few calls, not a few for each line.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapter.pull.checks import CLOSE, ID, OPEN


class _Meta(msgspec.Struct):
    lastUpdated: str  # noqa: N815  # FHIR's name
    tag: msgspec.Raw = msgspec.Raw()


class _Frame(msgspec.Struct):
    resourceType: str  # noqa: N815  # FHIR's name
    id: str
    meta: _Meta


_frame = msgspec.json.Decoder(_Frame).decode


def plain(lines: Sequence[bytes], resource_type: str) -> bytes | None:
    """The lines joined, where `checks.checked` passes each unchanged as of this type, and each has
    its lastUpdated; else None: then they are looked at one by one.

    One thing passes here that does not there: a number that no double holds (1e999), which is JSON.
    Depth is bounded by Python's own limit of recursion, 1000.
    """
    content = b"\n".join(lines)
    # Nulls may have to be refused, breaks between tokens to be mended.
    if b"null" in content or b"\r" in content:
        return None
    matches = ID.fullmatch
    try:
        # Strings that are passed over are not decoded there.
        content.isascii() or content.decode()
        for line in lines:
            frame = _frame(line)
            if frame.resourceType != resource_type or not matches(frame.id):
                return None
            if line[0] != OPEN or line[-1] != CLOSE or b"SUBSETTED" in bytes(frame.meta.tag):
                return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return content
