"""The lines that could not be mapped, each with its reason; replay after the mapping was mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

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
from adapter.html_report.patient_part import in_lines
from adapter.runs import in_zone_of, replay_run, site_mapper
from adapter.tables import Table, counted

if TYPE_CHECKING:
    from adapter.models import QuarantineRow

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/quarantine"
SHOWN = 50


@router.get(PATH)
def quarantine(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    replayed: Annotated[str, Query(pattern=r"^\d{1,9} of \d{1,9}$|^$")] = "",
) -> Response:
    """Reasons, lines, and a button for each site. replayed: what the last replay came to."""
    with cohorts(request).store() as store:
        rows = store.quarantined()
        shown = list(islice(rows, (page - 1) * SHOWN, page * SHOWN))
        waiting = Counter((row.site, row.reason) for row in store.quarantined())
    audit(request, who.who, "R", interaction="quarantine")
    n = sum(waiting.values())
    told = f"Replay: {replayed} lines left the quarantine. " if replayed else ""
    return answer(request, who, View(
        "Quarantine",
        (_reasons(waiting), *((_lines(shown, page, n),) if shown else ())),
        result=told + (f"{counted(n, 'line')} in quarantine" if n else "Nothing is in quarantine."),
        template="quarantine.html.j2",
        form={
            "path": PATH,
            "sites": sorted({site for site, _ in waiting}),
            "pages": -(-n // SHOWN),
            "page": page,
        },
    ))  # fmt: skip


@router.post(PATH)
def replay(
    request: Request,
    who: Annotated[Viewer, Depends(form_sender)],
    form: Annotated[dict[str, str], Depends(sent_form)],
) -> Response:
    """Map a site's quarantined lines again, with the mappings and settings of the server."""
    held, site = cohorts(request), form.get("site", "")
    settings = held.context.settings
    with held.store() as store:
        before = sum(1 for _ in store.quarantined(site))
        replay_run(in_zone_of(store, site_mapper(settings, site)).mapper, store)
        left = sum(1 for _ in store.quarantined(site))
    audit(request, who.who, "E", interaction="replay")
    return RedirectResponse(f"{PATH}?replayed={before - left}+of+{before}", 303)


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
            in_lines(row.raw),
            found=True,
        )
        for place, row in enumerate(shown, first + 1)
    )
    return Section("lines", "The lines", texts=(text,), sources=sources)
