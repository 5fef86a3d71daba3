"""The answer that every contestant gives, and whether two answers are the same.

A row of thyroglobulin is (patient, day, value, unit, comparator), a row of a variant is (patient,
gene, p.HGVS, allele fraction). Answers are compared as multisets of rows, whatever their order,
after what tools write in different ways is written in one: 1.10 and 1.1, p.(Val600Glu) and V600E.
Only the standard library, so that it runs in the environment of every contestant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

SITE = "B"
"""The site under which Raiway loads the data: the store's name of a patient depends on it."""
ZONE = "Etc/GMT+5"
"""The zone of the benchmark's hospital: five hours behind UTC in every season."""
CURRENT = ("final", "amended", "corrected", "preliminary")
"""Statuses of an Observation that states something."""

LOINC = "http://loinc.org"
THYROGLOBULIN = ("3013-0", "96460-1")
"""LOINC codes of the mass of thyroglobulin in serum that the benchmark's hospital uses."""
VARIANT, GENE, P_HGVS, ALLELE_FRACTION = "69548-6", "48018-6", "48005-3", "81258-6"

VALUE_IN_TEXT = r"^\s*(<=|>=|<|>)?\s*([0-9]+(?:\.[0-9]+)?)\s*(\S+)\s*$"
"""A value written as text, `<0.2 ng/mL`: comparator, number, unit."""

Number = float | int | str | Decimal | None

_PLACES = 6
_MODULUS = 1 << 128
_AMINO_ACIDS = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G",
    "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S",
    "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V",
}  # fmt: skip
_RESIDUE = re.compile("|".join(_AMINO_ACIDS))


class Thyroglobulin(NamedTuple):
    """One result as sent; the day is the first ten characters of the effective time."""

    patient: str
    day: str
    value: Number
    unit: str
    comparator: str


class Variant(NamedTuple):
    """One gene of a variant Observation; fraction is between 0 and 1, or None."""

    patient: str
    gene: str
    p_hgvs: str
    fraction: Number


@dataclass(slots=True)
class Tally:
    """A multiset of rows as two counts and a digest: equal rows in any order give equal tallies.

    hashed_patients: rows name a patient as Raiway's store does, not by the resource's id.
    """

    hashed_patients: bool = False
    thyroglobulin: int = 0
    variants: int = 0
    digest: int = 0
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    def add(self, rows: Iterable[Thyroglobulin | Variant]) -> Tally:
        """Count the rows in; returns itself."""
        for row in rows:
            if isinstance(row, Thyroglobulin):
                self.thyroglobulin += 1
                stated = ["Tg", row.day, _number(row.value), row.unit, row.comparator]
            else:
                self.variants += 1
                stated = ["var", row.gene, protein_change(row.p_hgvs), _number(row.fraction)]
            self._take("|".join((self._name(row.patient), *stated)).encode())
        return self

    def result(self) -> dict[str, int | str]:
        """The counts and the digest, to print and compare."""
        counts = {"thyroglobulin": self.thyroglobulin, "variants": self.variants}
        return {**counts, "digest": f"{self.digest:032x}"}

    def _take(self, line: bytes) -> None:
        hashed = hashlib.blake2b(line, digest_size=16).digest()
        # A sum, not an exclusive or: a row that is there twice must not vanish.
        self.digest = (self.digest + int.from_bytes(hashed, "big")) % _MODULUS

    def _name(self, patient: str) -> str:
        if self.hashed_patients:
            return patient
        if patient not in self._names:
            self._names[patient] = hashlib.sha256(f"{SITE}|{patient}".encode()).hexdigest()[:24]
        return self._names[patient]


def _number(value: Number) -> str:
    return "" if value is None else f"{float(value):.{_PLACES}f}".rstrip("0").rstrip(".")


def protein_change(text: str) -> str:
    """A p.HGVS with one letter for each residue, without accession, `p.` and parentheses."""
    bare = text.rpartition(":")[2].removeprefix("p.").replace("(", "").replace(")", "")
    return _RESIDUE.sub(lambda residue: _AMINO_ACIDS[residue[0]], bare)
