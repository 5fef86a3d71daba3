"""The rows that are compared, from Raiway's columns."""

from __future__ import annotations

from benchmarks.contestants.extraction import from_text
from benchmarks.facts import Number, Thyroglobulin, Variant


def result(patient: str, day: str, sent: str, unit: str, comparator: str) -> Thyroglobulin:
    """A lab_result of thyroglobulin; `sent` is a number, or the whole text that was read."""
    if not sent[:1].isdigit() or " " in sent:
        return Thyroglobulin(patient, day, *from_text(sent))
    return Thyroglobulin(patient, day, sent, unit, comparator or "")


def variant(patient: str, gene: str, p_hgvs: str, fraction: Number) -> Variant:
    """A variant_result."""
    return Variant(patient, gene, p_hgvs or "", fraction)
