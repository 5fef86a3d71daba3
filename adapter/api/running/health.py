"""Whether the server lives, and whether it can answer: `/health/live` and `/health/ready`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapter.api.context import ApiContext, context_of
from adapter.api.operational.database import reading
from adapter.api.operational.upgrade import upgraded
from adapter.errors import RaiwayError
from adapter.store import open_store

State = Literal["ok", "failed"]
NO_STORE = {"Cache-Control": "no-store"}


class Health(BaseModel):
    """`failed` says what to look at; the reason stands in the log and in `raiway doctor`."""

    status: State
    checks: dict[str, State] = {}


router = APIRouter(tags=["running"])


@router.get("/health", include_in_schema=False)
@router.get("/health/live", summary="Does the process answer?")
def _live(response: Response) -> Health:
    """200 as long as this process answers at all."""
    response.headers.update(NO_STORE)
    return Health(status="ok")


@router.get(
    "/health/ready",
    summary="Can it answer questions?",
    responses={503: {"model": Health, "description": "A check failed."}},
)
def _ready(response: Response, context: Annotated[ApiContext, Depends(context_of)]) -> Health:
    """200 where store and operational database are in reach and their tables current; else 503."""
    found: dict[str, State] = {name: _state(check, context) for name, check in CHECKS.items()}
    whole = set(found.values()) == {"ok"}
    response.status_code = 200 if whole else 503
    response.headers.update(NO_STORE)
    return Health(status="ok" if whole else "failed", checks=found)


def _state(check: Callable[[ApiContext], bool], context: ApiContext) -> State:
    try:
        return "ok" if check(context) else "failed"
    except (RaiwayError, SQLAlchemyError, OSError):
        return "failed"


def _store(context: ApiContext) -> bool:
    with open_store(context.store_url, create=False):
        return True


def _database(context: ApiContext) -> bool:
    with reading(context.engine) as connection:
        return bool(connection.execute(text("SELECT 1")).scalar_one())


def _migrations(context: ApiContext) -> bool:
    with reading(context.engine) as connection:
        return upgraded(connection, "", only_check=True)


CHECKS: dict[str, Callable[[ApiContext], bool]] = {
    "store": _store,
    "database": _database,
    "migrations": _migrations,
}


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.include_router(router)
