"""FHIRPath on FHIR R4: the border to fhirpathpy, which nothing else imports.

A path is parsed and checked once, then evaluated many times: by a closure where it is of the subset
that compiles (`adapter.mapping.compiled`), else by fhirpathpy, at about a fiftieth of the speed.
Numbers stay exact: a Decimal passes through as it is, and no result is a binary float.

One thread per process: fhirpathpy keeps the type model and the clock in module globals. The model
is set here, once, and functions that read the clock are refused.

Functions beyond FHIRPath N1: getResourceKey() and getReferenceKey([type]) of SQL on FHIR v2,
memberOf(valueSet) of FHIR R4 (http://hl7.org/fhir/R4/fhirpath.html#functions), lowBoundary() and
highBoundary() without a precision; join() of nothing is '' as in the official SQL on FHIR cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fhirpathpy import engine, parser
from fhirpathpy.engine import nodes as fhirpathpy_nodes
from fhirpathpy.engine import util
from fhirpathpy.engine.invocations import invocation_registry
from fhirpathpy.models import models

from adapter.errors import EvaluationFailed, ViewDefinitionError
from adapter.mapping import closures
from adapter.mapping.boundary import Side, decimal_boundary, text_boundary
from adapter.mapping.compiled import compile_tree
from adapter.mapping.expression import Compiled, Scope
from adapter.mapping.path_check import ENVIRONMENT, Membership, Vocabulary, check
from adapter.mapping.path_syntax import plain_tree
from adapter.mapping.r4_types import Model, is_primitive
from adapter.mapping.shadowed import unshadowed

Node = Any
"""A resource (mapping), or an element that `Path.nodes` gave: it remembers its FHIR type."""

Criteria = Callable[[Node], list[Node]]

# fhirpathpy is hardly typed.
_engine: Any = engine
_parser: Any = parser
_nodes: Any = fhirpathpy_nodes
_datum: Callable[[Node], Any] = util.get_data

R4 = models["r4"]
_nodes.TypeInfo.model = R4
_MODEL = ("choiceTypePaths", "path2Type", "pathsDefinedElsewhere", "type2Parent")
MODEL = Model(*(R4[part] for part in _MODEL))

_SYSTEM_TYPES = {"Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time"}
_TYPES = frozenset({*R4["type2Parent"], *R4["type2Parent"].values(), *_SYSTEM_TYPES})


@dataclass(frozen=True, slots=True)
class Path:
    """A checked FHIRPath expression on foci of one type; `closure` where it compiles."""

    text: str
    tree: Mapping[str, Any]
    variables: Mapping[str, object]
    membership: Membership | None
    focus: str | None = None
    closure: Compiled | None = None

    @property
    def compiled(self) -> bool:
        """Whether a closure evaluates it, on parsed JSON; else fhirpathpy does."""
        return self.closure is not None

    def __call__(self, focus: Node, row_index: int = 0) -> list[object]:
        """The values: str, bool, int, Decimal, or mappings of complex types.

        `row_index` is SQL on FHIR's %rowIndex. Raises EvaluationFailed.
        """
        return [plain(node) for node in self.nodes(focus, row_index)]

    def nodes(self, focus: Node, row_index: int = 0) -> list[Node]:
        """The elements, to evaluate further paths on. Raises EvaluationFailed."""
        try:
            if self.closure:
                return values(self.closure, focus)
            return self._interpreted(focus, row_index)
        # Their messages hold the patient's data.
        except Exception as error:
            raise self.failed(error) from None

    def failed(self, error: Exception) -> EvaluationFailed:
        """What to raise where evaluating it raised an error, whose message may hold data."""
        if isinstance(error, RecursionError):
            return EvaluationFailed(f"nested too deeply for {self.text!r}")
        return EvaluationFailed(f"{self.text!r} cannot be evaluated: {type(error).__name__}")

    def _interpreted(self, focus: Node, row_index: int) -> list[Node]:
        if self.focus and not MODEL.is_resource(self.focus):
            focus = _nodes.ResourceNode.create_node(focus, self.focus)
        variables = {**self.variables, "context": focus, "rowIndex": row_index}
        found = _evaluated(self.tree, focus, variables, self.membership)
        return [node for node in found if not _is_bare_extension(node)]


def _evaluated(
    tree: Mapping[str, Any],
    focus: Node,
    variables: Mapping[str, object],
    membership: Membership | None = None,
) -> list[Node]:
    context = {
        "dataRoot": [focus],
        "$this": [focus],
        "vars": variables,
        "model": R4,
        "userInvocationTable": _FUNCTIONS,
        "membership": membership,
    }
    # One for all of the process, which whoever else evaluates in it takes away.
    _nodes.TypeInfo.model = R4
    found: list[Node] = _engine.do_eval(context, [focus], tree)
    return found


def values(closure: Compiled, focus: Node) -> list[Node]:
    """The elements with a value that the closure finds."""
    primitive = is_primitive(closure.type)
    found = closures.elements(closure.run(focus))
    return [each for each in found if closures.has_value(each, primitive=primitive)]


def compile_path(
    text: str,
    *,
    constants: Mapping[str, object] | None = None,
    membership: Membership | None = None,
    focus: str | None = None,
) -> Path:
    """The path, checked. `constants` are its %names.

    `focus` is the type of the parsed JSON that it will be evaluated on: a resource, or an element
    that a compiled path found. Only with a focus the path compiles.

    Raises ViewDefinitionError for a syntax error, an undefined %name, an unknown function, type or
    value set, a wrong number of arguments, and functions that are not of the resource alone.
    """
    variables = {**ENVIRONMENT, **(constants or {})}
    tree = syntax_tree(text)
    functions = {**invocation_registry, **_FUNCTIONS}
    # Both are bound anew for each evaluation.
    in_scope = {**variables, "context": None, "rowIndex": 0}
    check(tree, text, Vocabulary(functions, _TYPES, in_scope, membership))
    scope = Scope(MODEL, lambda part: _evaluated(part, None, variables), membership)
    closure = compile_tree(tree, focus, scope) if focus else None
    return Path(text, tree, variables, membership, focus, closure)


def date_constant(text: str) -> object:
    """A date, dateTime or instant as FHIRPath's own. Raises ValueError when it is none."""
    return _or_raise(_nodes.FP_DateTime(text))


def time_constant(text: str) -> object:
    """A time as FHIRPath's own. Raises ValueError when it is none."""
    return _or_raise(_nodes.FP_Time(text))


def _or_raise(found: object | None) -> object:
    if found is None:
        raise ValueError("no date or time")
    return found


@lru_cache(maxsize=4096)
def syntax_tree(text: str) -> Mapping[str, Any]:
    """The tree that fhirpathpy evaluates. Raises ViewDefinitionError where it is no FHIRPath."""
    return plain_tree(text) or parsed_tree(text)


def parsed_tree(text: str) -> Mapping[str, Any]:
    """`syntax_tree` by fhirpathpy's parser, which by itself lets `a b` and `name.where(` pass."""
    lexer = _parser.FHIRPathLexer(_parser.InputStream(text))
    parsing = _parser.FHIRPathParser(_parser.CommonTokenStream(lexer))
    lexer.removeErrorListeners()
    parsing.removeErrorListeners()
    expression = parsing.expression()
    at = parsing.getCurrentToken()
    if parsing.getNumberOfSyntaxErrors() or at.type != _parser.Token.EOF:
        raise ViewDefinitionError(f"{text!r} is no FHIRPath: error at column {at.column + 1}")
    listener = _parser.ASTPathListener()
    _parser.ParseTreeWalker().walk(listener, expression)
    tree: Mapping[str, Any] = listener.parentStack[0]["children"][0]
    return tree


def _is_bare_extension(node: Node) -> bool:
    """A primitive that states no value: null in an array, or only extensions (`_given`)."""
    found = _datum(node)
    primitive = is_primitive(str(getattr(node, "path", "")))
    return not closures.has_value(found, primitive=primitive)


def plain(node: Node) -> object:
    """The value of an element, without the extensions of primitives that have one."""
    found = _datum(node)
    if found.__class__ is str:
        return found
    if isinstance(found, _nodes.FP_TimeBase):
        return found.asStr
    if isinstance(found, _nodes.FP_Type):
        return str(found)
    if isinstance(found, Mapping):
        return {key: plain(value) for key, value in unshadowed(found)}
    if isinstance(found, list):
        return [plain(value) for value in found]
    return found


def _resource_key(_: object, nodes: list[Node]) -> list[str]:
    return [_datum(node)["id"] for node in nodes if "id" in _datum(node)]


def _reference_key(_: object, nodes: list[Node], expected: Any = None) -> list[str]:
    wanted = expected.name if expected else None
    found = (closures.reference_key(_datum(node), wanted) for node in nodes)
    return [key for key in found if key is not None]


def _member_of(context: Mapping[str, Any], nodes: list[Node], url: str) -> bool:
    """Whether the code, Coding or any coding of the CodeableConcept is in the value set."""
    (node,) = nodes
    found = _datum(node)
    codings = found.get("coding", [found]) if isinstance(found, Mapping) else [{"code": found}]
    contains = context["membership"].contains
    return any(
        contains(url, coding.get("system"), coding["code"])
        for coding in codings
        if isinstance(coding.get("code"), str)
    )


def _extension(_: object, nodes: list[Node], url: str) -> list[Node]:
    return [
        _nodes.ResourceNode.create_node(extension, "Extension")
        for node in nodes
        if isinstance(found := _datum(node), Mapping)
        for extension in found.get("extension", ())
        if extension.get("url") == url
    ]


def _where(context: dict[str, Any], nodes: list[Node], criteria: Criteria) -> list[Node]:
    """Criteria are true, or one element that is no boolean (singleton evaluation)."""
    this, kept = context["$this"], []
    for index, node in enumerate(nodes):
        context["$index"] = index
        found = [each for each in criteria(node) if not _is_bare_extension(each)]
        if len(found) > 1:
            raise ValueError("a criterion with several values")
        if found and _datum(found[0]) is not False:
            kept.append(node)
    context["$this"] = this
    return kept


def _exists(context: dict[str, Any], nodes: list[Node], criteria: Criteria | None = None) -> bool:
    return bool(_where(context, nodes, criteria) if criteria else nodes)


def _join(_: object, nodes: list[Node], separator: str = "") -> str:
    return separator.join(text for node in nodes if isinstance(text := _datum(node), str))


def _boundary(side: Side) -> Any:
    def boundary(_: object, nodes: list[Node]) -> object:
        (node,) = nodes
        found = _datum(node)
        if isinstance(found, _nodes.FP_Time):
            return text_boundary(found.asStr, "time", side)
        if isinstance(found, _nodes.FP_DateTime):
            return text_boundary(found.asStr, "dateTime" if "T" in found.asStr else "date", side)
        if isinstance(found, str):
            return text_boundary(found, str(getattr(node, "path", "")), side)
        return decimal_boundary(found, side)

    return boundary


_FUNCTIONS: dict[str, dict[str, Any]] = {
    # fhirpathpy's own keep what is false, evaluate twice, and find one extension of several.
    "where": {"fn": _where, "arity": {1: ["Expr"]}},
    "exists": {"fn": _exists, "arity": {0: [], 1: ["Expr"]}},
    "extension": {"fn": _extension, "arity": {1: ["String"]}},
    "getResourceKey": {"fn": _resource_key, "arity": {0: []}},
    "getReferenceKey": {"fn": _reference_key, "arity": {0: [], 1: ["TypeSpecifier"]}},
    "memberOf": {"fn": _member_of, "arity": {1: ["String"]}, "nullable_input": True},
    "join": {"fn": _join, "arity": {0: [], 1: ["String"]}},
    "lowBoundary": {"fn": _boundary(Side.LOW), "arity": {0: []}, "nullable_input": True},
    "highBoundary": {"fn": _boundary(Side.HIGH), "arity": {0: []}, "nullable_input": True},
}
