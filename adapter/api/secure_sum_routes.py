"""The secure sum over HTTP: registry or trustee, as `[server.secure_sum]` says. Experimental.

Messages are the signed and sealed ones of `adapter.pooling.secure`; whoever carries them between
the servers can neither read nor change them. The servers ask each other nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from starlette.responses import JSONResponse, Response

from adapter.api.context import ApiContext, context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.reply import reply
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted
from adapter.errors import ConfigurationError
from adapter.pooling.secure.keys import own_keys, read_directory
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.result import gated_sum, whole_sum
from adapter.pooling.secure.rounds import Rounds, UnknownRound
from adapter.pull.auth.credentials import secret

PATH = "/secure-sum/rounds/{name}"
ANNOUNCED = ("role", "announcement")
OUT_OF_TURN = frozenset({"order", "closed", "duplicate", "revision", "opened", "cadence", "round"})

router = APIRouter(tags=["secure sum (experimental)"])

Reader = Annotated[Principal, Depends(permitted("MeasureReport", "r"))]
Sender = Annotated[Principal, Depends(permitted("MeasureReport", "u"))]
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]


async def message(request: Request) -> str:
    """The message in the body, a compact JWS. Raises FhirFailure 400 for what is no text."""
    try:
        return (await request.body()).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise FhirFailure(400, "structure", "the body is no message") from error


Message = Annotated[str, Depends(message)]


@router.get(PATH, summary="The transcript of a round")
def transcript(request: Request, name: Name, who: Reader) -> Response:
    """All signed messages but the shares, and the log: what an auditor rechecks.

    They name the sites with their rounded sizes: a client of policy `public` gets the announcement
    alone.
    """
    with _step(request, who, name, "R", "secure-sum-read") as rounds:
        found = rounds.shown(name)
        names = ANNOUNCED if who.policy == "public" else found.keys()
        return JSONResponse({key: found[key] for key in names})


@router.put(PATH, summary="Step 1: an announced round")
def announce(request: Request, name: Name, who: Sender, sent: Message) -> Response:
    """Take the registry's announcement of the round of this name."""
    with _step(request, who, name, "C", "secure-sum-announce") as rounds:
        found = rounds.announce(sent, name)
        return JSONResponse(found)


@router.post(f"{PATH}/shares", summary="Steps 3 and 4: a site's share")
def share(request: Request, name: Name, who: Sender, sent: Message) -> Response:
    """Take a site's share; the answer is the entry of the log."""
    with _step(request, who, name, "U", "secure-sum-share") as rounds:
        return JSONResponse(rounds.take(name, sent))


@router.post(f"{PATH}/list", summary="Step 5: the own signed list")
def sign_list(request: Request, name: Name, who: Sender) -> Response:
    """Close the round, once all sites have sent or its end is past."""
    with _step(request, who, name, "U", "secure-sum-list") as rounds:
        return JSONResponse({"message": rounds.sign_list(name)})


@router.put(f"{PATH}/list", summary="Step 5: the other server's list")
def agree(request: Request, name: Name, who: Sender, sent: Message) -> Response:
    """Agree on what both servers hold."""
    with _step(request, who, name, "U", "secure-sum-agree") as rounds:
        return JSONResponse({"list": rounds.agree(name, sent)})


@router.post(f"{PATH}/opening", summary="Steps 6 and 7: the trustee opens")
def opening(request: Request, name: Name, who: Sender) -> Response:
    """The trustee's sum, sealed for the registry, once its rules allow it."""
    with _step(request, who, name, "E", "secure-sum-open") as rounds:
        return JSONResponse({"message": rounds.open(name)})


@router.put(f"{PATH}/opening", summary="Step 8: the registry adds")
def add(request: Request, name: Name, who: Sender, sent: Message) -> Response:
    """Add the trustee's sum to our own; the answer is the receipt."""
    with _step(request, who, name, "E", "secure-sum-add") as rounds:
        return JSONResponse({"message": rounds.add(name, sent)})


@router.put(f"{PATH}/receipt", summary="Step 9: the registry's receipt")
def receipt(request: Request, name: Name, who: Sender, sent: Message) -> Response:
    """Log that the registry has committed to the opened table."""
    with _step(request, who, name, "U", "secure-sum-receipt") as rounds:
        return JSONResponse(rounds.acknowledge(name, sent))


@router.get(f"{PATH}/report", summary="The opened table as a MeasureReport")
def report(request: Request, name: Name, who: Reader) -> Response:
    """The pooled MeasureReport, as far as the client's policy lets it out."""
    settings = context_of(request).settings
    with _step(request, who, name, "R", "secure-sum-report") as rounds:
        party, table = rounds.table(name)
        if who.policy == "none":
            return reply(request, whole_sum(table, settings))
        return reply(request, gated_sum(party, table, settings, who.policy))


@contextmanager
def _step(
    request: Request, who: Principal, name: str, action: str, interaction: str
) -> Iterator[Rounds]:
    """The server's rounds; what they refuse is told with its rule."""
    audit(request, who, action, [], interaction=interaction)  # type: ignore[arg-type]  # one of its letters
    try:
        yield request.app.state.secure_sum
    except UnknownRound as error:
        raise FhirFailure(404, "not-found", f"no round {name} is announced here") from error
    except SecureSumRefused as error:
        status, code = (409, "conflict") if error.rule in OUT_OF_TURN else (422, error.issue_code)
        raise FhirFailure(status, code, f"{error} [{error.rule}]") from error


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the routes, where the settings give the server a role.

    Raises ConfigurationError for keys that are not those of the role in the directory.
    """
    stated = context.settings.server.secure_sum
    if stated is None:
        return
    where = "[server.secure_sum]"
    directory = read_directory(stated.directory)
    own = own_keys(secret("keys", stated.keys), f"{where} keys")
    public = directory.server(stated.role)
    mine = (own.signing.thumbprint(), own.seal().thumbprint())
    if mine != (public.signing.thumbprint(), public.sealing.thumbprint()):
        raise ConfigurationError(
            f"keys are not those of the {stated.role} in the directory", where=where
        )
    app.state.secure_sum = Rounds(stated.role, stated.folder, directory, own, context.settings)
    app.include_router(router)
