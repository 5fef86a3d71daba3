"""SQL on FHIR v2: a ViewDefinition x a resource -> rows.

`_processor` follows the Processing Algorithm of the specification; its steps stand above the lines.
What depends on the ViewDefinition alone is decided when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cache, reduce
from itertools import chain, product
from operator import or_
from typing import Any

from adapter.errors import EvaluationFailed
from adapter.mapping import view_validate
from adapter.mapping.cells import Row, condition, own_columns
from adapter.mapping.decide import UNDECIDED, Decision, Known
from adapter.mapping.fhirpath import Node, Path
from adapter.mapping.path_check import Membership
from adapter.mapping.recurring import Memo
from adapter.mapping.shadowed import without_shadowed
from adapter.mapping.view_validate import ROW_INDEX, Column, Selection

Process = Callable[[Node, int], list[Row]]
"""Process(S, N) of the specification for one Selection Structure S: N, %rowIndex -> rows."""

MAX_DEPTH = 100
"""How deep `repeat` follows: far beyond any questionnaire, and a path like $this never ends."""


@dataclass(frozen=True, slots=True)
class View:
    """A ViewDefinition that is valid and ready to run. `name` is '' where it has none."""

    name: str
    resource: str
    where: tuple[Path, ...]
    selection: Selection
    conditions: tuple[Callable[[Node], bool], ...]
    process: Process
    compiled: bool
    """Whether every path runs as a closure."""

    @classmethod
    def load(
        cls,
        definition: Mapping[str, Any],
        membership: Membership | None = None,
        *,
        compiled: bool = True,
    ) -> View:
        """The view. Raises ViewDefinitionError for anything wrong with the definition.

        `membership` answers memberOf(); a view that uses it needs one. `compiled` is False to
        leave every path to fhirpathpy, the judge of those that compile: slow, and the same rows.
        """
        resource = view_validate.resource_type(definition)
        compile_path = view_validate.compiler(definition, membership, compiled=compiled)
        where = view_validate.where(definition, compile_path)
        selection = view_validate.root_selection(definition, compile_path)
        return cls(
            definition.get("name", ""),
            resource,
            where,
            selection,
            tuple(condition(path) for path in where),
            _when_used(selection),
            all(path.compiled for path in (*where, *selection.paths)),
        )

    @property
    def columns(self) -> list[Column]:
        """The columns, in the order in which `rows` gives them."""
        return list(self.selection.columns)

    @property
    def decisions(self) -> Iterator[Decision]:
        """The conditions that may be decided for many resources at once."""
        for path in self.where:
            if path.closure and path.closure.decision:
                yield path.closure.decision

    @property
    def reads(self) -> Iterator[str]:
        """The elements of the resource of which `rows_of` makes use, as far as is known."""
        if self.compiled:
            for path in (*self.where, *(c.path for c in flat_columns(self.selection))):
                yield from (path.closure and path.closure.reads) or ()

    @property
    def conditions_read(self) -> Iterator[str]:
        """The elements that the conditions read, as far as is known."""
        for path in self.where:
            yield from (path.closure and path.closure.reads) or ()

    @property
    def paths(self) -> Iterator[Path]:
        """All paths of the view."""
        yield from self.where
        yield from self.selection.paths

    def rows(self, resource: Mapping[str, Any]) -> list[Row]:
        """The rows: column -> str, bool, int, Decimal, None, list (collection) or mapping.

        Raises EvaluationFailed, a ViewDefinitionError and ResourceError, where the resource does
        not fit the view: several values for one cell, a where that is no boolean.
        """
        # 1. Ensure resource type is correct
        if resource.get("resourceType") != self.resource:
            return []
        return self.run(self.conditions, self.process, resource)

    def rows_of(self, known: Known, memo: Memo | None = None) -> Planned | None:
        """`rows` for the resources, of the view's type, of which this is known; None: they have
        none. What follows from it is not asked again, nor, with a `memo`, what recurs."""
        if not self.compiled:
            return Planned(self, self.conditions, None, self.process)
        asked: list[Callable[[Node], bool]] = []
        read: set[str] | None = set()
        may_fail = False
        for path, holds in zip(self.where, self.conditions, strict=True):
            decision = path.closure.decision if path.closure else None
            verdict = decision.of(known) if decision else UNDECIDED
            if verdict is UNDECIDED or (verdict is not True and may_fail):
                asked.append(holds)
                reads = path.closure.reads if path.closure else None
                read = read | reads if read is not None and reads is not None else None
                may_fail = may_fail or not (decision and decision.total)
            elif verdict is not True:
                return None
        return Planned(self, tuple(asked), read, _processor(self.selection, known, memo))

    def run(
        self,
        conditions: tuple[Callable[[Node], bool], ...],
        process: Process,
        resource: Mapping[str, Any],
    ) -> list[Row]:
        """The rows of a resource of the view's type, by these conditions and this process."""
        try:
            node = self._node(resource)
            # 2. If V.where is defined, ensure constraints are met
            for holds in conditions:
                if not holds(node):
                    return []
            # 3. Initialise %rowIndex to 0  4. Emit all rows from Process(S, V)
            return process(node, 0)
        except EvaluationFailed as error:
            error.where = f"{self.resource} as {self.name}"
            raise
        except RecursionError:
            raise EvaluationFailed("the resource is nested too deeply") from None

    def _node(self, resource: Mapping[str, Any]) -> Node:
        if not self.compiled:
            return without_shadowed(resource)
        # Closures know objects as the parser makes them.
        return resource if isinstance(resource, dict) else dict(resource)


@dataclass(frozen=True, slots=True)
class Planned:
    """What gives a view's rows of the resources of which something is known.

    read: the elements that the conditions read, None where that is not known.
    """

    view: View
    conditions: tuple[Callable[[Node], bool], ...]
    read: Set[str] | None
    process: Process

    def __call__(self, resource: Mapping[str, Any]) -> list[Row]:
        return self.view.run(self.conditions, self.process, resource)

    def settled(self, resource: Mapping[str, Any], own: Set[str]) -> Planned | None:
        """The same for all resources that differ from this one in `own` elements alone; None: they
        have no rows."""
        if not self.conditions or self.read is None or self.read & own:
            return self
        try:
            holds = all(condition(resource) for condition in self.conditions)
        except (EvaluationFailed, RecursionError):
            # It fails for each, which each shall be told.
            return self
        return replace(self, conditions=()) if holds else None


def flat_columns(s: Selection) -> tuple[Column, ...]:
    """The columns of the focus itself, whether they stand in selects of their own or not."""
    if _foci(s):
        return ()
    nested = (flat_columns(inside) for inside in (*s.selects, *s.union_all))
    return (*s.own, *chain.from_iterable(nested))


def _is_one_row(s: Selection) -> bool:
    return not _foci(s) and not s.union_all and all(_is_one_row(inside) for inside in s.selects)


def _processor(s: Selection, known: Known | None = None, memo: Memo | None = None) -> Process:
    """`known` of the focus, where something is. memo: for what recurs in it."""
    foci = _foci(s)
    # One row of one focus needs no product.
    if _is_one_row(s):
        whole = own_columns(flat_columns(s), known, memo)
        return lambda n, row_index: [whole(n, row_index)]
    inside = None if foci else known
    own = own_columns(s.own, inside)
    selects = [_processor(select, inside) for select in s.selects]
    union_all = [_processor(branch, inside) for branch in s.union_all]

    def process(n: Node, row_index: int) -> list[Row]:
        rows: list[Row] = []
        # 1. Define a list of Nodes foci
        found = foci(n, row_index) if foci else [n]
        # 2. For each element f of foci (with 0-based index i)
        for i, f in enumerate(found):
            # 2.0 Set %rowIndex to i for this iteration level; unionAll and select inherit it
            index = i if foci else row_index
            # 2.1 Initialize an empty list parts  2.2 Process Columns
            parts = [[own(f, index)]] if s.own else []
            # 2.3 Process Selects
            parts += [select(f, index) for select in selects]
            # 2.4 Process UnionAlls
            if union_all:
                parts.append([row for branch in union_all for row in branch(f, index)])
            # 2.5 For every list of partial rows prows in the Cartesian product of parts
            rows += [_merged(partial_rows) for partial_rows in product(*parts)]
        # 3. If foci is an empty list and S.forEachOrNull is defined
        if not found and s.or_null:
            # 3.3 Bind each column to null (except for columns with path %rowIndex, bound to 0)
            rows.append({c.name: 0 if c.path.text == ROW_INDEX else None for c in s.columns})
        return rows

    return process


def _when_used(s: Selection) -> Process:
    """Its processor, made when it first meets a resource."""
    made = cache(lambda: _processor(s))
    return lambda n, row_index: made()(n, row_index)


def _foci(s: Selection) -> Callable[[Node, int], list[Node]] | None:
    """What gives the foci, or None where the node itself is the one focus."""
    if s.repeat:
        return lambda n, row_index: list(_traverse(s.repeat, n, row_index, 1))
    return s.for_each.nodes if s.for_each else None


def _traverse(paths: tuple[Path, ...], node: Node, row_index: int, depth: int) -> Iterator[Node]:
    """Every node below `node`, depth first."""
    if depth > MAX_DEPTH:
        raise EvaluationFailed(f"repeat {paths[0].text!r} goes deeper than {MAX_DEPTH}")
    for path in paths:
        for child in path.nodes(node, row_index):
            yield child
            yield from _traverse(paths, child, row_index, depth + 1)


def _merged(partial_rows: tuple[Row, ...]) -> Row:
    return reduce(or_, partial_rows)
