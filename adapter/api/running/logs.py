"""Logs as JSON lines, one an event, without messages of exceptions, queries or patients' data."""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

REQUEST_ID: ContextVar[str] = ContextVar("raiway_request_id", default="")
"""The id of the request that is being answered; '' outside one."""

MOST_FRAMES = 20


class JsonLines(logging.Formatter):
    """time, level, logger, event, request_id, and the event's own fields (`extra={"fields": …}`).

    Of an exception its type and frames only: a message may quote what a client sent.
    """

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            told["request_id"] = request_id
        told |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            told |= failure(record.exc_info[1])
        return orjson.dumps(told, default=str).decode()


def failure(error: BaseException) -> dict[str, Any]:
    """An exception's type and its last frames: {"error": "ValueError", "at": ["app.py:12", …]}."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    at = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "at": at}


def log_config() -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`, of ours and uvicorn's loggers: stderr."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{JsonLines.__module__}.{JsonLines.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "adapter": {"level": "INFO"},
            "uvicorn": {"level": "INFO"},
            # The access lines of `observing` take its place; uvicorn's would show the query.
            "uvicorn.access": {"level": "CRITICAL", "propagate": False},
        },
    }
