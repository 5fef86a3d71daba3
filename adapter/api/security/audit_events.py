"""Events of the audit as rows, and as FHIR R4 AuditEvent (http://hl7.org/fhir/R4/auditevent.html)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from adapter.api.operational.metadata import metadata
from adapter.elements import Json

Action = Literal["C", "R", "U", "D", "E"]
Outcome = Literal["0", "4", "8", "12"]
"""Success; minor failure (the client's); serious failure (the server's); major."""

TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
RESTFUL = "http://hl7.org/fhir/restful-interaction"
OUR_SUBTYPES = "urn:raiway:audit"
ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
AGENT_IDS = "urn:raiway:principal"
AUTHENTICATION = ("token", "login", "logout")
RESTFUL_CODES = (
    *("create", "read", "update", "delete", "vread", "history-instance", "history-type"),
    *("history-system", "search-type", "batch", "transaction", "operation"),
)
LOGIN_CODES = {"login": "110122", "logout": "110123"}
_IP = "2"  # http://hl7.org/fhir/network-type

audit_event = Table(
    "server_audit_event",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("recorded", BigInteger, nullable=False, index=True),
    Column("agent", String(160), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("action", String(1), nullable=False),
    Column("interaction", String(64), nullable=False),
    Column("resource_type", String(64), nullable=False),
    Column("route", String(200), nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", String(2), nullable=False),
    Column("address", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("entities", Text, nullable=False),
    Column("chain_number", BigInteger, nullable=False),
    Column("chain_hash", String(64), nullable=False),
)
"""recorded: epoch milliseconds. entities: references as a JSON array. chain_*: the line of the
audit's file, 0 and '' without one."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody did.

    Attributes:
        agent: the principal's id; '' for one who was not let in.
        interaction: a code of restful-interaction, an operation's name, or one of AUTHENTICATION.
        route: the template of the URL, without ids and query.
        entities: what was given out or changed, as references `MeasureReport/…`.
    """

    agent: str
    kind: str
    action: Action
    interaction: str
    resource_type: str
    route: str
    status: int
    outcome: Outcome
    address: str = ""
    request_id: str = ""
    entities: tuple[str, ...] = ()

    def line(self, recorded: datetime) -> Json:
        """The members of its line in the file: counts instead of references, no address."""
        return {
            "time": recorded.isoformat(timespec="milliseconds"),
            "who": self.agent,
            "kind": self.kind,
            "action": self.action,
            "interaction": self.interaction,
            "type": self.resource_type,
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "count": len(self.entities),
            "request": self.request_id,
        }

    def row(self) -> Json:
        """Its columns, but for what the trail adds."""
        return {
            "agent": self.agent,
            "kind": self.kind,
            "action": self.action,
            "interaction": self.interaction,
            "resource_type": self.resource_type,
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "address": self.address,
            "request_id": self.request_id,
            "entities": orjson.dumps(self.entities).decode(),
        }


def resource(row: Any, observer: str) -> Json:
    """The AuditEvent of a row. observer: the server that saw it."""
    agent: Json = {
        "who": {"identifier": {"system": AGENT_IDS, "value": row.agent or "unknown"}},
        "requestor": True,
    }
    if row.agent:
        agent["name"] = row.agent
    if row.address:
        agent["network"] = {"address": row.address, "type": _IP}
    recorded = datetime.fromtimestamp(row.recorded / 1000, UTC).isoformat(timespec="milliseconds")
    entities = [_entity(reference) for reference in orjson.loads(row.entities)]
    return {
        "resourceType": "AuditEvent",
        "id": row.id,
        "meta": {"versionId": "1", "lastUpdated": recorded},
        "type": event_type(row.interaction),
        "subtype": subtypes(row.interaction),
        "action": row.action,
        "recorded": recorded,
        "outcome": row.outcome,
        "outcomeDesc": f"{row.status} {row.route}",
        "agent": [agent],
        "source": {"observer": {"display": observer}},
        **({"entity": entities} if entities else {}),
    }


def event_type(interaction: str) -> Json:
    """AuditEvent.type: RESTful operation, or user authentication."""
    if interaction in AUTHENTICATION:
        return {"system": DICOM, "code": "110114", "display": "User Authentication"}
    return {"system": TYPES, "code": "rest", "display": "RESTful Operation"}


def subtypes(interaction: str) -> list[Json]:
    """AuditEvent.subtype; of an operation also its name."""
    if interaction in LOGIN_CODES:
        display = interaction.capitalize()
        return [{"system": DICOM, "code": LOGIN_CODES[interaction], "display": display}]
    if interaction in RESTFUL_CODES:
        return [{"system": RESTFUL, "code": interaction}]
    ours = {"system": OUR_SUBTYPES, "code": interaction}
    if interaction in AUTHENTICATION:
        return [ours]
    return [{"system": RESTFUL, "code": "operation"}, ours]


def _entity(reference: str) -> Json:
    return {
        "what": {"reference": reference},
        "type": {"system": ENTITY_TYPES, "code": "2", "display": "System Object"},
    }
