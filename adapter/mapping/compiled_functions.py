"""The functions of FHIRPath that compile; the list of them is at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapter.mapping import closures, operators
from adapter.mapping.closures import Truth
from adapter.mapping.expression import (
    BOOLEAN,
    MIXED,
    STRING,
    UNTYPED,
    Compiled,
    Outside,
    Scope,
    literals,
    then,
)
from adapter.mapping.path_check import Tree
from adapter.mapping.path_steps import spelled
from adapter.mapping.r4_types import is_primitive


@dataclass(frozen=True, slots=True)
class Arguments:
    """A function's arguments, and how to compile those that are expressions."""

    trees: tuple[Tree, ...]
    scope: Scope
    compiler: Callable[[Tree, str, Scope], Compiled]

    def on(self, owner: Compiled) -> list[Compiled]:
        """All of them as expressions on an element of the owner."""
        # In there fhirpathpy no longer takes the resource's name for the resource.
        if owner.run is closures.resource:
            raise Outside
        return [self.compiler(tree, owner.type, self.scope) for tree in self.trees]


def call(owner: Compiled, name: str, arguments: Arguments) -> Compiled:
    """The function of what the owner finds. Raises Outside."""
    build = _FUNCTIONS.get(name)
    if build is None:
        raise Outside
    return build(owner, arguments)


def _where(owner: Compiled, arguments: Arguments) -> Compiled:
    (criterion,) = arguments.on(owner)
    total = owner.total and _is_plain(criterion)
    return Compiled(closures.where(owner.run, _holds(criterion)), owner.type, total=total)


def _holds(criterion: Compiled) -> Truth:
    if criterion.truth:
        return criterion.run
    return closures.criterion(criterion.run, primitive=is_primitive(criterion.type))


def _is_plain(criterion: Compiled) -> bool:
    return criterion.truth and criterion.total


def _exists(owner: Compiled, arguments: Arguments) -> Compiled:
    if not arguments.trees:
        return Compiled(closures.exists(owner.run), BOOLEAN, truth=True, total=owner.total)
    (criterion,) = arguments.on(owner)
    if _is_plain(criterion):
        run = closures.exists_where(owner.run, criterion.run)
        return Compiled(run, BOOLEAN, truth=True, total=owner.total)
    run = closures.exists(closures.where(owner.run, _holds(criterion)))
    return Compiled(run, BOOLEAN, truth=True)


def _first(owner: Compiled, _: Arguments) -> Compiled:
    return Compiled(closures.first_of(owner.run), owner.type, total=owner.total)


def _select(owner: Compiled, arguments: Arguments) -> Compiled:
    (projection,) = arguments.on(owner)
    return then(owner, projection)


def _iif(owner: Compiled, arguments: Arguments) -> Compiled:
    # Of a collection it would be asked as a whole.
    if owner.run is not closures.this:
        raise Outside
    condition, *branches = arguments.on(owner)
    kinds = {branch.type for branch in branches}
    if len(kinds) > 1 and not all(is_primitive(kind) for kind in kinds):
        raise Outside
    asked = condition.run if condition.truth else operators.is_true(condition.run)
    otherwise = branches[1].run if len(branches) > 1 else closures.constant(None)
    return Compiled(
        operators.branch(asked, branches[0].run, otherwise),
        kinds.pop() if len(kinds) == 1 else MIXED,
        total=condition.total and all(branch.total for branch in branches),
    )


def _of_type(owner: Compiled, arguments: Arguments) -> Compiled:
    # Where the type does not say yes an element may: it can be of a type that specialises its own.
    # A resource as focus has no type to fhirpathpy.
    model, wanted = arguments.scope.model, spelled(arguments.trees[0])
    known = owner.type not in (MIXED, UNTYPED) and not model.is_resource(owner.type)
    if not known or not model.is_a(owner.type, wanted):
        raise Outside
    return owner


def _is(owner: Compiled, arguments: Arguments) -> Compiled:
    run = _of_type(owner, arguments).run
    return Compiled(operators.is_of(run, run), BOOLEAN, truth=True)


def _not(owner: Compiled, _: Arguments) -> Compiled:
    run = operators.negated(owner.run) if owner.truth else operators.is_false(owner.run)
    return Compiled(run, BOOLEAN, truth=True, total=owner.total)


def _member_of(owner: Compiled, arguments: Arguments) -> Compiled:
    (url,) = literals(arguments.trees[0], arguments.scope)
    membership = arguments.scope.membership
    if membership is None or not isinstance(url, str):
        raise Outside
    run = operators.member_of(owner.run, membership.tokens(url))
    return Compiled(run, BOOLEAN, truth=True)


def _resource_key(owner: Compiled, arguments: Arguments) -> Compiled:
    focused = owner.run in (closures.this, closures.resource)
    if not focused or not arguments.scope.model.is_resource(owner.type):
        raise Outside
    return Compiled(closures.resource_key, UNTYPED, total=True)


def _reference_key(owner: Compiled, arguments: Arguments) -> Compiled:
    (expected,) = [spelled(tree).rpartition(".")[2] for tree in arguments.trees] or (None,)
    return then(owner, Compiled(closures.reference_keys(expected), STRING))


_FUNCTIONS: dict[str, Callable[[Compiled, Arguments], Compiled]] = {
    "where": _where,
    "exists": _exists,
    "first": _first,
    "select": _select,
    "iif": _iif,
    "ofType": _of_type,
    "is": _is,
    "not": _not,
    "memberOf": _member_of,
    "getResourceKey": _resource_key,
    "getReferenceKey": _reference_key,
}
