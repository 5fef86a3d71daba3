"""The official test cases of SQL on FHIR v2, read from ../shared/reference/sql-on-fhir.

All 134 pass, with paths compiled where they compile and with fhirpathpy alone; there is no list of
known failures. `expect` is compared as a set of rows (the
specification promises no order of rows) and deeply; the columns of each row come in the order of
the view. An `expectError` case ends in our ViewDefinitionError when the view is loaded; one of
them, by name, can only end there when it meets a resource.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import ViewDefinitionError
from adapter.mapping.view import View
from tests.lib.needs import SHARED, here, missing

CASES = SHARED / "reference" / "sql-on-fhir"
COUNTS = {"all": 134, "shareable": 123, "rows": 123, "error": 10, "error on data": 1}

ENGINES = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "fhirpathpy"])

SEEN_ON_DATA = "fail when 'collection' is not true"


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)


FILES = [read(file) for file in sorted(CASES.glob("*.json"))]


def cases(kind: str) -> list[Any]:
    """The parameters (resources, case) of all cases of a kind."""
    found = [
        pytest.param(file["resources"], case, id=f"{file['title']}: {case['title']}")
        for file in FILES
        for case in file["tests"]
        if kind_of(case) == kind
    ]
    return here(found, "../shared/reference/sql-on-fhir, the official cases, is not here", width=2)


def kind_of(case: Mapping[str, Any]) -> str:
    if "expectError" not in case:
        return "rows"
    return "error on data" if case["title"] == SEEN_ON_DATA else "error"


def as_set(rows: list[dict[str, object]]) -> list[str]:
    """Rows as sorted text; a Decimal compares by its value, 0.950 as 0.95."""
    return sorted(json.dumps(row, sort_keys=True, default=number) for row in rows)


def number(value: object) -> str:
    assert isinstance(value, Decimal), f"{value!r} is no JSON"
    return f"{value.normalize():f}"


def all_rows(view: View, resources: list[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [row for resource in resources for row in view.rows(resource)]


def test_every_official_case_is_here() -> None:
    if not FILES:
        missing("../shared/reference/sql-on-fhir, the official cases, is not here")
    tests = [case for file in FILES for case in file["tests"]]
    assert {
        "all": len(tests),
        "shareable": sum("shareable" in case["tags"] for case in tests),
        **Counter(kind_of(case) for case in tests),
    } == COUNTS


@ENGINES
@pytest.mark.parametrize(("resources", "case"), cases("rows"))
def test_official_rows(
    resources: list[Mapping[str, Any]], case: Mapping[str, Any], compiled: bool
) -> None:
    view = View.load(case["view"], compiled=compiled)
    rows = all_rows(view, resources)

    assert as_set(rows) == as_set(case["expect"])
    columns = [column.name for column in view.columns]
    assert all(list(row) == columns for row in rows)
    if "expectColumns" in case:
        assert columns == case["expectColumns"]


@ENGINES
@pytest.mark.parametrize(("_resources", "case"), cases("error"))
def test_official_error(_resources: object, case: Mapping[str, Any], compiled: bool) -> None:
    with pytest.raises(ViewDefinitionError):
        View.load(case["view"], compiled=compiled)


@ENGINES
@pytest.mark.parametrize(("resources", "case"), cases("error on data"))
def test_official_error_on_data(
    resources: list[Mapping[str, Any]], case: Mapping[str, Any], compiled: bool
) -> None:
    view = View.load(case["view"], compiled=compiled)
    with pytest.raises(ViewDefinitionError, match="multiple values found"):
        all_rows(view, resources)
