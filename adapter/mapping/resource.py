"""`map`: one resource -> its fact rows. Pure; looks at one resource only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from adapter.definitions import Definitions
from adapter.errors import InvalidResource, InvalidValue
from adapter.mapping import assessments, iodine, labs, medications, people, variants
from adapter.mapping.context import Columns, Context, Row
from adapter.mapping.mapped import MappedResource, TypedRow, Unmapped
from adapter.mapping.stamp import stamp, status_of
from adapter.mapping.view import View

Normaliser = Callable[[Row, Context], Iterator[Columns]]

NORMALISERS: dict[str, Normaliser] = {
    "patient": people.patient,
    "death": people.death,
    "diagnosis": people.diagnosis,
    "variant_result": variants.variant_result,
    "biomarker": variants.biomarker,
    "lab_result": labs.lab_result,
    "imaging_assessment": assessments.imaging_assessment,
    "disease_status": assessments.disease_status,
    "uptake": assessments.uptake,
    "dosimetry": assessments.dosimetry,
    "visit": people.visit,
    "drug_exposure": medications.drug_exposure,
    "rai_administration": iodine.rai_administration,
    "link": medications.link,
    "medication": medications.medication,
}
# Facts of the site, not of a patient.
PATIENTLESS = frozenset({"medication"})


@dataclass(frozen=True, slots=True)
class Mapper:
    """`map` for one site: its definitions, its name and its calendar."""

    definitions: Definitions
    site: str
    zone: tzinfo

    def map(self, resource: Mapping[str, Any], source: str) -> MappedResource:
        """The resource's facts. Raises InvalidResource or InvalidValue (nothing is half-mapped)."""
        self._check_type(resource)
        made = stamp(resource, site=self.site, source=source)
        if made.retracted:
            return MappedResource(made)
        tidy = {**resource, "status": status_of(resource)} if "status" in resource else resource
        rows: list[TypedRow] = []
        unmapped: list[Unmapped] = []
        for view in self.definitions.views.get(made.resource_type, ()):
            rows += self._rows(view, tidy, unmapped)
        if rows and not made.patient_key and any(row.table not in PATIENTLESS for row in rows):
            raise InvalidResource("states a fact of no patient: no reference to a Patient")
        return MappedResource(made, tuple(_numbered(rows)), tuple(dict.fromkeys(unmapped)))

    def _check_type(self, resource: Mapping[str, Any]) -> None:
        name = resource.get("resourceType")
        if not isinstance(name, str):
            raise InvalidResource("no resourceType")
        types = Definitions.value_set("resource-types")
        if not self.definitions.terminology.contains(types, RESOURCE_TYPES, name):
            raise InvalidResource("a resourceType that FHIR R4 does not have")

    def _rows(
        self, view: View, resource: Mapping[str, Any], unmapped: list[Unmapped]
    ) -> Iterator[TypedRow]:
        found = self.definitions
        for row in view.rows(resource):
            context = Context(
                found.terminology, found.units, self.zone, found.value_set, unmapped, []
            )
            try:
                for columns in NORMALISERS[view.name](row, context):
                    yield TypedRow(view.name, 0, columns, flags=tuple(context.flags))
            except InvalidValue as error:
                where = f"{view.resource} as {view.name}"
                raise InvalidValue(error.what, where=where, hint=error.hint) from error


RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"


def _numbered(rows: list[TypedRow]) -> Iterator[TypedRow]:
    """The rows with their place among the resource's rows of the same table."""
    seen: dict[str, int] = {}
    for row in rows:
        ordinal = seen.get(row.table, 0)
        seen[row.table] = ordinal + 1
        yield TypedRow(row.table, ordinal, row.columns, row.confidence, row.flags)
