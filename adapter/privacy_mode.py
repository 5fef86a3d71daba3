"""How much of a patient's data is kept."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """IDENTIFIED: all. LIMITED: a HIPAA limited data set (45 CFR 164.514(e)): dates, city, state
    and postal code stay, what identifies directly goes. SAFE_HARBOR: 45 CFR 164.514(b)(2)."""

    IDENTIFIED = "identified"
    LIMITED = "limited"
    SAFE_HARBOR = "safe_harbor"
