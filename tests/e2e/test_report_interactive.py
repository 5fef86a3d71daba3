"""`raiway report --interactive`: plots to be looked at closer, under the same policy of hashes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lib.browser import Seen, chromium, opened
from tests.lib.console import raiway

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LEVELS = {"patient": (), "aggregate": ("--level", "aggregate", "--policy", "secure-sum")}
VEGA = files("adapter.html_report") / "vega"

NAMES = """name => [`#${name} > .scroll[hidden]`, `#${name} > .scroll:not([hidden])`].map(at =>
  [...document.querySelectorAll(`${at} svg .role-mark [aria-label]`)].map(
    mark => mark.getAttribute('aria-label')))"""
"""Gives what the marks of the drawing say, which is hidden, and those of its moving twin."""

LABELS = """name => [...document.querySelectorAll(
  `#${name} > .scroll:not([hidden]) svg .role-axis-label text`)].map(text => text.textContent)"""

COUNTS = """name => [...document.querySelectorAll(
  `#${name} > .scroll:not([hidden]) svg [class*="concat_1_marks"] text`)].map(
    text => [text.textContent, text.getAttribute('opacity') !== '0'])"""


@pytest.fixture(scope="module")
def made(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The interactive reports by level."""
    folder = tmp_path_factory.mktemp("interactive")
    found = {level: folder / f"{level}.html" for level in LEVELS}
    for level, asked in LEVELS.items():
        raiway("report", "--interactive", *asked, "--out", found[level], cwd=loaded)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def look_closer(seen: Seen) -> list[str]:
    """Press each button; the names of the plots."""
    buttons = seen.page.locator("button.closer")
    for button in buttons.all():
        button.click()
    seen.page.wait_for_function(
        "document.querySelectorAll('button[aria-pressed=true]').length == "
        "document.querySelectorAll('figure').length"
    )
    names: list[str] = seen.page.evaluate(
        "[...document.querySelectorAll('figure')].map(figure => figure.id)"
    )
    assert buttons.count() == len(names) > 0
    return names


def closer(seen: Seen, name: str) -> Any:
    """The moving plot, in sight."""
    seen.page.locator(f"#{name} button.closer").click()
    drawn = seen.page.locator(f"#{name} > .scroll:not([hidden]) svg")
    drawn.scroll_into_view_if_needed()
    return drawn


@pytest.mark.parametrize("level", LEVELS)
def test_the_policy_names_each_script_and_no_other(made: dict[str, Path], level: str):
    page = made[level].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    named = re.search(r"script-src ([^;]+);", policy[1].replace("&#39;", "'"))
    assert named
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()) for each in scripts]
    assert named[1].split() == [f"'sha256-{digest.decode()}'" for digest in digests]
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize("level", LEVELS)
def test_every_mark_is_drawn_again_and_nothing_is_loaded(
    browser: Browser, made: dict[str, Path], level: str
):
    with opened(browser, made[level]) as seen:
        for name in look_closer(seen):
            drawn, moving = seen.page.evaluate(NAMES, name)
            # A band, a line without a name: what has names has them all.
            assert sorted(moving) == sorted(drawn), name
            assert seen.page.locator(f"#{name} > .scroll:not([hidden]) svg path").count() > 5
        assert seen.axe() == []
        assert seen.violations == []
        assert seen.complaints == []
        assert seen.requests == [made[level].as_uri()]


def test_before_a_press_it_is_the_page_without_scripts(browser: Browser, made: dict[str, Path]):
    with opened(browser, made["patient"]) as seen:
        assert seen.page.locator("figure > .scroll[hidden] svg").count() == 0
        assert seen.page.locator("#km svg a").count() == 6
        assert seen.violations == []


def test_it_is_pressed_by_keys_and_pressed_again_it_goes(browser: Browser, made: dict[str, Path]):
    with opened(browser, made["patient"]) as seen:
        seen.tab_to("#km button.closer")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("#km button[aria-pressed=true]")
        assert seen.page.locator("#km > .scroll:not([hidden]) svg a").count() == 0
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("#km button[aria-pressed=false]")
        assert seen.page.locator("#km > .scroll:not([hidden]) svg a").count() == 6


@pytest.mark.parametrize("name", ["km", "spider-tg", "response-by-group", "activities"])
def test_the_wheel_zooms(browser: Browser, made: dict[str, Path], name: str):
    with opened(browser, made["patient"]) as seen:
        box = closer(seen, name).bounding_box()
        before = seen.page.evaluate(LABELS, name)
        seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
        seen.page.mouse.wheel(0, -200)
        seen.page.wait_for_function(
            f"([name, before]) => JSON.stringify(({LABELS})(name)) !== before",
            arg=[name, _as_in_script(before)],
        )
        assert seen.violations == []


def _as_in_script(labels: list[str]) -> str:
    return "[" + ",".join(f'"{label}"' for label in labels) + "]"


def test_a_count_goes_with_its_day(browser: Browser, made: dict[str, Path]):
    with opened(browser, made["patient"]) as seen:
        box = closer(seen, "km").bounding_box()
        all_seen = [["16", True], ["16", True], ["14", True], ["12", True], ["8", True]]
        assert seen.page.evaluate(COUNTS, "km") == all_seen
        seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
        seen.page.mouse.wheel(0, -200)
        # Days 0 and 192 are out of sight, and so are their counts.
        all_seen[0][1] = all_seen[-1][1] = False
        seen.page.wait_for_function(
            f"expected => JSON.stringify(({COUNTS})('km')) === JSON.stringify(expected)",
            arg=all_seen,
        )


def test_a_mark_says_what_it_is_and_leads_to_its_row(browser: Browser, made: dict[str, Path]):
    with opened(browser, made["patient"]) as seen:
        mark = closer(seen, "km").locator(".mark-symbol [aria-label]").first
        mark.hover()
        said = "all patients, day 84: 1 patient with progression, 94 % free of it"
        seen.page.wait_for_selector(f'#km > .scroll[title="{said}"]')
        mark.click()
        seen.page.wait_for_url("**#step-all_patients-84")
        assert seen.requests[1:] == []


def test_the_runtime_is_the_one_that_its_source_names():
    stated = re.findall(r"^([0-9a-f]{64})  (\S+)$", (VEGA / "SOURCE").read_text("utf-8"), re.M)
    assert {name for _, name in stated} == {"vega-runtime.js", "runtime.mjs", "LICENSE"}
    for digest, name in stated:
        assert hashlib.sha256((VEGA / name).read_bytes()).hexdigest() == digest
    assert len((VEGA / "vega-runtime.js").read_bytes()) < 860_000
    licence = (VEGA / "LICENSE").read_text("utf-8")
    assert {"vega-lite 6", "vega-interpreter 2", "d3-scale 4"} <= {
        part[: part.index(" ") + 2] for part in re.findall(r"[\w@/-]+ \d+\.\d+\.\d+", licence)
    }


def test_without_the_option_no_script_is_in_it(loaded: Path, tmp_path: Path):
    raiway("report", "--out", tmp_path / "r.html", cwd=loaded)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<button" not in page
    assert "script-src &#39;none&#39;" in page
