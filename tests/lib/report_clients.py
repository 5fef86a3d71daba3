"""A client of a server without authentication, for what is sent to and asked of MeasureReport."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from starlette.testclient import TestClient

from adapter.api.app import create_app
from adapter.config import Settings
from adapter.store import open_store
from tests.lib.reports import reference_report
from tests.lib.serving import settings

Json = dict[str, Any]

BASE = "http://127.0.0.1:8000/fhir"
FHIR_JSON = "application/fhir+json"


@contextmanager
def reports_client(store_url: str, chosen: Settings | None = None) -> Iterator[TestClient]:
    """A client whose URLs begin at the FHIR base of a new server over a store."""
    with open_store(store_url, create=True):
        pass
    app = create_app(chosen or settings(port=8000), store_url)
    with TestClient(app, base_url=BASE) as client:
        yield client


@cache
def _reference() -> Json:
    whole = reference_report("time-to-progression")
    return {name: value for name, value in whole.items() if name != "id"}


def report(**changes: Any) -> Json:
    """A whole report of the reference cohort without an id, some elements changed."""
    return {**_reference(), **changes}


def found(answer: Any) -> list[str]:
    """Ids in a searchset, in its order."""
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    matches = [each for each in bundle.get("entry", []) if each["search"]["mode"] == "match"]
    return [each["resource"]["id"] for each in matches]


def link(bundle: Json, relation: str) -> str:
    """The URL of a Bundle's link, '' where it has none."""
    return next((each["url"] for each in bundle["link"] if each["relation"] == relation), "")


def issues(answer: Any) -> list[tuple[str, str]]:
    """(code, expression) of each issue."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return [(issue["code"], ", ".join(issue.get("expression", []))) for issue in outcome["issue"]]
