"""A wide data frame of all elements, then filters: what data-frame tools for FHIR come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from benchmarks.contestants import Answer, NotHere, Run
from benchmarks.contestants.extraction import rows
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.facts import CURRENT, LOINC, THYROGLOBULIN, VARIANT


def prepare() -> Run:
    """Import pandas. Raises NotHere."""
    try:
        import pandas
    except ImportError as error:
        raise NotHere(f"pandas is not installed: {error}") from error
    wanted = {*THYROGLOBULIN, VARIANT}

    def run(paths: Sequence[Path]) -> Answer:
        resources = [orjson.loads(line) for line in lines(observation_files(paths))]
        frame = pandas.json_normalize(resources)
        codings = frame["code.coding"].explode()
        listed = pandas.json_normalize(codings.tolist()).set_index(codings.index)
        chosen = listed[(listed["system"] == LOINC) & listed["code"].isin(wanted)].index
        kept = frame.loc[chosen.unique()]
        kept = kept[kept["status"].isin(CURRENT)]
        return Answer([row for number in kept.index for row in rows(resources[number])])

    return run
