"""Raiway without a store: scan and map, by one process a core; the rows kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from adapter.packed import Packed
from benchmarks import raiway_side
from benchmarks.contestants import Answer, Run
from benchmarks.contestants.raiway_rows import result, variant
from benchmarks.facts import Thyroglobulin, Variant


def prepare() -> Run:
    """Its imports."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    return answer(raiway_side.scan_and_map(paths))


def answer(parts: Iterable[Packed]) -> Answer:
    """The rows of what was mapped. Raises ValueError for what was not."""
    found: list[Thyroglobulin | Variant] = []
    for part in parts:
        for each in part.rejected:
            raise ValueError(f"quarantined: {each.source}: {each.reason}")
        patients = part.mapped.texts("patient_key")
        for number, analyte, *stated in _columns(part, "lab_result", RESULT):
            if analyte == "Tg":
                found.append(result(patients[number], *stated))
        for number, *stated in _columns(part, "variant_result", FINDING):
            found.append(variant(patients[number], *stated))
    return Answer(found, hashed_patients=True)


RESULT = ("n", "analyte", "date_earliest", "value_sent", "unit_sent", "comparator")
FINDING = ("n", "gene", "p_hgvs", "vaf_fraction")


def _columns(part: Packed, table: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    if table in part.mapped.facts:
        columns = (part.mapped.facts[table].column(name).to_pylist() for name in names)
        yield from zip(*columns, strict=True)
