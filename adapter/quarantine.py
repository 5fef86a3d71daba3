"""`map` of whatever was read: the facts of a resource, or why it goes into quarantine."""

from __future__ import annotations

import re

from adapter import sources
from adapter.errors import InvalidResource, InvalidValue, ResourceError
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.store import sound


def map_one(item: sources.Found | sources.Broken, mapper: Mapper) -> MappedResource | Rejected:
    """The facts of one resource, or why it is quarantined."""
    if isinstance(item, sources.Broken):
        return Rejected(
            site=mapper.site,
            source=item.source,
            reason=item.reason,
            issue_code="structure",
            raw=item.raw,
        )
    try:
        mapped = mapper.map(item.resource, item.source)
        sound.check(mapped)
    except ResourceError as error:
        return _rejected(item, mapper.site, error)
    except Exception as error:
        # A sender may write anything anywhere, and one resource must not stop a million others.
        # The error's message would hold the data, so that only its type is told.
        wrong = f"cannot be mapped: a value of the wrong type ({type(error).__name__})"
        return _rejected(item, mapper.site, InvalidResource(wrong))
    return mapped


def _rejected(item: sources.Found, site: str, error: ResourceError) -> Rejected:
    resource_id, resource_type = item.resource.get("id"), item.resource.get("resourceType")
    is_type = isinstance(resource_type, str) and _TYPE.fullmatch(resource_type)
    return Rejected(
        site=site,
        source=item.source,
        reason=_QUOTED.sub(_shown, error.what) if isinstance(error, InvalidValue) else error.what,
        issue_code=error.issue_code,
        path=error.where,
        resource_type=str(resource_type) if is_type else "",
        resource_id=resource_id if isinstance(resource_id, str) else "",
        raw=item.raw,
    )


_TYPE = re.compile(r"[A-Z][A-Za-z]{1,40}")

# Of a value the reason may quote a unit or a code. What is longer, or holds blanks, may be a name.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_CODE = re.compile(r"\S{1,20}")


def _shown(quoted: re.Match[str]) -> str:
    return quoted[0] if _CODE.fullmatch(quoted[0][1:-1]) else "…"
