"""References as they stand in resources: to what they lead on the same server. Pure.

http://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


def target(reference: object, base: str) -> str | None:
    """`Type/id` of a literal reference, relative or to the server of this base; else None."""
    if not isinstance(reference, str):
        return None
    found = _RELATIVE.fullmatch(reference.strip().removeprefix(f"{base}/"))
    return f"{found[1]}/{found[2]}" if found else None


def targets(
    resource: Mapping[str, Any], elements: Iterable[str], base: str
) -> Iterator[str | None]:
    """`Type/id`, or None where it leads elsewhere, of each reference in these elements.

    References within the resource (`#id`) are left out.
    """
    for name in elements:
        # Most resources have none of them.
        if (value := resource.get(name)) is None:
            continue
        for each in value if isinstance(value, list) else (value,):
            stated = each.get("reference") if isinstance(each, dict) else None
            if isinstance(stated, str) and not stated.startswith("#"):
                yield target(stated, base)


def patient(resource: Mapping[str, Any], base: str) -> str | None:
    """The id of the patient whose resource it is; None where it does not say so."""
    for found in targets(resource, ("subject", "patient"), base):
        if found and found.startswith("Patient/"):
            return found[8:]
    return None
