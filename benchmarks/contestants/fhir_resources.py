"""fhir.resources: each line becomes a validated object; the obvious first version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import Answer, Run
from benchmarks.contestants.extraction import rows
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.facts import LOINC, THYROGLOBULIN, VARIANT, Thyroglobulin, Variant


def prepare() -> Run:
    """Import the classes of FHIR R4."""
    from fhir.resources.R4B.observation import Observation

    wanted = {*THYROGLOBULIN, VARIANT}

    def run(paths: Sequence[Path]) -> Answer:
        found: list[Thyroglobulin | Variant] = []
        for line in lines(observation_files(paths)):
            read = Observation.model_validate_json(line)
            if any(each.system == LOINC and each.code in wanted for each in read.code.coding or ()):
                found += rows(read.model_dump(mode="json"))
        return Answer(found)

    return run
