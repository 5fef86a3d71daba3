"""What came of resources, as it goes from the process that mapped them to the one that loads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adapter.aside import Keys, Places
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.stamp import DELETED
from adapter.reading import Outcome, Part, Reader, counted
from adapter.splits import Split
from adapter.store.prepare import Prepared, prepare, together


@dataclass(slots=True)
class Said:
    """What resources state; counts, named as in `Summary`."""

    relevant: int = 0
    deleted: int = 0
    unmapped: int = 0
    offsets: int = 0
    facts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def by(cls, mapped: Sequence[MappedResource]) -> Said:
        """What these state."""
        said = cls()
        for resource in mapped:
            said.relevant += bool(resource.rows)
            said.deleted += resource.stamp.status == DELETED
            said.unmapped += len(resource.unmapped)
            said.facts.update(row.table for row in resource.rows)
            said.offsets += any("offset" in row.flags for row in resource.rows)
        return said

    def add(self, other: Said) -> None:
        """Count these too."""
        for name in ("relevant", "deleted", "unmapped", "offsets"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.facts.update(other.facts)


@dataclass(frozen=True, slots=True)
class Packed:
    """Outcomes: those that were mapped, prepared for the store, and those that were not."""

    mapped: Prepared
    rejected: Sequence[Rejected]
    said: Said

    def __len__(self) -> int:
        return len(self.mapped) + len(self.rejected)

    def after(self, lines: int) -> Packed:
        """The same, where so many lines of the file stand before those that were counted."""
        if not lines or not len(self):
            return self
        rejected = [replace(each, source=counted(each.source, lines)) for each in self.rejected]
        moved = self.mapped.with_sources(lambda source: counted(source, lines))
        return Packed(moved, rejected, self.said)


def pack(outcomes: Sequence[Outcome]) -> Packed:
    """The outcomes, packed."""
    mapped = [each for each in outcomes if isinstance(each, MappedResource)]
    telling = [each for each in mapped if each.says_something]
    silent = [each for each in mapped if not each.says_something]
    rejected = [each for each in outcomes if isinstance(each, Rejected)]
    return Packed(prepare(telling, silent), rejected, Said.by(telling))


def joined(parts: Sequence[Packed]) -> Packed:
    """Several as one."""
    parts = [part for part in parts if len(part)] or parts[:1]
    said = Said()
    for part in parts:
        said.add(part.said)
    rejected = [each for part in parts for each in part.rejected]
    return Packed(together([part.mapped for part in parts]), rejected, said)


@dataclass(frozen=True, slots=True)
class PackedPart:
    """As `Part`, its outcomes packed."""

    packed: Packed
    lines: int
    aside: int
    unparsed: int
    keys: Sequence[Keys]


@dataclass(frozen=True, slots=True)
class PackingReader:
    """Reads as its reader does, and packs what comes of it."""

    reader: Reader

    def read(self, split: Split) -> PackedPart:
        """What came of a split. Raises UsageError where the file cannot be read."""
        packs: list[Packed] = []
        part = self.reader.read(split, lambda outcomes: packs.append(pack(outcomes)))
        return _packed(part, packs)

    def read_again(self, split: Split, wanted: Places) -> PackedPart:
        """What comes of the resources at these places, which `read` left aside."""
        return _packed(self.reader.read_again(split, wanted), [])


def _packed(part: Part, before: Sequence[Packed]) -> PackedPart:
    packed = joined([*before, pack(part.outcomes)])
    return PackedPart(packed, part.lines, part.aside, part.unparsed, part.keys)
