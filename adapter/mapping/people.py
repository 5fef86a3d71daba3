"""Who the patient is, what was diagnosed, when the patient was seen, and death."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.mapping.context import Columns, Context, Row


def patient(row: Row, context: Context) -> Iterator[Columns]:
    """Patient -> patient."""
    yield {
        "patient_id": row["patient_id"],
        "sex": row["sex"] or "",
        **context.date("birth", row["birth"]),
        "race": row["race"] or "",
        "ethnicity": row["ethnicity"] or "",
    }


def death(row: Row, context: Context) -> Iterator[Columns]:
    """Patient.deceased, Observation of the cause of death -> death."""
    cause = context.concept("death-cause", row.get("cause"))
    yield {
        "cause_cancer": cause and cause.label == "CancerDeath",
        **context.date("date", row["effective"], row.get("effective_start")),
    }


def diagnosis(row: Row, context: Context) -> Iterator[Columns]:
    """Condition -> diagnosis."""
    concept = context.concept("diagnosis", row["code"])
    if concept:
        system, _, code = concept.token.partition("|")
        yield {
            "concept": concept.label,
            "code_system": system,
            "code": code,
            **context.date("onset", row["onset"], row["onset_start"]),
            **context.date("recorded", row["recorded"]),
            "clinical_status": row["clinical_status"] or "",
            "verification_status": row["verification_status"] or "",
        }


def visit(row: Row, context: Context) -> Iterator[Columns]:
    """Encounter -> visit; the day of its end where the stay has one."""
    yield {
        "visit_class": row["visit_class"] or "",
        **context.date("date", row["effective_end"], row["effective"]),
    }


def occurrence(row: Row, context: Context) -> Iterator[Columns]:
    """Specimen, DiagnosticReport, Procedure -> occurrence: it dates what refers to it."""
    if row["start"] or row["end"]:
        yield {**context.date("start", row["start"]), **context.date("end", row["end"])}
