"""One patient's facts: what `map` found in the patient's resources, links resolved.

Columns, units and vocabularies follow the data model of the field (`docs/data-model.md`). Each
fact names the resource that states it (`FactRef`), so that any figure can be walked back to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

MBQ_PER_MCI = Decimal(37)


@dataclass(frozen=True, slots=True, order=True)
class FactRef:
    """The resource, and the place in it, that states a fact."""

    resource_type: str
    resource_id: str
    version_id: str = ""
    ordinal: int = 0

    def __str__(self) -> str:
        return f"{self.resource_type}/{self.resource_id}"


@dataclass(frozen=True, slots=True, order=True)
class DateSpan:
    """A FHIR date as the days it may mean: `2022-03` is 2022-03-01 to 2022-03-31."""

    earliest: date
    latest: date

    @classmethod
    def of(cls, day: date) -> DateSpan:
        return cls(day, day)

    @property
    def is_day(self) -> bool:
        return self.earliest == self.latest

    def day(self, policy: str = "exclude") -> date | None:
        """The one day that the study's `date_policy` takes; None where it takes none."""
        if self.earliest == self.latest:
            return self.earliest
        match policy:
            case "earliest":
                return self.earliest
            case "latest":
                return self.latest
            case "midpoint":
                return self.earliest + timedelta(days=(self.latest - self.earliest).days // 2)
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What every fact carries beside its own columns."""

    ref: FactRef
    status: str = ""
    confidence: float = 1.0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Fact):
    """Patient: sex is FHIR's gender; race and ethnicity are codes as sent (OMB)."""

    sex: str = ""
    birth: DateSpan | None = None
    race: str = ""
    ethnicity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Fact):
    """A cancer diagnosis; `concept` is a histology or `metastasis`."""

    concept: str
    code: str = ""
    onset: DateSpan | None = None
    recorded: DateSpan | None = None
    clinical_status: str = ""
    verification_status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult(Fact):
    """One gene's result. call: present, absent, no_call, indeterminate, unknown; `studied` for a
    gene in a panel's scope. `partner` is the other gene of a fusion."""

    call: str
    gene: str = ""
    hgnc: str = ""
    partner: str = ""
    label: str = ""
    p_hgvs: str = ""
    c_hgvs: str = ""
    kind: str = "unspecified"
    vaf_fraction: Decimal | None = None
    origin: str = ""
    significance: str = ""
    date: DateSpan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Implication(Fact):
    """The significance that another Observation states of a variant: pathogenic, …, benign."""

    variant_id: str
    significance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Biomarker(Fact):
    """PD-L1 (percent of cells), TMB, MSI."""

    marker: str
    comparator: str = ""
    value: Decimal | None = None
    unit: str = ""
    date: DateSpan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResult(Fact):
    """Tg (ng/mL), TgAb (IU/mL), TSH (mIU/L). A result with a comparator is the interval
    [value_low, value_high); None is an open end."""

    analyte: str
    date: DateSpan | None = None
    comparator: str = ""
    value_low: Decimal | None = None
    value_high: Decimal | None = None
    unit: str = ""
    reference_high: Decimal | None = None
    interpretation: str = ""
    assay: str = ""

    @property
    def below_limit(self) -> bool:
        return self.comparator.startswith("<")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugExposure(Fact):
    """An ingredient over a span of days, both ends counted. evidence: administered, dispensed,
    stated, ordered. dose_mg: of a single dose, as stated."""

    ingredient: str
    drug_class: str
    evidence: str
    start: DateSpan | None = None
    end: DateSpan | None = None
    dose_mg: Decimal | None = None
    doses_per_day: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiAdministration(Fact):
    """One record of one I-131 administration (several records may state the same one)."""

    evidence: str
    date: DateSpan | None = None
    isotope: str = ""
    activity_mbq: Decimal | None = None
    value_sent: str = ""
    unit_sent: str = ""
    purpose: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosimetry(Fact):
    """A dosimetry result: the largest activity that is held safe, or the absorbed dose of a lesion
    in Gy, or in Gy for each GBq given."""

    date: DateSpan | None = None
    max_tolerated_mbq: Decimal | None = None
    absorbed_dose_gy: Decimal | None = None
    absorbed_dose_gy_per_gbq: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptake(Fact):
    """Iodine uptake in tumour: none, faint, present, increased."""

    uptake: str
    date: DateSpan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingAssessment(Fact):
    """Sum of target diameters (mm) and/or the RECIST 1.1 response at one date."""

    date: DateSpan | None = None
    sum_diam_mm: Decimal | None = None
    new_lesion: bool | None = None
    recist: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiseaseStatus(Fact):
    """A stated course of disease: CR, PR, SD, PD, mixed, NE; biochemical apart."""

    disease_status: str
    date: DateSpan | None = None
    evidence: str = ""
    biochemical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Fact):
    """An encounter; only a finished or running one is a contact."""

    date: DateSpan | None = None
    visit_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death(Fact):
    """Death from any cause; `cause_cancer` where the record says whether the cancer was it."""

    date: DateSpan | None = None
    cause_cancer: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """All that is known of one patient at one site. Order within a tuple carries no meaning."""

    patient_key: str
    site: str
    persons: tuple[Person, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    variants: tuple[VariantResult, ...] = ()
    implications: tuple[Implication, ...] = ()
    biomarkers: tuple[Biomarker, ...] = ()
    labs: tuple[LabResult, ...] = ()
    drugs: tuple[DrugExposure, ...] = ()
    rai: tuple[RaiAdministration, ...] = ()
    dosimetry: tuple[Dosimetry, ...] = ()
    uptake: tuple[Uptake, ...] = ()
    imaging: tuple[ImagingAssessment, ...] = ()
    statuses: tuple[DiseaseStatus, ...] = ()
    visits: tuple[Visit, ...] = ()
    deaths: tuple[Death, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of a derivation: the rule, what it found, the day, and the facts behind it."""

    rule: str
    outcome: str
    day: date | None = None
    text: str = ""
    refs: tuple[FactRef, ...] = field(default=())
