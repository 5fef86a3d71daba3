"""SMART Backend Services, the server's side: discovery and the token endpoint.

SMART App Launch 2.2.0, "Backend Services"; errors by RFC 6749 5.2.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from adapter.api.context import ApiContext
from adapter.api.fhir.surface import OFFERED
from adapter.api.security import scopes
from adapter.api.security.admission import TOKEN_PATH, Admission, admission_of, admitted_by
from adapter.api.security.assertions import ALGORITHMS, InvalidClient
from adapter.api.security.audit import audit
from adapter.api.security.forms import FORM, InvalidForm, fields, form_text
from adapter.api.security.limits import rates_of
from adapter.api.security.principal import REALM, Principal
from adapter.api.security.rates import TOKEN
from adapter.api.security.tokens import LIFE
from adapter.server_settings import ClientSettings

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DISCOVERY_PATH = "/.well-known/smart-configuration"
READABLE = tuple(sorted(offered.type for offered in OFFERED))
SCOPES = (
    "system/*.rs",
    "system/*.read",
    *(f"system/{name}.{may}" for name in READABLE for may in ("rs", "read")),
    "system/MeasureReport.cu",
    "system/MeasureReport.cruds",
    "system/MeasureReport.write",
)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

router = APIRouter(tags=["security"])


class OAuthError(Exception):
    """A request for a token that is refused; `code` as in RFC 6749 5.2."""

    def __init__(self, code: str, description: str, *, wait: int = 0) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.wait = wait


def configuration(token_url: str) -> dict[str, Any]:
    """The discovery document. It states no `issuer`: clients of this server use no OpenID."""
    return {
        "token_endpoint": token_url,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": list(SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


@router.get(DISCOVERY_PATH, summary="SMART configuration")
@router.get(f"/fhir{DISCOVERY_PATH}", summary="SMART configuration of the FHIR base")
def discovery(request: Request) -> JSONResponse:
    """Where and how systems get an access token (SMART App Launch 2.2.0, "Conformance")."""
    return JSONResponse(configuration(admission_of(request).token_url))


@router.post(TOKEN_PATH, summary="Access token for a registered system")
def token(request: Request, body: Annotated[str, Depends(form_text)]) -> JSONResponse:
    """An access token of at most 300 s for a signed assertion (client_credentials,
    private_key_jwt)."""
    admission = admission_of(request)
    try:
        form = _form(body)
        client = _client(admission, form)
        _check_rate(request, client)
        granted = _granted(form, client)
    except OAuthError as error:
        return _refused(request, error)
    audit(request, _principal(client, granted), "E", interaction="token")
    answer = {
        "access_token": admission.tokens.issue(client.id, granted),
        "token_type": "bearer",
        "expires_in": LIFE,
        "scope": " ".join(granted),
    }
    return JSONResponse(answer, headers=_NO_STORE)


def _form(body: str) -> dict[str, str]:
    if not body:
        raise OAuthError("invalid_request", f"the body must be {FORM}")
    try:
        form = fields(body)
    except InvalidForm as error:
        raise OAuthError("invalid_request", str(error)) from None
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials")
    return form


def _client(admission: Admission, form: dict[str, str]) -> ClientSettings:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_client", f"client_assertion_type must be {ASSERTION_TYPE}")
    try:
        client = admission.assertions.client(form.get("client_assertion", ""))
    except InvalidClient as error:
        raise OAuthError("invalid_client", str(error)) from None
    if form.get("client_id", client.id) != client.id:
        raise OAuthError("invalid_client", "client_id is not the assertion's")
    return client


def _check_rate(request: Request, client: ClientSettings) -> None:
    if wait := rates_of(request.app).wait(TOKEN, "client", client.id):
        raise OAuthError("slow_down", "too many tokens were asked for", wait=wait)


def _granted(form: dict[str, str], client: ClientSettings) -> tuple[str, ...]:
    granted = scopes.granted(form.get("scope", ""), client.scopes)
    if not granted:
        raise OAuthError("invalid_scope", "none of the scopes asked for is registered")
    return granted


def _principal(client: ClientSettings, granted: tuple[str, ...]) -> Principal:
    return Principal(client.id, "client", granted, client.policy, client.patient_level)


def _refused(request: Request, error: OAuthError) -> JSONResponse:
    status = {"invalid_client": 401, "slow_down": 429}.get(error.code, 400)
    headers = dict(_NO_STORE)
    if status == 401:
        headers["WWW-Authenticate"] = REALM
    if status == 429:
        headers["Retry-After"] = str(error.wait)
    audit(request, None, "E", interaction="token")
    answer = {"error": error.code, "error_description": error.description}
    return JSONResponse(answer, status, headers)


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the routes. Raises ConfigurationError where a client's registration does not hold."""
    admitted_by(app, context)
    app.include_router(router)
