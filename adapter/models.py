"""The analytic store's tables (SQLModel), as `docs/data-model.md` draws them.

Fact tables share `FactRow`: the key (site, resource_type, resource_id, ordinal) and the
provenance. A date `x` is three columns, `x_earliest`, `x_latest`, `x_precision`, in the site's
local calendar. Numbers are exact decimals. Columns name what `analytics.course` calls the same.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, String, Text, TypeDecorator
from sqlmodel import AutoString, Field, SQLModel


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal that keeps its digits: NUMERIC on PostgreSQL, text on SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        exact = Numeric() if dialect.name == "postgresql" else String()
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def exact() -> Any:
    """A nullable exact-decimal column."""
    return Field(default=None, sa_type=ExactDecimal)


class FactRow(SQLModel):
    """What every fact row carries."""

    site: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    patient_key: str = Field(index=True)
    version_id: str = ""
    last_updated: str = ""
    status: str = ""
    source: str = ""
    content_hash: str = ""
    confidence: float = 1.0
    flags: str = ""


class Dated(FactRow):
    """A fact row with one date."""

    date_earliest: date | None = None
    date_latest: date | None = None
    date_precision: str = ""


class PatientRow(FactRow, table=True):
    """Demographics."""

    __tablename__ = "patient"
    patient_id: str = Field(index=True)
    sex: str = ""
    birth_earliest: date | None = None
    birth_latest: date | None = None
    birth_precision: str = ""
    race: str = ""
    ethnicity: str = ""


class DiagnosisRow(FactRow, table=True):
    """Cancer diagnoses."""

    __tablename__ = "diagnosis"
    concept: str = ""
    code_system: str = ""
    code: str = ""
    onset_earliest: date | None = None
    onset_latest: date | None = None
    onset_precision: str = ""
    recorded_earliest: date | None = None
    recorded_latest: date | None = None
    recorded_precision: str = ""
    clinical_status: str = ""
    verification_status: str = ""


class VariantResultRow(Dated, table=True):
    """One row for each gene of a variant Observation; a fusion is one row with its partner."""

    __tablename__ = "variant_result"
    call: str = ""
    gene: str = ""
    hgnc: str = ""
    partner: str = ""
    label: str = ""
    p_hgvs: str = ""
    c_hgvs: str = ""
    g_hgvs: str = ""
    kind: str = ""
    vaf_fraction: Decimal | None = exact()
    origin: str = ""
    significance: str = ""
    method: str = ""


class ImplicationRow(FactRow, table=True):
    """The significance that an Observation states of a variant, another Observation."""

    __tablename__ = "implication"
    variant_id: str = ""
    significance: str = ""


class BiomarkerRow(Dated, table=True):
    """PD-L1, TMB, MSI."""

    __tablename__ = "biomarker"
    marker: str = ""
    code: str = ""
    category: str = ""
    comparator: str = ""
    value: Decimal | None = exact()
    unit: str = ""


class LabResultRow(Dated, table=True):
    """Tg, TgAb, TSH in their standard units, with value and unit as sent."""

    __tablename__ = "lab_result"
    analyte: str = ""
    code: str = ""
    comparator: str = ""
    value_sent: str = ""
    unit_sent: str = ""
    value_low: Decimal | None = exact()
    value_high: Decimal | None = exact()
    unit: str = ""
    reference_high: Decimal | None = exact()
    interpretation: str = ""
    assay: str = ""


class DrugExposureRow(FactRow, table=True):
    """One ingredient over a span of days."""

    __tablename__ = "drug_exposure"
    ingredient: str = ""
    drug_class: str = ""
    code_system: str = ""
    code: str = ""
    evidence: str = ""
    start_earliest: date | None = None
    start_latest: date | None = None
    start_precision: str = ""
    end_earliest: date | None = None
    end_latest: date | None = None
    end_precision: str = ""
    dose_mg: Decimal | None = exact()
    doses_per_day: Decimal | None = exact()
    value_sent: str = ""
    unit_sent: str = ""
    timing_sent: str = ""


class RaiAdministrationRow(Dated, table=True):
    """Records of radioiodine given, activity in MBq with value and unit as sent."""

    __tablename__ = "rai_administration"
    evidence: str = ""
    isotope: str = ""
    activity_mbq: Decimal | None = exact()
    value_sent: str = ""
    unit_sent: str = ""
    purpose: str = ""


class DosimetryRow(Dated, table=True):
    """Dosimetry results."""

    __tablename__ = "dosimetry"
    max_tolerated_mbq: Decimal | None = exact()
    absorbed_dose_gy: Decimal | None = exact()
    absorbed_dose_gy_per_gbq: Decimal | None = exact()
    value_sent: str = ""
    unit_sent: str = ""


class UptakeRow(Dated, table=True):
    """Iodine uptake assessments."""

    __tablename__ = "uptake"
    uptake: str = ""


class ImagingAssessmentRow(Dated, table=True):
    """Target-lesion sums and RECIST statements."""

    __tablename__ = "imaging_assessment"
    sum_diam_mm: Decimal | None = exact()
    value_sent: str = ""
    unit_sent: str = ""
    new_lesion: bool | None = None
    recist: str = ""


class DiseaseStatusRow(Dated, table=True):
    """Stated course of disease."""

    __tablename__ = "disease_status"
    disease_status: str = ""
    evidence: str = ""
    biochemical: bool = False
    components: str = ""


class VisitRow(Dated, table=True):
    """Encounters."""

    __tablename__ = "visit"
    visit_class: str = ""


class DeathRow(Dated, table=True):
    """Deaths (from Patient.deceased, and from Observations of the cause of death)."""

    __tablename__ = "death"
    cause_cancer: bool | None = None


class OccurrenceRow(FactRow, table=True):
    """When a specimen was taken, a report's study was done, a parent Procedure ran.

    It dates the facts of other resources, through their link rows.
    """

    __tablename__ = "occurrence"
    start_earliest: date | None = None
    start_latest: date | None = None
    start_precision: str = ""
    end_earliest: date | None = None
    end_latest: date | None = None
    end_precision: str = ""


class LinkRow(FactRow, table=True):
    """A reference that only another resource can resolve, joined when one patient is read.

    `role` says what the target gives: `medication` (the drug of an exposure), `specimen` (the day
    it was taken), `part_of` (when the parent Procedure ran). Of the role `report` the target is
    the Observation, and the report gives the day.
    """

    __tablename__ = "link"
    role: str = ""
    target_type: str = ""
    target_id: str = ""


class MedicationRow(FactRow, table=True):
    """A fact of the site: the ingredients of a Medication resource (patient_key is empty)."""

    __tablename__ = "medication"
    ingredient: str = ""
    drug_class: str = ""
    isotope: str = ""
    purpose: str = ""


FACT_TABLES: tuple[type[FactRow], ...] = (
    PatientRow,
    DiagnosisRow,
    VariantResultRow,
    ImplicationRow,
    BiomarkerRow,
    LabResultRow,
    DrugExposureRow,
    RaiAdministrationRow,
    DosimetryRow,
    UptakeRow,
    ImagingAssessmentRow,
    DiseaseStatusRow,
    VisitRow,
    DeathRow,
    OccurrenceRow,
    LinkRow,
    MedicationRow,
)


class ResourceRow(SQLModel, table=True):
    """The version of each resource that the facts stand for; what makes loading idempotent.

    Of two versions the one with the greater `rank` holds, whichever came first. A retracted
    resource (entered-in-error, deleted) keeps its row and has no facts. `facts_hash` is of what
    the mapping made of the version: after a mapping is mended, ingesting again replaces it.
    """

    __tablename__ = "resource"
    site: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    patient_key: str = Field(default="", index=True)
    version_id: str = ""
    last_updated: str = ""
    status: str = ""
    rank: str = ""
    content_hash: str = ""
    facts_hash: str = ""
    source: str = ""
    retracted: bool = False
    run_id: str = ""


class SiteRow(SQLModel, table=True):
    """A site that sent data. privacy: the mode and key under which it was de-identified."""

    __tablename__ = "site"
    site: str = Field(primary_key=True)
    timezone: str = "UTC"
    privacy: str = "identified"


class IngestRunRow(SQLModel, table=True):
    """One `raiway ingest`; counts are those of `adapter.ingest.Summary`.

    read = mapped + unchanged + older + retracted + quarantined + irrelevant.
    """

    __tablename__ = "ingest_run"
    run_id: str = Field(primary_key=True)
    site: str = ""
    started: datetime
    ended: datetime | None = None
    paths: str = ""
    mappings_hash: str = ""
    software: str = ""
    read: int = 0
    relevant: int = 0
    mapped: int = 0
    unchanged: int = 0
    older: int = 0
    retracted: int = 0
    quarantined: int = 0
    irrelevant: int = 0
    unmapped: int = 0


class SetAsideRow(SQLModel, table=True):
    """What an ingest left unread in a split of a file, and by what later facts may ask for it.

    bytes and modified tell whether the file is still the same. keys: base64 of pairs of 64 bits,
    digest and place (see adapter.aside).
    """

    __tablename__ = "set_aside"
    site: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    start: int = Field(primary_key=True)
    end: int | None = None
    lines_before: int = 0
    bytes: str = ""
    modified: str = ""
    keys: str = ""


class QuarantineRow(SQLModel, table=True):
    """A line that could not be mapped, kept with its reason so that it can be replayed."""

    __tablename__ = "quarantine"
    quarantine_id: str = Field(primary_key=True)
    site: str = Field(index=True)
    source: str = ""
    resource_type: str = ""
    resource_id: str = ""
    reason: str = ""
    issue_code: str = ""
    path: str = ""
    raw: str = ""
    run_id: str = ""


class UnmappedCodeRow(SQLModel, table=True):
    """A code, unit or value met in a relevant resource that nothing maps.

    `table_name` is the fact table whose view met it.
    """

    __tablename__ = "unmapped_code"
    site: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    code_system: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    display: str = ""
    table_name: str = ""
    patient_key: str = ""
    run_id: str = ""


class StoreSchemaRow(SQLModel, table=True):
    """The one row that says which tables the store has; every writer locks it first."""

    __tablename__ = "store_schema"
    version: str = Field(primary_key=True)


OPERATIONAL_TABLES: tuple[type[SQLModel], ...] = (
    ResourceRow,
    SiteRow,
    IngestRunRow,
    QuarantineRow,
    SetAsideRow,
    UnmappedCodeRow,
)


def _order_text_by_code_point() -> None:
    """PostgreSQL would order text by its server's language, unlike SQLite and Python."""
    by_code_point = Text().with_variant(Text(collation="C"), "postgresql")
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, AutoString):
                column.type = by_code_point


_order_text_by_code_point()
