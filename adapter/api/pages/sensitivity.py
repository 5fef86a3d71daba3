"""The definition editor: change rules of the study, and see what moves, and who."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from adapter.api.pages.cohorts import Cohorts, cohorts
from adapter.api.pages.filters import Filters, by_site_alone, filters
from adapter.api.pages.patients import Tokens, address, tokens
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, patient_viewer
from adapter.api.security.audit import audit
from adapter.errors import DefinitionError, UsageError
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
    held, wrong = cohorts(request), ""
    study, sections = held.study, list[Section]()
    by_site_alone(chosen)
    if rules.strip():
        try:
            found = _found(held, study, chosen, rules)
            sections = list(_sections(found, tokens(request)))
        except (UsageError, DefinitionError) as error:
            wrong = f"{error.what.removeprefix('--set ')} {error.hint}".strip()
        audit(request, who.who, "E", interaction="sensitivity")
    form = {"path": PATH, "rules": rules.strip(), "example": EXAMPLE, "sites": chosen.site}
    return answer(request, who, View(
        "Sensitivity",
        (*sections, _rules(study)),
        facts=of_study(study),
        template="rules_form.html.j2",
        form={**form, "wrong": wrong, "cleared": f"{PATH}{chosen.query}"},
    ), 400 if wrong else 200)  # fmt: skip


def _found(held: Cohorts, study: Study, chosen: Filters, rules: str) -> Sensitivity:
    """Raises UsageError and DefinitionError for rules that there are not."""
    variants: list[Variant] = crossed([], axes(filter(None, map(str.strip, rules.splitlines()))))
    if len(variants) > MOST:
        said = f"{len(variants)} definitions; a page compares {MOST}"
        raise UsageError(said, hint="raiway sensitivity takes more")
    with held.context.store() as store:
        held.check_size(store, chosen.site)
        return sensitivity(store, Question(study, variants, (), chosen.site))


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
    link = Linked(known.label(each.patient), address(known, each.patient))
    return word, link, each.site, each.reason.replace("_", " ")


def _rules(study: Study) -> Section:
    """Every rule as it is, and as it would be written to change it."""
    rows = [(key, _toml(value)) for key, value in study.parameters().items()]
    text = "What each rule means, and where its default comes from: docs/definitions.md."
    table = Table("", ("key", "value"), rows)
    return Section("rules", "The rules as they are", texts=(text,), tables=(table,))


def _toml(value: Any) -> str:
    """The value as TOML has it in one line; '' for one that is not set."""
    match value:
        case None:
            return ""
        case dict():
            held = ((key, each) for key, each in value.items() if each is not None)
            return f"{{{', '.join(f'{_key(key)} = {_toml(each)}' for key, each in held)}}}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _key(text: str) -> str:
    return text if re.fullmatch("[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)
