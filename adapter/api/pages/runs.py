"""Sites and what came from them: every ingest on record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter.api.pages.cohorts import cohorts
from adapter.api.pages.overview import freshness_section
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, patient_viewer
from adapter.html_report.page import Section
from adapter.models import PatientRow
from adapter.pulls import Pull, pulls
from adapter.tables import Table

if TYPE_CHECKING:
    from adapter.models import IngestRunRow
    from adapter.store import Store

router = APIRouter(route_class=PageRoute, include_in_schema=False)
SHOWN = 200
COUNTS = (
    "read", "mapped", "unchanged", "older", "retracted", "quarantined", "irrelevant", "unmapped",
)  # fmt: skip


@router.get("/runs")
def runs(request: Request, who: Annotated[Viewer, Depends(patient_viewer)]) -> Response:
    """The sites of the store and its ingests, the last first."""
    held = cohorts(request)
    with held.context.store() as store:
        sections = (freshness_section(store), _sites(store), _runs(store))
    pulled = _pulls(held.context.settings.landing.folder)
    return answer(request, who, View("Sites and runs", (*sections, pulled)))


def _sites(store: Store) -> Section:
    rows = [
        (
            site.site,
            site.timezone,
            site.privacy,
            f"{sum(1 for _ in store.rows(PatientRow, site=site.site)):,}",
        )
        for site in store.sites()
    ]
    table = Table("", ("site", "time zone", "privacy", "patients"), rows)
    return Section("sites", "Sites", tables=(table,))


def _runs(store: Store) -> Section:
    found = list(reversed(store.runs()))
    note = (f"Shown: the last {SHOWN} of {len(found):,}.",) if len(found) > SHOWN else ()
    rows = [_run(run) for run in found[:SHOWN]]
    note = (*note, "read = mapped + unchanged + older + retracted + quarantined + irrelevant")
    table = Table("", ("begun", "site", "ended", *COUNTS, "mappings"), rows, note)
    return Section("ingests", "Ingests", tables=(table,))


def _pulls(folder: Path) -> Section:
    """What lies in the landing folder of the server's settings."""
    found = pulls(folder)
    rows = [_pull(each) for each in found[:SHOWN]]
    columns = ("begun", "site", "from", "mode", "resources", "")
    texts = () if rows else ("No pull is on record in the landing folder of these settings.",)
    tables = (Table("", columns, rows),) if rows else ()
    return Section("pulls", "Pulls", texts=texts, tables=tables)


def _pull(pull: Pull) -> tuple[str, ...]:
    counts = ", ".join(f"{n:,} {name}" for name, n in pull.resources.items())
    failed = f"not had: {', '.join(pull.failed)}" if pull.failed else ""
    said = failed if pull.ended else "did not end: raiway pull goes on with it"
    return pull.started, pull.site, pull.server, pull.mode, counts, said


def _run(run: IngestRunRow) -> tuple[str, ...]:
    return (
        f"{run.started:%Y-%m-%d %H:%M}",
        run.site,
        f"{run.ended:%H:%M:%S}" if run.ended else "not ended",
        *(f"{getattr(run, name):,}" for name in COUNTS),
        run.mappings_hash[:12],
    )
