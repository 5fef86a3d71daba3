"""What compiling a path works with: expressions as typed closures, and what their names stand for.

Shared by `adapter.mapping.compiled` (names and operators) and `compiled_functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from adapter.mapping import closures
from adapter.mapping.closures import Run
from adapter.mapping.decide import Decision
from adapter.mapping.path_check import Membership, Tree
from adapter.mapping.path_steps import is_literal
from adapter.mapping.r4_types import Model
from adapter.mapping.reads import Reads

MIXED = "mixed"
"""The type of iif() whose branches are different primitives."""
UNTYPED = ""
"""The type of what a function takes out of the JSON as it is."""
BOOLEAN, STRING = "System.Boolean", "System.String"

_LITERAL_TYPES: dict[type, str] = {
    str: STRING,
    bool: BOOLEAN,
    int: "System.Integer",
    Decimal: "System.Decimal",
}


IndexedBy = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""The names of owner, inner elements and values, as element_index.by_values takes them."""


class Outside(Exception):
    """The expression is not of the subset that compiles."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression as a function of one focus, and the type of what it finds.

    truth: it gives True, False or None alone. total: no focus makes it fail.
    """

    run: Run
    type: str
    truth: bool = False
    total: bool = False
    names: tuple[Run, tuple[str, ...]] | None = None
    """Of a chain that ends in names of elements: what comes before them, and the names."""
    sieved: Sieved | None = None
    starts: Callable[[], tuple[Start, ...]] = tuple
    """What `starts` gives is worked out when it is first asked for: few views of many are used."""
    reads: Reads = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Sieved:
    """An expression that starts with a Sieve, in two parts, so that many can share the first.

    `of` says alike for those that can: element_index.by_values(*of) of the focus is an index of the
    elements; `rest` is the expression on what it holds for `key`.
    """

    of: IndexedBy
    key: tuple[object, ...]
    rest: Run


@dataclass(frozen=True, slots=True)
class Start:
    """A part that many expressions may start with, alike where `text` is; it cannot fail.

    `rest` is the expression on what the part found.
    """

    text: str
    run: Run
    rest: Run


@dataclass(frozen=True, slots=True)
class Scope:
    """What a path can refer to. literal: the values of a tree that needs no focus."""

    model: Model
    literal: Callable[[Tree], list[object]]
    membership: Membership | None


def then(owner: Compiled, step: Compiled) -> Compiled:
    """The step on each element of the owner."""
    run = closures.then(owner.run, step.run)
    return Compiled(run, step.type, total=owner.total and step.total)


def has_elements(type_name: str) -> bool:
    """Whether elements of a type can be named."""
    return type_name not in (MIXED, UNTYPED) and not type_name.startswith("System.")


def literals(tree: Tree, scope: Scope) -> tuple[object, ...]:
    """The values that the tree states. Raises Outside where it is more than literals."""
    values = tuple(scope.literal(tree)) if is_literal(tree) else ()
    if not values or any(type(value) not in _LITERAL_TYPES for value in values):
        raise Outside
    return values


def constant(tree: Tree, scope: Scope) -> Compiled:
    """An expression that finds the same literals everywhere. Raises Outside."""
    values = literals(tree, scope)
    kinds = {_LITERAL_TYPES[type(value)] for value in values}
    if len(kinds) != 1:
        raise Outside
    found = values[0] if len(values) == 1 else list(values)
    truth = isinstance(found, bool)
    return Compiled(closures.constant(found), kinds.pop(), truth=truth, total=True)
