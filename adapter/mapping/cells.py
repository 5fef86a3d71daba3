"""The cells of a view's rows, and its conditions, as functions of the focus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial

from adapter.errors import EvaluationFailed
from adapter.mapping.closures import Run, elements, has_value
from adapter.mapping.element_index import by_values
from adapter.mapping.expression import Compiled, IndexedBy
from adapter.mapping.fhirpath import Node, Path, plain
from adapter.mapping.r4_types import is_primitive
from adapter.mapping.view_validate import Column

Row = dict[str, object]
OwnColumns = Callable[[Node, int], Row]
"""focus, %rowIndex -> the columns of one Selection Structure."""
Cell = Callable[[Node], object]

_AS_THEY_ARE = frozenset({bool, int, Decimal})


def own_columns(columns: tuple[Column, ...]) -> OwnColumns:
    """The row of the columns. It raises EvaluationFailed, for several values in one cell too."""
    compiled = [(c, c.path.closure) for c in columns if c.path.closure is not None]
    if len(compiled) < len(columns):
        cells = [(column.name, partial(_interpreted, column)) for column in columns]
        return lambda focus, row_index: {name: cell(focus, row_index) for name, cell in cells}
    of = _most_shared(closure for _, closure in compiled)
    if of:
        return _indexed(compiled, of)
    plain_cells = [(column.name, _cell(column, closure.run)) for column, closure in compiled]
    return lambda focus, _: {name: cell(focus) for name, cell in plain_cells}


def _most_shared(closures: Iterable[Compiled]) -> IndexedBy | None:
    """The index that most of the columns can use, where several can."""
    counts = Counter(closure.sieved.of for closure in closures if closure.sieved)
    of, count = counts.most_common(1)[0] if counts else (None, 0)
    return of if count > 1 else None


def _indexed(compiled: list[tuple[Column, Compiled]], of: IndexedBy) -> OwnColumns:
    """The row with one index of elements (components by code) for all columns that can use it."""
    index = by_values(*of)
    cells: list[tuple[str, tuple[object, ...] | None, Cell]] = [
        (column.name, sieved.key, _cell(column, sieved.rest))
        if (sieved := closure.sieved) and sieved.of == of
        else (column.name, None, _cell(column, closure.run))
        for column, closure in compiled
    ]

    def row(focus: Node, _: int) -> Row:
        found = index(focus).get
        return {name: cell(focus if key is None else found(key)) for name, key, cell in cells}

    return row


def _cell(column: Column, run: Run) -> Cell:
    """The cell as a function of what `run`, the column's closure or its rest, starts from."""
    path, name = column.path, column.name
    primitive = is_primitive(path.closure.type if path.closure else "")

    def collection(start: Node) -> object:
        try:
            found = elements(run(start))
            return [plain(each) for each in found if has_value(each, primitive=primitive)]
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
