"""What a report was made of, as a Provenance: the Measure, the data and the software."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from adapter.elements import Json, concept, extension_value
from adapter.measures.definition import MeasureDefinition

PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_VERSION = "urn:raiway:data-version"


def provenance(report: Json, measure: MeasureDefinition, software: str) -> Json:
    """The Provenance of a report as the writer gives it: the same report, the same Provenance.

    It names the reporter, the software, the Measure's version, and the fingerprint of the data
    where the report does, which one that is withheld does not.
    """
    target = f"MeasureReport/{report['id']}"
    used = {"type": "Measure", "identifier": {"value": measure.canonical}}
    return {
        "resourceType": "Provenance",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{target}/Provenance")),
        "target": [{"reference": target}],
        "recorded": report["date"],
        "activity": {"text": "measure evaluation"},
        "agent": [
            {
                "type": concept(PARTICIPANT, "assembler"),
                "who": {"type": "Device", "display": software},
                "onBehalfOf": report["reporter"],
            }
        ],
        "entity": [{"role": "derivation", "what": used}, *_data(report, measure)],
    }


def _data(report: Json, measure: MeasureDefinition) -> Iterator[Json]:
    url = measure.extension_url("data-version")
    for stated in report["extension"]:
        if stated["url"] == url:
            fingerprint = extension_value(stated, "fingerprint")
            what = {"identifier": {"system": DATA_VERSION, "value": fingerprint}}
            yield {"role": "source", "what": what}
