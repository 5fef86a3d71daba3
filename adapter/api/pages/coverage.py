"""What nothing maps, by the patients and the outcomes that it costs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter import definitions
from adapter.api.context import context_of
from adapter.api.pages.filters import Filters, by_site_alone, filters
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, patient_viewer
from adapter.cohort import check_sites
from adapter.coverage import watch as watching
from adapter.coverage.printed import percent, tables
from adapter.coverage.report import coverage as covered
from adapter.coverage.stored import evidence_of
from adapter.coverage.suggest import Suggester
from adapter.html_report.page import Section
from adapter.tables import counted

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/coverage")
def coverage(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    chosen: Annotated[Filters, Depends(filters)],
) -> Response:
    """The coverage of what the store's ingests recorded."""
    by_site_alone(chosen)
    watch = watching.load()
    with context_of(request).store() as store:
        check_sites(store, chosen.site)
        found = covered(
            evidence_of(store, watch, chosen.site), watch, Suggester(watch, definitions.load())
        )
    touched = counted(found.patients_touched, "patient")
    texts = (
        f"{touched} of {found.patients:,} touched by what nothing maps.",
        "To mend: raiway coverage --suggest FILE, review it, name it in the site's concept_maps; "
        "then replay the quarantine, or ingest again.",
    )
    section = Section("coverage", "What is mapped", texts=texts, tables=tuple(tables(found, watch)))
    result = f"{percent(found.overall)} of the relevant records are mapped"
    return answer(request, who, View(
        "Coverage",
        (section,),
        result=result if found.overall.percent is not None else "No record is relevant.",
    ))  # fmt: skip
