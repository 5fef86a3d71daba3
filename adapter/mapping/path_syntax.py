"""The syntax tree of the plain paths that ViewDefinitions are made of, a hundred times sooner.

Of FHIRPath (http://hl7.org/fhirpath/N1/grammar.html) here are names, functions, strings, booleans,
%constants, parentheses and `.` `&` `|` `=` `!=` `in` `and` `or`. All else, whatever is wrong too,
is left to fhirpathpy's parser. A property test compares both.
"""

from __future__ import annotations

import re
from typing import Any

Node = dict[str, Any]

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<text>'[^'\\]*')|(?P<sign>!=|[.()|=&,%]))"
)
_BLANK = " \t\r\n"
_RESERVED = frozenset({
    "is", "as", "in", "contains", "div", "mod", "and", "or", "xor", "implies", "true", "false",
    "year", "month", "week", "day", "hour", "minute", "second", "millisecond",
    "years", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds",
})  # fmt: skip
"""Words that are no plain names, or not everywhere."""

# What binds more tightly has the greater number; all are left-associative.
_BINARY = {
    "&": (6, "AdditiveExpression"),
    "|": (5, "UnionExpression"),
    "=": (4, "EqualityExpression"),
    "!=": (4, "EqualityExpression"),
    "in": (3, "MembershipExpression"),
    "and": (2, "AndExpression"),
    "or": (1, "OrExpression"),
}


class _Beyond(Exception):
    """The path is not one of the plain ones."""


def plain_tree(text: str) -> Node | None:
    """The tree that fhirpathpy's parser makes of a plain path; None for any other text."""
    try:
        parsing = _Parsing(_tokens(text))
        tree = parsing.expression(0)
        return tree if parsing.at == len(parsing.tokens) else None
    except _Beyond:
        return None


def _tokens(text: str) -> list[str]:
    tokens, at, end = [], 0, len(text.rstrip(_BLANK))
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Beyond
        tokens.append(found[found.lastgroup or 0])
        at = found.end()
    return tokens


class _Parsing:
    """Precedence climbing over tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def expression(self, least: int) -> Node:
        start = self.at
        found = self._term()
        while self._next(".", needed=False):
            found = _node("InvocationExpression", ["."], [found, self._invocation()])
            found["text"] = "".join(self.tokens[start : self.at])
        while (sign := self._peek()) in _BINARY:
            binds, kind = _BINARY[sign]
            if binds < least:
                break
            self.at += 1
            found = _node(kind, [sign], [found, self.expression(binds + 1)])
        return found

    def _term(self) -> Node:
        start, sign = self.at, self._peek()
        if sign == "(":
            self.at += 1
            inner = _node("ParenthesizedTerm", ["(", ")"], [self.expression(0)])
            self._next(")")
        elif sign == "%":
            self.at += 1
            constant = _node("ExternalConstant", ["%"], [self._identifier()])
            inner = _node("ExternalConstantTerm", [], [constant])
        elif sign[:1] == "'" or sign in ("true", "false"):
            self.at += 1
            kind = "StringLiteral" if sign[0] == "'" else "BooleanLiteral"
            literal = {**_node(kind, [sign], []), "text": sign}
            inner = {**_node("LiteralTerm", [], [literal]), "text": sign}
        else:
            inner = _node("InvocationTerm", [], [self._invocation()])
        text = "".join(self.tokens[start : self.at])
        return {**_node("TermExpression", [], [inner]), "text": text}

    def _invocation(self) -> Node:
        identifier = self._identifier()
        if not self._next("(", needed=False):
            return _node("MemberInvocation", [], [identifier])
        parts = [identifier]
        if self._peek() != ")":
            arguments = [self.expression(0)]
            while self._next(",", needed=False):
                arguments.append(self.expression(0))
            parts.append(_node("ParamList", [","] * (len(arguments) - 1), arguments))
        self._next(")")
        return _node("FunctionInvocation", [], [_node("Functn", ["(", ")"], parts)])

    def _identifier(self) -> Node:
        name = self._peek()
        if not (name[:1].isalpha() or name[:1] == "_") or name in _RESERVED:
            raise _Beyond
        self.at += 1
        return {**_node("Identifier", [name], []), "text": name}

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self, sign: str, *, needed: bool = True) -> bool:
        found = self._peek() == sign
        if needed and not found:
            raise _Beyond
        self.at += found
        return found


def _node(kind: str, signs: list[str], children: list[Node]) -> Node:
    made: Node = {"type": kind, "terminalNodeText": signs}
    return {**made, "children": children} if children else made
