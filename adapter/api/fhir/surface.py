"""What the facade offers, declared once: the CapabilityStatement and the routes are held to it.

Interactions: http://hl7.org/fhir/R4/valueset-type-restful-interaction.html. Search parameters of
R4 have the definitions of http://hl7.org/fhir/R4/searchparameter-registry.html; ours are those
below `CANONICAL_BASE`, whose base is the setting's when they are served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapter.api.fhir.search import SearchParameter
from adapter.api.fhir.search_values import Kind
from adapter.measures.load import CANONICAL_BASE

R4_DEFINITION = "http://hl7.org/fhir/SearchParameter/"
DEQM = "http://hl7.org/fhir/uv/deqm"
DEQM_US = "http://hl7.org/fhir/us/davinci-deqm"
SANER = "http://hl7.org/fhir/uv/saner"
INSTANTIATES = (f"{DEQM}/CapabilityStatement/receiver-server",)
GUIDES = (f"{DEQM}/ImplementationGuide/hl7.fhir.uv.deqm",)

Interaction = Literal[
    "read", "vread", "update", "delete", "history-instance", "history-type", "create", "search-type"
]
Level = Literal["system", "type", "instance"]
Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. levels: whether it is asked at the base, at a type, at one instance."""

    name: str
    definition: str
    levels: tuple[Level, ...]
    methods: tuple[Method, ...] = ("POST",)
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A resource type.

    Attributes:
        profile: canonical of the profile that all of the type meet, or ''.
        profiles: canonicals of those that one of the type may claim.
        conditional: are create, update and delete also offered by a search instead of an id?
    """

    type: str
    interactions: tuple[Interaction, ...]
    parameters: tuple[SearchParameter, ...]
    operations: tuple[Operation, ...] = ()
    profiles: tuple[str, ...] = ()
    versioning: Literal["no-version", "versioned", "versioned-update"] = "no-version"
    update_create: bool = False
    conditional: bool = False
    documentation: str = ""

    @property
    def by_name(self) -> dict[str, SearchParameter]:
        """Its search parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}


ID = SearchParameter("_id", "token", f"{R4_DEFINITION}Resource-id", ("id",))
LAST_UPDATED = SearchParameter(
    "_lastUpdated", "date", f"{R4_DEFINITION}Resource-lastUpdated", ("meta.lastUpdated",)
)

_CANONICAL: tuple[tuple[str, Kind], ...] = (
    ("url", "uri"),
    ("version", "token"),
    ("name", "string"),
    ("title", "string"),
    ("status", "token"),
    ("date", "date"),
    ("description", "string"),
)
# R4 defines these once for all terminology and conformance resources, and apart for others.
_OF_ITS_OWN = {"Measure", "Library"}


def _definitional(kind: str, documentation: str, *, in_r4: bool = True) -> Offered:
    prefix = kind if kind in _OF_ITS_OWN else "conformance"
    parameters = tuple(
        SearchParameter(name, of, f"{R4_DEFINITION}{prefix}-{name}" if in_r4 else "", (name,))
        for name, of in _CANONICAL
        if (kind, name) != ("SearchParameter", "title")
    )
    operations = (EVALUATE_MEASURE, EVALUATE) if kind == "Measure" else ()
    return Offered(
        kind,
        ("read", "search-type"),
        (ID, *parameters),
        operations,
        documentation=documentation,
    )


EVALUATE_MEASURE = Operation(
    "evaluate-measure",
    "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
    ("type", "instance"),
    ("GET", "POST"),
    "GET answers with the report; POST stores it too. Prefer: respond-async is taken.",
)
EVALUATE = Operation(
    "evaluate",
    f"{CANONICAL_BASE}/OperationDefinition/evaluate",
    ("type",),
    ("GET", "POST"),
    "DEQM UV: several measures and subjects at once, a Bundle for each.",
)
AGGREGATE = Operation(
    "aggregate",
    f"{CANONICAL_BASE}/OperationDefinition/aggregate",
    ("type", "instance"),
    ("POST",),
    "SANER: the report of all sites from the reports of each, added and then estimated.",
)
VALIDATE = Operation(
    "validate",
    "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    ("type",),
    ("POST",),
    "What the server checks of a report before it stores it.",
)


# What lies once in a report can order reports.
_ORDERS = {"date", "measure", "period", "status"}


def _report(name: str, kind: Kind, *paths: str, targets: tuple[str, ...] = ()) -> SearchParameter:
    definition = f"{R4_DEFINITION}MeasureReport-{name}"
    return SearchParameter(name, kind, definition, paths, targets, sortable=name in _ORDERS)


CATEGORY = SearchParameter(
    "measurereport-category",
    "token",
    f"{CANONICAL_BASE}/SearchParameter/measurereport-category",
    sortable=False,
)
MEASURE_TITLE = SearchParameter(
    "measure.title",
    "string",
    documentation="SANER: the title of the measure, a chained search.",
    sortable=False,
)
REPORTERS = ("Organization", "Practitioner", "PractitionerRole", "Location")
SUBJECTS = ("Patient", "Practitioner", "PractitionerRole", "Location", "Device", "RelatedPerson",
            "Group")  # fmt: skip

MEASURE_REPORT = Offered(
    "MeasureReport",
    ("read", "vread", "update", "delete", "history-instance", "history-type", "create",
     "search-type"),
    (
        ID,
        LAST_UPDATED,
        _report("date", "date", "date"),
        _report("evaluated-resource", "reference", "evaluatedResource"),
        _report("identifier", "token", "identifier"),
        _report("measure", "reference", "measure", targets=("Measure",)),
        _report("patient", "reference", "subject", targets=("Patient",)),
        _report("period", "date", "period"),
        _report("reporter", "reference", "reporter", targets=REPORTERS),
        _report("status", "token", "status"),
        _report("subject", "reference", "subject", targets=SUBJECTS),
        CATEGORY,
        MEASURE_TITLE,
    ),
    (AGGREGATE, VALIDATE),
    profiles=(
        f"{DEQM}/StructureDefinition/deqm-summarymeasurereport",
        f"{DEQM}/StructureDefinition/deqm-individualmeasurereport",
        f"{DEQM}/StructureDefinition/deqm-subjectlistmeasurereport",
        f"{DEQM_US}/StructureDefinition/summary-measurereport-deqm",
        f"{SANER}/StructureDefinition/PublicHealthMeasureReport",
        "https://profiles.ihe.net/QRPH/mADX/StructureDefinition/mADX-MeasureReport",
    ),
    versioning="versioned-update",
    update_create=True,
    conditional=True,
    documentation="Reports that were evaluated here or sent by sites; no patient's data.",
)  # fmt: skip

DEFINITIONAL = (
    _definitional("Measure", "What can be evaluated."),
    _definitional("Library", "The study definitions that measures refer to."),
    _definitional("ValueSet", "Which codes mean what."),
    _definitional("CodeSystem", "Our own codes, where no standard has one."),
    _definitional("ConceptMap", "Other codes to standard ones."),
    _definitional("StructureDefinition", "Our extensions."),
    _definitional("OperationDefinition", "Our operations."),
    _definitional("SearchParameter", "Our search parameters."),
    _definitional("ViewDefinition", "SQL on FHIR: where a fact lies in a resource.", in_r4=False),
)
"""Served from `mappings/`. R4 has no ViewDefinition: no CapabilityStatement can name it."""


def _audit(name: str, kind: Kind, *paths: str) -> SearchParameter:
    definition = f"{R4_DEFINITION}AuditEvent-{name}"
    return SearchParameter(name, kind, definition, paths, sortable=name == "date")


AUDIT_EVENT = Offered(
    "AuditEvent",
    ("read", "search-type"),
    (
        ID,
        _audit("action", "token", "action"),
        _audit("agent", "reference", "agent.who"),
        _audit("agent-name", "string", "agent.name"),
        _audit("date", "date", "recorded"),
        _audit("entity", "reference", "entity.what"),
        _audit("outcome", "token", "outcome"),
        _audit("subtype", "token", "subtype"),
        _audit("type", "token", "type"),
    ),
    documentation="Who read, changed or evaluated what, and when. Of agent, agent:identifier.",
)

PROVENANCE = Offered(
    "Provenance",
    ("read",),
    (),
    documentation="Of a signed report, by its release's hash, which the receipt states: what made "
    "it, and the signature. It comes in the header X-Provenance of PUT MeasureReport/[id].",
)

OFFERED = (MEASURE_REPORT, *DEFINITIONAL, PROVENANCE, AUDIT_EVENT)
SYSTEM_INTERACTIONS: tuple[Literal["batch", "transaction"], ...] = ("batch", "transaction")
SYSTEM_OPERATIONS: tuple[Operation, ...] = ()
