"""The definition editor: change rules of the study, and see what moves, and who."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from adapter.api.pages.cohorts import Cohorts, cohorts
from adapter.api.pages.filters import Filters, filters
from adapter.api.pages.patients import Tokens, address, tokens
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, patient_viewer
from adapter.api.security.audit import audit
from adapter.html_report.definition import of_study
from adapter.html_report.page import Linked, Section, Steps
from adapter.sensitivity import Moved, Question, Result, Sensitivity, sensitivity
from adapter.sensitivity_table import table
from adapter.tables import Table, counted
from adapter.variants import Variant, axes, crossed, said_of
from analytics.study import Study

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/sensitivity"
MOST = 16
"""Definitions on one page; raiway sensitivity takes more."""
EXAMPLE = "horizon_days=150,183"


@router.get(PATH)
def editor(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    chosen: Annotated[Filters, Depends(filters)],
    rules: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The study's rules, and what the figures are under the changed ones.

    rules: a change a line, `key=value`, or several values between commas for all combinations.
    """
    held = cohorts(request)
    study, sections = held.study, []
    if rules.strip():
        found = _found(held, study, chosen, rules)
        sections = list(_sections(found, tokens(request)))
    audit(request, who.who, "E", interaction="sensitivity")
    return answer(request, who, View(
        "Sensitivity",
        (*sections, _rules(study)),
        facts=of_study(study),
        template="rules_form.html.j2",
        form={"path": PATH, "rules": rules.strip(), "example": EXAMPLE, "sites": chosen.site},
    ))  # fmt: skip


def _found(held: Cohorts, study: Study, chosen: Filters, rules: str) -> Sensitivity:
    """Raises UsageError and DefinitionError for rules that there are not."""
    variants: list[Variant] = crossed([], axes(filter(None, map(str.strip, rules.splitlines()))))
    with held.store() as store:
        return sensitivity(store, Question(study, variants[:MOST], (), chosen.site))


def _sections(found: Sensitivity, known: Tokens) -> Iterator[Section]:
    yield Section("figures", "What changes", tables=(_turned(table(found)),))
    for place, result in enumerate(found.others, start=1):
        if result.moved_in or result.moved_out:
            yield _moves(place, result, known)


def _turned(found: Table) -> Table:
    """A row for each figure, a column for each definition."""
    names, *figures = zip(found.columns, *found.rows, strict=True)
    return Table(found.title, names, figures, found.notes)


def _moves(place: int, result: Result, known: Tokens) -> Section:
    """Who is in under one of the two definitions only."""
    both = (("in now", result.moved_in), ("out now", result.moved_out))
    rows = [("", _move(word, each, known)) for word, moved in both for each in moved]
    said = f"{counted(len(rows), 'patient')} moved under {said_of(result.changes)}"
    columns = ("is", "patient", "site", "why out under the other rules")
    return Section(f"moved-{place}", "Who moves", steps=(Steps(said, columns, rows),))


def _move(word: str, each: Moved, known: Tokens) -> tuple[str | Linked, ...]:
    link = Linked("patient", address(known, each.patient))
    return word, link, each.site, each.reason.replace("_", " ")


def _rules(study: Study) -> Section:
    """Every rule as it is, and as it would be written to change it."""
    changes = study.parameters()
    rows = [(key, said_of({key: value}).partition("=")[2]) for key, value in changes.items()]
    text = "What each rule means, and where its default comes from: docs/definitions.md."
    table = Table("", ("key", "value"), rows)
    return Section("rules", "The rules as they are", texts=(text,), tables=(table,))
