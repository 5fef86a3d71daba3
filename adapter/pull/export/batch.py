"""Many lines at once where none needs a look of its own, as in most of a large export.

Of each line only the frame is built; what stands beside it is read by the same strict grammar and
left as it is. So a chunk of an export costs a few calls, not a few for each line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from adapter.pull.checks import CLOSE, ID, OPEN


class _Tag(msgspec.Struct, gc=False):
    code: str = ""


class _Meta(msgspec.Struct, gc=False):
    lastUpdated: str  # noqa: N815  # FHIR's name
    tag: tuple[_Tag, ...] = ()


class _Frame(msgspec.Struct, gc=False):
    resourceType: str  # noqa: N815  # FHIR's name
    id: str
    meta: _Meta


_frames = msgspec.json.Decoder(_Frame).decode_lines
_IDS = re.compile(rf"(?:{ID.pattern}\n)*{ID.pattern}")


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
    try:
        # Strings that are passed over are not decoded there.
        content.isascii() or content.decode()
        # These too begin and end where lines do: else two could share one, or one have two.
        if {line[0] for line in lines} == {OPEN} and {line[-1] for line in lines} == {CLOSE}:
            found = _frames(content)
            return content if _alike(found, len(lines), resource_type) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError):
        pass
    return None


def _alike(found: Sequence[_Frame], count: int, resource_type: str) -> bool:
    """Whether there are as many as lines, of the type, whole, with ids that are well-formed."""
    if len(found) != count or {each.resourceType for each in found} != {resource_type}:
        return False
    if any("SUBSETTED" in each.code for frame in found for each in frame.meta.tag):
        return False
    # A break within an id would make two of it.
    ids = "\n".join([each.id for each in found])
    return ids.count("\n") == count - 1 and _IDS.fullmatch(ids) is not None
