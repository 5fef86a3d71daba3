"""Medication facts: exposures to the drugs of interest, links, Medications."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.context import Columns, Context, Row


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
