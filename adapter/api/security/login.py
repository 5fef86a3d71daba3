"""Login and logout of people: a form for the users' file, the code flow for an OpenID provider."""

from __future__ import annotations

import re
from html import escape
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from adapter.api.context import ApiContext
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.admission import admission_of, admitted_by
from adapter.api.security.audit import audit
from adapter.api.security.forms import InvalidForm, fields, form_text
from adapter.api.security.limits import address, rates_of
from adapter.api.security.openid import CALLBACK_PATH, Attempt, LoginRefused, OpenId
from adapter.api.security.people import People, Person, check_origin, known
from adapter.api.security.principal import Principal
from adapter.api.security.rates import LOGIN, NAME
from adapter.api.security.sessions import new_id
from adapter.errors import Unreachable

LOGIN_PATH, LOGOUT_PATH, PROVIDER_PATH = "/auth/login", "/auth/logout", "/auth/openid"
_FORM_LIFE = 600.0
_ATTEMPT_LIFE = 600.0
_LOCAL = re.compile(r"/(?![/\\])[!-~]{0,500}")

router = APIRouter(tags=["security"], include_in_schema=False)
Body = Annotated[str, Depends(form_text)]


@router.get(LOGIN_PATH)
def login_form(request: Request, to: str = "/") -> HTMLResponse:
    """The form, with a CSRF token that belongs to a cookie of its own."""
    return _form(_people(request), _local(to), 200, "")


@router.post(LOGIN_PATH)
def login(request: Request, body: Body) -> Response:
    """Start a session for a name and password; the answer does not tell which of them is wrong."""
    people, form = _people(request), _fields(body)
    _check_form(request, people, form.get("csrf", ""))
    name, to = form.get("name", "").strip().lower()[:128], _local(form.get("to", "/"))
    where = address(request.scope)
    rates = rates_of(request.app)
    if wait := rates.wait(LOGIN, name, where) or rates.wait(NAME, name):
        raise _locked_out(request, name, wait)
    user = people.users.checked(name, form.get("password", "")) if people.users else None
    if user is None:
        audit(request, None, "E", interaction="login")
        return _form(people, to, 401, "The name or the password is wrong.")
    rates.forget(LOGIN, name, where)
    return _begun(request, people, known(user), RedirectResponse(to, 303))


@router.post(LOGOUT_PATH)
def logout(request: Request, body: Body) -> Response:
    """End the session, everywhere that its cookie may lie."""
    people, form = _people(request), _fields(body)
    who = people.principal(request)
    if who is not None:
        people.check_csrf(request, form.get("csrf", ""))
        audit(request, who, "E", interaction="logout")
    answer = RedirectResponse(LOGIN_PATH, 303)
    people.end(request, answer)
    return answer


@router.get(PROVIDER_PATH)
def to_provider(request: Request, to: str = "/") -> Response:
    """Send the browser to the provider."""
    people, attempt = _people(request), Attempt.new()
    answer = RedirectResponse(_provider(people).redirect(attempt), 303)
    claims = {
        "state": attempt.state,
        "nonce": attempt.nonce,
        "verifier": attempt.verifier,
        "to": _local(to),
    }
    people.cookies.put(answer, "provider", claims, _ATTEMPT_LIFE)
    return answer


@router.get(CALLBACK_PATH)
def from_provider(request: Request) -> Response:
    """Start a session for whom the provider sends back."""
    people = _people(request)
    claims = people.cookies.read(request, "provider")
    try:
        if claims is None or not people.nonces.use("openid", claims["state"], claims["exp"]):
            raise LoginRefused("the login took too long, or was used before")
        attempt = Attempt(claims["state"], claims["nonce"], claims["verifier"])
        identity = _provider(people).identity(dict(request.query_params), attempt)
    except (LoginRefused, Unreachable) as error:
        audit(request, None, "E", interaction="login")
        why = str(error) if isinstance(error, LoginRefused) else "the provider is out of reach"
        return _form(people, "/", 401, f"Not logged in: {why}.")
    policy = "none" if identity.patient_level else _provider(people).settings.reader_policy
    person = Person(identity.name, identity.patient_level, policy)
    # A redirect would be the provider's still, and the session's strict cookie stay out.
    to = escape(claims["to"])
    refresh = f'<meta http-equiv="refresh" content="0; url={to}">'
    answer = HTMLResponse(_page("Logged in", f'<p><a href="{to}">Go on</a></p>', refresh))
    people.cookies.drop(answer, "provider")
    return _begun(request, people, person, answer)


def _begun(request: Request, people: People, person: Person, answer: Response) -> Response:
    who = Principal(person.name, "user", (), person.policy, person.patient_level)
    audit(request, who, "E", interaction="login")
    people.begin(answer, person)
    people.cookies.drop(answer, "form")
    return answer


def _people(request: Request) -> People:
    people = admission_of(request).people
    if people is None:
        raise FhirFailure(404, "not-found", "nobody can log in to this server")
    return people


def _provider(people: People) -> OpenId:
    if people.openid is None:
        raise FhirFailure(404, "not-found", "no login provider is set up")
    return people.openid


def _fields(body: str) -> dict[str, str]:
    if not body:
        return {}
    try:
        return fields(body)
    except InvalidForm as error:
        raise FhirFailure(400, "invalid", str(error)) from None


def _check_form(request: Request, people: People, stated: str) -> None:
    cookie = people.cookies.read(request, "form")
    if cookie is None or not people.cookies.is_csrf(cookie["id"], stated):
        raise FhirFailure(403, "forbidden", "the form has expired, or is not ours: load it again")
    check_origin(request)


def _locked_out(request: Request, name: str, wait: int) -> FhirFailure:
    audit(request, None, "E", interaction="login")
    text = f"too many attempts to log in; wait {wait} s"
    return FhirFailure(429, "throttled", text, headers={"Retry-After": str(wait)})


def _local(to: str) -> str:
    """A path of this server: a link must not lead elsewhere after the login."""
    return to if _LOCAL.fullmatch(to) else "/"


def _form(people: People, to: str, status: int, message: str) -> HTMLResponse:
    identity = new_id()
    said = f'<p role="alert">{escape(message)}</p>' if message else ""
    file = _FORM.format(csrf=people.cookies.csrf(identity), to=escape(to)) if people.users else ""
    there = f"{PROVIDER_PATH}?to={quote(to)}"
    provider = f'<p><a href="{escape(there)}">Log in with the hospital\'s account</a></p>'
    body = said + file + (provider if people.openid else "")
    answer = HTMLResponse(_page("Log in", body), status)
    people.cookies.put(answer, "form", {"id": identity}, _FORM_LIFE)
    return answer


_FORM = f"""<form method="post" action="{LOGIN_PATH}">
<p><label for="name">Name</label> <input id="name" name="name" autocomplete="username" required></p>
<p><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required></p>
<input type="hidden" name="csrf" value="{{csrf}}"><input type="hidden" name="to" value="{{to}}">
<p><button>Log in</button></p>
</form>
"""


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title} · Raiway'
        f'</title><meta name="viewport" content="width=device-width">{head}</head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the routes, where people can log in. Raises ConfigurationError."""
    if admitted_by(app, context).people is not None:
        app.include_router(router)
