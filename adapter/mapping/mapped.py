"""What `map` returns for one resource, before it meets a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which version of which resource; `rank` orders versions as text (greater holds)."""

    site: str
    resource_type: str
    resource_id: str
    patient_key: str = ""
    version_id: str = ""
    last_updated: str = ""
    status: str = ""
    rank: str = ""
    content_hash: str = ""
    source: str = ""
    retracted: bool = False


@dataclass(frozen=True, slots=True)
class TypedRow:
    """A row for a fact table: its own columns; the stamp gives the common ones."""

    table: str
    ordinal: int
    columns: dict[str, Any]
    confidence: float = 1.0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code, unit or value that nothing maps. kind: code, unit, value."""

    kind: str
    code_system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class MappedResource:
    """The facts of one resource (none if it states nothing relevant or is retracted)."""

    stamp: Stamp
    rows: tuple[TypedRow, ...] = ()
    unmapped: tuple[Unmapped, ...] = field(default=())

    @property
    def says_something(self) -> bool:
        """Whether there is anything to store: a fact, an unmapped code or a retraction."""
        return bool(self.rows or self.unmapped or self.stamp.retracted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A line or resource that could not be mapped, for the quarantine."""

    site: str
    source: str
    reason: str
    issue_code: str = "processing"
    path: str = ""
    resource_type: str = ""
    resource_id: str = ""
    raw: str = ""
