"""Imaging, disease status, iodine uptake and dosimetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapter.mapping import response_text
from adapter.mapping.context import Columns, Context, Row, label
from adapter.mapping.mapped import Unmapped

STRUCTURAL = frozenset({"263820005", "261007001", "255470001", "63161005"})
BIOCHEMICAL = "80534008"
"""SNOMED CT qualifiers of progression (CodeX radiation therapy): nodal, distant, local, principal;
biochemical."""

# No statement that a cancer has come back.
_UNCERTAIN = frozenset(
    {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
)
_WORDS_CONFIDENCE, _COMPONENT_CONFIDENCE = 0.8, 0.5
_CANDIDATE_CONFIDENCE, _REPORT_CONFIDENCE = 0.7, 0.4


def imaging_assessment(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> imaging_assessment; a disease status by RECIST is one."""
    kind = context.concept("imaging-assessment", row["code"])
    columns: Columns = {"new_lesion": row["new_lesion"]}
    match kind.label if kind else "Recist" if _by_recist(row, context) else "":
        case "LesionSum":
            quantity = _exact(row, "length", context)
            if not quantity:
                return
            columns["sum_diam_mm"] = quantity["value_low"]
            columns |= {name: quantity[name] for name in ("value_sent", "unit_sent")}
        case "Recist":
            columns["recist"] = _response(row, row["response"], context)
            if not columns["recist"]:
                return
        case "NewLesion":
            columns["new_lesion"] = row["value_boolean"]
        case _:
            return
    yield {**columns, **context.effective(row)}


def _exact(row: Row, table: str, context: Context) -> Columns:
    """The quantity; one that is only a bound (`<5 mm`) is reported and gives none."""
    quantity = context.quantity(row, table)
    if quantity and quantity["comparator"]:
        context.unmapped.append(Unmapped("value", "", table, "a bound where a value is needed"))
        return {}
    return quantity


def disease_status(row: Row, context: Context) -> Iterator[Columns]:
    """Observation, Condition, DiagnosticReport -> disease_status."""
    yield from _STATEMENTS[row["kind"]](row, context)


def _observed(row: Row, context: Context) -> Iterator[Columns]:
    """mCODE and MII disease status; the overall value holds against its components."""
    if _by_recist(row, context):
        return
    parts = dict(_parts(row, context))
    status = _response(row, row["disease_status"], context, report=not parts)
    if not status and "progress" in parts.values():
        status = "PD"
        context.doubt("from_component", _COMPONENT_CONFIDENCE)
    if not status:
        return
    if _contradicted(status, set(parts.values())):
        context.flags.append("component_conflict")
    evidence = context.concept("evidence", row["evidence"])
    qualifiers = set(row["qualifier"] or ())
    by_marker = bool(evidence and evidence.label == "Marker" and not qualifiers)
    yield {
        "disease_status": status,
        "evidence": label(evidence.label) if evidence else "",
        "biochemical": by_marker or (BIOCHEMICAL in qualifiers and not qualifiers & STRUCTURAL),
        "components": ";".join(f"{code}={state}" for code, state in sorted(parts.items())),
        **context.effective(row),
    }


def _diagnosed(row: Row, context: Context) -> Iterator[Columns]:
    """Condition: a recurrence, or a metastasis that may be new; the study says what counts."""
    if _UNCERTAIN & set(row["verification_status"] or ()):
        return
    recurred = {"recurrence", "relapse"} & set(row["clinical_status"] or ())
    context.doubt("candidate", _CANDIDATE_CONFIDENCE)
    if not (row["onset"] or row["onset_start"]) and row["recorded"]:
        context.flags.append("date_from_recorded")
    yield {
        "disease_status": "PD",
        "evidence": "condition_recurrence" if recurred else "new_metastasis",
        **context.date("date", row["onset"], row["onset_start"], row["recorded"]),
    }


def _reported(row: Row, context: Context) -> Iterator[Columns]:
    """DiagnosticReport: a coded conclusion, else progression in its words, for review."""
    coded = context.concept("response", row["disease_status"])
    if coded and coded.label not in ("NE", "Improved"):
        yield {"disease_status": coded.label, "evidence": "report", **context.effective(row)}
    elif not coded and response_text.states_progression(str(row["text"] or "")):
        context.doubt("from_text", _REPORT_CONFIDENCE)
        yield {"disease_status": "PD", "evidence": "report_text", **context.effective(row)}


_STATEMENTS: dict[str, Callable[[Row, Context], Iterator[Columns]]] = {
    "observation": _observed,
    "condition": _diagnosed,
    "report": _reported,
}


def _by_recist(row: Row, context: Context) -> bool:
    method = context.concept("response-method-recist", row["method"])
    return bool(method) or "RECIST" in str(row["method_text"]).upper()


def _response(row: Row, tokens: list[str] | None, context: Context, *, report: bool = True) -> str:
    """The response by code, else by the words of the value; '' after it is reported as unmapped."""
    coded = context.concept("response", tokens)
    if coded:
        return coded.label
    stated = (row["words"], row["text"], *(row["display"] or ()))
    words = [each for each in stated if isinstance(each, str)]
    for text in words:
        if named := response_text.response(text):
            context.doubt("from_text", _WORDS_CONFIDENCE)
            return named
    if tokens:
        context.concept_or_report("response", tokens)
    elif words and report:
        context.unmapped.append(Unmapped("value", "", "response", "words that name no response"))
    return ""


def _parts(row: Row, context: Context) -> Iterator[tuple[str, str]]:
    """(code, state) of each component: progress, residual or none."""
    for component in row["component"] or ():
        if not isinstance(component, Mapping):
            continue
        state = context.concept("component", _tokens(component.get("valueCodeableConcept")))
        code = next(iter(_tokens(component.get("code"))), "")
        if state:
            yield code.partition("|")[2], state.label.lower()


def _contradicted(status: str, states: set[str]) -> bool:
    worse = {"progress", "residual"} if status == "CR" else {"progress"}
    return status not in ("PD", "Mixed", "NE") and bool(states & worse)


def _tokens(concept: object) -> list[str]:
    codings = concept.get("coding") if isinstance(concept, Mapping) else None
    stated: list[Any] = codings if isinstance(codings, list) else []
    return [
        f"{coding.get('system') or ''}|{coding.get('code')}"
        for coding in stated
        if isinstance(coding, Mapping)
    ]


def uptake(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> uptake."""
    result = context.concept_or_report("uptake-result", row["uptake"])
    if result:
        yield {"uptake": label(result.label), **context.effective(row)}


def dosimetry(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> dosimetry: the largest safe activity, or the absorbed dose of a lesion."""
    kind = context.concept("dosimetry", row["code"])
    table, column = _quantity_of(str(kind and kind.label), str(row["value_unit"] or ""), context)
    quantity = _exact(row, table, context)
    if quantity:
        yield {
            column: quantity["value_low"],
            "value_sent": quantity["value_sent"],
            "unit_sent": quantity["unit_sent"],
            **context.effective(row),
        }


def _quantity_of(kind: str, unit: str, context: Context) -> tuple[str, str]:
    """The unit table and the column; whether a dose is one for each GBq, the unit alone says."""
    if kind != "AbsorbedDose":
        return "activity", "max_tolerated_mbq"
    if context.units["dose_per_activity"].knows(unit):
        return "dose_per_activity", "absorbed_dose_gy_per_gbq"
    return "dose", "absorbed_dose_gy"
