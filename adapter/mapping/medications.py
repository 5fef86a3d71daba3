"""Medication facts: exposures to the drugs of interest, links, Medications.

A drug is known by its ingredient's code, else by a product's code that a ConceptMap translates,
else by its name or brand in the text. Text gives flagged rows, and is reported, so that a site can
add the code to its ConceptMap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapter.mapping.context import Columns, Context, Row
from adapter.mapping.doses import dose
from adapter.mapping.exposure_days import period
from adapter.mapping.mapped import Unmapped
from adapter.mapping.names import distinct, guarded, named
from adapter.mapping.terminology import Concept

FROM_TEXT = 0.6
"""Confidence in a drug that only a text names."""
SHOWN = 60
"""Characters of a text that a report shows."""
STATUS = "http://hl7.org/fhir/status"
INTENT = "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"
NOT_SAID: Columns = {
    **dict.fromkeys(("starts", "at", "stand_in", "ends", "supply", "supply_unit", "valid_until")),
    "intent": None,
    "intent_known": True,
    "reported": False,
}
"""Columns of which the view of a resource type that has no such element says nothing."""


def drug_exposure(row: Row, context: Context) -> Iterator[Columns]:
    """MedicationStatement, -Request, -Dispense, -Administration -> one row for each drug.

    A row without ingredient waits for the Medication that its link row names.
    """
    drugs = context.recurring(row, _drugs)
    row = {**NOT_SAID, **row}
    if not (drugs.coded or drugs.named or row["target_id"]) or not _counts(row, context):
        return
    columns = {"evidence": row["evidence"], **period(row, context)}
    names = [concept.display for concept in (*drugs.coded, *drugs.named)]
    # Of two drugs in one resource it is not said whose dose it is.
    if len(names) <= 1:
        columns |= dose(row, names, context)
    if row["reported"]:
        context.flags.append("reported")
    if not drugs.coded and not drugs.named:
        yield columns
    for concept in drugs.coded:
        yield {**_drug(concept), **columns}
    if drugs.named:
        context.doubt("from_text", FROM_TEXT)
    for concept in drugs.named:
        yield {**_drug(concept), **columns}


def _counts(row: Row, context: Context) -> bool:
    """Whether status and intent let it count; what FHIR does not know is reported."""
    if not row["intent_known"]:
        context.unmapped.append(Unmapped("code", INTENT, str(row["intent"] or ""), "intent"))
        return False
    if not row["status_known"]:
        context.unmapped.append(Unmapped("code", STATUS, str(row["status"] or ""), "status"))
    if not row["status_known"] or row["status"] == "unknown":
        context.flags.append("status_unknown")
    return True


def _drug(concept: Concept) -> Columns:
    system, _, code = concept.token.partition("|")
    return {
        "ingredient": concept.display,
        "drug_class": concept.label,
        "code_system": system,
        "code": code,
    }


@dataclass(frozen=True, slots=True)
class _Drugs:
    """The drugs that codes state, and those that only text names."""

    coded: list[Concept]
    named: list[Concept]


def _drugs(row: Row, context: Context) -> _Drugs:
    coded = _coded(row["code"] or [], context)
    url = context.value_set("drug")
    texts = [*(row["display"] or ()), *(row["texts"] or ()), row["reference_display"] or ""]
    # A note may be about any other drug, where the medication says what it is.
    if not any(text.strip() for text in texts) and not row["target_id"]:
        texts = list(row["notes"] or ())
    found = {text: named(context.terminology, url, text) for text in dict.fromkeys(texts) if text}
    accepted = distinct(
        concept
        for text, concepts in found.items()
        if concepts and not guarded(text)
        for concept in concepts
    )
    if accepted and not coded:
        _report_codes(row, context)
    elif not coded:
        denied = ((text, concepts[0]) for text, concepts in found.items() if concepts)
        context.unmapped += [Unmapped("value", "", c.display, text[:SHOWN]) for text, c in denied]
    known = {concept.display for concept in coded}
    return _Drugs(coded, [concept for concept in accepted if concept.display not in known])


def _coded(tokens: list[str], context: Context) -> list[Concept]:
    """Ingredients by their own codes, then those that products' codes translate to.

    All of them: a product may be of two drugs, and codings may be of several ingredients.
    """
    members = context.terminology.value_sets[context.value_set("drug")]
    spelled = [context.terminology.spellings(token) for token in tokens]
    own = [members[each[0]] for each in spelled if each[0] in members]
    translated = [members[token] for each in spelled for token in each[1:] if token in members]
    return distinct([*own, *translated])


def _report_codes(row: Row, context: Context) -> None:
    """The codings of a medication that only its text identified."""
    displays = [*(row["display"] or ())]
    for token, display in zip(row["code"] or (), displays, strict=False):
        system, _, code = token.partition("|")
        if code:
            context.unmapped.append(Unmapped("code", system, code, display[:SHOWN]))


def link(row: Row, _: Context) -> Iterator[Columns]:
    """A reference that the reader of a patient's facts resolves."""
    if row["target_id"]:
        yield {name: row[name] for name in ("role", "target_type", "target_id")}


def medication(row: Row, context: Context) -> Iterator[Columns]:
    """Medication -> medication: the drugs of interest and the radioiodine it consists of."""
    contents = {
        "code": [*(row["code"] or ()), *(row["ingredient"] or ())],
        "display": [*(row["display"] or ()), *(row["ingredient_display"] or ())],
        "texts": [text for name in PARTS for text in row[name] or ()],
        **dict.fromkeys(("reference_display", "notes", "target_id")),
    }
    drugs = _drugs(contents, context)
    for concept in drugs.coded:
        yield {"ingredient": concept.display, "drug_class": concept.label}
    iodine = context.concept("radioiodine", contents["code"])
    if iodine:
        yield {"isotope": "I-131", "purpose": iodine.label.lower()}
    if drugs.named:
        context.doubt("from_text", FROM_TEXT)
    for concept in drugs.named:
        yield {"ingredient": concept.display, "drug_class": concept.label}


PARTS = ("texts", "ingredient_texts", "reference_displays")
"""Where a Medication and its ingredients are named."""
