"""Entries of a batch or transaction as they were sent: what each asks for, and of which report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.changes import Conditions, Sent
from adapter.api.security.principal import Interaction
from adapter.elements import Json
from adapter.fhir_r4 import structure_faults

METHODS = ("DELETE", "POST", "PUT", "GET")
"""In the order in which a transaction does them (FHIR R4 http.html 3.1.0.11.2)."""
REPORT = "MeasureReport"

Does = Literal["create", "validate", "update", "delete", "read", "vread", "search"]
_LETTERS: dict[Does, Interaction] = {
    "create": "c", "validate": "c", "update": "u", "delete": "d",
    "read": "r", "vread": "r", "search": "s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        place: in the Bundle, from 0.
        path: of the URL, in its parts: ("MeasureReport", "1").
        query: of the URL, without `?`.
        resource: {} where none was sent.
    """

    place: int
    method: str
    path: tuple[str, ...]
    query: str
    resource: Json
    full_url: str
    conditions: Conditions

    @property
    def where(self) -> str:
        """FHIRPath of the entry."""
        return f"Bundle.entry[{self.place}]"

    @property
    def key(self) -> str:
        """The id that the URL names, or ''."""
        return self.path[1] if len(self.path) > 1 else ""

    @property
    def does(self) -> Does:
        """What is asked for. Raises FhirFailure 404 and 501 for what is not offered here."""
        match (self.method, *self.path):
            case ("GET", "MeasureReport"):
                return "search"
            case ("POST", "MeasureReport"):
                return "create"
            case ("POST", "MeasureReport", "$validate"):
                return "validate"
            case ("GET", "MeasureReport", _, "_history", _):
                return "vread"
            case ("PUT", "MeasureReport") | ("PUT", "MeasureReport", _):
                return "update"
            case ("DELETE", "MeasureReport") | ("DELETE", "MeasureReport", _):
                return "delete"
            case ("GET", "MeasureReport", name) if name[:1] not in ("_", "$"):
                return "read"
        raise self._not_offered()

    @property
    def letter(self) -> Interaction:
        """Of the scope that it needs."""
        return _LETTERS[self.does]

    def failed(self, failure: FhirFailure) -> FhirFailure:
        """The failure with its place in the Bundle."""
        return FhirFailure(
            failure.status,
            failure.code,
            f"{self.where}: {failure.text}",
            expression=[self.where],
        )

    def _not_offered(self) -> FhirFailure:
        status = 501 if self.path[0] == REPORT else 404
        return FhirFailure(
            status,
            "not-supported",
            f"not offered within a Bundle, whose entries are about {REPORT}",
            expression=[f"{self.where}.request.url"],
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """An entry that may be done: allowed, and its report checked. sent: None without a report."""

    entry: Entry
    sent: Sent | None


def kind_of(bundle: Json) -> Literal["batch", "transaction"]:
    """What is to be done with a Bundle. Raises FhirFailure 400 for what is no such Bundle."""
    if bundle["resourceType"] != "Bundle":
        raise FhirFailure(400, "invalid", "a Bundle is expected here", expression=["resourceType"])
    match bundle.get("type"):
        case "batch":
            return "batch"
        case "transaction":
            return "transaction"
    raise FhirFailure(
        400, "not-supported", "a batch or a transaction is expected", expression=["Bundle.type"]
    )


def entries_of(bundle: Json, base: str) -> list[Entry]:
    """The entries in their order. Raises FhirFailure 400 for a Bundle without FHIR's structure.

    The resources in it are looked at one by one later: a batch goes on after a bad one.
    """
    bare = {**bundle, "entry": [_without_resource(each) for each in bundle.get("entry", ())]}
    if faults := structure_faults(bare if bare["entry"] else bundle):
        fault = faults[0]
        raise FhirFailure(400, "structure", f"{fault.path}: {fault.kind}", expression=[fault.path])
    return [_entry(place, stated, base) for place, stated in enumerate(bundle.get("entry", ()))]


def _without_resource(stated: Any) -> Any:
    if not isinstance(stated, dict):
        return stated
    return {name: value for name, value in stated.items() if name != "resource"}


def _entry(place: int, stated: Json, base: str) -> Entry:
    request, resource = stated.get("request", {}), stated.get("resource", {})
    method, url = str(request.get("method", "")), str(request.get("url", ""))
    if method not in METHODS or not isinstance(resource, dict):
        raise FhirFailure(
            400,
            "not-supported" if method else "required",
            f"an entry has a request of one of {', '.join(METHODS)}, and a resource is an object",
            expression=[f"Bundle.entry[{place}].request.method"],
        )
    path, _, query = url.removeprefix(f"{base}/").lstrip("/").partition("?")
    conditions = Conditions(
        request.get("ifMatch", ""),
        request.get("ifNoneMatch", ""),
        request.get("ifNoneExist", "").removeprefix("?"),
    )
    return Entry(
        place,
        method,
        tuple(path.rstrip("/").split("/")),
        query,
        resource,
        stated.get("fullUrl", ""),
        conditions,
    )
