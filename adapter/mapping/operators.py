"""FHIRPath's operators as closures (`adapter.mapping.closures`): =, in, and, or, &, is, memberOf.

A condition gives True, False, or None for nothing: logic has three values. An operand that the
operator cannot take raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from adapter.mapping.closures import Run, Truth, elements, member, only

# Comparison


def equals(run: Run, literal: object) -> Truth:
    """= with a literal."""

    def truth(focus: Any) -> bool | None:
        found = run(focus)
        if isinstance(found, list):
            return (len(found) == 1 and bool(found[0] == literal)) if found else None
        return None if found is None else bool(found == literal)

    return truth


def element_equals(name: str, literal: str) -> Truth:
    """= of an element by its name with a text."""
    of_any = equals(member(name), literal)

    def truth(focus: Any) -> bool | None:
        if isinstance(focus, dict):
            found = focus.get(name)
            if isinstance(found, str):
                return found == literal
        return of_any(focus)

    return truth


def is_in(run: Run, literals: tuple[object, ...]) -> Truth:
    """in, of a union of literals."""

    def truth(focus: Any) -> bool | None:
        found = run(focus)
        if isinstance(found, list):
            return only(found) in literals if found else None
        return None if found is None else found in literals

    return truth


def negated(truth: Truth) -> Truth:
    """not(); with `equals`, !="""

    def opposite(focus: Any) -> bool | None:
        found = truth(focus)
        return None if found is None else not found

    return opposite


def is_false(run: Run) -> Truth:
    """not() of what may be no boolean: one value that is none counts as true."""

    def truth(focus: Any) -> bool | None:
        found = elements(run(focus))
        return found[0] is False if len(found) == 1 else None

    return truth


# Logic of three values


def as_truth(run: Run) -> Truth:
    """An operand of and, or: a boolean or nothing. Raises ValueError for anything else."""

    def truth(focus: Any) -> bool | None:
        found = run(focus)
        if found is None or found == []:
            return None
        found = only(found)
        if not isinstance(found, bool):
            raise ValueError("an operand of and, or is no boolean")
        return found

    return truth


def both(left: Truth, right: Truth, *, lazy: bool) -> Truth:
    """and. Lazy, where the right side cannot fail: it is not asked when the left is False."""

    def truth(focus: Any) -> bool | None:
        one = left(focus)
        if lazy and one is False:
            return False
        other = right(focus)
        if one is False or other is False:
            return False
        return None if one is None or other is None else True

    return truth


def either(left: Truth, right: Truth, *, lazy: bool) -> Truth:
    """or. Lazy, where the right side cannot fail: it is not asked when the left is True."""

    def truth(focus: Any) -> bool | None:
        one = left(focus)
        if lazy and one is True:
            return True
        other = right(focus)
        if one is True or other is True:
            return True
        return None if one is None or other is None else False

    return truth


def is_true(run: Run) -> Truth:
    """The condition of iif(), where it may be no boolean."""

    def truth(focus: Any) -> bool:
        found = elements(run(focus))
        return len(found) == 1 and bool(found[0] == True)  # noqa: E712 - 1 counts as well

    return truth


def branch(condition: Truth, yes: Run, no: Run) -> Run:
    """iif(): the branch that is not taken is not evaluated."""
    return lambda focus: yes(focus) if condition(focus) is True else no(focus)


def is_of(every: Run, wanted: Run) -> Truth:
    """is: whether the one element is among the wanted. Raises ValueError for several."""

    def truth(focus: Any) -> bool | None:
        found = elements(every(focus))
        if len(found) > 1:
            raise ValueError("'is' asked of several values")
        return bool(elements(wanted(focus))) if found else None

    return truth


def member_of(run: Run, tokens: Container[str]) -> Truth:
    """memberOf(): whether the code, Coding or any coding of the CodeableConcept is `system|code`
    of the tokens."""

    def truth(focus: Any) -> bool | None:
        found = run(focus)
        if found is None or found == []:
            return None
        found = only(found)
        codings = found.get("coding", (found,)) if isinstance(found, dict) else ({"code": found},)
        for coding in codings:
            code = coding.get("code")
            if isinstance(code, str) and f"{coding.get('system') or ''}|{code}" in tokens:
                return True
        return False

    return truth


# Text

Text = Callable[[Any], str]


def text(run: Run) -> Text:
    """An operand of &: nothing is ''. Raises ValueError for several values or no text."""

    def operand(focus: Any) -> str:
        found = run(focus)
        if isinstance(found, str):
            return found
        if found is None or found == []:
            return ""
        found = only(found)
        if not isinstance(found, str):
            raise ValueError("an operand of & is no text")
        return found

    return operand


def nothing(_: Any) -> str:
    """An operand of & that is empty."""
    return ""


def element_text(name: str) -> Text:
    """An operand of & that is an element by its name."""
    of_any = text(member(name))

    def operand(focus: Any) -> str:
        if isinstance(focus, dict):
            found = focus.get(name)
            if isinstance(found, str):
                return found
        return of_any(focus)

    return operand


def joined_elements(left: str, between: str, right: str) -> Text:
    """left & between & right, of two elements by their names: a coding's system and code."""
    of_any = joined(element_text(left), between, element_text(right))

    def run(focus: Any) -> str:
        if focus.__class__ is dict:
            one, other = focus.get(left), focus.get(right)
            if one.__class__ is str and other.__class__ is str:
                return f"{one}{between}{other}"
        found: str = of_any(focus)
        return found

    return run


def joined(left: Text, between: str, right: Text) -> Run:
    """left & between & right"""
    return lambda focus: left(focus) + between + right(focus)
