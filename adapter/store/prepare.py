"""Resources as the store stages them: columns of text in Arrow, made where they were mapped.

So a process that maps does this work too, and hands on some columns instead of a million objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

from adapter.fact_layout import own_columns
from adapter.mapping.mapped import MappedResource, Stamp
from adapter.store.texts import TO_TEXT, Cell, column_of, storable, text_of

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = "n"
"""Each resource of a batch has a number, which its facts name instead of its key."""
SILENT = "silent"
"""Marks a version that states nothing and is kept only where it supersedes one in the store."""
STAMP = tuple(each.name for each in fields(Stamp) if each.name != "retracted")
RESOURCE = (*STAMP, "retracted", "facts_hash")
# What a fact row states itself; the other common columns come from its resource.
STATED = ("ordinal", "confidence", "flags")
UNMAPPED = ("kind", "code_system", "code", "display", "table_name")
# No code is longer, but a sender may put anything where a code belongs.
KEY_LENGTH = 250

_UNMAPPED_TABLE = "unmapped_code"
_stamp = attrgetter(*STAMP)


@dataclass(frozen=True, slots=True)
class Prepared:
    """resources: NUMBER, SILENT and RESOURCE. facts: table -> NUMBER and the columns it states."""

    resources: pa.Table
    facts: Mapping[str, pa.Table]

    def __len__(self) -> int:
        return int(self.resources.num_rows)

    def __reduce__(self) -> tuple[Any, ...]:
        # Arrow's own way of pickling takes longer, column by column.
        return _received, (_bytes(self.resources), {n: _bytes(t) for n, t in self.facts.items()})

    def texts(self, name: str) -> list[str]:
        """A column of the resources."""
        found: list[str] = self.resources.column(name).to_pylist()
        return found

    def with_sources(self, change: Callable[[str], str]) -> Prepared:
        """The same from other places."""
        sources = column_of([change(source) for source in self.texts("source")])
        at = self.resources.schema.get_field_index("source")
        return replace(self, resources=self.resources.set_column(at, "source", sources))


def prepare(said: Sequence[MappedResource], silent: Sequence[MappedResource] = ()) -> Prepared:
    """Prepare resources, and versions that state nothing but may supersede.

    Raises KeyError for a column that a fact table does not have.
    """
    numbered = [*said, *silent]
    stated: list[list[object]] = [[] for _ in numbered]
    facts = {}
    for name, (numbers, rows) in sorted(_by_table(numbered).items()):
        columns = list(_columns(name, rows))
        for number, cells in zip(numbers, zip(*columns, strict=True), strict=True):
            stated[number].append((name, cells))
        facts[name] = _table((NUMBER, *_names(name)), [numbers, *columns])
    stamps: list[Sequence[Any]] = list(zip(*(_stamp(each.stamp) for each in numbered), strict=True))
    retracted = ["1" if each.stamp.retracted else "0" for each in numbered]
    hashes = [_facts_hash(*each) for each in zip(numbered, stated, strict=True)]
    marks = ["0"] * len(said) + ["1"] * len(silent)
    known: list[Sequence[Any]] = [range(len(numbered)), marks, *(stamps or [()] * len(STAMP))]
    names = (NUMBER, SILENT, *RESOURCE)
    return Prepared(_table(names, [*known, retracted, hashes]), facts)


def together(parts: Sequence[Prepared]) -> Prepared:
    """Several as one."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    resources, facts, before = [], dict[str, list[pa.Table]](), 0
    for part in parts:
        resources.append(_renumbered(part.resources, before))
        for name, rows in part.facts.items():
            facts.setdefault(name, []).append(_renumbered(rows, before))
        before += len(part)
    found = {name: pa.concat_tables(each) for name, each in facts.items()}
    return Prepared(pa.concat_tables(resources), found)


def _renumbered(rows: pa.Table, before: int) -> pa.Table:
    import pyarrow as pa

    numbers = rows.column(0).to_numpy() + before
    return rows.set_column(0, NUMBER, pa.array(numbers, pa.int64()))


def _by_table(numbered: Sequence[MappedResource]) -> dict[str, tuple[list[int], list[Any]]]:
    """Table -> the number of the resource of each of its rows, and the rows; tombstones have
    none."""
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for number, mapped in enumerate(numbered):
        if mapped.stamp.retracted:
            continue
        for row in mapped.rows:
            numbers, rows = found.setdefault(row.table, ([], []))
            numbers.append(number)
            rows.append(row)
        if mapped.unmapped:
            # Of those with one key the last.
            codes = {
                (each.kind, _key(each.code_system), _key(each.code)): each
                for each in mapped.unmapped
            }
            numbers, rows = found.setdefault(_UNMAPPED_TABLE, ([], []))
            numbers += [number] * len(codes)
            rows += [(*key, each.display, each.table) for key, each in codes.items()]
    return found


def _columns(table: str, rows: list[Any]) -> Iterator[list[Cell]]:
    """The cells of rows of one table, column by column, in the order of `_names`."""
    if table == _UNMAPPED_TABLE:
        yield from (list(each) for each in zip(*rows, strict=True))
        return
    layout, stated = _layout(table), [row.columns for row in rows]
    if strange := set().union(*stated) - layout.keys():
        raise KeyError(f"{table} has no column {', '.join(sorted(strange))}")
    yield [str(row.ordinal) for row in rows]
    yield [repr(float(row.confidence)) for row in rows]
    yield [",".join(row.flags) for row in rows]
    for name, (to_text, default) in layout.items():
        values = [columns.get(name) for columns in stated]
        if to_text:
            yield [default if value is None else to_text(value) for value in values]
        else:
            yield [default if value is None else value for value in values]


def _names(table: str) -> tuple[str, ...]:
    """The columns of a table that its rows state."""
    return UNMAPPED if table == _UNMAPPED_TABLE else (*STATED, *_layout(table))


@cache
def _layout(table: str) -> dict[str, tuple[Callable[[Any], str] | None, Cell]]:
    """A fact table's own columns: how each becomes text, and the text for want of a value."""
    return {
        name: (TO_TEXT[each.kind], text_of(each.default, TO_TEXT[each.kind]))
        for name, each in own_columns(table).items()
    }


def _facts_hash(mapped: MappedResource, stated: list[object]) -> str:
    """A hash of all that the version puts into the store, its place in the input apart."""
    stamp = mapped.stamp
    head = (stamp.patient_key, stamp.version_id, stamp.last_updated, stamp.status)
    whole = (head, stamp.content_hash, stamp.retracted, stated)
    try:
        text = orjson.dumps(whole)
    except orjson.JSONEncodeError:
        # Half a surrogate pair, which no UTF-8 can hold.
        text = repr(whole).encode()
    return hashlib.sha256(text).hexdigest()


def _key(text: str) -> str:
    """The text as part of a key, as it will be stored: PostgreSQL's keys may have 2,700 bytes."""
    return storable(text[:KEY_LENGTH])


def _table(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> pa.Table:
    """The first column is of numbers, the others of text."""
    import pyarrow as pa

    numbers, *texts = columns
    arrays = [pa.array(numbers, pa.int64()), *map(column_of, texts)]
    return pa.Table.from_arrays(arrays, names=list(names))


def _bytes(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _received(resources: bytes, facts: Mapping[str, bytes]) -> Prepared:
    return Prepared(_read(resources), {name: _read(each) for name, each in facts.items()})


def _read(content: bytes) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(content) as stream:
        return stream.read_all()
