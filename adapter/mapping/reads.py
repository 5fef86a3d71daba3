"""Which elements of its focus a path of the compiled subset reads.

What a path finds depends on these alone. So where a resource has none of them the path finds what
it finds in an empty one, whatever else the resource says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapter.mapping.path_check import Tree
from adapter.mapping.path_steps import Step, is_literal, spelled, steps
from adapter.mapping.r4_types import Choice, Model

Reads = frozenset[str] | None
"""JSON names, those of extensions beside primitives too; None: it may read any."""

_OPERATORS = frozenset({
    "ParenthesizedTerm", "EqualityExpression", "MembershipExpression", "AdditiveExpression",
    "AndExpression", "OrExpression",
})  # fmt: skip


def reads(tree: Tree, focus: str, model: Model, *, whole: bool = False) -> Reads:
    """The elements that the path, which compiles, reads of a focus of this type.

    Of a choice those of the wanted type: without them it finds nothing. Where they are there it
    finds them if the others are not: `whole` names these too.
    """
    if is_literal(tree):
        return frozenset()
    if tree["type"] in _OPERATORS:
        return _union(tree["children"], focus, model, whole=whole)
    first, *rest = steps(tree)
    if not isinstance(first, Step):
        return None if first is tree else reads(first, focus, model, whole=whole)
    if first.name == focus and first.arguments is None and rest and isinstance(rest[0], Step):
        first, *rest = rest[0], *rest[1:]
    if first.name == "iif" and first.arguments:
        return _union(first.arguments, focus, model, whole=whole)
    return _by_step(first, [] if whole else rest, focus, model)


def _union(trees: Iterable[Tree], focus: str, model: Model, *, whole: bool) -> Reads:
    found: set[str] = set()
    for tree in trees:
        part = reads(tree, focus, model, whole=whole)
        if part is None:
            return None
        found |= part
    return frozenset(found)


def _by_step(first: Step, rest: Sequence[Step | Tree], focus: str, model: Model) -> Reads:
    """Of a chain: all that comes after its first element depends on what that one holds."""
    if first.name == "getResourceKey":
        return frozenset({"id"})
    if first.arguments is not None:
        return None
    child = model.child(focus, first.name)
    names = _of_choice(child, rest, model) if isinstance(child, Choice) else [first.name]
    return frozenset(names) | {f"_{name}" for name in names}


def _of_choice(choice: Choice, rest: Sequence[Step | Tree], model: Model) -> list[str]:
    """value.ofType(T) is nothing where no element of the type is there; value is T asks of all."""
    names = [name for name, _ in choice.fields]
    match rest:
        case [Step("ofType", (wanted,)), *_]:
            of_type = spelled(wanted)
            return [name for name, kind in choice.fields if model.is_a(kind, of_type)]
        case _:
            return names
