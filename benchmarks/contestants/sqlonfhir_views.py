"""sqlonfhir, a SQL-on-FHIR runner in Python on fhirpathpy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import Answer, NotHere, Run
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.contestants.views import RESULTS, VARIANTS, facts


def prepare() -> Run:
    """Import sqlonfhir. Raises NotHere."""
    try:
        from sqlonfhir import evaluate
    except ImportError as error:
        raise NotHere(f"sqlonfhir does not import: {error}") from error

    def run(paths: Sequence[Path]) -> Answer:
        resources = [json.loads(line) for line in lines(observation_files(paths))]
        rows = [evaluate(resources, view) for view in (RESULTS, VARIANTS)]
        return Answer(list(facts(*rows)))

    return run
