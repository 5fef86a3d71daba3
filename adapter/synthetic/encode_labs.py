"""Thyroglobulin, its antibodies and TSH, as reported by the laboratory (`domain.md` 1.2, 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from adapter.synthetic.elements import Element, Resource, hl7, loinc, quantity
from adapter.synthetic.observations import laboratory
from adapter.synthetic.tables import Lab, Truth

THYROGLOBULIN = loinc("3013-0", "Thyroglobulin [Mass/volume] in Serum or Plasma")
_CODE = {
    "Tg": THYROGLOBULIN,
    "TgAb": loinc("8098-6", "Thyroglobulin Ab [Units/volume] in Serum or Plasma"),
    "TSH": loinc("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma"),
}
TGAB_UPPER_LIMIT = Decimal("1.8")
"""IU/mL; the limit of the one assay that this hospital uses."""

REVISED = {(4, "month3", "Tg"): "corrected", (11, "month6", "Tg"): "amended"} | {
    (7, "month3", "TSH"): "amended",
    (10, "baseline", "TgAb"): "corrected",
}
"""(patient's number, timepoint, analyte) → status of the results that were revised."""


def encode(truth: Truth) -> Iterator[Resource]:
    """One Observation per row of `labs.csv`."""
    for lab in truth.labs:
        yield _result(truth, lab)


def _result(truth: Truth, lab: Lab) -> Resource:
    return laboratory(
        f"{truth.patient_id}-{lab.analyte.lower()}-{lab.timepoint}",
        truth.patient_id,
        lab.day,
        _CODE[lab.analyte],
        status=REVISED.get((truth.number, lab.timepoint, lab.analyte), "final"),
        valueQuantity=_value(truth, lab),
        **(_judged(lab) if lab.analyte == "TgAb" else {}),
    )


def _value(truth: Truth, lab: Lab) -> Element:
    if lab.analyte == "TgAb":
        return quantity(lab.value, "[IU]/mL", "IU/mL", lab.comparator)
    if lab.analyte == "TSH":
        return quantity(lab.value, "m[IU]/L", "mIU/L", lab.comparator)
    return quantity(lab.value, _mass_unit(truth), comparator=lab.comparator)


def _mass_unit(truth: Truth) -> str:
    """ug/L for every third patient, else ng/mL: the same number in both."""
    return "ug/L" if truth.number % 3 == 0 else "ng/mL"


def _judged(lab: Lab) -> Element:
    positive = not lab.comparator and lab.value > TGAB_UPPER_LIMIT
    code, display = ("POS", "Positive") if positive else ("NEG", "Negative")
    return {
        "interpretation": [hl7("v3-ObservationInterpretation", code, display)],
        "referenceRange": [{"high": quantity(TGAB_UPPER_LIMIT, "[IU]/mL", "IU/mL")}],
    }
