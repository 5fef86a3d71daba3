"""The report as one HTML file that asks no host for anything: plots, tables, and the way back.

Two levels are two types. A `patient_page` is built from single patients and stays in the site; an
`aggregate_page` is built from a `Disclosed` table alone, so it cannot be given a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import UsageError

if TYPE_CHECKING:
    from adapter.evaluate import Evaluation
    from adapter.html_report.page import Page
    from adapter.store import Store

_NEEDED = ("altair", "jinja2", "vl_convert")


def lacking() -> list[str]:
    """The packages that draw and are not installed."""
    return [name for name in _NEEDED if find_spec(name) is None]


def check_available() -> None:
    """Raise UsageError where packages that draw are not installed."""
    if names := lacking():
        raise UsageError(
            f"drawing needs packages that are not installed: {', '.join(names)}",
            hint="pip install 'raiway[report]'",
        )


def patient_report(store: Store, evaluation: Evaluation, resources: Sequence[str] = ()) -> Page:
    """The patient-level page of an evaluation of the store.

    resources: where the ingested files lie now, if not where they lay then. Raises UsageError as
    above, and as `adapter.evidence` does.
    """
    check_available()
    from adapter.cohort import attrition
    from adapter.evidence import evidence
    from adapter.html_report.patient_page import named, patient_page

    flow = attrition(store, evaluation.study, evaluation.request.sites)
    listed = set(named(evaluation).listed)
    shown = [course for course in evaluation.courses if course.patient_key in listed]
    return patient_page(evaluation, flow, evidence(store, shown, resources))


def aggregate_report(evaluation: Evaluation, policy: str) -> Page:
    """The page that may leave under a disclosure policy. Raises UsageError as above, and
    DefinitionError for a policy that there is not.

    The gate is passed here, before anything is drawn: the page gets what it lets out.
    """
    check_available()
    from adapter import definitions
    from adapter.html_report.aggregate_page import aggregate_page
    from analytics.disclosure.gate import disclose

    outcome = disclose(evaluation.aggregate, definitions.load().policy(policy))
    return aggregate_page(outcome, evaluation.study, evaluation.quality)


def html(page: Page, *, interactive: bool = False) -> str:
    """The page as one HTML file. interactive: with scripts that show its plots closer."""
    from adapter.html_report.page import rendered

    if not interactive:
        return rendered(page)
    from adapter.html_report.exploring import moving

    return rendered(page, moving(page))


def patient_html(store: Store, evaluation: Evaluation) -> str:
    """`patient_report` as one HTML file."""
    return html(patient_report(store, evaluation))


def write_figures(page: Page, folder: Path) -> list[Path]:
    """Each plot of the page as `NAME.svg`, `.png`, `.json` in the folder, and an index; the files.

    Raises UsageError where they cannot be written.
    """
    from adapter.html_report.figures import write

    return write(page, folder)


def check_printable() -> None:
    """Raise UsageError where no browser, or nothing that drives it, is installed."""
    from adapter.html_report.browser import check_browser

    check_browser()


def pdf(page: Page) -> bytes:
    """The page as PDF. Raises UsageError as above, and where the browser fails."""
    from adapter.html_report.printing import pdf as printed

    return printed(html(page))
