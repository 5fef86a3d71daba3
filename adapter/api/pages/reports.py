"""The MeasureReports on record, as far as the viewer's policy lets them be seen."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from adapter.api.pages.reported import disclosure, report_tables
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, viewer
from adapter.api.reports.asking import Asking
from adapter.api.reports.stored import Stored
from adapter.api.reports.visibility import seen
from adapter.api.security.audit import audit
from adapter.elements import Json
from adapter.html_report.page import Linked, Section, Source, Steps
from adapter.tables import counted

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/reports"


@router.get(PATH)
def reports(
    request: Request,
    who: Annotated[Viewer, Depends(viewer)],
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The reports, the newest first. after: what the link to the next page says."""
    asking = Asking(request, who.who)
    if after:
        page = asking.repository.later(after, who.who.id).page
    else:
        page = asking.searched(asking.parsed("_sort=-_lastUpdated"))
    audit(request, who.who, "E", interaction="search-type")
    columns = ("report", "measure", "period", "type", "status", "disclosure", "from", "stored")
    rows = [("", _row(stored)) for stored in page.entries]
    steps = Steps(f"{counted(page.total, 'report')} on record", columns, rows)
    return answer(request, who, View(
        "Reports",
        (Section("reports", "MeasureReports", steps=(steps,) if rows else ()),),
        result="" if rows else "No report is on record.",
        template="reports.html.j2",
        form={"path": PATH, "after": page.token},
    ))  # fmt: skip


@router.get(f"{PATH}/{{id}}")
def report(
    request: Request,
    who: Annotated[Viewer, Depends(viewer)],
    id: Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$")],  # noqa: A002  # FHIR's name
) -> Response:
    """One report, as tables and as its JSON."""
    stored = seen(who.who, Asking(request, who.who).repository.read(id))
    audit(request, who.who, "R", [f"MeasureReport/{id}"], interaction="read")
    title, tables, said = report_tables(stored.resource)
    text = json.dumps(stored.resource, indent=1, ensure_ascii=False)
    source = Source("json", f"MeasureReport/{id} as JSON", (), text, found=True)
    return answer(request, who, View(
        f"Report: {title}",
        (Section("report", "Counts and scores", texts=said, tables=tables, sources=(source,)),),
        facts=(
            ("id", id),
            ("period", _period(stored.resource)),
            ("type", str(stored.resource.get("type", ""))),
            ("status", str(stored.resource.get("status", ""))),
            ("version", f"{stored.version}"),
            ("from", stored.owner),
            ("stored", f"{stored.updated:%Y-%m-%d %H:%M} UTC"),
        ),
    ))  # fmt: skip


def _row(stored: Stored) -> tuple[str | Linked, ...]:
    found = stored.resource
    name, _, _ = report_tables(found)
    return (
        Linked(stored.id, f"{PATH}/{stored.id}"),
        name,
        _period(found),
        str(found.get("type", "")),
        str(found.get("status", "")),
        " ".join(disclosure(found)).removeprefix("Disclosure control: ").rstrip("."),
        stored.owner,
        f"{stored.updated:%Y-%m-%d %H:%M}",
    )


def _period(found: Json) -> str:
    period = found.get("period", {})
    return f"{period.get('start', '?')} to {period.get('end', '?')}"
