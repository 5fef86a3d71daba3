"""Medication facts: exposures to the drugs of interest, radioiodine given, links, Medications."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.facts import Columns, Context, Row


def drug_exposure(row: Row, context: Context) -> Iterator[Columns]:
    """MedicationStatement, MedicationAdministration -> drug_exposure, one row for each drug.

    A row without ingredient waits for the Medication that its link row names.
    """
    # One timestamp is a whole administration, but only the start of what a statement tells of.
    one_day = row["effective"] if row["evidence"] == "administered" else None
    start = context.date("start", row["start"], row["effective"])
    end = context.date("end", row["end"], one_day)
    evidence = {"evidence": row["evidence"]}
    tokens = row["code"] or []
    if not tokens:
        yield {**evidence, **start, **end}
        return
    concept = context.concept("drug", tokens)
    if concept:
        system, _, code = concept.token.partition("|")
        yield {
            "ingredient": concept.display,
            "drug_class": concept.label,
            "code_system": system,
            "code": code,
            **evidence,
            **start,
            **end,
        }


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


def link(row: Row, _: Context) -> Iterator[Columns]:
    """A reference that the reader of a patient's facts resolves."""
    if row["target_id"]:
        yield {name: row[name] for name in ("role", "target_type", "target_id")}


def medication(row: Row, context: Context) -> Iterator[Columns]:
    """Medication -> medication: the drug of interest or radioiodine it consists of."""
    tokens = [*(row["code"] or ()), *(row["ingredient"] or ())]
    for name in ("drug", "radioiodine"):
        concept = context.concept(name, tokens)
        if concept and name == "drug":
            yield {"ingredient": concept.display, "drug_class": concept.label}
        elif concept:
            yield {"isotope": "I-131", "purpose": concept.label.lower()}
