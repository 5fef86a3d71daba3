"""Who looks at a page, and what becomes of somebody who may not.

who: Annotated[Viewer, Depends(viewer)], or patient_viewer for what shows single patients
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from adapter.api.fhir.failures import FhirFailure, failure_of
from adapter.api.security.admission import admission_of
from adapter.api.security.forms import InvalidForm, fields, form_text
from adapter.api.security.login import LOGIN_PATH
from adapter.api.security.people import check_origin
from adapter.api.security.principal import Principal, permitted
from adapter.errors import RaiwayError

_admitted = permitted("MeasureReport", "r")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks at pages. csrf: what a form of theirs sends along, '' without a login."""

    who: Principal
    csrf: str

    @property
    def patient_level(self) -> bool:
        """May they see single patients?"""
        return self.who.patient_level


def viewer(request: Request) -> Viewer:
    """Whoever may read reports. Raises FhirFailure 401, 403."""
    who = _admitted(request)
    people = admission_of(request).people
    return Viewer(who, people.csrf(request) if people and who.kind == "user" else "")


def patient_viewer(found: Annotated[Viewer, Depends(viewer)]) -> Viewer:
    """Whoever may see single patients. Raises FhirFailure 403."""
    if not found.patient_level:
        raise FhirFailure(403, "forbidden", "this page shows single patients; your role does not")
    return found


def sent_form(request: Request, body: Annotated[str, Depends(form_text)]) -> dict[str, str]:
    """The fields of a form of ours, sent from a page of ours. Raises FhirFailure 400, 403."""
    try:
        found = fields(body) if body else {}
    except InvalidForm as error:
        raise FhirFailure(400, "invalid", str(error)) from None
    people = admission_of(request).people
    if people is not None and people.principal(request) is not None:
        people.check_csrf(request, found.get("csrf", ""))
    check_origin(request)
    return found


def form_sender(request: Request, form: Annotated[dict[str, str], Depends(sent_form)]) -> Viewer:
    """Who sent a form that changes something: somebody who may see patients, by a page of ours.

    Its token comes in the form, so that it works without scripts. Raises FhirFailure 401, 403.
    """
    request.state.interaction = ("MeasureReport", "r")
    admission = admission_of(request)
    who = admission.people.principal(request) if admission.people else None
    request.state.principal = who = who or admission.principal(request)
    if who.kind == "client":
        raise FhirFailure(403, "forbidden", "forms are for people; a system's token sends none")
    return patient_viewer(Viewer(who, form.get("csrf", "")))


class PageRoute(APIRoute):
    """A route whose failures are pages too, and which sends a stranger to the login."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with what goes wrong shown to a person."""
        plain = super().get_route_handler()

        async def shown(request: Request) -> Response:
            from adapter.api.pages.shell import failure

            try:
                return await plain(request)
            except FhirFailure as error:
                if error.status == 401 and admission_of(request).people is not None:
                    return _to_login(request)
                return failure(request, error)
            except RequestValidationError as error:
                names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
                return failure(request, FhirFailure(400, "invalid", f"cannot be read: {names}"))
            except RaiwayError as error:
                return failure(request, failure_of(error))

        return shown


def _to_login(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = wanted if request.method == "GET" else "/"
    return RedirectResponse(f"{LOGIN_PATH}?to={quote(to, safe='')}", 303)
