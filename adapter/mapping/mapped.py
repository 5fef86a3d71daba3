"""What `map` returns for one resource, before it meets a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MemberDescriptorType
from typing import Any


class Sent:
    """What travels between processes by the million: a dataclass's own way of pickling, which
    looks up its fields for each object, takes longer than mapping."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        kind = type(self)
        return _received, (kind, [descriptor.__get__(self) for descriptor in _slots(kind)])


def _received(kind: type[Sent], values: list[Any]) -> Sent:
    received = object.__new__(kind)
    for descriptor, value in zip(_slots(kind), values, strict=True):
        # As a frozen dataclass sets its own fields.
        descriptor.__set__(received, value)
    return received


def _slots(kind: type[Sent]) -> tuple[MemberDescriptorType, ...]:
    """The descriptors of the fields of a dataclass with slots, in their order."""
    if kind not in _SLOTS:
        _SLOTS[kind] = tuple(vars(kind)[name] for name in kind.__annotations__)
    return _SLOTS[kind]


_SLOTS: dict[type[Sent], tuple[MemberDescriptorType, ...]] = {}


# Not to be changed, though not frozen: making a frozen one takes three times as long.
@dataclass(unsafe_hash=True, slots=True, kw_only=True)
class Stamp(Sent):
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


@dataclass(unsafe_hash=True, slots=True)
class TypedRow(Sent):
    """A row for a fact table: its own columns; the stamp gives the common ones."""

    table: str
    ordinal: int
    columns: dict[str, Any]
    confidence: float = 1.0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmapped(Sent):
    """A code, unit or value that nothing maps. kind: code, unit, value.

    `table` is the fact table that it keeps a row out of, or makes a row of less confidence in.
    """

    kind: str
    code_system: str
    code: str
    display: str = ""
    table: str = field(default="", compare=False)


@dataclass(unsafe_hash=True, slots=True)
class MappedResource(Sent):
    """The facts of one resource (none if it states nothing relevant or is retracted)."""

    stamp: Stamp
    rows: tuple[TypedRow, ...] = ()
    unmapped: tuple[Unmapped, ...] = field(default=())

    @property
    def says_something(self) -> bool:
        """Whether there is anything to store: a fact, an unmapped code or a retraction."""
        return bool(self.rows or self.unmapped or self.stamp.retracted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Sent):
    """A line or resource that could not be mapped, for the quarantine."""

    site: str
    source: str
    reason: str
    issue_code: str = "processing"
    path: str = ""
    resource_type: str = ""
    resource_id: str = ""
    raw: str = ""
