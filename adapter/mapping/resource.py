"""`map`: one resource -> its fact rows. Pure; looks at one resource only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from adapter.definitions import Definitions
from adapter.errors import InvalidResource, InvalidValue
from adapter.mapping import assessments, biomarkers, iodine, labs, medications, people, variants
from adapter.mapping.codings import without_empty_codes
from adapter.mapping.contained import with_contained
from adapter.mapping.context import Columns, Context, Row
from adapter.mapping.dispatch import Dispatch
from adapter.mapping.mapped import MappedResource, TypedRow, Unmapped
from adapter.mapping.stamp import stamp
from adapter.mapping.view import View

Normaliser = Callable[[Row, Context], Iterator[Columns]]

NORMALISERS: dict[str, Normaliser] = {
    "patient": people.patient,
    "death": people.death,
    "diagnosis": people.diagnosis,
    "variant_result": variants.variant_result,
    "DiagnosticReport.variant_result": variants.report_text,
    "implication": variants.implication,
    "biomarker": biomarkers.biomarker,
    "lab_result": labs.lab_result,
    "imaging_assessment": assessments.imaging_assessment,
    "disease_status": assessments.disease_status,
    "uptake": assessments.uptake,
    "dosimetry": assessments.dosimetry,
    "visit": people.visit,
    "drug_exposure": medications.drug_exposure,
    "rai_administration": iodine.rai_administration,
    "link": medications.link,
    "occurrence": people.occurrence,
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
    dispatch: Mapping[str, Dispatch] = field(init=False, repr=False, compare=False)
    memo: dict[tuple[str, str], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_type = {name: Dispatch(views) for name, views in self.definitions.views.items()}
        object.__setattr__(self, "dispatch", by_type)

    def __reduce__(self) -> tuple[Any, ...]:
        # What is kept for speed is made anew in another process.
        return Mapper, (self.definitions, self.site, self.zone)

    def map(self, resource: Mapping[str, Any], source: str) -> MappedResource:
        """The resource's facts. Raises InvalidResource or InvalidValue (nothing is half-mapped)."""
        self._check_type(resource)
        made = stamp(resource, site=self.site, source=source)
        if made.retracted:
            return MappedResource(made)
        tidy = resource
        if resource.get("status", made.status) != made.status:
            tidy = {**resource, "status": made.status}
        rows: list[TypedRow] = []
        unmapped: list[Unmapped] = []
        plain = tidy if isinstance(tidy, dict) else dict(tidy)
        whole = with_contained(without_empty_codes(plain))
        dispatch = self.dispatch.get(made.resource_type)
        for view, rows_of in dispatch.candidates(whole) if dispatch else ():
            if found := rows_of(whole):
                reported = len(unmapped)
                rows += self._rows(view, found, unmapped)
                if len(unmapped) > reported:
                    new = (replace(each, table=view.name) for each in unmapped[reported:])
                    unmapped[reported:] = new
        if rows and not made.patient_key and any(row.table not in PATIENTLESS for row in rows):
            raise InvalidResource("states a fact of no patient: no reference to a Patient")
        return MappedResource(made, tuple(_numbered(rows)), tuple(dict.fromkeys(unmapped)))

    def _check_type(self, resource: Mapping[str, Any]) -> None:
        name = resource.get("resourceType")
        if not isinstance(name, str):
            raise InvalidResource("no resourceType")
        # Those that views are of are checked when they are loaded.
        if name not in self.dispatch and not self.definitions.terminology.contains(
            _TYPES, RESOURCE_TYPES, name
        ):
            raise InvalidResource("a resourceType that FHIR R4 does not have")

    def _rows(
        self, view: View, found: Iterable[Row], unmapped: list[Unmapped]
    ) -> Iterator[TypedRow]:
        known = self.definitions
        for row in found:
            context = Context(
                known.terminology, known.units, self.zone, known.value_set, unmapped, memo=self.memo
            )
            try:
                for columns in _normaliser(view)(row, context):
                    yield TypedRow(view.name, 0, columns, context.confidence, tuple(context.flags))
            except InvalidValue as error:
                where = f"{view.resource} as {view.name}"
                raise InvalidValue(error.what, where=where, hint=error.hint) from error
            # Senders put a list where a text belongs. The error's message would hold the data.
            except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
                raise InvalidValue(
                    f"an element of another type than FHIR gives it ({type(error).__name__})",
                    where=f"{view.resource} as {view.name}",
                ) from None


def _normaliser(view: View) -> Normaliser:
    """That of the resource type's own view of a table, else that of the table."""
    return NORMALISERS.get(f"{view.resource}.{view.name}") or NORMALISERS[view.name]


RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
_TYPES = Definitions.value_set("resource-types")


def _numbered(rows: list[TypedRow]) -> Iterator[TypedRow]:
    """The rows with their place among the resource's rows of the same table."""
    seen: dict[str, int] = {}
    for row in rows:
        ordinal = seen.get(row.table, 0)
        seen[row.table] = ordinal + 1
        yield replace(row, ordinal=ordinal) if ordinal else row
