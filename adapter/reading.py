"""`scan` and `map` of one split: what is to be loaded of it, and what is left aside for later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from adapter import aside, sources, splits
from adapter.aside import KEY, Keys, Places, by_line, places
from adapter.mapping import digest
from adapter.mapping.lines import BOM, Lines
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.mapping.scan import Scanned, Scanner
from adapter.quarantine import map_one
from adapter.sources import Broken, Found
from adapter.splits import Block, Split

Outcome = MappedResource | Rejected
MANY = 500
"""Lines that are mapped at once."""
Line = tuple[int, bytes]
"""A line of a split, by its number."""
Take = Callable[[list[Outcome]], None]
ENTRY = "#entry["
"""What stands in the place of a Bundle's resource."""


@dataclass(slots=True)
class Part:
    """What came of a split: its outcomes, in order, named by the lines of the split.

    lines: all its lines. aside: how many resources are not among the outcomes, since they state
    nothing or only what somebody must ask for, with the `keys` to do so; of these `unparsed` were
    told by their bytes.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    lines: int = 0
    aside: int = 0
    unparsed: int = 0
    keys: list[Keys] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads splits for one site. strict: what is left aside is parsed and checked all the same."""

    mapper: Mapper
    scanner: Scanner
    strict: bool = False

    def read(self, split: Split, take: Take | None = None) -> Part:
        """What came of a split. Raises UsageError where the file cannot be read.

        take: gets the outcomes as they become many, in order; the part has the last ones.
        """
        part, kept = Part(), list[Line]()
        with sources.explained(split.path):
            if split.end is None:
                self._sort_out(list(sources.read(split.path, split.name)), part)
            for block in splits.blocks(split):
                if block.overlong:
                    self._map_kept(kept, split.name, part)
                    self._overlong(split.name, part)
                else:
                    self._scan_block(block, split.name, part, kept)
                while len(kept) >= MANY:
                    now, kept = kept[:MANY], kept[MANY:]
                    self._map_kept(now, split.name, part)
                    if take:
                        take(part.outcomes)
                        part.outcomes = []
            self._map_kept(kept, split.name, part)
        return part

    def read_again(self, split: Split, wanted: Places) -> Part:
        """What comes of the resources at these places, which `read` left aside.

        Raises UsageError where the file cannot be read.
        """
        part = Part()
        chosen = by_line(wanted)
        with sources.explained(split.path):
            if split.end is None:
                self._map_entries(
                    list(sources.read(split.path, split.name)), chosen.get(0, []), part
                )
            for block in splits.blocks(split):
                if block.overlong:
                    part.lines += 1
                    continue
                lines = Lines.of(block.buffer, block.size)
                ahead = range(part.lines, part.lines + len(lines))
                for number in (each for each in chosen if each in ahead):
                    items = _items(split.name, number, lines[number - part.lines])
                    self._map_entries(items, chosen[number], part)
                part.lines += len(lines)
        return part

    def _map_entries(self, items: Sequence[Found | Broken], at: list[int], part: Part) -> None:
        known = dict(enumerate([each for each in items if isinstance(each, Found)] or items))
        part.outcomes += [map_one(known[each], self.mapper) for each in at if each in known]

    def _scan_block(self, block: Block, name: str, part: Part, kept: list[Line]) -> None:
        scanned = self.scanner.scan_buffer(block.buffer, block.size)
        kept += [(part.lines + number, scanned.lines[number]) for number in scanned.kept]
        part.aside += scanned.skipped
        part.unparsed += 0 if self.strict else scanned.skipped
        if self.strict:
            self._map_kept(kept, name, part)
        refused = self._checked(scanned, name, part) if self.strict else []
        keys = self._keys(scanned, places(part.lines + scanned.key_lines, 0))
        part.keys.append(keys[~np.isin(scanned.key_lines, refused)] if refused else keys)
        part.lines += len(scanned.lines)

    def _map_kept(self, kept: list[Line], name: str, part: Part) -> None:
        """Map the lines that were kept, many at once: scanning in between empties the caches."""
        silent: list[Silent] = []
        for number, line in kept:
            items = _items(name, number, line)
            if len(items) == 1 and ENTRY not in items[0].source:
                self._map(items[0], (number, 0), silent, part)
            else:
                self._sort_out(items, part, number)
        part.keys.append(_own(silent))
        kept.clear()

    def _checked(self, scanned: Scanned, name: str, part: Part) -> list[int]:
        """The lines left aside that cannot be mapped, and so go into quarantine all the same."""
        left = ~scanned.lines.blank
        left[scanned.kept] = False
        return [
            number
            for number in np.flatnonzero(left).tolist()
            if self._refuse(_items(name, part.lines + number, scanned.lines[number]), part)
        ]

    def _sort_out(self, items: Sequence[Found | Broken], part: Part, line: int = 0) -> None:
        """Scan resources that are parsed already: they count as they would line by line."""
        silent: list[Silent] = []
        found = [each for each in items if isinstance(each, Found)]
        scanned = self.scanner.scan(b"\n".join(sources.one_line(each) for each in found))
        kept, refused = set(scanned.kept), []
        for each in items:
            if isinstance(each, Broken):
                self._map(each, (line, 0), silent, part)
        for number, each in enumerate(found):
            if number in kept:
                self._map(each, (line, number), silent, part)
                continue
            part.aside += 1
            part.unparsed += not self.strict
            if self.strict and self._refuse([each], part):
                refused.append(number)
        keys = self._keys(scanned, places(line, scanned.key_lines))
        part.keys += [_own(silent), keys[~np.isin(scanned.key_lines, refused)]]

    def _map(
        self, item: Found | Broken, at: tuple[int, int], silent: list[Silent], part: Part
    ) -> None:
        """The outcome of an item; one that states nothing counts only if the store holds an older
        version, which is known when all is loaded."""
        outcome = map_one(item, self.mapper)
        if isinstance(outcome, Rejected) or outcome.says_something:
            part.outcomes.append(outcome)
        else:
            part.aside += 1
            silent.append((at, outcome.stamp.resource_type, outcome.stamp.resource_id))

    def _refuse(self, items: Iterable[Found | Broken], part: Part) -> bool:
        """Whether a resource that was left aside cannot be mapped."""
        outcomes = [map_one(item, self.mapper) for item in items]
        rejected = [each for each in outcomes if isinstance(each, Rejected)]
        part.outcomes += rejected
        part.aside -= bool(rejected)
        return bool(rejected)

    def _keys(self, scanned: Scanned, at: Places) -> Keys:
        return aside.keys(scanned.keys, at, parsed=self.strict, lasting=scanned.lasting)

    def _overlong(self, name: str, part: Part) -> None:
        part.lines += 1
        reason = f"a line of more than {splits.LONGEST_LINE >> 20} MiB"
        place = _place(name, part.lines - 1)
        part.outcomes.append(
            Rejected(site=self.mapper.site, source=place, reason=reason, issue_code="too-long")
        )


def site_scanner(mapper: Mapper) -> Scanner:
    """The scanner that keeps what the mapper maps."""
    known = mapper.definitions
    tokens = known.terminology.tokens(known.value_set("resource-types"))
    types = frozenset(token.partition("|")[2] for token in tokens)
    return Scanner(known.relevance, types, mapper.site)


Silent = tuple[tuple[int, int], str, str]
"""Line and number in it, type and id of a resource that states nothing."""


def _own(silent: Sequence[Silent]) -> Keys:
    """What asks for versions that state nothing: their own ids."""
    if not silent:
        return np.empty(0, KEY)
    at, kinds, ids = zip(*silent, strict=True)
    lines, entries = (np.array(each, np.intp) for each in zip(*at, strict=True))
    salts = np.array([digest.salt(kind) for kind in kinds], np.uint64)
    own = digest.of_ids(each.encode() for each in ids) ^ salts
    return aside.keys(own, places(lines, entries), parsed=True, lasting=False)


def _items(name: str, number: int, line: bytes) -> list[Found | Broken]:
    return list(sources.parsed(_place(name, number), line.removeprefix(BOM).strip()))


def _place(name: str, number: int) -> str:
    return f"{name}:{number + 1}"


def counted(source: str, lines: int) -> str:
    """The place in a file of what stands there in a split after so many lines."""
    name, _, place = source.rpartition(":")
    number, entry, rest = place.partition("#")
    return f"{name}:{int(number) + lines}{entry}{rest}"
