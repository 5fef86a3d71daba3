"""Who a request comes from: a token's client, a session's person, or anybody on an open server."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request

from adapter.api.context import ApiContext
from adapter.api.security.assertions import Assertions
from adapter.api.security.clients import Clients
from adapter.api.security.nonces import Nonces
from adapter.api.security.outgoing import Outgoing
from adapter.api.security.people import People, people_of
from adapter.api.security.principal import Principal, anonymous, unauthorised
from adapter.api.security.server_keys import server_keys
from adapter.api.security.tokens import InvalidToken, Tokens

if TYPE_CHECKING:
    from starlette.datastructures import State

TOKEN_PATH = "/auth/token"  # noqa: S105  # a path, no secret
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_building = Lock()


@dataclass(frozen=True, slots=True)
class Admission:
    """All that tells who asks, built once for an application.

    people: None where nobody can log in.
    """

    open_to: Principal | None
    clients: Clients
    tokens: Tokens
    assertions: Assertions
    people: People | None
    token_url: str

    def principal(self, request: Request) -> Principal:
        """Who asks; the request's log lines and its audit show them from here on.

        Raises FhirFailure 401 for nobody, or for a token or session that does not hold; 403 for a
        change by a person's browser without its CSRF token.
        """
        request.state.principal = who = self._found(request)
        return who

    def _found(self, request: Request) -> Principal:
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return self._bearer(authorization)
        if self.people is not None and (who := self.people.principal(request)):
            if request.method not in SAFE_METHODS:
                self.people.check_csrf_header(request)
            return who
        if self.open_to is not None:
            return self.open_to
        raise unauthorised("an access token is needed")

    def _bearer(self, authorization: str) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorised("an access token is needed: Authorization: Bearer")
        try:
            access = self.tokens.access(token.strip())
        except InvalidToken as error:
            raise unauthorised(str(error), "invalid_token") from None
        who = self.clients.principal(access.client_id, access.scopes)
        if who is None:
            raise unauthorised("the client is no longer registered", "invalid_token")
        return who


def admission_of(request: Request) -> Admission:
    """The admission of the application that a request came to."""
    app: FastAPI = request.app
    return admitted_by(app, app.state.context)


def admitted_by(app: FastAPI, context: ApiContext) -> Admission:
    """The application's admission, built when first asked for. Raises ConfigurationError."""
    with _building:
        state: State = app.state
        if not hasattr(state, "admission"):
            state.admission = _built(context)
        admission: Admission = state.admission
        return admission


def _built(context: ApiContext) -> Admission:
    server = context.settings.server
    outgoing = Outgoing(server.ca_file)
    clients, nonces = Clients(server, outgoing), Nonces(context.engine)
    token_url = f"{context.public_url}{TOKEN_PATH}"
    keys = server_keys(context.engine, server.signing_key, server.signing_key_life)
    return Admission(
        open_to=anonymous(server.policy) if server.authentication == "none" else None,
        clients=clients,
        tokens=Tokens(keys, context.public_url, context.base),
        assertions=Assertions(clients, nonces, token_url),
        people=people_of(context, nonces, outgoing),
        token_url=token_url,
    )
