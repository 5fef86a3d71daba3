"""Searches as typed criteria (FHIR R4 search.html), for whoever evaluates them.

A request becomes a `Query`: criteria that all must hold, each a list of values one of which must
hold; and what the page shall be like. `search_values` has the values, `matching` holds them against
resources in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure, issue
from adapter.api.fhir.search_values import MODIFIERS, Kind, Value, values_of
from adapter.elements import Json

CONTROL = {
    "_sort", "_count", "_summary", "_elements", "_format", "_pretty", "_total", "_page",
}  # fmt: skip
"""Parameters about the answer, not about what is found. `_page` is ours: where a page starts."""
MAX_COUNT = 1000
_FIELDS = 200


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter of a resource type.

    Attributes:
        definition: canonical of its SearchParameter, or ''.
        paths: the elements that it searches, as `group.code`; any may hold.
        targets: the types that a reference may name.
        sortable: may `_sort` name it?
    """

    name: str
    kind: Kind
    definition: str = ""
    paths: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    documentation: str = ""
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a search: it holds if one of the values does.

    modifier: '', 'missing', one of MODIFIERS, or the type that a reference names.
    missing: for `:missing`, whether the element must be absent; then there are no values.
    """

    parameter: SearchParameter
    modifier: str
    values: tuple[Value, ...]
    missing: bool | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """What the answer is sorted by."""

    parameter: SearchParameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was understood.

    Attributes:
        criteria: all must hold.
        count: members of a page; 0 where only the total is asked for.
        page: where the page starts, opaque; '' is the first.
        only_total: `_summary=count` or `_count=0`.
        used: the parameters that were understood, as sent, for the self link.
        ignored: names of those that were not.
    """

    criteria: tuple[Criterion, ...]
    sort: tuple[Sort, ...]
    count: int
    page: str
    only_total: bool
    used: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]

    def query_string(self, **changes: str) -> str:
        """What follows the `?` of a link: the parameters that were used, some of them changed."""
        kept = [(name, value) for name, value in self.used if name not in changes]
        return urlencode([*kept, *((name, value) for name, value in changes.items() if value)])


def parsed(
    request: Request,
    parameters: Mapping[str, SearchParameter],
    fields: Sequence[tuple[str, str]] | None = None,
) -> Query:
    """The search that a request asks for.

    parameters: those of the resource type by name. fields: the parameters sent, with a body's of
    `POST _search`; None takes those of the URL. Raises FhirFailure 400 for a value or modifier that
    cannot be, and with `Prefer: handling=strict` for a parameter that is unknown.
    """
    sent = fields if fields is not None else fields_of(request.url.query)
    if len(sent) > _FIELDS:
        raise FhirFailure(400, "too-costly", f"a search has at most {_FIELDS} parameters")
    context = context_of(request)
    criteria, used, ignored = [], [], []
    for name, text in sent:
        bare, _, modifier = name.partition(":")
        if bare in CONTROL and not modifier:
            used.append((name, text))
        elif bare not in parameters:
            ignored.append(name)
        elif text:
            criteria.append(_criterion(parameters[bare], modifier, text, context.base))
            used.append((name, text))
    stated = dict(used)
    sort, ordered = _sort(stated.get("_sort", ""), parameters)
    if ordered != stated.get("_sort", ""):
        ignored.append("_sort")
        used = [*(pair for pair in used if pair[0] != "_sort"), ("_sort", ordered)]
    if ignored and prefers(request, "handling") == "strict":
        raise _unknown(ignored)
    count = _count(stated.get("_count", ""), context.settings.server.limits.page)
    return Query(
        tuple(criteria),
        sort,
        count,
        stated.get("_page", ""),
        count == 0 or stated.get("_summary") == "count",
        tuple(pair for pair in used if pair[1]),
        tuple(ignored),
    )


def fields_of(query: str) -> list[tuple[str, str]]:
    """The parameters of a query string or a form, in their order."""
    return parse_qsl(query, keep_blank_values=True)


def prefers(request: Request, name: str) -> str:
    """The value of a preference of the Prefer header (RFC 7240), or ''."""
    for header in request.headers.getlist("prefer"):
        for preference in header.split(","):
            key, _, value = preference.partition("=")
            if key.strip().lower() == name:
                return value.strip(' "').lower() or "true"
    return ""


def self_url(request: Request, query: Query, **changes: str) -> str:
    """The URL of this search, of what was understood of it."""
    path = request.url.path.removesuffix("/_search")
    origin = context_of(request).public_url
    text = query.query_string(**changes)
    return f"{origin}{path}{'?' + text if text else ''}"


def ignored_outcome(query: Query) -> Json | None:
    """What the answer tells of parameters that were left out, or None."""
    issues = [
        issue("not-supported", f"{name} was ignored", "warning", [f"http.{name}"])
        for name in query.ignored
    ]
    return {"resourceType": "OperationOutcome", "issue": issues} if issues else None


def _criterion(parameter: SearchParameter, modifier: str, text: str, base: str) -> Criterion:
    sent = f"{parameter.name}:{modifier}" if modifier else parameter.name
    where = [f"http.{sent}"]
    if modifier == "missing":
        if text not in {"true", "false"}:
            raise FhirFailure(400, "invalid", f"{sent} is true or false", expression=where)
        return Criterion(parameter, modifier, (), missing=text == "true")
    if modifier and modifier not in (*MODIFIERS[parameter.kind], *parameter.targets):
        known = ", ".join(("missing", *MODIFIERS[parameter.kind], *parameter.targets))
        reason = f"{parameter.name} has no such modifier; it has {known}"
        raise FhirFailure(400, "not-supported", reason, expression=[f"http.{parameter.name}"])
    try:
        values = values_of(parameter.kind, modifier, text, base)
    except ValueError as error:
        raise FhirFailure(400, "invalid", f"{sent}: {error}", expression=where) from error
    return Criterion(parameter, modifier, values)


def _sort(text: str, parameters: Mapping[str, SearchParameter]) -> tuple[tuple[Sort, ...], str]:
    """What to sort by, and how that is written."""
    names = [
        name
        for name in text.split(",")
        if (found := parameters.get(name.removeprefix("-"))) and found.sortable
    ]
    sorts = (Sort(parameters[name.removeprefix("-")], name.startswith("-")) for name in names)
    return tuple(sorts), ",".join(names)


def _count(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise FhirFailure(400, "invalid", "_count is a whole number", expression=["http._count"])
    return min(int(text), MAX_COUNT) if len(text) < 10 else MAX_COUNT


def _unknown(names: Sequence[str]) -> FhirFailure:
    text = f"no such search parameter: {', '.join(names)}"
    return FhirFailure(400, "not-supported", text, expression=[f"http.{name}" for name in names])
