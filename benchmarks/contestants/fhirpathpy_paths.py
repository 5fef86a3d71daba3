"""The two views by fhirpathpy as it comes: every path parsed and evaluated for every resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.contestants import Answer, Run
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.contestants.views import RESULTS, VARIANTS, View, facts


def prepare() -> Run:
    """Import fhirpathpy and its model of R4."""
    from fhirpathpy import evaluate
    from fhirpathpy.models import models

    model = models["r4"]

    def found(node: Any, path: str) -> list[Any]:
        values: list[Any] = evaluate(node, path, {}, model)
        return values

    def run(paths: Sequence[Path]) -> Answer:
        resources = [orjson.loads(line) for line in lines(observation_files(paths))]
        rows = [
            [row for resource in resources for row in _rows(view, resource, found)]
            for view in (RESULTS, VARIANTS)
        ]
        return Answer(list(facts(*rows)))

    return run


def _rows(view: View, resource: Any, found: Any) -> Iterator[dict[str, Any]]:
    if not all(found(resource, each["path"]) == [True] for each in view["where"]):
        return
    whole = _columns(view["select"][0], resource, found)
    if len(view["select"]) == 1:
        yield whole
        return
    repeated = view["select"][1]
    for node in found(resource, repeated["forEach"]):
        yield {**whole, **_columns(repeated, node, found)}


def _columns(select: dict[str, Any], node: Any, found: Any) -> dict[str, Any]:
    return {
        column["name"]: next(iter(found(node, column["path"])), None) for column in select["column"]
    }
