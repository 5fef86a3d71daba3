"""The page of routes in a real browser, under the policy that the server sends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.browser import Seen, chromium, visited
from tests.lib.serving import command

SWAGGER_UI = {"heading-order", "nested-interactive", "region"}
"""What axe holds against the markup of swagger-ui itself, which is served unchanged."""


@pytest.fixture(scope="module")
def origin(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    with command("--store", f"sqlite:///{loaded / 'raiway.db'}", cwd=folder) as running:
        yield running.url


@pytest.fixture(scope="module")
def page(origin: str) -> Iterator[Seen]:
    with chromium() as browser, visited(browser, f"{origin}/docs") as seen:
        seen.page.wait_for_selector(".opblock")
        yield seen


def test_it_shows_every_route(page: Seen, origin: str):
    shown = page.page.locator(".opblock-summary-path").all_inner_texts()
    routes = {text.replace("\u200b", "") for text in shown}
    assert {"/fhir/metadata", "/fhir/Measure/{id}/$evaluate-measure", "/health/ready"} <= routes


def test_it_asks_nobody_else_and_breaks_no_rule(page: Seen, origin: str):
    assert page.requests
    assert all(url.startswith(f"{origin}/") for url in page.requests)
    assert page.violations == []
    assert page.complaints == []


def test_axe_finds_only_what_is_swagger_uis_own(page: Seen):
    found = {complaint.partition(":")[0] for complaint in page.axe()}
    assert found <= SWAGGER_UI


def test_a_route_is_tried_from_the_page(page: Seen):
    route = page.page.locator(".opblock", has_text="/health/ready")
    route.locator(".opblock-summary-control").press("Enter")
    route.get_by_role("button", name="Try it out").click()
    route.get_by_role("button", name="Execute").click()
    answer = route.locator(".live-responses-table .response-col_status").last
    answer.wait_for()
    assert answer.inner_text().startswith("200")
    assert page.violations == []
