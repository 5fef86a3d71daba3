"""FHIRPath compiled: the syntax tree of a path -> one closure.

The subset that compiles, and all of it (anything else is left to fhirpathpy, path by path):

- names of elements, `Observation.code`; a choice of types only with its type,
  `value.ofType(Quantity)`, `value is Quantity`; arrays are flattened
- literals, %constants, `|` of both
- `=` and `!=` with a literal, `in` with literals, `and`, `or`, `not()`, `&`
- `where()`, `exists()`, `first()`, `select()`, `iif()`, `ofType()`, `is`, `memberOf()`
- `getResourceKey()` of the resource, `getReferenceKey()`

The types of R4 are resolved here, once. So an element of a datatype is what R4 says it is, also
where a sender put a `resourceType` into it; fhirpathpy takes that for a contained resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from functools import cache

from adapter.mapping import closures, operators
from adapter.mapping.compiled_functions import Arguments, call
from adapter.mapping.decide import Condition, Leaf
from adapter.mapping.expression import (
    BOOLEAN,
    STRING,
    Compiled,
    Outside,
    Scope,
    Sieved,
    Start,
    constant,
    has_elements,
    literals,
    then,
)
from adapter.mapping.operators import Text
from adapter.mapping.path_check import Tree
from adapter.mapping.path_steps import (
    Step,
    element_name,
    is_literal,
    operator,
    sieve,
    spelled,
    steps,
)
from adapter.mapping.r4_types import Choice, Model
from adapter.mapping.reads import reads


def compile_tree(tree: Tree, focus: str, scope: Scope) -> Compiled | None:
    """The expression on a focus of this type, or None where it is not of the subset.

    The focus is parsed JSON: a resource, or an element that another compiled path found. The tree
    has passed `path_check`.
    """
    try:
        found, links = _expression(tree, focus, scope), list(steps(tree))
        return replace(
            found,
            sieved=_sieved(links, focus, scope),
            starts=cache(lambda: tuple(_starts(links, focus, scope))),
            reads=reads(tree, focus, scope.model),
            decision=_condition(focus, scope).decision(tree) if found.type == BOOLEAN else None,
        )
    except Outside:
        return None


def _condition(focus: str, scope: Scope) -> Condition:
    def leaf(tree: Tree) -> Leaf:
        found = _expression(tree, focus, scope)
        read = reads(tree, focus, scope.model)
        whole = reads(tree, focus, scope.model, whole=True)
        return Leaf(found.run, found.truth and found.total, read, whole)

    def tokens(url: Tree) -> Set[str] | None:
        return scope.membership.tokens(str(literals(url, scope)[0])) if scope.membership else None

    return Condition(leaf, tokens)


def _starts(links: list[Step | Tree], focus: str, scope: Scope) -> Iterator[Start]:
    """The parts that begin the chain, the shorter first: names, types of choices and where()."""
    kept, text = Compiled(closures.this, focus, total=True), ""
    for at, link in enumerate(links[:-1]):
        goes_on = isinstance(link, Step) and (
            link.arguments is None or link.name in ("where", "ofType")
        )
        if not goes_on:
            return
        text += repr(link)
        if isinstance(following := links[at + 1], Step) and following.name == "ofType":
            continue
        try:
            kept = _follow(Compiled(closures.this, focus, total=True), links[: at + 1], scope)
            rest = _follow(Compiled(closures.given, kept.type, total=True), links[at + 1 :], scope)
        except Outside:
            return
        if not kept.total:
            return
        yield Start(text, kept.run, rest.run)


def _sieved(links: list[Step | Tree], focus: str, scope: Scope) -> Sieved | None:
    parts = sieve(links)
    if parts is None:
        return None
    found, after = parts
    kept = _follow(Compiled(closures.this, focus), links[: len(links) - len(after)], scope)
    rest = _follow(Compiled(closures.given, kept.type), after, scope)
    key = tuple(literals(tree, scope)[0] for tree in found.equal.values())
    return Sieved((found.owner, found.inner, tuple(found.equal)), key, rest.run)


def _expression(tree: Tree, focus: str, scope: Scope) -> Compiled:
    if is_literal(tree):
        return constant(tree, scope)
    build = _EXPRESSIONS.get(tree["type"])
    if build is None:
        raise Outside
    return build(tree, focus, scope)


def _inner(tree: Tree, focus: str, scope: Scope) -> Compiled:
    return _expression(tree["children"][0], focus, scope)


# Chains


def _chain(tree: Tree, focus: str, scope: Scope) -> Compiled:
    return _follow(Compiled(closures.this, focus, total=True), list(steps(tree)), scope)


def _follow(owner: Compiled, links: list[Step | Tree], scope: Scope) -> Compiled:
    focus, rest = owner.type, iter(links)
    for link in rest:
        if not isinstance(link, Step):
            owner = _expression(link, focus, scope)
        elif link.arguments is not None:
            owner = call(owner, link.name, Arguments(link.arguments, scope, _expression))
        elif owner.run is closures.this and link.name == focus and scope.model.is_resource(focus):
            owner = Compiled(closures.resource, focus, total=True)
        else:
            owner = _child(owner, link.name, rest, scope)
    return owner


def _child(owner: Compiled, name: str, rest: Iterator[Step | Tree], scope: Scope) -> Compiled:
    # To fhirpathpy other names are a resource, extensions or the length of a text.
    if not name[0].islower() or name == "length" or not has_elements(owner.type):
        raise Outside
    found = scope.model.child(owner.type, name)
    if isinstance(found, Choice):
        return _chosen(owner, found, next(rest, None), scope.model)
    # A contained resource has the type that it states.
    if found in ("Resource", "DomainResource"):
        raise Outside
    start, names = owner.names or (owner.run, ())
    names = (*names, name)
    run = closures.then(start, closures.path(names))
    return Compiled(run, found, total=owner.total, names=(start, names))


def _chosen(owner: Compiled, choice: Choice, link: Step | Tree | None, model: Model) -> Compiled:
    """value.ofType(T), value is T."""
    if not isinstance(link, Step) or link.name not in ("ofType", "is") or not link.arguments:
        raise Outside
    wanted = spelled(link.arguments[0])
    names = [name for name, _ in choice.fields]
    fields = {name: kind for name, kind in choice.fields if model.is_a(kind, wanted)}
    kinds = set(fields.values())
    found = kinds.pop() if len(kinds) == 1 else wanted.rpartition(".")[2]
    chosen = then(owner, Compiled(closures.choice(names, fields), found, total=True))
    if link.name == "is":
        every = closures.then(owner.run, closures.choice(names, names))
        return Compiled(operators.is_of(every, chosen.run), BOOLEAN, truth=True)
    # A type has the elements of those that specialise it; what else several share is not known.
    if fields and found not in fields.values():
        raise Outside
    return chosen


# Operators


def _equality(tree: Tree, focus: str, scope: Scope) -> Compiled:
    left, right = tree["children"]
    other, stated = (left, right) if is_literal(right) else (right, left)
    values, asked = literals(stated, scope), _expression(other, focus, scope)
    # fhirpathpy compares a Quantity by its unit.
    if len(values) > 1 or scope.model.is_a(asked.type, "Quantity"):
        raise Outside
    name, (literal,) = element_name(other), values
    run = operators.equals(asked.run, literal)
    if name and isinstance(literal, str):
        run = operators.element_equals(name, literal)
    if operator(tree) == "!=":
        run = operators.negated(run)
    elif operator(tree) != "=":
        raise Outside
    return Compiled(run, BOOLEAN, truth=True, total=asked.total)


def _membership(tree: Tree, focus: str, scope: Scope) -> Compiled:
    left, right = tree["children"]
    if operator(tree) != "in":
        raise Outside
    asked = _expression(left, focus, scope)
    return Compiled(operators.is_in(asked.run, literals(right, scope)), BOOLEAN, truth=True)


def _logic(tree: Tree, focus: str, scope: Scope) -> Compiled:
    combine = {"and": operators.both, "or": operators.either}.get(operator(tree))
    if combine is None:
        raise Outside
    left, right = (_operand(child, focus, scope) for child in tree["children"])
    run = combine(left.run, right.run, lazy=right.total)
    return Compiled(run, BOOLEAN, truth=True, total=left.total and right.total)


def _operand(tree: Tree, focus: str, scope: Scope) -> Compiled:
    found = _expression(tree, focus, scope)
    return found if found.truth else Compiled(operators.as_truth(found.run), BOOLEAN, truth=True)


def _concatenation(tree: Tree, focus: str, scope: Scope) -> Compiled:
    run: Text = operators.nothing
    between = ""
    operands = list(_texts(tree, focus, scope))
    match operands:
        case [Step(left, None), str(text), Step(right, None), *operands]:
            run = operators.joined_elements(left, text, right)
    for operand in operands:
        if isinstance(operand, str):
            between += operand
            continue
        of_operand = operators.element_text(operand.name) if isinstance(operand, Step) else operand
        start = run is operators.nothing and not between
        run = of_operand if start else operators.joined(run, between, of_operand)
        between = ""
    return Compiled(operators.joined(run, between, operators.nothing) if between else run, STRING)


def _texts(tree: Tree, focus: str, scope: Scope) -> Iterator[str | Step | Text]:
    """The operands of a chain of &: texts as they are stated, elements, and texts of the focus."""
    if tree["type"] != "AdditiveExpression":
        yield _text(tree, focus, scope)
    elif operator(tree) != "&":
        raise Outside
    else:
        for child in tree["children"]:
            yield from _texts(child, focus, scope)


def _text(tree: Tree, focus: str, scope: Scope) -> str | Step | Text:
    if is_literal(tree):
        value, *more = literals(tree, scope)
        if more or not isinstance(value, str):
            raise Outside
        return value
    found, name = _expression(tree, focus, scope), element_name(tree)
    return Step(name) if name else operators.text(found.run)


_EXPRESSIONS: dict[str, Callable[[Tree, str, Scope], Compiled]] = {
    "ParenthesizedTerm": _inner,
    "TermExpression": _chain,
    "InvocationTerm": _chain,
    "InvocationExpression": _chain,
    "MemberInvocation": _chain,
    "FunctionInvocation": _chain,
    "TypeExpression": _chain,
    "EqualityExpression": _equality,
    "MembershipExpression": _membership,
    "AdditiveExpression": _concatenation,
    "AndExpression": _logic,
    "OrExpression": _logic,
}
