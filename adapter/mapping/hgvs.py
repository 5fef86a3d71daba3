"""Protein changes in one-letter form: `NP_004324.2:p.(Val600Glu)` and `p.V600E` -> `V600E`.

HGVS nomenclature (varnomen.hgvs.org). Predicted changes in parentheses read as the change.
"""

from __future__ import annotations

import re

THREE_TO_ONE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E",
    "Gly": "G", "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F",
    "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V", "Ter": "*",
}  # fmt: skip
_PREFIX = re.compile(r"^(?:[NX]P_[\d.]+|ENSP[\d.]+|LRG_\w+)(?:\([A-Z0-9-]+\))?:")
_RESIDUE = re.compile("|".join(THREE_TO_ONE))


def protein_change(text: str | None) -> str:
    """The change without accession, `p.` and parentheses, one-letter; '' if there is none."""
    if not text:
        return ""
    change = _PREFIX.sub("", text.strip()).removeprefix("p.").strip("()")
    return _RESIDUE.sub(lambda residue: THREE_TO_ONE[residue.group()], change)


def coding_change(text: str | None) -> str:
    """The c. description without its transcript: `NM_004333.6:c.1799T>A` -> `c.1799T>A`."""
    if not text:
        return ""
    return text.strip().rpartition(":")[2]
