"""Imaging, disease status, iodine uptake and dosimetry."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.context import Columns, Context, Row, label


def imaging_assessment(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> imaging_assessment."""
    kind = context.concept("imaging-assessment", row["code"])
    if kind is None:
        return
    columns: Columns = {"new_lesion": row["new_lesion"]}
    match kind.label:
        case "LesionSum":
            quantity = context.quantity(row, "length")
            if not quantity:
                return
            columns["sum_diam_mm"] = quantity["value_low"]
            columns |= {name: quantity[name] for name in ("value_sent", "unit_sent")}
        case "Recist":
            response = context.concept_or_report("response", row["response"])
            if response is None:
                return
            columns["recist"] = response.label
        case "NewLesion":
            columns["new_lesion"] = row["value_boolean"]
    yield {**columns, **context.effective(row)}


def disease_status(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> disease_status. SNOMED CT 80534008 qualifies it as biochemical."""
    status = context.concept_or_report("response", row["disease_status"])
    if status is None:
        return
    evidence = context.concept("evidence", row["evidence"])
    qualifiers = set(row["qualifier"] or ())
    structural = {"263820005", "261007001", "255470001", "63161005"}
    yield {
        "disease_status": status.label,
        "evidence": label(evidence.label) if evidence else "",
        "biochemical": "80534008" in qualifiers and not qualifiers & structural,
        **context.effective(row),
    }


def uptake(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> uptake."""
    result = context.concept_or_report("uptake-result", row["uptake"])
    if result:
        yield {"uptake": label(result.label), **context.effective(row)}


def dosimetry(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> dosimetry."""
    quantity = context.quantity(row, "activity")
    if quantity:
        yield {
            "max_tolerated_mbq": quantity["value_low"],
            "value_sent": quantity["value_sent"],
            "unit_sent": quantity["unit_sent"],
            **context.effective(row),
        }
