"""Biomarkers of the tumour: PD-L1, tumour mutational burden, microsatellite instability."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from adapter.mapping.context import Columns, Context, Row, label
from adapter.mapping.terminology import Concept

LOINC, TMB = "http://loinc.org", "94076-7"


def biomarker(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> biomarker: a number, a category in words, or both."""
    concept = context.concept("biomarker", row["code"] or [f"{LOINC}|{TMB}"])
    category = context.concept("biomarker-category", row["category"]) or context.concept(
        "biomarker-category", row["interpretation"]
    )
    if concept is None or (row["value"] is None and category is None):
        return
    yield {
        "marker": concept.label,
        "code": concept.token.partition("|")[2],
        "category": label(category.label) if category else "",
        **_number(row, concept, context),
        **context.effective(row),
    }


def _number(row: Row, concept: Concept, context: Context) -> Columns:
    if row["value"] is None:
        return {}
    value, unit = Decimal(str(row["value"])), row["value_unit"] or ""
    if concept.label != "PDL1":
        return {"value": value, "unit": unit}
    percent = context.units["percent"]
    return {
        "comparator": row["value_comparator"] or "",
        "value": percent.convert(value, unit),
        "unit": percent.standard,
    }
