"""The report in a real Chromium: it loads nothing, breaks no rule, and is read with keys alone."""

from __future__ import annotations

import importlib.util
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lib.browser import LOW_CONTRAST, Seen, chromium, opened
from tests.lib.console import raiway
from tests.lib.needs import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NO_VALUES = re.compile(r"\b(undefined|NaN|nan|None|null|\[object)\b")

PLACES = """name => [...document.querySelectorAll(`#${name} svg text`)].map(at => {
  const box = at.getBoundingClientRect();
  return {text: at.textContent, x: box.x + box.width / 2, y: Math.round(box.y),
          label: at.parentElement.classList.contains('role-axis-label')};
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def files(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of the synthetic hospital by level; the aggregate one is of a secure sum."""
    folder = tmp_path_factory.mktemp("reports")
    made = {level: folder / f"{level}.html" for level in ("patient", "aggregate")}
    raiway("report", "--out", made["patient"], cwd=loaded)
    aggregate = ("--level", "aggregate", "--policy", "secure-sum")
    raiway("report", *aggregate, "--out", made["aggregate"], cwd=loaded)
    return made


@pytest.fixture
def patient(browser: Browser, files: dict[str, Path]) -> Iterator[Seen]:
    with opened(browser, files["patient"]) as seen:
        yield seen


@pytest.mark.parametrize("level", ["patient", "aggregate"])
def test_it_loads_nothing_breaks_no_policy_and_axe_finds_nothing(
    browser: Browser, files: dict[str, Path], level: str
):
    with opened(browser, files[level]) as seen:
        # Everything that could be open is looked at open.
        seen.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = 1")
        assert seen.axe() == []
        assert seen.violations == []
        assert seen.complaints == []
        assert seen.requests == [files[level].as_uri()]


def test_a_policy_that_is_broken_is_heard(browser: Browser, tmp_path: Path, files: dict[str, Path]):
    broken = tmp_path / "broken.html"
    page = files["aggregate"].read_text(encoding="utf-8")
    broken.write_text(page.replace("</main>", '<p style="color:red">x</p></main>'), "utf-8")
    with opened(browser, broken) as seen:
        assert seen.violations == ["style-src-attr inline"]


@pytest.mark.parametrize("level", ["patient", "aggregate"])
def test_text_is_dark_enough_in_plots_too(browser: Browser, files: dict[str, Path], level: str):
    with opened(browser, files[level]) as seen:
        looked, found = seen.page.evaluate(LOW_CONTRAST)
        assert looked > 100
        assert found == []


@pytest.mark.parametrize("level", ["patient", "aggregate"])
def test_no_text_stands_for_a_value_that_is_not_there(
    browser: Browser, files: dict[str, Path], level: str
):
    with opened(browser, files[level]) as seen:
        said = seen.page.evaluate(
            """() => { document.querySelectorAll('pre').forEach(each => each.remove());
            document.querySelectorAll('details').forEach(each => each.open = true);
            return document.body.innerText + [...document.querySelectorAll('svg')].map(
              each => each.outerHTML).join() }"""
        )
        assert "restricted mean" in said.lower()
        assert NO_VALUES.findall(said) == []


def test_from_a_step_of_the_curve_to_the_resource_by_keys_alone(patient: Seen):
    keys, page = patient.page.keyboard, patient.page
    patient.tab_to("#km svg a")
    first = page.evaluate("document.activeElement.querySelector('[aria-label]').ariaLabel")
    assert first.startswith("all patients, day 84: 1 patient with progression")
    keys.press("Enter")
    assert page.url.endswith("#step-all_patients-84")
    patient.tab_to("tr:target a", most=2)
    name = page.evaluate("document.activeElement.textContent")
    assert re.fullmatch(r"P\d\d", name)
    keys.press("Enter")
    assert page.url.endswith(f"#patient-{name}")
    progression = page.locator(f"#patient-{name} tr", has_text="progression")
    assert "SYN-RAIR-09" in progression.inner_text()
    assert "disease_status" in progression.inner_text()
    resource = progression.locator("a").get_attribute("href")
    patient.tab_to(f'#patient-{name} a[href="{resource}"]', most=40)
    keys.press("Enter")
    assert page.url.endswith(resource)
    patient.tab_to(f"{resource} > summary", most=1)
    keys.press("Enter")
    shown = page.locator(f"{resource} pre")
    assert shown.is_visible()
    assert '"resourceType": "Observation"' in shown.inner_text()
    assert "disease_status:" in page.locator(resource).inner_text()


def test_each_step_of_each_curve_leads_to_its_row(patient: Seen):
    links = patient.page.evaluate(
        """() => [...document.querySelectorAll('#km a, #km-driver a, #incidence a')].map(
          each => each.getAttribute('xlink:href'))"""
    )
    assert len(links) == 18
    for link in links:
        row = patient.page.locator(link.replace(".", "\\."))
        assert row.locator("a").count() >= 1


@pytest.mark.parametrize("plot", ["km", "km-driver", "incidence"])
def test_counts_stand_below_the_days_to_the_pixel(patient: Seen, plot: str):
    places: list[dict[str, Any]] = patient.page.evaluate(PLACES, plot)
    labels = {each["text"]: each["x"] for each in places if each["label"]}
    days = [labels[day] for day in ("0", "48", "96", "144", "192")]
    rows = defaultdict(list)
    for each in places:
        if not each["label"] and each["text"].isdigit():
            rows[each["y"]].append(each["x"])
    assert len(rows) == {"km": 3, "km-driver": 9, "incidence": 4}[plot]
    for row in rows.values():
        assert row == pytest.approx(days, abs=0.1)


def test_nothing_of_a_plot_is_cut_off(patient: Seen):
    outside = patient.page.evaluate(
        """() => [...document.querySelectorAll('svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
          }).map(text => text.textContent) })"""
    )
    assert outside == []


def test_what_is_printed_has_the_headline_and_the_numbers(patient: Seen):
    if importlib.util.find_spec("pypdf") is None:
        missing("the Python package pypdf is not installed")
    from pypdf import PdfReader

    printed = PdfReader(io.BytesIO(patient.page.pdf(format="A4")))
    pages = [" ".join(page.extract_text().split()) for page in printed.pages]
    assert len(pages) > 5
    assert all("PATIENT LEVEL: stays inside the hospital" in page for page in pages)
    said = " ".join(pages)
    assert "169.98 days (SE 9.70), 16 patients" in said
    assert "0.591 (95 % CI 0.303 to 0.793)" in said
    assert "to the content" not in said


def test_a_small_screen_shows_all_of_it(browser: Browser, files: dict[str, Path]):
    with opened(browser, files["patient"], width=400) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 400
        letters = seen.page.evaluate(
            """() => { const text = document.querySelector('#km .role-axis-label text');
            const svg = text.ownerSVGElement;
            return 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width }"""
        )
        assert letters >= 9
        assert seen.axe() == []
