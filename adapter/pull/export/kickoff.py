"""How a Bulk Data export is asked for: URL, or Parameters of a POST. Pure.

http://hl7.org/fhir/uv/bulkdata/export.html, versions 2.0.0 to 4.0.0-ballot. `_outputFormat` is left
out: NDJSON is the default, and old servers refuse its short form (pull.md 2.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

import orjson

from adapter.errors import ConfigurationError

Level = Literal["system", "patient", "group"]
ListStyle = Literal["comma", "repeat"]

NOBODYS = frozenset({"Medication"})
"""Of the types that mappings read, those that are in no patient's compartment."""

TYPE, FILTER, SINCE, PATIENT = "_type", "_typeFilter", "_since", "patient"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is asked of one server.

    filters: `_typeFilter` queries (`Observation?category=laboratory`). since: a full instant with
    its zone. patients: logical ids; such a request can only be POSTed (B5).
    """

    level: Level = "system"
    group: str = ""
    types: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    since: str | None = None
    patients: tuple[str, ...] = ()
    list_style: ListStyle = "comma"

    def __post_init__(self) -> None:
        if self.level == "group" and not self.group:
            raise ConfigurationError("export_level group needs a group", hint='group = "ID"')
        for query in self.filters:
            check_filter(query)

    @property
    def path(self) -> str:
        """The operation, relative to the FHIR base."""
        if self.level == "group":
            return f"Group/{quote(self.group, safe='')}/$export"
        return "Patient/$export" if self.level == "patient" else "$export"

    @property
    def by_post(self) -> bool:
        """Whether only a POST can carry it."""
        return bool(self.patients)

    def url(self, base: str, *, query: bool = True) -> str:
        """The absolute URL; with the parameters of a GET."""
        address = f"{base.rstrip('/')}/{self.path}"
        asked = "&".join(self._query()) if query else ""
        return f"{address}?{asked}" if asked else address

    def body(self) -> bytes:
        """The Parameters resource of a POST."""
        parameters = list(self._parameters())
        return orjson.dumps({"resourceType": "Parameters", "parameter": parameters})

    def without(self, name: str) -> ExportRequest:
        """The request without `_type`, `_typeFilter` or `_since`."""
        match name:
            case "_since":
                return replace(self, since=None)
            case "_type":
                return replace(self, types=())
            case _:
                return replace(self, filters=())

    def to_drop(self, outcome: object) -> str | None:
        """The parameter of ours that an OperationOutcome names as not supported, if any (B3).

        Filters are applied here again, so that to name them is enough; without `_type` or `_since`
        a server sends more than was asked, which it must say in so many words.
        """
        held = [(FILTER, self.filters), (SINCE, self.since), (TYPE, self.types)]
        for code, words in _issues(outcome):
            unsupported = code == "not-supported" or _UNSUPPORTED.search(words)
            for name, value in held:
                if value and re.search(rf"{name}(?!\w)", words) and (name == FILTER or unsupported):
                    return name
        return None

    def without_types(self, names: Set[str]) -> ExportRequest:
        """The request less these types."""
        return replace(self, types=tuple(name for name in self.types if name not in names))

    def types_refused(self, outcome: object, of: Set[str]) -> frozenset[str]:
        """The types among these that an OperationOutcome names, and no other of ours: an export by
        patients is refused by some servers where a type is nobody's (HAPI 8)."""
        for _, words in _issues(outcome) if self.level != "system" else ():
            named = {name for name in self.types if re.search(rf"\b{name}\b", words)}
            if (
                named
                and named <= of
                and named != set(self.types)
                and re.search("type", words, re.I)
            ):
                return frozenset(named)
        return frozenset()

    def _query(self) -> Iterator[str]:
        for name, values in self._lists():
            encoded = [quote(value, safe="") for value in values]
            if self.list_style == "comma" and encoded:
                # The commas between stay as they are, those within are %2C (B4).
                encoded = [",".join(encoded)]
            yield from (f"{name}={value}" for value in encoded)
        if self.since:
            yield f"{SINCE}={quote(self.since, safe='')}"

    def _parameters(self) -> Iterator[Mapping[str, Any]]:
        for name, values in self._lists():
            # A comma within a filter cannot be told from one between, so that filters repeat.
            joined = self.list_style == "comma" and name == TYPE and values
            for value in [",".join(values)] if joined else values:
                yield {"name": name, "valueString": value}
        if self.since:
            yield {"name": SINCE, "valueInstant": self.since}
        for patient in self.patients:
            yield {"name": PATIENT, "valueReference": {"reference": f"Patient/{patient}"}}

    def _lists(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (TYPE, self.types), (FILTER, self.filters)


_UNSUPPORTED = re.compile(
    r"not[ -]?(support|implement|allow|recogni|known)|un(support|known|recogni|expected)", re.I
)


def _issues(outcome: object) -> Iterator[tuple[object, str]]:
    """Code and all words of each issue. Not to be shown: see `adapter.pull.crawl.issues`."""
    stated = outcome.get("issue") if isinstance(outcome, Mapping) else None
    for issue in stated if isinstance(stated, list) else ():
        if isinstance(issue, Mapping):
            details = issue.get("details")
            text = details.get("text") if isinstance(details, Mapping) else None
            places = [issue.get("expression"), issue.get("location")]
            yield issue.get("code"), f"{issue.get('diagnostics')} {text} {places}"


_NOT_IN_FILTERS = re.compile(r"[?&](_include|_revinclude|_sort|_elements|_summary|_count)[:=]")


def check_filter(query: str) -> None:
    """Raises ConfigurationError where a server could not apply the query to an export (B4)."""
    if not re.match(r"[A-Z][A-Za-z]+\?[^=&?]+=", query):
        hint = "as Observation?category=laboratory"
        raise ConfigurationError("a type_filter is a type and a query", where=query, hint=hint)
    if found := _NOT_IN_FILTERS.search(query):
        raise ConfigurationError(f"{found[1]} cannot filter an export", where="type_filter")
