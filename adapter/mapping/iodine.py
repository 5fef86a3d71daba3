"""Radioiodine given, as hospitals record it: one row for each record, with how good it is.

No US standard has a place for the activity given, so it is looked for where it may lie: the dose
of an administration, extensions, an Observation, units billed per mCi, notes. Records of one
administration are brought together in `analytics.exposure`; each keeps its own activity here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapter.mapping import attachments, iodine_text
from adapter.mapping.context import Columns, Context, Row, decimal
from adapter.mapping.iodine_text import Activity, Mention, nuclide, sentences_of
from adapter.mapping.mapped import Unmapped
from analytics.dose_records import DATE_OF_DOCUMENT, DISAGREEMENT, IMPLAUSIBLE

# An activity outside is rather a mistake of the unit or of the patient than a therapy.
PLAUSIBLE_MBQ = (Decimal(20 * 37), Decimal(600 * 37))
TEXT_CONFIDENCE = 0.5

_ISOTOPES = {"IodineI131": "I-131", "IodineI123": "I-123", "OtherNuclide": "other"}
_PURPOSES = {
    "TherapeuticRai": "therapeutic",
    "OralRadionuclide": "therapeutic",
    "DiagnosticRai": "diagnostic",
}
_BILLED = {
    "PerMillicurie": (Decimal(1), "mCi"),
    "PerMicrocurie": (Decimal(1), "uCi"),
    "PerHundredMicrocuries": (Decimal(100), "uCi"),
}
_UNSURE = frozenset({"in-progress", "unknown"})
_URI = "urn:ietf:rfc:3986"


def rai_administration(row: Row, context: Context) -> Iterator[Columns]:
    """Any record of radioiodine -> rai_administration (activity in MBq)."""
    if row["status"] in _UNSURE:
        context.flags.append("status_unsure")
    yield from _SHAPES[row["kind"]](row, context)


def _administered(row: Row, context: Context) -> Iterator[Columns]:
    """MedicationAdministration: by code, by name, or by a Medication that a link row names."""
    product = context.concept("radioiodine", row["code"])
    names = sentences_of(row, "name", "display", "reference")
    isotope = _isotope(context, row["code"] or [], names)
    sent = _object(row["dose"])
    # Any drug may be given by reference; only an activity makes it worth waiting for the link.
    awaited = bool(row["linked"]) and context.units["activity"].knows(_unit(sent))
    if isotope == "other" or not (product or isotope or awaited):
        return
    dose = _activity(sent, context, gray_is_refused=True) or _noted(row, context)
    purpose = product.label.lower() if product else _named_purpose(names)
    columns = {"evidence": "administered", "isotope": isotope, "purpose": purpose, **dose}
    yield {**_judged(columns, context), **_day(row, context)}


def _procedure(row: Row, context: Context) -> Iterator[Columns]:
    """Procedure: by its code, modality, technique, method or the substance used."""
    stated = [*(row["extension_code"] or ()), *(row["nested_code"] or ())]
    tokens = [*(row["code"] or ()), *stated]
    used = row["used"] or []
    names = sentences_of(row, "name", "text")
    kind = context.concept("procedure-rai", tokens)
    isotope = _isotope(context, [*used, *tokens], names)
    if not isotope and kind and kind.label == "OralRadionuclide":
        isotope = "I-131"
        context.flags.append("isotope_assumed")
    if not isotope and kind and kind.label == "DiagnosticRai":
        isotope = "I-131"
    if isotope == "other" or not (isotope or row["used_reference"]):
        return
    if context.concept("radiation-external", used):
        context.flags.append("used_code_is_external_radiation")
    dose = _extension_activity(row, context) or _noted(row, context)
    purpose = _PURPOSES.get(kind.label, "unknown") if kind else "unknown"
    if purpose == "unknown" and context.concept("diagnosis", row["reason"]):
        purpose = "therapeutic" if "diagnostic" not in " ".join(names).lower() else "diagnostic"
    if context.concept("intent-diagnostic", stated):
        purpose = "diagnostic"
    columns = {"evidence": "procedure", "isotope": isotope, "purpose": purpose, **dose}
    yield {**_judged(columns, context), **_day(row, context)}


def _observation(row: Row, context: Context) -> Iterator[Columns]:
    """Observation of the activity given, as its value or a component."""
    names = sentences_of(row, "name", "display", "text")
    isotope = _isotope(context, [*(row["code"] or ()), *(row["method"] or ())], names) or "I-131"
    sent = _object(row["dose"]) or _object(next(iter(row["part"] or ()), None))
    dose = _activity(sent, context)
    if isotope != "other" and dose:
        day = context.effective(row)
        columns = {
            "evidence": "observation",
            "isotope": isotope,
            "purpose": _named_purpose(names),
            **dose,
        }
        yield {**_judged(columns, context), **day}


def _charge(row: Row, context: Context) -> Iterator[Columns]:
    """ChargeItem or a claim's line: what is billed per mCi says how many mCi."""
    tokens, quantity = row["code"] or [], _object(row["quantity"])
    product = context.concept("radioiodine", tokens)
    billed = context.concept("charge-unit", tokens)
    dose: Columns = {}
    if context.units["activity"].knows(_unit(quantity)):
        dose = _activity(quantity, context)
    elif billed and quantity.get("value") is not None:
        factor, unit = _BILLED[billed.label]
        dose = _activity({"value": decimal(quantity["value"]) * factor, "unit": unit}, context)
    days = (row["effective"], row["effective_start"], row.get("billed"))
    if not any(days) and row["entered"]:
        context.flags.append("date_from_entered")
    day = context.date("date", *days, row["entered"])
    purpose = product.label.lower() if product else "therapeutic"
    isotope = _isotope(context, tokens, [])
    columns = {"evidence": "charge", "isotope": isotope, "purpose": purpose, **dose}
    yield {**_judged(columns, context), **day}


def _text(row: Row, context: Context) -> Iterator[Columns]:
    """DiagnosticReport, DocumentReference: sentences that say what was given."""
    texts = [*sentences_of(row, "text"), *attachments.texts(row["attachment"] or ())]
    for text in dict.fromkeys(texts):
        for mention in iodine_text.mentions(text):
            context.flags.clear()
            dose = _mentioned(mention, context)
            if not dose:
                continue
            day = _mentioned_day(mention, row, context)
            columns = {
                "evidence": "text",
                "isotope": mention.isotope,
                "purpose": mention.purpose,
                **dose,
            }
            yield {**_judged(columns, context), **day}


_SHAPES: dict[str, Callable[[Row, Context], Iterator[Columns]]] = {
    "administered": _administered,
    "procedure": _procedure,
    "observation": _observation,
    "charge": _charge,
    "text": _text,
}


def _judged(columns: Columns, context: Context) -> Columns:
    """The record, flagged where its activity is none that is given; another nuclide treats none."""
    if columns["isotope"] not in ("I-131", ""):
        columns["purpose"] = "diagnostic"
    activity = columns.get("activity_mbq")
    low, high = PLAUSIBLE_MBQ
    if activity is not None and columns["purpose"] != "diagnostic":
        too_little = columns["purpose"] == "therapeutic" and activity < low
        if too_little or activity > high:
            context.flags.append(IMPLAUSIBLE)
    return columns


def _isotope(context: Context, tokens: list[str], names: list[str]) -> str:
    found = context.concept("isotope", tokens)
    if found:
        return _ISOTOPES[found.label]
    return next((isotope for name in names if (isotope := nuclide(name))), "")


def _named_purpose(names: list[str]) -> str:
    text = " ".join(names).lower()
    return next(
        (purpose for purpose in ("therapeutic", "diagnostic") if purpose[:7] in text), "unknown"
    )


def _object(value: object) -> Mapping[str, Any]:
    """An element that is an object, as it shall be; hospitals send other things too."""
    return value if isinstance(value, Mapping) else {}


def _unit(sent: Mapping[str, Any]) -> str:
    return str(sent.get("code") or sent.get("unit") or "").strip()


def _activity(
    sent: Mapping[str, Any], context: Context, *, gray_is_refused: bool = False
) -> Columns:
    """A Quantity in MBq, with what was sent; an absorbed dose (Gy) is none, and flagged."""
    if sent.get("value") is None:
        return {}
    value, unit = decimal(sent["value"]), _unit(sent)
    as_sent: Columns = {"value_sent": str(sent["value"]), "unit_sent": unit}
    if context.units["dose"].knows(unit) and not gray_is_refused:
        context.flags.append("dose_in_gray")
        return as_sent
    if sent.get("comparator"):
        context.flags.append("activity_not_exact")
        return as_sent
    return {"activity_mbq": context.units["activity"].convert(value, unit), **as_sent}


def _extension_activity(row: Row, context: Context) -> Columns:
    """The total activity in an extension, else that of the single fraction; never their sum."""
    found: list[tuple[int, Mapping[str, Any]]] = []
    for each in (*(row["extension"] or ()), *(row["nested"] or ())):
        extension = _object(each)
        url, sent = str(extension.get("url")), _object(extension.get("valueQuantity"))
        concept = context.concept("administered-activity", [f"{_URI}|{url}"])
        if concept:
            found.append((concept.rank, sent))
        elif context.units["activity"].knows(_unit(sent)):
            context.unmapped.append(Unmapped("code", _URI, url, f"a Quantity in {_unit(sent)}"))
    return _activity(min(found, key=lambda each: each[0])[1], context) if found else {}


def _noted(row: Row, context: Context) -> Columns:
    """The activity in a record's notes; that of an earlier treatment is not the record's."""
    for text in sentences_of(row, "text", "name"):
        for mention in iodine_text.mentions(text, of_iodine=True):
            if not mention.past and (dose := _mentioned(mention, context)):
                return {**dose, "evidence": "text"}
    return {}


def _mentioned(mention: Mention, context: Context) -> Columns:
    """The activity of a mention; {} where its number can be read in two ways that make sense."""
    value = _meant(mention.activity, context)
    if value is None:
        return {}
    context.doubt("from_text", TEXT_CONFIDENCE)
    units, unit = context.units["activity"], mention.activity.unit
    activity = units.convert(value, unit)
    again = [(_meant(each, context), each.unit) for each in mention.restated]
    others = [units.convert(other, unit) for other, unit in again if other is not None]
    if any(abs(other - activity) > DISAGREEMENT * activity for other in others):
        context.flags.append("activity_disagreement")
    return {"activity_mbq": activity, "value_sent": str(value), "unit_sent": unit}


def _meant(stated: Activity, context: Context) -> Decimal | None:
    """Its one value: of 3,700 MBq and 3.700 GBq that which a therapy may have."""
    low, high = PLAUSIBLE_MBQ
    values = stated.values
    if len(values) > 1:
        units = context.units["activity"]
        values = tuple(v for v in values if low <= units.convert(v, stated.unit) <= high)
    return values[0] if len(values) == 1 else None


def _mentioned_day(mention: Mention, row: Row, context: Context) -> Columns:
    """The day that the sentence names; of history without a date none, else the document's."""
    if mention.day:
        return context.date("date", mention.day)
    if mention.past or mention.elsewhere:
        context.flags.append("history")
        return context.date("date")
    # Later documents tell of the same administration again; `derive` counts it once.
    context.flags.append(DATE_OF_DOCUMENT)
    return context.effective(row)


def _day(row: Row, context: Context) -> Columns:
    return context.date("date", row["effective"], row["effective_start"])
