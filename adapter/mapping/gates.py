"""Which value sets a view asks for before it can have a row: what `scan` looks for in the bytes."""

from __future__ import annotations

from collections.abc import Set

from adapter.mapping.fhirpath import syntax_tree
from adapter.mapping.path_check import Tree
from adapter.mapping.view import View
from adapter.mapping.view_validate import Selection


def gates(view: View) -> Set[str] | None:
    """The value sets (urls) of which a resource must hold a code for any row of the view.

    None where the view has rows without one, or asks in a way that is not understood here.
    """
    paths = [path.text for path in view.where] + list(_each(view.selection))
    found = [asked for text in paths if (asked := _asked(syntax_tree(text)))]
    return min(found, key=len) if found else None


def _each(selection: Selection) -> list[str]:
    """The forEach paths without which the view has no row: joined parts multiply."""
    own = [selection.for_each.text] if selection.for_each and not selection.or_null else []
    return own + [text for select in selection.selects for text in _each(select)]


def _asked(tree: Tree) -> Set[str] | None:
    """The value sets of which one must be met for the expression to be true, or not empty."""
    children = tree.get("children", ())
    match tree["type"]:
        case "EntireExpression" | "TermExpression" | "InvocationTerm" | "ParenthesizedTerm" | None:
            return _asked(children[0]) if len(children) == 1 else None
        case "OrExpression":
            sides = [_asked(child) for child in children]
            all_ask = "or" in tree["terminalNodeText"] and all(sides)
            return frozenset().union(*(side for side in sides if side)) if all_ask else None
        case "AndExpression":
            return next((asked for child in children if (asked := _asked(child))), None)
        case "InvocationExpression":
            owner, invocation = children
            return _function(invocation, owner)
        case "FunctionInvocation":
            return _function(tree, None)
        case _:
            return None


def _function(invocation: Tree, owner: Tree | None) -> Set[str] | None:
    if invocation["type"] != "FunctionInvocation":
        return None
    identifier, *parameters = invocation["children"][0]["children"]
    arguments = parameters[0]["children"] if parameters else []
    match identifier["text"], len(arguments):
        case "memberOf", 1:
            stated = arguments[0]["text"]
            return frozenset({stated.strip("'")}) if stated.startswith("'") else None
        case "where", 1:
            return _asked(arguments[0])
        case "exists", 0:
            return _asked(owner) if owner else None
        case _:
            return None
