"""Reports of the reference cohort, and the shared examples and broken cases of reports."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from adapter.measures.definition import MeasureDefinition
from adapter.measures.load import load_measures
from adapter.report.writer import Reporter, ReportHead, measure_report
from analytics.aggregate import Aggregate
from analytics.estimate import estimate
from analytics.study import Study
from tests.lib.needs import SHARED, missing
from tests.lib.reference_aggregate import reference_aggregate

Json = dict[str, Any]

EXAMPLES = SHARED / "reference" / "measure-report"
COHORT = SHARED / "reference" / "cohort"
MEASURE_IDS = (
    "cohort-characteristics",
    "molecular-profile",
    "rai-uptake",
    "redifferentiation-outcomes",
    "structural-response",
    "thyroglobulin-response",
    "time-to-progression",
    "treatment-exposure",
)
HEAD = ReportHead(
    reporter=Reporter("Synthetic reference cohort", reference="Organization/example-hospital"),
    date=datetime(2026, 11, 23, 12, tzinfo=UTC),
    period_start=date(2019, 12, 1),
    period_end=date(2022, 11, 30),
    software="raiway 0.1.0",
    data_version="0" * 64,
)


@cache
def measures() -> Mapping[str, MeasureDefinition]:
    """The shipped Measures."""
    return load_measures(files("mappings"))


def reference_study(**overrides: Any) -> Study:
    """The shipped study, some of its keys changed."""
    text = (files("mappings") / "study" / "redifferentiation.toml").read_text(encoding="utf-8")
    return TypeAdapter(Study).validate_python(tomllib.loads(text) | overrides)


def reference_cells(study: Study) -> Aggregate:
    """The aggregate of the reference cohort; skips where the reference material is absent."""
    if not COHORT.is_dir():
        missing("../shared/reference/cohort is not here")
    return reference_aggregate(COHORT, study)


def report_of(measure: str, cells: Aggregate, study: Study, head: ReportHead = HEAD) -> Json:
    """The report of these cells."""
    return measure_report(measures()[measure], estimate(cells, study), cells, study, head)


def reference_report(measure: str) -> Json:
    """The report of the reference cohort by the reference study."""
    study = reference_study()
    return report_of(measure, reference_cells(study), study)


def example(name: str) -> Json:
    """One of the shared examples."""
    if not EXAMPLES.is_dir():
        missing("../shared/reference/measure-report is not here")
    resource: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return resource


@dataclass(frozen=True, slots=True)
class Case:
    """A resource made from an example by a patch, and whether it is right."""

    id: str
    valid: bool
    wrong: str
    resource: Json


def cases(*first_letters: str) -> list[Case]:
    """The cases of broken.json whose ids start so; [] where the reference material is absent."""
    path: Path = EXAMPLES / "broken.json"
    if not path.is_file():
        return []
    return [
        Case(
            case["id"], case["valid"], case["wrong"], patched(example(case["base"]), case["patch"])
        )
        for case in json.loads(path.read_text(encoding="utf-8"))
        if case["id"].startswith(first_letters)
    ]


def patched(resource: Json, patch: list[Json]) -> Json:
    """A copy with a JSON Patch applied (RFC 6902: add, replace, remove)."""
    changed = copy.deepcopy(resource)
    for step in patch:
        *path, last = (
            key.replace("~1", "/").replace("~0", "~") for key in step["path"].split("/")[1:]
        )
        at: Any = changed
        for key in path:
            at = at[int(key)] if isinstance(at, list) else at[key]
        _apply(at, last, step)
    return changed


def _apply(at: Any, last: str, step: Json) -> None:
    place: Any = last
    if isinstance(at, list):
        place = len(at) if last == "-" else int(last)
    if step["op"] == "remove":
        del at[place]
    elif step["op"] == "add" and isinstance(at, list):
        at.insert(place, step["value"])
    else:
        at[place] = step["value"]
