"""The official test cases of SQL on FHIR v2, read from ../shared/reference/sql-on-fhir.

`expect` is compared as a set of rows (the specification promises no order of rows), the columns of
a row by name, and in their order where `expectColumns` says so. An `expectError` case must end in
our ViewDefinitionError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import ViewDefinitionError
from adapter.mapping.view import View
from tests.lib.needs import SHARED, missing

CASES = SHARED / "reference" / "sql-on-fhir"
COUNTS = {"all": 134, "shareable": 123, "expectError": 11}

# Errors that a resource has to show; the other definitions are wrong as such.
SEEN_ON_DATA = {"collection: fail when 'collection' is not true"}


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)


FILES = [read(file) for file in sorted(CASES.glob("*.json"))]


def cases(*, errors: bool) -> list[Any]:
    return [
        pytest.param(file["resources"], case, id=f"{file['title']}: {case['title']}")
        for file in FILES
        for case in file["tests"]
        if ("expectError" in case) is errors
    ]


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
        "expectError": sum(case.get("expectError", False) for case in tests),
    } == COUNTS


@pytest.mark.parametrize(("resources", "case"), cases(errors=False))
def test_official_case(resources: list[Mapping[str, Any]], case: Mapping[str, Any]) -> None:
    view = View.load(case["view"])
    rows = all_rows(view, resources)

    assert as_set(rows) == as_set(case["expect"])
    columns = [column.name for column in view.columns]
    assert all(list(row) == columns for row in rows)
    if "expectColumns" in case:
        assert columns == case["expectColumns"]


@pytest.mark.parametrize(("resources", "case"), cases(errors=True))
def test_official_error(
    resources: list[Mapping[str, Any]], case: Mapping[str, Any], request: pytest.FixtureRequest
) -> None:
    if any(name in request.node.name for name in SEEN_ON_DATA):
        view = View.load(case["view"])
        with pytest.raises(ViewDefinitionError, match="multiple values"):
            all_rows(view, resources)
    else:
        with pytest.raises(ViewDefinitionError):
            View.load(case["view"])
