"""View rows -> fact rows: one small function for each fact table.

A ViewDefinition says where things lie in a resource; these functions say what they mean, with the
terminology, units and calendar of the site. A value that cannot be true raises InvalidValue and
the resource is quarantined; a code or text that nothing maps is reported and leaves no fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from adapter.errors import InvalidValue
from adapter.mapping import hgvs
from adapter.mapping.dates import Span, span
from adapter.mapping.mapped import Unmapped
from adapter.mapping.terminology import Concept, Terminology
from adapter.mapping.units import UnitTable

Row = Mapping[str, Any]
Columns = dict[str, Any]


@dataclass(slots=True)
class Context:
    """What the functions need beside the row, and what they report."""

    terminology: Terminology
    units: Mapping[str, UnitTable]
    zone: tzinfo
    value_set: Callable[[str], str]
    unmapped: list[Unmapped] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def concept(self, value_set: str, tokens: list[str] | None) -> Concept | None:
        return self.terminology.find(self.value_set(value_set), tokens or ())

    def concept_or_report(self, value_set: str, tokens: list[str] | None) -> Concept | None:
        """The concept, or None after the codings are reported as unmapped."""
        found = self.concept(value_set, tokens)
        if found is None:
            for token in tokens or ():
                system, _, code = token.partition("|")
                self.unmapped.append(Unmapped("code", system, code))
        return found

    def date(self, name: str, *texts: str | None) -> Columns:
        """The three columns of the first date that is there; none leaves them empty."""
        text = next((text for text in texts if text), None)
        if text is None:
            return {f"{name}_precision": ""}
        return self._span(name, text).columns(name)

    def _span(self, name: str, text: str) -> Span:
        try:
            found = span(text, self.zone)
        except InvalidValue as error:
            raise InvalidValue(f"{error.what} in {name}", hint=error.hint) from error
        if found.carried_offset:
            self.flags.append("offset")
        return found

    def effective(self, row: Row) -> Columns:
        """Observation.effective[x]; without one, issued (flagged)."""
        stated = (row["effective"], row["effective_instant"], row["effective_start"])
        if not any(stated) and row["issued"]:
            self.flags.append("date_from_issued")
        return self.date("date", *stated, row["issued"])

    def quantity(self, row: Row, table: str, name: str = "value") -> Columns:
        """The value in the standard unit as an interval, and as sent; {} without a value."""
        value = row[name]
        if value is None:
            return {}
        standard = self.units[table].convert(Decimal(str(value)), row[f"{name}_unit"] or "")
        low, high = interval(standard, row[f"{name}_comparator"] or "")
        return {
            "value_sent": str(value),
            "unit_sent": row[f"{name}_unit"] or "",
            "comparator": row[f"{name}_comparator"] or "",
            "value_low": low,
            "value_high": high,
            "unit": self.units[table].standard,
        }


def interval(value: Decimal, comparator: str) -> tuple[Decimal | None, Decimal | None]:
    """A value with a comparator as an interval; None is an open end."""
    match comparator:
        case "":
            return value, value
        case "<" | "<=":
            return Decimal(0), value
        case ">" | ">=":
            return value, None
        case _:
            raise InvalidValue(f"comparator {comparator!r} is not one of FHIR's")


def label(name: str) -> str:
    """A value set's name as a category: NoCall -> no_call."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


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
    """Patient.deceased -> death."""
    yield context.date("date", row["effective"])


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


def biomarker(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> biomarker."""
    concept = context.concept("biomarker", row["code"])
    if concept is None or row["value"] is None:
        return
    percent = concept.label == "PDL1"
    unit = row["value_unit"] or ""
    value = Decimal(str(row["value"]))
    yield {
        "marker": concept.label,
        "code": concept.token.partition("|")[2],
        "value": context.units["percent"].convert(value, unit) if percent else value,
        "unit": context.units["percent"].standard if percent else unit,
        **context.effective(row),
    }


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


def visit(row: Row, context: Context) -> Iterator[Columns]:
    """Encounter -> visit; the day of its end where the stay has one."""
    yield {
        "visit_class": row["visit_class"] or "",
        **context.date("date", row["effective_end"], row["effective"]),
    }


def variant_result(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> variant_result, one row for each gene."""
    call = context.concept("variant-call", row["call"])
    gene = context.concept("gene", [_hgnc(token) for token in row["gene"] or ()])
    symbol = gene.display if gene else row["gene_text"] or row["gene_display"] or ""
    if gene and row["gene_display"] and row["gene_display"] != gene.display:
        context.flags.append("gene_display_differs")
    p_hgvs = hgvs.protein_change(row["p_hgvs"])
    vaf = row["vaf"]
    if vaf is not None:
        vaf = context.units["fraction"].convert(Decimal(str(vaf)), row["vaf_unit"] or "1")
    yield {
        "call": label(call.label) if call else "unknown",
        "gene": symbol,
        "hgnc": gene.token.partition("|")[2] if gene else "",
        "label": row["label"] or row["gene_text"] or "",
        "p_hgvs": p_hgvs,
        "c_hgvs": hgvs.coding_change(row["c_hgvs"]),
        "g_hgvs": row["g_hgvs"] or "",
        "kind": _variant_kind(row, p_hgvs),
        "vaf_fraction": vaf,
        "origin": row["origin"] or "",
        "method": row["method"] or "",
        **context.effective(row),
    }


def _hgnc(token: str) -> str:
    """Bare HGNC numbers occur: `…|1097` is `…|HGNC:1097`."""
    system, _, code = token.partition("|")
    return f"{system}|HGNC:{code}" if code.isdigit() else token


def _variant_kind(row: Row, p_hgvs: str) -> str:
    if row["copy_number"]:
        return "CNV"
    coding = hgvs.coding_change(row["c_hgvs"])
    if coding.startswith("c.-") and not p_hgvs:
        return "promoter"
    if coding or p_hgvs or row["g_hgvs"]:
        return "indel" if re.search(r"del|ins|dup|fs", coding + p_hgvs) else "SNV"
    return "unspecified"
