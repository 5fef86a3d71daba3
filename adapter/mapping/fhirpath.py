"""FHIRPath on FHIR R4: the border to fhirpathpy, which nothing else imports.

A path is parsed and checked once, then evaluated many times (uncompiled is 15 times slower).
Numbers stay exact: a Decimal passes through as it is, and no result is a binary float.

One thread per process: fhirpathpy keeps the type model and the clock in module globals. The model
is set here, once, and functions that read the clock are refused.

Functions beyond FHIRPath N1: getResourceKey() and getReferenceKey([type]) of SQL on FHIR v2,
memberOf(valueSet) of FHIR R4 (http://hl7.org/fhir/R4/fhirpath.html#functions), lowBoundary() and
highBoundary() without a precision; join() of nothing is '' as in the official SQL on FHIR cases.
"""

from __future__ import annotations

import re
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
from adapter.mapping.boundary import Side, decimal_boundary, text_boundary
from adapter.mapping.path_check import Membership, Vocabulary, check

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

ENVIRONMENT = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
RESERVED = frozenset({*ENVIRONMENT, "context", "rowIndex", "resource", "rootResource"})
"""Names of environment variables, which no constant may take."""

_SYSTEM_TYPES = {"Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time"}
_TYPES = frozenset({*R4["type2Parent"], *R4["type2Parent"].values(), *_SYSTEM_TYPES})
_REFERENCE = re.compile(
    r"(?:[a-z]+://.*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/.+)?"
)


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled FHIRPath expression."""

    text: str
    tree: Mapping[str, Any]
    variables: Mapping[str, object]
    membership: Membership | None

    def __call__(self, focus: Node, row_index: int = 0) -> list[object]:
        """The values: str, bool, int, Decimal, or mappings of complex types.

        `row_index` is SQL on FHIR's %rowIndex. Raises EvaluationFailed.
        """
        return [_plain(node) for node in self.nodes(focus, row_index)]

    def nodes(self, focus: Node, row_index: int = 0) -> list[Node]:
        """The elements, to evaluate further paths on. Raises EvaluationFailed."""
        context = {
            "dataRoot": [focus],
            "$this": [focus],
            "vars": {**self.variables, "context": focus, "rowIndex": row_index},
            "model": R4,
            "userInvocationTable": _FUNCTIONS,
            "membership": self.membership,
        }
        try:
            found = _engine.do_eval(context, [focus], self.tree)
        # fhirpathpy raises bare Exceptions, and their messages hold the patient's data.
        except Exception as error:
            what = f"{self.text!r} cannot be evaluated: {type(error).__name__}"
            raise EvaluationFailed(what) from None
        return [node for node in found if not _is_bare_extension(node)]


def compile_path(
    text: str,
    *,
    constants: Mapping[str, object] | None = None,
    membership: Membership | None = None,
) -> Path:
    """The path, checked. `constants` are its %names.

    Raises ViewDefinitionError for a syntax error, an undefined %name, an unknown function, type or
    value set, a wrong number of arguments, and functions that are not of the resource alone.
    """
    variables = {**ENVIRONMENT, **(constants or {})}
    tree = _syntax_tree(text)
    functions = {**invocation_registry, **_FUNCTIONS}
    # Both are bound anew for each evaluation.
    in_scope = {**variables, "context": None, "rowIndex": 0}
    check(tree, text, Vocabulary(functions, _TYPES, in_scope, membership))
    return Path(text, tree, variables, membership)


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


def is_resource_type(name: str) -> bool:
    """Whether FHIR R4 has a resource of this name."""
    return R4["type2Parent"].get(name) in ("DomainResource", "Resource")


def element_type(path: Path, resource_type: str) -> str | None:
    """The FHIR type of a path that only names elements (`name.family` -> `string`), else None."""
    if not re.fullmatch(r"\w+(\.\w+)*", path.text):
        return None
    names = path.text.split(".")
    found = resource_type
    for name in names[1:] if names[0] == resource_type else names:
        child = f"{found}.{name}"
        child = R4["pathsDefinedElsewhere"].get(child, child)
        found = R4["path2Type"].get(child, child)
    return found if "." not in found else None


def without_shadowed(element: Any) -> Any:
    """The element without the extensions of primitives that have a value (`_code` beside `code`).

    fhirpathpy takes the two for two values: `code = 'x'` would be false, which loses facts.
    """
    if isinstance(element, dict):
        return {
            key: without_shadowed(child) if isinstance(child, (dict, list)) else child
            for key, child in element.items()
            if not (key[0:1] == "_" and element.get(key[1:]) is not None)
        }
    if isinstance(element, list):
        return [without_shadowed(child) for child in element]
    return element


@lru_cache(maxsize=4096)
def _syntax_tree(text: str) -> Mapping[str, Any]:
    """The tree that fhirpathpy evaluates. Its own parser lets `a b` and `name.where(` pass."""
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
    fhir_type = str(getattr(node, "path", ""))
    primitive = fhir_type.startswith("System.") or fhir_type[0:1].islower()
    return found is None or (primitive and isinstance(found, Mapping))


def _plain(node: Node) -> object:
    found = _datum(node)
    if isinstance(found, _nodes.FP_TimeBase):
        return found.asStr
    if isinstance(found, _nodes.FP_Type):
        return str(found)
    if isinstance(found, Mapping):
        return {key: _plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_plain(value) for value in found]
    return found


def _resource_key(_: object, nodes: list[Node]) -> list[str]:
    return [_datum(node)["id"] for node in nodes if "id" in _datum(node)]


def _reference_key(_: object, nodes: list[Node], expected: Any = None) -> list[str]:
    """The id of what is referred to; nothing for contained, logical and urn references."""
    found = (_REFERENCE.fullmatch(str(_datum(node).get("reference", ""))) for node in nodes)
    return [
        reference["id"]
        for reference in found
        if reference and (expected is None or reference["type"] == expected.name)
    ]


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
