"""A page as one self-contained HTML file under a Content-Security-Policy of hashes.

Nothing in it can load or send anything: no other host, one style sheet, which the policy names by
its hash (https://www.w3.org/TR/CSP3/). Nothing can run, but for the scripts of a page to be looked
at closer, which the policy names too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from adapter.tables import Table

if TYPE_CHECKING:
    from adapter.html_report.stamp import Stamp

Record = Mapping[str, str | int | float | bool | None]
"""Numbers and what they are of, by name."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot. caption: what is needed to read it right; svg: an element of its own.

    numbers: what is drawn, as a table; spec: the same in Vega-Lite; data: its numbers, not rounded.
    """

    name: str
    title: str
    caption: str
    svg: str
    numbers: Table
    spec: Mapping[str, Any]
    data: Mapping[str, Sequence[Record]]

    @property
    def drawn(self) -> Markup:
        """The SVG as it is; it was made here, from numbers and escaped texts."""
        return Markup(self.svg)  # noqa: S704


@dataclass(frozen=True, slots=True)
class Linked:
    """A cell of text that leads to another place of the page, or to an address of its server."""

    text: str
    to: str
    """An id in the page; an address begins with a slash."""

    @property
    def href(self) -> str:
        """As an anchor has it."""
        return self.to if self.to.startswith("/") else f"#{self.to}"


@dataclass(frozen=True, slots=True)
class Steps:
    """Rows of which cells may lead on. closed: shown only when the reader opens them."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Sequence[str | Linked | Sequence[str | Linked]]]]
    """(id of the row, '' for none; its cells)"""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A resource behind a result: its id in the page, what it is called, the facts that were made
    of it, and its text as it was ingested; found: False where the text says why there is none."""

    name: str
    title: str
    facts: tuple[str, ...]
    text: str
    found: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, in this order: texts, flow, plots, tables, steps, sources, parts."""

    name: str
    title: str
    texts: tuple[str, ...] = ()
    flow: tuple[tuple[str, str, str], ...] = ()
    """(who stays, how many; who leaves and why)"""
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    steps: tuple[Steps, ...] = ()
    sources: tuple[Source, ...] = ()
    parts: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report. level: patient or aggregate; banner: what its reader must know first;
    result: in one sentence, '' for none."""

    level: str
    title: str
    banner: str
    result: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    stamp: Stamp

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All plots, in their order."""
        return tuple(plot for section in self.sections for plot in section.plots)

    @property
    def gone(self) -> int:
        """How many resources are not where they were ingested from any more."""
        parts = (part for section in self.sections for part in section.parts)
        return sum(not source.found for part in parts for source in part.sources)


@dataclass(frozen=True, slots=True)
class Moving:
    """What a page to be looked at closer has beside the drawings: for each plot its name and its
    specification as JSON; the look of all; the scripts."""

    plots: Sequence[tuple[str, Markup]]
    config: Markup
    scripts: Sequence[Markup]


def rendered(page: Page, moving: Moving | None = None) -> str:
    """The page as HTML; with scripts only where it is given what moves."""
    style = style_sheet()
    scripts = " ".join(map(_source, moving.scripts)) if moving else "'none'"
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            moving=moving,
            style=Markup(style),  # noqa: S704 - the project's own file
            policy=f"default-src 'none'; style-src {_source(style)}; script-src {scripts}; "
            "base-uri 'none'; form-action 'none'",
        )
    )


def _source(text: str) -> str:
    """How the policy names a style sheet or script that stands in the page."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _plain(text: str) -> Markup:
    """Text between tags. The quotes of JSON need no escape there and would double its size."""
    return Markup(escape(text, quote=False))  # noqa: S704


@cache
def environment(*packages: str) -> Environment:
    """The templates of these packages, then those of reports. They escape what they show."""
    loaders = [PackageLoader(package, ".") for package in (*packages, "adapter.html_report")]
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        is_link=lambda cell: isinstance(cell, Linked),
        is_text=lambda cell: isinstance(cell, str),
        plain=_plain,
    )
    return made


def style_sheet() -> str:
    """The CSS of reports, which the pages of `raiway serve` share."""
    return (files("adapter.html_report") / "report.css").read_text(encoding="utf-8")
