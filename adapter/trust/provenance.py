"""The Provenance that carries a release's signature, as the header `X-Provenance` takes it.

FHIR R4 provenance.html 6.3.4.6 (the header), datatypes.html#signature. The signature covers the
exact bytes that are sent, not FHIR's canonical JSON, which turns 1.50 into 1.5.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from adapter.elements import Json, concept
from adapter.errors import GateFailed
from adapter.fhir_r4 import validated
from adapter.measures.definition import MeasureDefinition
from adapter.report.provenance import PARTICIPANT, provenance
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Claims, Release

HEADER = "X-Provenance"
AUTHOR = {"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.1"}
RELEASE = "urn:raiway:release"


def claimed_provenance(
    report: Json, measure: MeasureDefinition, software: str, claims: Claims
) -> Json:
    """What the report was made of and who answers for it, not signed yet.

    Agents: the reporter is its author, the software assembled it on the reporter's behalf. The
    release before it is an entity, by its hash.
    """
    found = provenance(report, measure, software)
    author = {"type": concept(PARTICIPANT, "author"), "who": report["reporter"]}
    before = {"identifier": {"system": RELEASE, "value": claims.previous}}
    revised = [{"role": "revision", "what": before}] if claims.previous else []
    return {
        **found,
        "agent": [author, *found["agent"]],
        "entity": [*found["entity"], *revised],
    }


def signed_provenance(
    report: Json, measure: MeasureDefinition, software: str, release: Release
) -> Json:
    """`claimed_provenance` with the signature."""
    signature = {
        "type": [AUTHOR],
        "when": release.claims.moment.isoformat(timespec="seconds"),
        "who": report["reporter"],
        "targetFormat": "application/fhir+json",
        "sigFormat": "application/jose",
        "data": b64encode(release.token.encode()).decode(),
    }
    found = claimed_provenance(report, measure, software, release.claims)
    return {**found, "signature": [signature]}


def header_value(resource: Json) -> str:
    """The Provenance on one line of ASCII, as a header's value must be."""
    return json.dumps(resource, separators=(",", ":"), ensure_ascii=True)


def token_of(text: str) -> str:
    """The signature in a Provenance, as text. Raises NotTrusted where there is not one of ours."""
    try:
        resource: Any = json.loads(text)
        (signature,) = resource["signature"]
        if resource["resourceType"] != "Provenance":
            raise ValueError("another resource")
        return b64decode(signature["data"], validate=True).decode("ascii")
    except (ValueError, KeyError, TypeError):
        raise NotTrusted("form", "no Provenance with one signature") from None


def check_provenance(text: str, report: Json) -> None:
    """Raises NotTrusted for a Provenance that is not valid FHIR, or is of another report.

    It is kept as the site's word on how the report was made; the signature does not cover it.
    """
    resource = json.loads(text)
    try:
        validated(resource)
    except GateFailed as error:
        raise NotTrusted("form", "the Provenance is not valid FHIR") from error
    if resource.get("target") != [{"reference": f"MeasureReport/{report.get('id')}"}]:
        raise NotTrusted("report", "the Provenance is of another report")
