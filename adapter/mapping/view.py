"""SQL on FHIR v2: a ViewDefinition x a resource -> rows.

`_process` follows the Processing Algorithm of the specification; its steps stand above the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from adapter.errors import EvaluationFailed
from adapter.mapping import view_validate
from adapter.mapping.fhirpath import Node, Path, without_shadowed
from adapter.mapping.path_check import Membership
from adapter.mapping.view_validate import ROW_INDEX, Column, Selection

Row = dict[str, object]

MAX_DEPTH = 100
"""How deep `repeat` follows: far beyond any questionnaire, and a path like $this never ends."""


@dataclass(frozen=True, slots=True)
class View:
    """A ViewDefinition that is valid and ready to run. `name` is '' where it has none."""

    name: str
    resource: str
    where: tuple[Path, ...]
    selection: Selection

    @classmethod
    def load(cls, definition: Mapping[str, Any], membership: Membership | None = None) -> View:
        """The view. Raises ViewDefinitionError for anything wrong with the definition.

        `membership` answers memberOf(); a view that uses it needs one.
        """
        resource = view_validate.resource_type(definition)
        compile_path = view_validate.compiler(definition, membership)
        return cls(
            definition.get("name", ""),
            resource,
            view_validate.where(definition, compile_path),
            view_validate.root_selection(definition, compile_path),
        )

    @property
    def columns(self) -> list[Column]:
        """The columns, in the order in which `rows` gives them."""
        return list(self.selection.columns)

    def rows(self, resource: Mapping[str, Any]) -> list[Row]:
        """The rows: column -> str, bool, int, Decimal, None, list (collection) or mapping.

        Raises EvaluationFailed, a ViewDefinitionError and ResourceError, where the resource does
        not fit the view: several values for one cell, a where that is no boolean.
        """
        try:
            return self._rows(resource)
        except EvaluationFailed as error:
            error.where = f"{self.resource} as {self.name}"
            raise
        except RecursionError:
            raise EvaluationFailed("the resource is nested too deeply") from None

    def _rows(self, resource: Mapping[str, Any]) -> list[Row]:
        # 1. Ensure resource type is correct
        if resource.get("resourceType") != self.resource:
            return []
        node = without_shadowed(resource)
        # 2. If V.where is defined, ensure constraints are met
        if not all(_holds(condition, node) for condition in self.where):
            return []
        # 3. Initialise %rowIndex to 0  4. Emit all rows from Process(S, V)
        return _process(self.selection, node, 0)


def _holds(condition: Path, node: Node) -> bool:
    values = condition(node)
    if len(values) > 1 or not all(isinstance(value, bool) for value in values):
        raise EvaluationFailed(f"where {condition.text!r} is no boolean")
    return values == [True]


def _process(s: Selection, n: Node, row_index: int) -> list[Row]:
    rows: list[Row] = []
    # 1. Define a list of Nodes foci
    foci = _foci(s, n, row_index)
    iterates = s.for_each is not None or bool(s.repeat)
    # 2. For each element f of foci (with 0-based index i)
    for i, f in enumerate(foci):
        # 2.0 Set %rowIndex to i for this iteration level; unionAll and select inherit it
        index = i if iterates else row_index
        # 2.1 Initialize an empty list parts  2.2 Process Columns
        parts = [[{column.name: _cell(column, f, index) for column in s.own}]]
        # 2.3 Process Selects
        parts += [_process(select, f, index) for select in s.selects]
        # 2.4 Process UnionAlls
        if s.union_all:
            parts.append([row for branch in s.union_all for row in _process(branch, f, index)])
        # 2.5 For every list of partial rows prows in the Cartesian product of parts
        rows += [_merged(partial_rows) for partial_rows in product(*parts)]
    # 3. If foci is an empty list and S.forEachOrNull is defined
    if not foci and s.or_null:
        # 3.3 Bind each column to null (except for columns with path %rowIndex, bound to 0)
        rows.append({c.name: 0 if c.path.text == ROW_INDEX else None for c in s.columns})
    return rows


def _foci(s: Selection, n: Node, row_index: int) -> list[Node]:
    if s.repeat:
        return list(_traverse(s.repeat, n, row_index, 1))
    if s.for_each:
        return s.for_each.nodes(n, row_index)
    return [n]


def _traverse(paths: tuple[Path, ...], node: Node, row_index: int, depth: int) -> Iterator[Node]:
    """Every node below `node`, depth first."""
    if depth > MAX_DEPTH:
        raise EvaluationFailed(f"repeat {paths[0].text!r} goes deeper than {MAX_DEPTH}")
    for path in paths:
        for child in path.nodes(node, row_index):
            yield child
            yield from _traverse(paths, child, row_index, depth + 1)


def _cell(column: Column, focus: Node, row_index: int) -> object:
    values = column.path(focus, row_index)
    if column.collection:
        return values
    if len(values) > 1:
        raise EvaluationFailed(f"multiple values found but not expected for column {column.name}")
    return values[0] if values else None


def _merged(partial_rows: tuple[Row, ...]) -> Row:
    return {name: value for row in partial_rows for name, value in row.items()}
