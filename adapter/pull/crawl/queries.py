"""What is asked of a server: from the mappings' views, value sets and relevance. Pure.

First who is of interest: the patients of a few searches by code. Then, for these patients alone,
each type that a view reads: by code where the views of the type have no row without a code in
`code`, else whole, as names, free text and codes in other places count too (`mapping.relevance`).
What a type gives only where a reference leads to it is asked for by id. A type that no view reads
is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from adapter.errors import ConfigurationError
from adapter.pull.crawl.servers import Server

if TYPE_CHECKING:
    from adapter.definitions import Definitions
    from adapter.mapping.terminology import Terminology
    from adapter.mapping.view import View

Parameters = tuple[tuple[str, str], ...]

NOBODYS = frozenset({"Medication"})
"""Types of which no resource is of a patient, so that R4 has no search of them by one."""

_MEMBER = r"code\.memberOf\('([^']+)'\)"
_CODED = re.compile(rf"{_MEMBER}(?: or {_MEMBER})*")


@dataclass(frozen=True, slots=True)
class Search:
    """One search of one type; parameters in order, names may repeat.

    path: below the server's base, where it is not the type.
    """

    resource_type: str
    parameters: Parameters = ()
    path: str = ""

    def with_(self, *parameters: tuple[str, str]) -> Search:
        """The search confined further."""
        return replace(self, parameters=(*self.parameters, *parameters))

    @property
    def query(self) -> str:
        """The parameters as they stand in a URL or a form."""
        return urlencode(self.parameters, quote_via=quote, safe=":/,")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a site's pull is of.

    types: that it is confined to; none: all that the mappings need. type_filter: `Type?parameters`,
    which confine a type further; those of one type are alternatives. group: whether the patients
    are those of a Group.
    """

    types: Sequence[str] = ()
    type_filter: Sequence[str] = ()
    group: bool = False


@dataclass(frozen=True, slots=True)
class Queries:
    """people: searches that tell who is of interest; the first group counts that finds anybody.

    by_patient: type -> the parameter that names patients, and filters, each of them one search; no
    parameter: where nobody can be named, the type is asked for as it is. by_id: types asked for
    where a reference leads to them. left_out: type -> why it is not asked for.
    """

    people: tuple[tuple[Search, ...], ...]
    by_patient: Mapping[str, tuple[str, tuple[Parameters, ...]]]
    by_id: frozenset[str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        """All types that are asked for, Patient first."""
        return sorted({*self.by_patient, *self.by_id}, key=lambda name: (name != "Patient", name))


def queries(definitions: Definitions, server: Server, wish: Wanted) -> Queries:
    """What to ask this server. Raises ConfigurationError for a type_filter that is none."""
    left_out = {name: "no mapping needs it" for name in wish.types if name not in definitions.views}
    types = [name for name in sorted(definitions.views) if not wish.types or name in wish.types]
    alternatives = _alternatives(wish.type_filter)
    people = () if wish.group else _people(definitions, server, types)
    everybody = not people and not wish.group
    by_patient: dict[str, tuple[str, tuple[Parameters, ...]]] = {}
    by_id: set[str] = set()
    for name in types:
        parameter = "" if everybody else server.by_patient(name)
        if not server.capability.offers(name):
            left_out[name] = "the server does not offer it"
        elif _by_reference(definitions, name, everybody=everybody, searched=parameter is not None):
            by_id.add(name)
        elif parameter is None:
            left_out[name] = "the server does not search it by patient"
        else:
            filters = product(_filters(definitions, server, name), alternatives.get(name, [()]))
            by_patient[name] = parameter, tuple((*one, *two) for one, two in filters)
    return Queries(people, by_patient, frozenset(by_id), left_out)


def _by_reference(definitions: Definitions, name: str, *, everybody: bool, searched: bool) -> bool:
    """Whether a type is asked for by id alone: patients, if they are known by then; what counts for
    nothing but a link's sake; what is nobody's, or no search by patient finds."""
    relevance = definitions.relevance[name]
    linked = "target" in relevance.keys or name in NOBODYS
    if name == "Patient":
        return not everybody
    return linked and (name in NOBODYS or not (relevance.hints or relevance.every) or not searched)


def _people(
    definitions: Definitions, server: Server, wanted: Sequence[str]
) -> tuple[tuple[Search, ...], ...]:
    groups = []
    for group in server.profile.people:
        searches: list[Search] = []
        for name, value_sets in group.items():
            if name in wanted and server.searches(name, "code"):
                urls = [definitions.value_set(each) for each in value_sets]
                lists = code_lists(codes(definitions.terminology, urls), server.profile.code_list)
                searches += [Search(name, (("code", each),)) for each in lists]
        if searches:
            groups.append(tuple(searches))
    return tuple(groups)


def _filters(definitions: Definitions, server: Server, name: str) -> list[Parameters]:
    """The filters of a type, each one search; together they let through all that its views read."""
    views = definitions.views[name]
    gates = [coded(view) for view in views]
    asked = frozenset[str]().union(*(gate for gate in gates if gate))
    relevance, by_code = definitions.relevance[name], server.searches(name, "code")
    tokens = codes(definitions.terminology, asked) if by_code else []
    lists = code_lists(tokens, server.profile.code_list)
    found: list[Parameters] = [(("code", each),) for each in lists]
    code_tells_all = all(gates) and not (relevance.every or relevance.text or relevance.keys)
    if found and code_tells_all:
        return found
    categories = server.profile.categories.get(name)
    return [*found, (("category", ",".join(categories)),)] if categories else [()]


def coded(view: View) -> frozenset[str] | None:
    """The value sets of which `code` must hold a member for the view to have a row, if so."""
    for path in view.where:
        if _CODED.fullmatch(path.text):
            return frozenset(re.findall(_MEMBER, path.text))
    return None


def codes(terminology: Terminology, value_sets: Iterable[str]) -> list[str]:
    """Each code of the value sets as a search token `system|code`, under every spelling."""
    found = {token for url in value_sets for token in terminology.tokens(url)}
    # Here, since an export asks for nothing by code, and needs none of the mapping.
    from adapter.mapping.genes import SYMBOL
    from adapter.mapping.names import TEXT

    no_codes = (f"{TEXT}|", f"{SYMBOL}|")
    return [_escaped(token) for token in sorted(found) if not token.startswith(no_codes)]


def _escaped(token: str) -> str:
    """http://hl7.org/fhir/R4/search.html#escaping"""
    system, _, code = token.partition("|")
    for sign in ("\\", "|", "$", ","):
        code = code.replace(sign, f"\\{sign}")
    return f"{system}|{code}"


def code_lists(tokens: Iterable[str], longest: int) -> list[str]:
    """The tokens joined by commas, in lists of so many bytes as they stand in a URL."""
    return [",".join(each) for each in _chunks(tokens, longest)]


def _chunks(tokens: Iterable[str], longest: int) -> Iterator[list[str]]:
    held: list[str] = []
    size = 0
    for token in tokens:
        length = len(quote(token, safe=":/,")) + 1
        if held and size + length > longest:
            yield held
            held, size = [], 0
        held.append(token)
        size += length
    if held:
        yield held


def batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The ids in order, at most so many at a time."""
    for at in range(0, len(ids), size):
        yield ids[at : at + size]


def _alternatives(type_filter: Sequence[str]) -> dict[str, list[Parameters]]:
    found: dict[str, list[Parameters]] = {}
    for each in type_filter:
        name, mark, parameters = each.partition("?")
        parsed = tuple(parse_qsl(parameters, keep_blank_values=True))
        if not mark or not parsed:
            raise ConfigurationError(
                f"type_filter: {name}", hint='say "Type?parameters": "Observation?status=final"'
            )
        found.setdefault(name, []).append(parsed)
    return found
