"""Conditions decided once for all resources that are alike in what is `Known` of them.

Most conditions of a view ask for a code, a status, or whether an element is there at all. What is
left undecided is asked of each resource; nothing is decided that could fail where it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from adapter.mapping.closures import Run
from adapter.mapping.path_check import Tree
from adapter.mapping.path_steps import Step, is_literal, steps
from adapter.mapping.reads import Reads


class Asked(NamedTuple):
    """Where CodeableConcepts lie. `many`: `owner.where(inner.memberOf(…)).exists()`, with no inner
    for `owner.where(memberOf(…)).exists()`; else `owner.memberOf(…)`."""

    owner: str
    inner: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a resource.

    names: which of the elements that conditions read it has. values: the texts of some of them.
    present: those that are there without doubt, with any value.
    tokens: the codes that it has there, of those that are asked for; a place is missing where it
    holds no well-formed CodeableConcepts.
    """

    names: frozenset[str]
    values: dict[str, str]
    tokens: Mapping[Asked, frozenset[str]]
    present: dict[str, str] = field(default_factory=dict)

    def tells(self, read: Reads) -> bool:
        """Whether all that is read is known: absent, or of a known value."""
        return read is not None and (read & self.names) <= self.values.keys()


class Undecided(Enum):
    """Some of the resources are, and some are not."""

    UNDECIDED = "undecided"


UNDECIDED = Undecided.UNDECIDED
Verdict = bool | None | Undecided


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition as a function of what is known. codes: what it asks for, and where; there: the
    elements of which it asks no more than whether they are there."""

    of: Callable[[Known], Verdict]
    total: bool
    codes: Mapping[Asked, Set[str]] = field(default_factory=dict)
    there: frozenset[str] = frozenset()


class Leaf(NamedTuple):
    """A condition of no parts, compiled."""

    run: Run
    total: bool
    reads: Reads
    whole: Reads
    """`reads` with all elements of choices."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How to compile the parts of a condition. tokens: those of the value set of a tree."""

    leaf: Callable[[Tree], Leaf]
    tokens: Callable[[Tree], Set[str] | None]

    def decision(self, tree: Tree) -> Decision:
        """The condition's decision."""
        while tree["type"] in ("ParenthesizedTerm", "TermExpression"):
            (tree,) = tree["children"]
        if tree["type"] in _LOGIC:
            left, right = (self.decision(child) for child in tree["children"])
            return _logic(left, right, wins=_LOGIC[tree["type"]])
        links = list(steps(tree))
        if links[-1] == Step("not", ()) and tree["type"] == "InvocationExpression":
            return _opposite(self.decision(tree["children"][0]))
        asked, url = _membership(links)
        tokens = self.tokens(url) if url else None
        if asked and tokens is not None:
            return _code(asked, tokens)
        return _leaf(self.leaf(tree), of_existence=_of_existence(tree))


_LOGIC = {"AndExpression": False, "OrExpression": True}


def _of_existence(tree: Tree) -> bool:
    """`name.exists()`, `choice.ofType(T).exists()`, or either compared with true or false."""
    if tree["type"] == "EqualityExpression":
        left, right = tree["children"]
        return is_literal(right) and _of_existence(left)
    match list(steps(tree)):
        case [Step(_, None), Step("exists", ())]:
            return True
        case [Step(_, None), Step("ofType", (_,)), Step("exists", ())]:
            return True
        case _:
            return False


def _leaf(leaf: Leaf, *, of_existence: bool) -> Decision:
    def verdict(known: Known) -> Verdict:
        stand_in, decided = known.values, known.tells(leaf.reads)
        if not decided and of_existence and leaf.whole is not None:
            stand_in = {**known.values, **known.present}
            decided = (leaf.whole & known.names) <= stand_in.keys()
        if not decided:
            return UNDECIDED
        try:
            found: Any = leaf.run(stand_in)
        except Exception:
            # It fails for each resource, which each shall be told.
            return UNDECIDED
        return found if found is None or isinstance(found, bool) else UNDECIDED

    there = leaf.whole if of_existence and leaf.whole else frozenset()
    return Decision(verdict, leaf.total, there=there)


def _code(asked: Asked, tokens: Set[str]) -> Decision:
    names = frozenset({asked.owner, f"_{asked.owner}"})

    def verdict(known: Known) -> Verdict:
        if known.names.isdisjoint(names):
            return False if asked.many else None
        found = known.tokens.get(asked)
        return UNDECIDED if found is None else not found.isdisjoint(tokens)

    return Decision(verdict, total=False, codes={asked: tokens})


def _opposite(decision: Decision) -> Decision:
    def verdict(known: Known) -> Verdict:
        found = decision.of(known)
        return not found if isinstance(found, bool) else found

    return replace(decision, of=verdict)


def _logic(left: Decision, right: Decision, *, wins: bool) -> Decision:
    """and, which False wins, or or, which True wins, in a logic of three values."""

    def verdict(known: Known) -> Verdict:
        one, other = left.of(known), right.of(known)
        decided = one is not UNDECIDED and other is not UNDECIDED
        # The side that is not decided may fail, which must not go unnoticed.
        if one is wins and (decided or right.total):
            return wins
        if other is wins and (decided or left.total):
            return wins
        if not decided:
            return UNDECIDED
        return None if one is None or other is None else not wins

    codes: dict[Asked, Set[str]] = {}
    for side in (left, right):
        for asked, tokens in side.codes.items():
            codes[asked] = codes.get(asked, frozenset()) | tokens
    return Decision(verdict, left.total and right.total, codes, left.there | right.there)


def _membership(links: Sequence[Step | Tree]) -> tuple[Asked | None, Tree | None]:
    """Where a chain that is nothing but a memberOf looks, and for which value set."""
    match links:
        case [Step(owner, None), Step("memberOf", (url,))]:
            return Asked(owner), url
        case [Step(owner, None), Step("where", (criterion,)), Step("exists", ())]:
            match list(steps(criterion)):
                case [Step("memberOf", (url,))]:
                    return Asked(owner, many=True), url
                case [Step(inner, None), Step("memberOf", (url,))]:
                    return Asked(owner, inner, many=True), url
    return None, None
