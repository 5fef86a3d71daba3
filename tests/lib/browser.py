"""A page in a real browser: what it asks for, complains of, and lets a reader do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter.errors import UsageError
from adapter.html_report.browser import browser, check_browser
from tests.lib.definitions import NODE_MODULES
from tests.lib.needs import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = NODE_MODULES / "axe-core" / "axe.min.js"

_HEAR_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation',
  event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


LOW_CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const behind = at => {
    for (; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  let looked = 0;
  for (const at of document.querySelectorAll('body *')) {
    const own = [...at.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !at.getClientRects().length) continue;
    const style = getComputedStyle(at), drawn = at instanceof SVGElement;
    const [a, b] = [light(parts(drawn ? style.fill : style.color)), light(behind(at))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    looked += 1;
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${at.textContent.trim().slice(0, 40)}`);
  }
  return [looked, found];
}"""
"""Gives how many texts were looked at, and those below 4.5:1."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine; skips the test where there is none."""
    try:
        check_browser()
    except UsageError as error:
        missing(str(error))
    with browser() as found:
        yield found


@dataclass
class Seen:
    """A page that was opened, and what was noted meanwhile."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """What the page's Content-Security-Policy stopped."""
        found: list[str] = self.page.evaluate("window.violations")
        return found

    def axe(self) -> list[str]:
        """What axe holds against the page: rule and element."""
        if not AXE.is_file():
            missing("axe-core is not installed: run `npm ci` in tests/judges first")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result: Any = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert result["passes"], "axe looked at nothing"
        return [
            f"{rule['id']}: {node['html'][:120]}"
            for rule in result["violations"]
            for node in rule["nodes"]
        ]

    def tab_to(self, selector: str, most: int = 300) -> None:
        """Press Tab until an element that the selector matches has the focus."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("at => document.activeElement.matches(at)", selector):
                return
        raise AssertionError(f"no {selector} is reached by Tab")


@contextmanager
def opened(browser: Browser, file: Path, width: int = 1200) -> Iterator[Seen]:
    """The file in a window of that width, without a network."""
    with _looked_at(browser, file.as_uri(), width, offline=True) as seen:
        yield seen


@contextmanager
def visited(browser: Browser, url: str, width: int = 1200) -> Iterator[Seen]:
    """The page of a server, under whatever policy it sends."""
    with _looked_at(browser, url, width, offline=False) as seen:
        yield seen


@contextmanager
def _looked_at(browser: Browser, url: str, width: int, *, offline: bool) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=offline)
    page = context.new_page()
    seen = Seen(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda said: seen.complaints.append(said.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.add_init_script(_HEAR_VIOLATIONS)
    page.goto(url)
    try:
        yield seen
    finally:
        context.close()
