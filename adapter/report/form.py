"""The names of the forms that a report can be given in."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """The receivers' forms of one report (measure-report.md section 1)."""

    BASE = "base"
    DEQM = "deqm"
    DEQM_US = "deqm-us"
    SANER = "saner"
    MADX = "madx"
