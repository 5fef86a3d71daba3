"""`scan`: which lines of NDJSON are worth parsing, decided from their bytes.

A line is kept if it holds what `relevance` looks for in its resource type, or if its bytes alone do
not say: JSON escapes, accented letters where names count, no resourceType. What is left aside gets
the checks that need no parsing, and `keys`: digests of the ids by which another resource may ask
for it later. scan + map gives what a full parse + map gives; a property test compares both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import hyperscan
import numpy as np
from numpy.typing import NDArray

from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.mapping.lines import NO_VIEW, ROOM, UNSEEN, Heads, Lines, Places, read_heads
from adapter.mapping.relevance import Hint, Relevance
from adapter.mapping.stamp import patient_key

# Bytes cannot tell what an escape stands for; and of what was entered in error nothing may stay.
_ANY_TYPE = (Hint(rb"\\[u/]"), Hint(b"entered-in-error"))
# Letters with accents are read as letters without; these are none: µ ° ± § « » ≤ ≥ “ …
_ACCENTED = Hint(
    rb"[\xc3-\xcd\xcf-\xe1\xe3-\xf4]|\xc2[^\xa0-\xa9\xab-\xb1\xb4-\xb8\xbb\xbf]|\xce[^\xbc]"
    rb"|\xe2[^\x80\x89]"
)
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([^"\\]*)"')
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]*)"')
MAX_KNOWN = 100_000
"""Ids of a kind whose digests are kept."""

_REFERRED = {
    "person": re.compile(rb"Patient/([A-Za-z0-9\-.]+)"),
    "medication": re.compile(rb"Medication/([A-Za-z0-9\-.]+)"),
}
# A line that holds this refers to something; if it does so in another way, it is kept.
_REFERS = {"person": b"{", "medication": b'"medicationReference"'}


class Keys(NamedTuple):
    """Lines left aside, by what each may be asked for, and whether by facts of other files."""

    lines: Places
    digests: Digests
    lasting: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A block of lines, numbered from 0.

    kept: the lines to parse. keys and key_lines: by what those left aside may be asked for;
    lasting: whether by facts that come with other files, not by an older version alone.
    """

    lines: Lines
    kept: list[int]
    keys: Digests
    key_lines: Places
    lasting: NDArray[np.bool_]

    @property
    def skipped(self) -> int:
        """How many lines were left aside, unparsed."""
        return len(self.lines) - len(self.kept) - int(self.lines.blank.sum())


class Scanner:
    """Scans a site's data for what the relevance of each resource type asks for.

    known: all resource types.
    """

    def __init__(self, relevance: Mapping[str, Relevance], known: Set[str], site: str) -> None:
        self._site = site
        self._salts = np.array([digest.salt(name) for name in relevance], np.uint64)
        self._types, self._known = list(relevance), known
        self._keys = [each.keys for each in relevance.values()]
        self._every = np.array([each.every for each in relevance.values()], np.bool_)
        self._targets = np.array(["target" in keys for keys in self._keys], np.bool_)
        self._known_ids: dict[str, dict[bytes, int]] = {kind: {} for kind in _REFERRED}
        self._databases: dict[int, list[hyperscan.Database]] = {}
        hints = _hints(relevance)
        self._hints = list(hints)
        self._matters = np.array(
            [[name in types for name in relevance] for types in hints.values()], np.bool_
        )

    def scan(self, block: bytes) -> Scanned:
        """Sort the lines of a block; the last one needs no newline."""
        return self.scan_buffer(bytearray(block + bytes(ROOM)), len(block))

    def scan_buffer(self, block: bytearray, size: int) -> Scanned:
        """Sort the lines in the first `size` bytes; ROOM bytes follow them.

        What is returned holds as long as the block is not written to again.
        """
        lines = Lines.of(block, size)
        heads = read_heads(lines, self._types, self._known)
        at, hints = self._hits(lines, heads, size)
        kept = lines.odd.copy()
        seen = heads.kinds >= 0
        kept[seen] |= self._every[heads.kinds[seen]]
        matter = seen[at] & self._matters[hints, heads.kinds[at]]
        kept[at[matter]] = True
        keys = [self._keys_of_unseen(lines, heads, kept, at, hints)]
        keys += self._references(lines, heads, kept)
        left = ~kept[seen]
        own = np.flatnonzero(seen)[left]
        kinds = heads.kinds[own]
        keys.append(Keys(own, heads.ids[left] ^ self._salts[kinds], self._targets[kinds]))
        numbers, digests, lasting = (np.concatenate(each) for each in zip(*keys, strict=True))
        return Scanned(lines, np.flatnonzero(kept).tolist(), digests, numbers, lasting)

    def _hits(self, lines: Lines, heads: Heads, size: int) -> tuple[Places, Places]:
        """Of each hint that is found: its line, and which hint it is."""
        places: list[int] = []
        hints: list[int] = []

        def hit(hint: int, _: int, end: int, *__: object) -> None:
            hints.append(hint)
            places.append(end - 1)

        # Most files hold one type, and fewer patterns are found faster.
        first = int(heads.kinds[0]) if len(lines) else UNSEEN
        kind = first if (heads.kinds == first).all() else UNSEEN
        if kind != NO_VIEW:
            # Its type hints know str and bytes alone; any buffer will do.
            text: Any = memoryview(lines.block)[:size]
            for database in self._databases_of(kind):
                database.scan(text, match_event_handler=hit)
        return lines.numbers(places), np.array(hints, np.intp)

    def _databases_of(self, kind: int) -> Sequence[hyperscan.Database]:
        """What finds the hints of one type; of all types for UNSEEN."""
        if kind not in self._databases:
            ids = [at for at in range(len(self._hints)) if kind < 0 or self._matters[at, kind]]
            # Together with what may be of any length the others take ten times as long to compile.
            of_any_length = [at for at in ids if b"*" in self._hints[at].pattern]
            others = [at for at in ids if at not in of_any_length]
            self._databases[kind] = [
                self._compiled(each) for each in (others, of_any_length) if each
            ]
        return self._databases[kind]

    def _compiled(self, ids: list[int]) -> hyperscan.Database:
        found = [self._hints[at] for at in ids]
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[hint.pattern for hint in found],
            ids=ids,
            flags=[hyperscan.HS_FLAG_CASELESS if hint.any_case else 0 for hint in found],
        )
        return database

    def _keys_of_unseen(
        self, lines: Lines, heads: Heads, kept: NDArray[np.bool_], at: Places, hints: Places
    ) -> Keys:
        """Lines that begin in an unusual way: keep them, or else give every id that they hold."""
        unseen = (heads.kinds == UNSEEN) & ~lines.blank & ~kept
        found: list[tuple[int, np.uint64, bool]] = []
        held: dict[int, list[int]] = {}
        for number, hint in zip(at[unseen[at]].tolist(), hints[unseen[at]].tolist(), strict=True):
            held.setdefault(number, []).append(hint)
        for number in np.flatnonzero(unseen).tolist():
            line = lines[number]
            names = {name.decode(errors="replace") for name in _TYPE.findall(line)}
            if self._must_parse(names, held.get(number, [])):
                kept[number] = True
            else:
                viewed = [name for name in names if name in self._types]
                ids = digest.of_ids(_ID.findall(line) if viewed else ())
                found += (
                    (number, each ^ digest.salt(name), self._targets[self._types.index(name)])
                    for each in ids
                    for name in viewed
                )
        numbers, digests, lasting = zip(*found, strict=True) if found else ((), (), ())
        return Keys(
            np.array(numbers, np.intp), np.array(digests, np.uint64), np.array(lasting, np.bool_)
        )

    def _must_parse(self, names: Set[str], hints: list[int]) -> bool:
        """Whether a line in which these types are named, in any place, may state something."""
        kinds = [self._types.index(name) for name in names if name in self._types]
        return (
            not names
            or "Bundle" in names
            or not names <= self._known
            or any(self._keys[kind] - {"target"} for kind in kinds)
            or bool(self._every[kinds].any() or self._matters[np.ix_(hints, kinds)].any())
        )

    def _references(self, lines: Lines, heads: Heads, kept: NDArray[np.bool_]) -> Iterator[Keys]:
        """What lines of types that count by a reference refer to; keep what refers otherwise."""
        size = int(lines.ends[-1]) if len(lines) else 0
        for key, pattern in _REFERRED.items():
            kinds = [kind for kind, keys in enumerate(self._keys) if key in keys]
            asking = np.isin(heads.kinds, kinds) & ~kept
            if not asking.any() or lines.block.find(_REFERS[key], 0, size) < 0:
                continue
            found = list(pattern.finditer(lines.block, 0, size))
            numbers = lines.numbers([each.start() for each in found])
            asked = asking[numbers]
            named = self._named(key, [bytes(each[1]) for each in found])[asked]
            yield Keys(numbers[asked], named, np.ones(named.size, np.bool_))
            asking[numbers] = False
            for number in np.flatnonzero(asking).tolist():
                kept[number] = _REFERS[key] in lines[number]

    def _named(self, kind: str, ids: Sequence[bytes]) -> Digests:
        """The digests of ids of a kind; a person goes by the store's key."""
        known = self._known_ids[kind]
        if len(known) > MAX_KNOWN:
            known.clear()
        if new := set(ids).difference(known):
            names = [each.decode() for each in new]
            if kind == "person":
                names = [patient_key(self._site, name) for name in names]
            known.update(zip(new, digest.of(kind, names).tolist(), strict=True))
        return np.array([known[each] for each in ids], np.uint64)


def _hints(relevance: Mapping[str, Relevance]) -> dict[Hint, set[str]]:
    """Each hint with the resource types in which it matters."""
    hints = {hint: set(relevance) for hint in _ANY_TYPE}
    hints[_ACCENTED] = {name for name, each in relevance.items() if each.text}
    for name, each in relevance.items():
        for hint in sorted(each.hints, key=lambda hint: hint.pattern):
            hints.setdefault(hint, set()).add(name)
    return hints
