"""People who log in by the users' file or at an OpenID provider, kept in a signed session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response

from adapter.api.context import ApiContext
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.nonces import Nonces
from adapter.api.security.openid import OpenId
from adapter.api.security.outgoing import Outgoing
from adapter.api.security.principal import Principal
from adapter.api.security.sessions import Cookies, new_id, session_cookies
from adapter.api.security.users import User, Users
from adapter.pull.auth.credentials import secret
from adapter.server_settings import Policy, ServerSettings

CSRF_HEADER = "X-CSRF-Token"
READING = ("user/*.rs",)
_ENDED = "session"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has logged in.

    stamp: ties the session to the password of then; '' for one whom a provider let in.
    """

    name: str
    patient_level: bool
    policy: Policy
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """Sessions of people, and what lets them in."""

    cookies: Cookies
    nonces: Nonces
    life: float
    users: Users | None
    openid: OpenId | None

    def begin(self, response: Response, person: Person) -> None:
        """Start a session on this answer."""
        claims = {
            "sid": new_id(),
            "sub": person.name,
            "patient_level": person.patient_level,
            "policy": person.policy,
            "stamp": person.stamp,
        }
        self.cookies.put(response, "session", claims, self.life)

    def end(self, request: Request, response: Response) -> None:
        """End the request's session, for whoever has its cookie."""
        session = self.cookies.read(request, "session")
        if session is not None:
            self.nonces.use(_ENDED, session["sid"], session["exp"])
        self.cookies.drop(response, "session")

    def principal(self, request: Request) -> Principal | None:
        """The person of the request's session; None without one that still holds."""
        session = self._session(request)
        person = self._person(session) if session is not None else None
        if person is None:
            return None
        return Principal(person.name, "user", READING, person.policy, person.patient_level)

    def csrf(self, request: Request) -> str:
        """The CSRF token of the request's session, for our pages; '' without one."""
        session = self._session(request)
        return self.cookies.csrf(session["sid"]) if session else ""

    def check_csrf_header(self, request: Request) -> None:
        """Raises FhirFailure 403 for a change that a page of another site may have sent."""
        self.check_csrf(request, request.headers.get(CSRF_HEADER, ""))

    def check_csrf(self, request: Request, stated: str) -> None:
        """As `check_csrf_header`, with the token of a form."""
        session = self._session(request)
        if session is None or not self.cookies.is_csrf(session["sid"], stated):
            raise FhirFailure(403, "forbidden", "the CSRF token of the session is missing")
        check_origin(request)

    def _session(self, request: Request) -> Mapping[str, Any] | None:
        session = self.cookies.read(request, "session")
        if session is None or self.nonces.is_used(_ENDED, session["sid"]):
            return None
        return session

    def _person(self, session: Mapping[str, Any]) -> Person | None:
        """The person as the users' file knows them now, or as the provider knew them then."""
        if session["stamp"]:
            user = self.users.find(session["sub"]) if self.users else None
            found = known(user) if user else None
            return found if found and found.stamp == session["stamp"] else None
        if self.openid is None:
            return None
        return Person(session["sub"], session["patient_level"], session["policy"])


def known(user: User) -> Person:
    """A person of the users' file. A new password ends the sessions of the old one."""
    stamp = sha256(user.password.encode()).hexdigest()[:16]
    return Person(user.name, user.patient_level, user.policy, stamp)


def check_origin(request: Request) -> None:
    """Raises FhirFailure 403 where a browser says that a page of another origin sent it."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise FhirFailure(403, "forbidden", "the request comes from a page of another site")


def people_of(context: ApiContext, nonces: Nonces, outgoing: Outgoing) -> People | None:
    """What the settings tell of people; None where nobody can log in. Raises ConfigurationError."""
    server = context.settings.server
    if server.users_file is None and server.openid is None:
        return None
    return People(
        cookies=cookies_of(server, context.public_url),
        nonces=nonces,
        life=server.session_life.total_seconds(),
        users=Users(server.users_file) if server.users_file else None,
        openid=OpenId(server.openid, outgoing, context.public_url) if server.openid else None,
    )


def cookies_of(server: ServerSettings, public_url: str) -> Cookies:
    """The cookies under the setting `session_key`. Raises ConfigurationError."""
    key = secret("server.session_key", server.session_key)
    return session_cookies(key, secure=public_url.startswith("https://"))
