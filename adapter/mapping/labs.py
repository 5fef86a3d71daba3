"""Laboratory results: thyroglobulin, its antibody, thyrotropin."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.context import Columns, Context, Row
from adapter.mapping.mapped import Unmapped


def lab_result(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> lab_result."""
    concept = context.concept("lab-analyte", row["code"])
    if concept is None:
        return
    quantity = context.quantity(row, concept.label)
    if not quantity:
        if row["value_text"]:
            context.unmapped.append(Unmapped("value", "", concept.label, "text instead of a value"))
        return
    code = concept.token.partition("|")[2]
    high = row["reference_high"]
    unit = row["value_unit"] or ""
    standard_high = None if high is None else context.units[concept.label].convert(high, unit)
    yield {
        "analyte": concept.label,
        "code": code,
        **quantity,
        "reference_high": standard_high,
        "interpretation": row["interpretation"] or "",
        "assay": "|".join((code, row["method"] or "", row["performer"] or "")),
        **context.effective(row),
    }
