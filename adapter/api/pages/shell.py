"""What every page shares: banner, navigation, who is logged in, and the parts of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from adapter.api.fhir.failures import FhirFailure
from adapter.api.pages.viewing import Viewer
from adapter.api.security.admission import admission_of
from adapter.html_report.page import Section, environment, style_sheet

STYLE = Path(__file__).with_name("pages.css")
STYLE_PATH = "/pages/style.css"
BANNERS = {
    True: "PATIENT LEVEL: this page shows single patients. It stays inside the hospital.",
    False: "AGGREGATE: counts that your disclosure policy lets out. No patient is shown.",
}
PLACES = (
    ("/", "Overview", False),
    ("/outcomes", "Outcomes", False),
    ("/cohort", "Cohort", True),
    ("/sensitivity", "Sensitivity", True),
    ("/coverage", "Coverage", True),
    ("/quarantine", "Quarantine", True),
    ("/runs", "Sites and runs", True),
    ("/reports", "Reports", False),
)
"""Address, name, and whether only those who may see patients have it."""


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows. template: of this package; form: what that needs beside the parts.

    result: in one sentence, '' for none.
    """

    title: str
    sections: Sequence[Section] = ()
    facts: Sequence[tuple[str, str]] = ()
    result: str = ""
    template: str = "page.html.j2"
    form: Mapping[str, Any] = field(default_factory=dict)


def answer(request: Request, viewer: Viewer | None, view: View, status: int = 200) -> Response:
    """The page. viewer: None where nobody is known."""
    template = environment("adapter.api.pages").get_template(view.template)
    text = template.render(
        view=view,
        viewer=viewer,
        style=STYLE_PATH,
        banner=BANNERS[viewer.patient_level] if viewer else "",
        places=[
            (path, name, _is_at(request, path))
            for path, name, patients in PLACES
            if viewer and (viewer.patient_level or not patients)
        ],
    )
    headers = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}
    return HTMLResponse(text, status, headers)


def failure(request: Request, error: FhirFailure) -> Response:
    """What went wrong, as a page; a viewer who is known keeps the navigation."""
    who = getattr(request.state, "principal", None)
    people = admission_of(request).people
    csrf = people.csrf(request) if people and who and who.kind == "user" else ""
    text = Section("failure", f"{error.status}", texts=(f"{error.text}.",))
    view = View("This page cannot be shown", (text,))
    found = answer(request, Viewer(who, csrf) if who else None, view, error.status)
    found.headers.update(error.headers)
    return found


def _is_at(request: Request, path: str) -> bool:
    here = request.url.path
    return here == path or (path != "/" and here.startswith(f"{path}/"))


def add_style(app: FastAPI) -> None:
    """Add the style sheet: that of reports, and what pages have beside."""
    style = f"{style_sheet()}\n{STYLE.read_text(encoding='utf-8')}"

    @app.get(STYLE_PATH, include_in_schema=False)
    def style_of_pages() -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=300"})
