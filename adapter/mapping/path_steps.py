"""The syntax tree of a FHIRPath chain, `a.b.c()`, as the steps it takes from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.mapping.path_check import Tree


@dataclass(frozen=True, slots=True)
class Step:
    """The name of an element, or with arguments (maybe none) a function."""

    name: str
    arguments: tuple[Tree, ...] | None = None


def steps(tree: Tree) -> Iterator[Step | Tree]:
    """The steps of a chain, of a single name or of `a.b is T`; a first step may be any tree."""
    match tree["type"]:
        case "InvocationExpression":
            for child in tree["children"]:
                yield from steps(child)
        case "TermExpression" | "InvocationTerm":
            yield from steps(tree["children"][0])
        case "TypeExpression":
            left, wanted = tree["children"]
            yield from steps(left)
            yield Step(operator(tree), (wanted,))
        case "MemberInvocation":
            yield Step(spelled(tree["children"][0]))
        case "FunctionInvocation":
            identifier, *parameters = tree["children"][0]["children"]
            yield Step(spelled(identifier), tuple(parameters[0]["children"] if parameters else ()))
        case _:
            yield tree


def spelled(tree: Tree) -> str:
    """The name of an element, function or type, out of its backticks."""
    return str(tree["text"]).replace("`", "")


def operator(tree: Tree) -> str:
    """The sign between two operands."""
    return str(tree["terminalNodeText"][0])


def is_literal(tree: Tree) -> bool:
    """Whether the tree says one thing wherever it stands: literals, %constants, unions of both."""
    match tree["type"]:
        case "LiteralTerm":
            return True
        case "ExternalConstantTerm":
            return spelled(tree["children"][0]["children"][0]) not in ("context", "rowIndex")
        case "TermExpression" | "ParenthesizedTerm" | "UnionExpression":
            return all(is_literal(child) for child in tree["children"])
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Sieve:
    """`a.where(b.exists(c = 'x' and d = 'y'))`: owner a, inner b, equal {c: 'x', d: 'y'}."""

    owner: tuple[str, ...]
    inner: tuple[str, ...]
    equal: dict[str, Tree]


def sieve(links: Sequence[Step | Tree]) -> tuple[Sieve, list[Step | Tree]] | None:
    """The sieve that a chain begins with, and the steps after it; None where it has none."""
    owner, rest = _leading_names(links)
    if not owner or not rest or not isinstance(rest[0], Step) or rest[0].name != "where":
        return None
    (criterion,) = rest[0].arguments or ()
    inner, last = _leading_names(list(steps(criterion)))
    if not inner or len(last) != 1 or not isinstance(last[0], Step) or last[0].name != "exists":
        return None
    equal = _equalities(last[0].arguments[0]) if last[0].arguments else None
    return (Sieve(owner, inner, equal), rest[1:]) if equal else None


def _leading_names(links: Sequence[Step | Tree]) -> tuple[tuple[str, ...], list[Step | Tree]]:
    names: list[str] = []
    for link in links:
        if not isinstance(link, Step) or link.arguments is not None:
            break
        names.append(link.name)
    return tuple(names), list(links[len(names) :])


def _equalities(tree: Tree) -> dict[str, Tree] | None:
    """The literal that each named element is to equal; None for any other condition."""
    if tree["type"] == "AndExpression":
        left, right = (_equalities(child) for child in tree["children"])
        twice = not left or not right or left.keys() & right.keys()
        return None if twice else {**(left or {}), **(right or {})}
    if tree["type"] != "EqualityExpression" or operator(tree) != "=":
        return None
    name, literal = tree["children"]
    named = element_name(name)
    return {named: literal} if named and is_literal(literal) else None


def element_name(tree: Tree) -> str | None:
    """The name, where the tree is nothing but the name of an element."""
    names, rest = _leading_names(list(steps(tree)))
    return names[0] if len(names) == 1 and not rest else None
