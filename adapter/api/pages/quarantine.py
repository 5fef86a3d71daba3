"""The lines that could not be mapped, each with its reason; replay after the mapping was mended."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.pages.cohorts import cohorts
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import (
    PageRoute,
    Viewer,
    form_sender,
    patient_viewer,
    sent_form,
)
from adapter.api.security.audit import audit
from adapter.html_report.page import Section, Source
from adapter.html_report.patient_part import LONGEST, in_lines
from adapter.runs import in_zone_of, replay_run, site_mapper
from adapter.tables import Table, counted

if TYPE_CHECKING:
    from adapter.models import IngestRunRow, QuarantineRow

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/quarantine"
SHOWN = 50
REPLAY = "quarantine"
"""What a run read that was a replay (`adapter.runs.replay_run`)."""
_POSITION = re.compile(r" at character \d+")


@router.get(PATH)
def quarantine(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Reasons, lines in the order of their files, and a button for each site."""
    with context_of(request).store() as store:
        rows = sorted(store.quarantined(), key=_place)
        replayed = [run for run in store.runs() if run.paths == REPLAY][-1:]
    pages = max(1, -(-len(rows) // SHOWN))
    if page > pages:
        raise FhirFailure(404, "not-found", f"there are {counted(pages, 'page')}")
    audit(request, who.who, "R", interaction="quarantine")
    shown = rows[(page - 1) * SHOWN : page * SHOWN]
    waiting = Counter((row.site, _POSITION.sub("", row.reason)) for row in rows)
    n = len(rows)
    return answer(request, who, View(
        "Quarantine",
        (_reasons(waiting), *((_lines(shown, page, n),) if shown else ())),
        facts=[_told(run) for run in replayed],
        result=f"{counted(n, 'line')} in quarantine" if n else "Nothing is in quarantine.",
        template="quarantine.html.j2",
        form={
            "path": PATH,
            "sites": sorted({site for site, _ in waiting}),
            "pages": pages,
            "page": page,
        },
    ))  # fmt: skip


def _place(row: QuarantineRow) -> tuple[str, str, int, str]:
    """Site, file, line."""
    file, _, line = row.source.rpartition(":")
    return row.site, file, int(line) if line.isdecimal() else 0, row.source


def _told(run: IngestRunRow) -> tuple[str, str]:
    left = f"{run.read - run.quarantined:,} of {run.read:,} lines left the quarantine"
    return "last replay", f"{run.started:%Y-%m-%d %H:%M} UTC, site {run.site}: {left}"


@router.post(PATH)
def replay(
    request: Request,
    who: Annotated[Viewer, Depends(form_sender)],
    form: Annotated[dict[str, str], Depends(sent_form)],
) -> Response:
    """Map a site's quarantined lines again, with the mappings and settings of the server."""
    held, site = cohorts(request), form.get("site", "")
    settings = held.context.settings
    with held.context.store() as store:
        replay_run(in_zone_of(store, site_mapper(settings, site)).mapper, store)
    audit(request, who.who, "E", interaction="replay")
    return RedirectResponse(PATH, 303)


def _reasons(waiting: Counter[tuple[str, str]]) -> Section:
    rows = [(reason, site, f"{n:,}") for (site, reason), n in waiting.most_common()]
    table = Table("", ("reason", "site", "lines"), rows)
    return Section("reasons", "Why", tables=(table,) if rows else ())


def _lines(shown: Sequence[QuarantineRow], page: int, n: int) -> Section:
    first = (page - 1) * SHOWN
    text = f"Lines {first + 1:,} to {first + len(shown):,} of {n:,}, as they came."
    sources = tuple(
        Source(
            f"line-{place}",
            f"{row.site}: {row.source}",
            tuple(filter(None, (row.reason, row.path))),
            _shown(row.raw),
            found=True,
        )
        for place, row in enumerate(shown, first + 1)
    )
    return Section("lines", "The lines", texts=(text,), sources=sources)


def _shown(raw: str) -> str:
    """The line, cut where it is long. Only JSON is set out: of the rest each blank may count."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return raw if len(raw) <= LONGEST else f"{raw[:LONGEST]}…"
    return in_lines(raw)
