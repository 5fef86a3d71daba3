"""The cells of a view's rows, and its conditions, as functions of the focus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from adapter.errors import EvaluationFailed
from adapter.mapping.closures import Run, elements, has_value
from adapter.mapping.decide import Known
from adapter.mapping.element_index import Index, by_values
from adapter.mapping.expression import Compiled, IndexedBy
from adapter.mapping.fhirpath import Node, Path, plain
from adapter.mapping.r4_types import is_primitive
from adapter.mapping.recurring import Memo, Part, RowOfPart, is_own, keep, key_of
from adapter.mapping.view_validate import Column

Row = dict[str, object]
OwnColumns = Callable[[Node, int], Row]
"""focus, %rowIndex -> the columns of one Selection Structure."""
Cell = Callable[[Node], object]
NamedCell = tuple[str, Cell]
Group = tuple[Run, list[NamedCell]]
"""What several cells start with, and how each goes on from what that found."""

_AS_THEY_ARE = frozenset({bool, int, Decimal})


def own_columns(
    columns: tuple[Column, ...], known: Known | None = None, memo: Memo | None = None
) -> OwnColumns:
    """The row of the columns. It raises EvaluationFailed, for several values in one cell too.

    Cells of which all that they read is `known` of the focus are made here, once. They are alike
    in all rows, lists too, which are not to be changed. With a `memo` that goes for all cells of
    elements that recur, and the row knows which these are.
    """
    if any(column.path.closure is None for column in columns):
        cells = [(column.name, partial(_interpreted, column)) for column in columns]
        return lambda focus, row_index: {name: cell(focus, row_index) for name, cell in cells}
    made = _made(columns, known) if known else {}
    left = [
        (column, column.path.closure)
        for column in columns
        if column.path.closure and column.name not in made
    ]
    template = {column.name: made.get(column.name) for column in columns}
    if known and memo is not None and all(closure.reads is not None for _, closure in left):
        return _remembering(template, left, known, memo)
    return _filling(template, _grouped(left))


def _remembering(
    template: Row, left: list[tuple[Column, Compiled]], known: Known, memo: Memo
) -> OwnColumns:
    """The row, of which the cells that recur are found once."""
    own = [(column, closure) for column, closure in left if any(map(is_own, closure.reads or ()))]
    own_names = {column.name for column, _ in own}
    recur = [(column, closure) for column, closure in left if column.name not in own_names]
    reads = {name for _, closure in recur for name in closure.reads or ()}
    key_in = key_of(sorted(reads & known.names))
    of_one = _grouped(own)
    common, fill = _filling(template | _without(of_one), _grouped(recur)), _filler(of_one)
    this = object()

    def row(focus: Node, row_index: int) -> Row:
        key = key_in(focus)
        if key is None:
            return fill(focus, common(focus, row_index))
        part = memo.get((this, key))
        if part is None:
            made = common(focus, row_index)
            part = Part({name: made[name] for name in made.keys() - own_names}, made)
            keep(memo, (this, key), part)
        found = RowOfPart(part.row)
        found.part = part
        return fill(focus, found)

    return row


def _made(columns: Iterable[Column], known: Known) -> Row:
    """The cells that can be told from what is known, and do not fail."""
    made: Row = {}
    for column in columns:
        closure = column.path.closure
        if closure and known.tells(closure.reads):
            with suppress(EvaluationFailed):
                made[column.name] = _cell(column, closure.run)(known.values)
    return made


@dataclass(frozen=True, slots=True)
class _Grouped:
    """The cells that start by themselves, those that start alike, and those of one index: name,
    key in the index, cell."""

    alone: list[NamedCell]
    groups: list[Group]
    index: Callable[[Node], Index] | None
    by_key: list[tuple[str, tuple[object, ...], Cell]]


def _filling(template: Row, cells: _Grouped) -> OwnColumns:
    empty, fill = template | _without(cells), _filler(cells)
    return lambda focus, _: fill(focus, empty.copy())


def _without(cells: _Grouped) -> Row:
    """What the cells that pick an element by its code are where there is none, as mostly."""
    return {name: cell(None) for name, _, cell in cells.by_key}


def _filler(cells: _Grouped) -> Callable[[Node, Row], Row]:
    """What puts the cells into a row."""
    alone, groups, index, by_key = cells.alone, cells.groups, cells.index, cells.by_key

    def fill(focus: Node, found: Row) -> Row:
        for name, cell in alone:
            found[name] = cell(focus)
        for start, group in groups:
            begun = start(focus)
            for name, cell in group:
                found[name] = cell(begun)
        if index is not None:
            elements_of = index(focus).get
            for name, key, cell in by_key:
                if (begun := elements_of(key)) is not None:
                    found[name] = cell(begun)
        return found

    return fill


def _grouped(left: list[tuple[Column, Compiled]]) -> _Grouped:
    """The cells, those apart that start alike; what they start with is found once for all."""
    of = _most_shared(closure for _, closure in left)
    counts = Counter(start.text for _, closure in left for start in closure.starts())
    alone: list[NamedCell] = []
    by_start: dict[str, Group] = {}
    by_key: list[tuple[str, tuple[object, ...], Cell]] = []
    for column, closure in left:
        shared = [start for start in closure.starts() if counts[start.text] > 1]
        if of and closure.sieved and closure.sieved.of == of:
            by_key.append((column.name, closure.sieved.key, _cell(column, closure.sieved.rest)))
        elif shared:
            longest = shared[-1]
            _, cells = by_start.setdefault(longest.text, (longest.run, []))
            cells.append((column.name, _cell(column, longest.rest)))
        else:
            alone.append((column.name, _cell(column, closure.run)))
    return _Grouped(alone, list(by_start.values()), by_values(*of) if of else None, by_key)


def _most_shared(closures: Iterable[Compiled]) -> IndexedBy | None:
    """The index that most of the columns can use, where several can."""
    counts = Counter(closure.sieved.of for closure in closures if closure.sieved)
    of, count = counts.most_common(1)[0] if counts else (None, 0)
    return of if count > 1 else None


def _cell(column: Column, run: Run) -> Cell:
    """The cell as a function of what `run`, the column's closure or its rest, starts from."""
    path, name = column.path, column.name
    primitive = is_primitive(path.closure.type if path.closure else "")

    def collection(start: Node) -> object:
        try:
            # Texts, which most elements are, need no look.
            return [
                each if each.__class__ is str else plain(each)
                for each in elements(run(start))
                if each.__class__ is str or has_value(each, primitive=primitive)
            ]
        except Exception as error:
            raise path.failed(error) from None

    def single(start: Node) -> object:
        try:
            found = run(start)
            if found is None or found.__class__ is str or found.__class__ in _AS_THEY_ARE:
                return found
            values = [plain(e) for e in elements(found) if has_value(e, primitive=primitive)]
        except Exception as error:
            raise path.failed(error) from None
        return _the_one(values, name)

    return collection if column.collection else single


def _interpreted(column: Column, focus: Node, row_index: int) -> object:
    values = column.path(focus, row_index)
    return values if column.collection else _the_one(values, column.name)


def _the_one(values: list[object], name: str) -> object:
    if len(values) > 1:
        raise EvaluationFailed(f"multiple values found but not expected for column {name}")
    return values[0] if values else None


def condition(path: Path) -> Callable[[Node], bool]:
    """Whether a where holds. It raises EvaluationFailed where the path finds no boolean."""
    if path.closure is None or not path.closure.truth:
        return partial(_holds, path)
    run = path.closure.run

    def holds(node: Node) -> bool:
        try:
            return run(node) is True
        except Exception as error:
            raise path.failed(error) from None

    return holds


def _holds(path: Path, node: Node) -> bool:
    values = path(node)
    if len(values) > 1 or not all(isinstance(value, bool) for value in values):
        raise EvaluationFailed(f"where {path.text!r} is no boolean")
    return values == [True]
