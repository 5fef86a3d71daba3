"""What is wrong with a FHIRPath expression, found before it meets a resource.

Works on the syntax tree of `adapter.mapping.fhirpath`: nodes are mappings with `type`, `text` and
`children`. Left to themselves, an unknown function, an undefined %name or a value set that nobody
defined would fail on the first resource that reaches them, or silently give nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Protocol

from adapter.errors import ViewDefinitionError

Tree = Mapping[str, Any]

# They read the clock or print: what a path gives shall depend on its resource only, and no
# patient's data reaches stdout.
IMPURE = frozenset({"now", "today", "timeOfDay", "trace"})
_NAMESPACES = ("FHIR.", "System.")

ENVIRONMENT = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
RESERVED = frozenset({*ENVIRONMENT, "context", "rowIndex", "resource", "rootResource"})
"""Names of environment variables, which no constant may take."""


class Membership(Protocol):
    """What memberOf() asks: the terminology of the site."""

    def knows(self, url: str, /) -> bool:
        """Whether a value set of this url is defined."""

    def contains(self, url: str, system: str | None, code: str, /) -> bool:
        """Whether the value set holds the code; the system is None for a bare code."""

    def tokens(self, url: str, /) -> Set[str]:
        """Every `system|code` (`|code` for a bare code) of which `contains` says yes."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a path may use. functions: name -> fhirpathpy's entry, with the kinds of arguments."""

    functions: Mapping[str, Mapping[str, Any]]
    types: Container[str]
    variables: Mapping[str, object]
    membership: Membership | None


def check(tree: Tree, text: str, known: Vocabulary) -> None:
    """Raises ViewDefinitionError, naming the path, for what `known` does not have."""
    for problem in _problems(tree, known):
        raise ViewDefinitionError(f"{text!r}: {problem}")


def _problems(tree: Tree, known: Vocabulary) -> Iterator[str]:
    if tree["type"] == "ExternalConstant":
        yield from _variable_problems(tree, known)
    elif tree["type"] == "TypeExpression":
        yield from _type_problems(tree["children"][1], known)
    elif tree["type"] == "Functn":
        identifier, *parameters = tree["children"]
        name = identifier["text"].strip("`")
        arguments = parameters[0]["children"] if parameters else []
        yield from _function_problems(name, arguments, known)
    for child in tree.get("children", ()):
        yield from _problems(child, known)


def _variable_problems(node: Tree, known: Vocabulary) -> Iterator[str]:
    # %'name' has no identifier; fhirpathpy cannot evaluate it.
    name = node["children"][0]["text"].strip("`") if "children" in node else "'…'"
    if name not in known.variables:
        yield f"%{name} is not defined"


def _function_problems(name: str, arguments: list[Tree], known: Vocabulary) -> Iterator[str]:
    entry = known.functions.get(name)
    if name in IMPURE:
        yield f"{name}() depends on more than the resource"
    elif entry is None:
        yield f"there is no function {name}()"
    elif "variadic" not in entry:
        yield from _argument_problems(name, arguments, entry.get("arity", {0: []}), known)


def _argument_problems(
    name: str, arguments: list[Tree], arity: Mapping[int, list[str]], known: Vocabulary
) -> Iterator[str]:
    if len(arguments) not in arity:
        yield f"{name}() does not take {len(arguments)} arguments"
        return
    for kind, argument in zip(arity[len(arguments)], arguments, strict=True):
        if kind == "TypeSpecifier":
            yield from _type_problems(argument, known)
    if name == "memberOf":
        yield from _value_set_problems(arguments[0].get("text", ""), known)


def _type_problems(node: Tree, known: Vocabulary) -> Iterator[str]:
    stated = name = node.get("text", "").replace("`", "")
    for namespace in _NAMESPACES:
        name = name.removeprefix(namespace)
    if name not in known.types:
        yield f"FHIR R4 has no type {stated!r}"


def _value_set_problems(stated: str, known: Vocabulary) -> Iterator[str]:
    url = known.variables.get(stated[1:]) if stated.startswith("%") else stated.strip("'")
    if not isinstance(url, str) or not stated.startswith(("%", "'")):
        yield "memberOf() needs the url of a value set"
    elif known.membership is None or not known.membership.knows(url):
        yield f"there is no value set {url}"
