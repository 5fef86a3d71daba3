"""Radioiodine given, as hospitals record it."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.context import Columns, Context, Row


def rai_administration(row: Row, context: Context) -> Iterator[Columns]:
    """MedicationAdministration, Procedure -> rai_administration (activity in MBq)."""
    columns: Columns = {"isotope": "I-131"}
    product = context.concept("radioiodine", row["code"])
    procedure = context.concept("procedure-rai", row["code"])
    if product:
        columns |= {"evidence": "administered", "purpose": product.label.lower()}
    elif procedure:
        purposes = {"TherapeuticRai": "therapeutic", "DiagnosticRai": "diagnostic"}
        columns |= {
            "evidence": "procedure",
            "purpose": purposes.get(procedure.label, "unknown"),
        }
    else:
        return
    quantity = context.quantity(row, "activity")
    if quantity:
        columns["activity_mbq"] = quantity["value_low"]
        columns |= {name: quantity[name] for name in ("value_sent", "unit_sent")}
    yield {**columns, **context.date("date", row["effective"], row["effective_start"])}
