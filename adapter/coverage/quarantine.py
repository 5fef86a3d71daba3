"""Quarantined lines: their reasons, counted, and the units that nothing knows among them."""

from __future__ import annotations

import re

from adapter.mapping.mapped import Unmapped
from adapter.mapping.stamp import patient_id, patient_key

# The messages of `adapter.mapping.units`; a spec test meets both through real results.
_UNKNOWN = re.compile(r"unknown unit (?P<quoted>'.*'|\".*\"|…) for (?P<name>\S+)")
_MISSING = re.compile(r"no unit for (?P<name>\S+)")
_PLACE = re.compile(r"\bat (byte|character) \d+")
_VIEW = re.compile(r" as (\w+)$")


def reason_of(reason: str) -> str:
    """The reason without the place in the line, so that lines of one kind count together."""
    return _PLACE.sub(r"at a \1", reason)


def unit_of(reason: str, path: str) -> Unmapped | None:
    """The unit that kept a line out of a fact table; None for any other reason.

    path: the place as the mapping names it, `Observation as lab_result`. The display is the name of
    the unit table; a missing unit has no code.
    """
    unknown, missing = _UNKNOWN.fullmatch(reason), _MISSING.fullmatch(reason)
    found, view = unknown or missing, _VIEW.search(path)
    if not found or not view:
        return None
    unit = unknown["quoted"].strip("'\"") if unknown else ""
    return Unmapped("unit", "", unit, found["name"], view[1])


def patient_of(resource: object, site: str) -> str:
    """The store's key of the patient whom a quarantined resource names, or ''."""
    try:
        found = patient_id(resource) if isinstance(resource, dict) else ""
    except (KeyError, TypeError):
        return ""
    return patient_key(site, found) if found else ""
