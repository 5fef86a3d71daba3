"""Laboratory results: thyroglobulin, its antibody, thyrotropin.

A result is read from its number; from its text only where it has none, with less confidence. What
has a unit that the table does not know, or none where the site declares none, is refused; what says
no value that we can read is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from adapter.errors import InvalidValue
from adapter.mapping.context import Columns, Context, Row, decimal
from adapter.mapping.lab_text import LabText, lab_text
from adapter.mapping.mapped import Unmapped
from adapter.mapping.names import named
from adapter.mapping.terminology import Concept
from adapter.mapping.units import UnitTable

FROM_TEXT = 0.7
"""Confidence in a value that was read from text."""
CONTRADICTED = 0.5
"""Confidence in a number beside which the text says something else."""
SHOWN = 40
"""Characters of a text that a report of unmapped values shows."""


def lab_result(row: Row, context: Context) -> Iterator[Columns]:
    """Observation, or a component of one -> lab_result.

    A code that is no analyte's but is called like one is reported.
    """
    # The view of look-alikes has no value; a malformed code can be an analyte's all the same.
    if "value" not in row:
        context.recurring(row, _report_look_alikes)
        return
    stated = context.recurring(row, _stated)
    if stated:
        assay = "|".join((stated["code"], row["method"] or "", row["performer"] or ""))
        yield {**stated, "assay": assay, **context.effective(row)}


def _stated(row: Row, context: Context) -> Columns:
    """The columns of the analyte and its value; {} without one, which is reported."""
    concept = context.concept("lab-analyte", row["code"])
    if concept is None:
        _report_look_alikes(row, context)
        return {}
    result = _Result(row, context, concept.label)
    quantity = result.quantity()
    if not quantity:
        result.report()
        return {}
    return {
        "analyte": concept.label,
        "code": concept.token.partition("|")[2],
        **quantity,
        "reference_high": result.reference_high(str(quantity["unit_sent"])),
        "interpretation": _interpretation(row, context),
    }


@dataclass(frozen=True, slots=True)
class _Result:
    """The value of a result and what stands around it."""

    row: Row
    context: Context
    analyte: str

    @property
    def table(self) -> UnitTable:
        return self.context.units[self.analyte]

    def quantity(self) -> Columns:
        """The columns of the value; {} where it states none. Raises InvalidValue."""
        if self.row["value"] is None:
            return self._stated_in_text()
        value = decimal(self.row["value"])
        if value < 0:
            raise InvalidValue(f"a negative value for {self.analyte}")
        stated = {**self.row, "value_unit": self._unit() or self._range_unit()}
        if self.row["value_text"]:
            self._compare(stated, str(self.row["value_text"]))
        return self.context.quantity(stated, self.analyte)

    def _compare(self, stated: Columns, text: str) -> None:
        """A text beside the number may add a comparator; what else it says differently is a doubt.

        FHIR allows one value; senders of HL7 v2 leave both.
        """
        said, unit = self._read(text), stated["value_unit"]
        comparator = stated["value_comparator"] or ""
        comparator = "" if comparator == "=" else comparator
        if said is None or self.table.convert(said.value, said.unit or unit) != self.table.convert(
            decimal(stated["value"]), unit
        ):
            self.context.doubt("text_contradicts_value", CONTRADICTED)
        elif said.comparator and not comparator:
            self.context.flags.append("comparator_from_text")
            stated["value_comparator"] = said.comparator
        elif said.comparator != comparator:
            self.context.doubt("text_contradicts_value", CONTRADICTED)

    def _unit(self) -> str:
        """Of Quantity.code and Quantity.unit the one that the table knows."""
        stated = [str(self.row[name] or "") for name in ("value_unit", "value_unit_text")]
        known = [unit for unit in stated if self.table.knows(unit)]
        if len({self.table.factor(unit) for unit in known}) > 1:
            raise InvalidValue("the value's code and unit contradict each other")
        return next((unit for unit in (*known, *stated) if unit.strip()), "")

    def _range_unit(self) -> str:
        """The one unit of the reference ranges, where the site says that it is the value's too."""
        if not self.table.of_range:
            return ""
        texts = (lab_text(text) for text in self.row["reference_texts"] or ())
        stated: list[str] = [*(self.row["reference_units"] or ())]
        stated += [said.unit for said in texts if said]
        known = [unit for unit in stated if self.table.knows(unit)]
        if len({self.table.factor(unit) for unit in known}) != 1:
            return ""
        self.context.flags.append("unit_of_reference_range")
        return known[0]

    def _texts(self) -> list[str]:
        texts = (self.row["value_text"], self.row["value_concept_text"])
        return [str(text).strip() for text in texts if text and str(text).strip()]

    def _read(self, text: str) -> LabText | None:
        """The value that the text states in a unit of this analyte, or in none."""
        found = lab_text(text)
        return found if found and (not found.unit or self.table.knows(found.unit)) else None

    def _stated_in_text(self) -> Columns:
        for text in self._texts():
            found = self._read(text)
            if found:
                self.context.doubt("value_from_text", FROM_TEXT)
                stated = {
                    "value": found.value,
                    "value_unit": found.unit or self._range_unit(),
                    "value_comparator": found.comparator,
                }
                return {**self.context.quantity(stated, self.analyte), "value_sent": text}
        return {}

    def report(self) -> None:
        """Say what stands where the value should be; a panel or a stated absence need no word."""
        unmapped = self.context.unmapped
        for token in self.row["value_codes"] or ():
            system, _, code = token.partition("|")
            unmapped.append(Unmapped("value", system, code, self.analyte))
        texts = self._texts()
        if texts:
            unmapped.append(Unmapped("value", "", self.analyte, f"text: {texts[0][:SHOWN]}"))
        elif self.row["attachment"]:
            unmapped.append(Unmapped("value", "", self.analyte, "an attachment"))
        elif not (self.row["value_codes"] or self.row["explained"]):
            unmapped.append(Unmapped("value", "", self.analyte, "no value that can be read"))

    def reference_high(self, unit: str) -> Decimal | None:
        """The upper limit in the standard unit; of several that differ, the first (flagged)."""
        highs = list(dict.fromkeys(self._highs(unit)))
        if len(highs) > 1:
            self.context.flags.append("several_reference_ranges")
        return highs[0] if highs else None

    def _highs(self, unit: str) -> Iterator[Decimal]:
        units = self.row["reference_units"] or ()
        for high, own in zip(self.row["reference_highs"] or (), units, strict=True):
            # A range in words of another unit says nothing about this value.
            if not own.strip() or self.table.knows(own):
                yield self.table.convert(decimal(high), own.strip() or unit)
        for text in () if self.row["reference_highs"] else self.row["reference_texts"] or ():
            said = self._read(text)
            if said and said.comparator.startswith("<"):
                yield self.table.convert(said.value, said.unit or unit)


def _interpretation(row: Row, context: Context) -> str:
    """HL7's code, from any coding or word that says it; else the first code as sent."""
    codes, texts = row["interpretation"] or [], row["interpretation_texts"] or []
    found = context.concept("interpretation", codes)
    if found is None:
        url = context.value_set("interpretation")
        found = next((c for text in texts for c in named(context.terminology, url, text)), None)
    if found:
        return found.token.partition("|")[2]
    return str(codes[0]).partition("|")[2] if codes else ""


def _report_look_alikes(row: Row, context: Context) -> None:
    if context.concept("lab-other", row["code"]):
        return
    url = context.value_set("lab-analyte")
    texts = [*(row["display"] or ()), row["text"] or ""]

    def analytes(text: str) -> list[Concept]:
        return named(context.terminology, url, text)

    name = next((text for text in texts if context.once("analyte", text, analytes)), "")
    for token in (row["code"] or ("|",)) if name else ():
        system, _, code = token.partition("|")
        context.unmapped.append(Unmapped("code", system, code, name))
