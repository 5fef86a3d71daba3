"""Raiway without a store: scan and map, by one process a core; the rows kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adapter.mapping.mapped import MappedResource
from adapter.reading import Outcome
from benchmarks import raiway_side
from benchmarks.contestants import Answer, Run
from benchmarks.contestants.raiway_rows import result, variant
from benchmarks.facts import Thyroglobulin, Variant


def prepare() -> Run:
    """Its imports."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    return answer(raiway_side.scan_and_map(paths))


def answer(outcomes: Iterable[Outcome]) -> Answer:
    """The rows of what was mapped. Raises ValueError for what was not."""
    found: list[Thyroglobulin | Variant] = []
    for outcome in outcomes:
        if not isinstance(outcome, MappedResource):
            raise ValueError(f"quarantined: {outcome.source}: {outcome.reason}")
        if outcome.rows:
            found += _rows(outcome)
    return Answer(found, hashed_patients=True)


def _rows(mapped: MappedResource) -> Iterator[Thyroglobulin | Variant]:
    for row in mapped.rows:
        columns = row.columns
        if row.table == "lab_result" and columns["analyte"] == "Tg":
            day = columns["date_earliest"].isoformat()
            stated = (columns["value_sent"], columns["unit_sent"], columns["comparator"])
            yield result(mapped.stamp.patient_key, day, *stated)
        elif row.table == "variant_result":
            stated = (columns["gene"], columns["p_hgvs"], columns["vaf_fraction"])
            yield variant(mapped.stamp.patient_key, *stated)
