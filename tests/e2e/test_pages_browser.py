"""The pages of `raiway serve` in a real Chromium: by keys alone from a curve to a resource."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lib.browser import LOW_CONTRAST, Seen, chromium, visited
from tests.lib.serving import command

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RULES = "horizon_days%3D150%0Ainclude_drivers%3D%5B%22NRAS_Q61R%22%5D"
PATHS = (
    "/",
    "/outcomes",
    "/cohort?driver=BRAF_V600E",
    f"/sensitivity?rules={RULES}",
    "/coverage",
    "/quarantine",
    "/runs",
    "/reports",
    "/cohort?start=wrong",
)


@pytest.fixture(scope="module")
def origin(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    with command("--store", f"sqlite:///{loaded / 'raiway.db'}", cwd=folder) as running:
        yield running.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_nobody_else_breaks_no_rule_and_can_be_read(
    browser: Browser, origin: str, path: str
):
    with visited(browser, f"{origin}{path}") as seen:
        assert all(url.startswith((f"{origin}/", "data:")) for url in seen.requests)
        assert seen.violations == []
        # A browser notes the status of a page that is an error.
        assert [said for said in seen.complaints if "status of 400" not in said] == []
        assert seen.axe() == []
        looked, low = seen.page.evaluate(LOW_CONTRAST)
        assert looked > 5
        assert low == []


@pytest.mark.parametrize("path", ["/outcomes", "/cohort", "/"])
def test_a_narrow_window_scrolls_in_its_tables_alone(browser: Browser, origin: str, path: str):
    with visited(browser, f"{origin}{path}", width=360) as seen:
        wide = seen.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360


def test_by_keys_alone_from_a_step_of_the_curve_to_the_resource(browser: Browser, origin: str):
    with visited(browser, f"{origin}/outcomes") as seen:
        seen.tab_to("#km svg a")
        seen.page.keyboard.press("Enter")
        step = seen.page.evaluate("location.hash.slice(1)")
        assert step.startswith("step-all_patients-")
        seen.tab_to(f"[id='{step}'] a")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url(re.compile(r"/patients/[0-9a-f]{32}$"))
        seen.tab_to("section[id^=patient-] table a")
        seen.page.keyboard.press("Enter")
        source = seen.page.evaluate("location.hash.slice(1)")
        seen.tab_to(f"[id='{source}'] summary")
        seen.page.keyboard.press("Enter")
        assert '"resourceType"' in seen.page.locator(f"[id='{source}'] pre").inner_text()
        assert seen.violations == []
        assert seen.axe() == []


def test_every_mark_of_a_plot_leads_to_a_page_of_this_server(browser: Browser, origin: str):
    with visited(browser, f"{origin}/outcomes") as seen:
        links = seen.page.evaluate(
            "[...document.querySelectorAll('svg a')].map(at => at.href.baseVal)"
        )
        assert len(links) > 40
        assert {re.sub(r"[0-9a-f]{32}$", "T", link.partition("-")[0]) for link in links} == {
            "#step",
            "/patients/T",
        }


def test_a_filter_is_chosen_by_the_form_and_becomes_the_address(browser: Browser, origin: str):
    with visited(browser, f"{origin}/cohort") as seen:
        seen.page.get_by_label("BRAF V600E").press("Space")
        seen.page.get_by_role("button", name="Show").press("Enter")
        seen.page.wait_for_url(re.compile("driver=BRAF_V600E"))
        assert seen.page.get_by_label("BRAF V600E").is_checked()
        assert _result(seen) == "11 of 46 persons in the study"
        seen.page.get_by_role("link", name="Outcomes of these patients").press("Enter")
        seen.page.wait_for_url(re.compile("/outcomes.*driver=BRAF_V600E"))
        assert "11 patients" in _result(seen)


def test_a_rule_is_changed_in_the_editor(browser: Browser, origin: str):
    with visited(browser, f"{origin}/sensitivity") as seen:
        seen.page.get_by_label("Change rules").fill("horizon_days=150")
        seen.page.get_by_role("button", name="Compare").press("Enter")
        seen.page.wait_for_url(re.compile("rules=horizon_days"))
        assert "138.81" in seen.page.locator("#figures").inner_text()


def test_the_print_has_the_same_numbers(browser: Browser, origin: str):
    from pypdf import PdfReader

    with visited(browser, f"{origin}/outcomes") as seen:
        result = _result(seen)
        printed = PdfReader(io.BytesIO(seen.page.pdf()))
        text = " ".join(" ".join(page.extract_text() for page in printed.pages).split())
        assert result in text
        assert "PATIENT LEVEL" in text


def _result(seen: Seen) -> str:
    return seen.page.locator(".result").inner_text()
