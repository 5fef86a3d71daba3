"""The pages of `raiway serve` for people: the outcomes, and the way back to the evidence.

Filters stand in the query string, so that a link is a cohort; no patient's key stands in an
address. Everything works as plain links and forms. Two roles: who may see patients, and who gets
what the server's disclosure policy lets out, as the FHIR facade gives it to systems.
"""

from __future__ import annotations

from fastapi import FastAPI

from adapter.api.pages.cohort import router as cohort
from adapter.api.pages.cohorts import Cohorts
from adapter.api.pages.coverage import router as coverage
from adapter.api.pages.outcomes import router as outcomes
from adapter.api.pages.overview import router as overview
from adapter.api.pages.patient import router as patient
from adapter.api.pages.patients import tokens_of
from adapter.api.pages.quarantine import router as quarantine
from adapter.api.pages.reports import router as reports
from adapter.api.pages.runs import router as runs
from adapter.api.pages.sensitivity import router as sensitivity
from adapter.api.pages.shell import add_style


def install(app: FastAPI) -> None:
    """Add the pages to an application that has its context and its security."""
    app.state.cohorts = Cohorts(app.state.context)
    app.state.patient_tokens = tokens_of(app)
    add_style(app)
    for page in (
        overview,
        outcomes,
        cohort,
        patient,
        sensitivity,
        coverage,
        quarantine,
        runs,
        reports,
    ):
        app.include_router(page)
