"""Thirty patients of the same hospital who do not belong to the study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from adapter.synthetic.elements import (
    ICD10CM,
    SNOMED,
    Element,
    Resource,
    birth_date,
    coding,
    concept,
    days_after,
    quantity,
)
from adapter.synthetic.encode_iodine import therapy
from adapter.synthetic.encode_labs import THYROGLOBULIN
from adapter.synthetic.encode_patient import (
    PAPILLARY,
    THYROID_CANCER,
    condition,
    encounter,
    patient_resource,
)
from adapter.synthetic.noise import CALCITONIN, records, routine_laboratory, vital_signs
from adapter.synthetic.observations import laboratory

COUNT = 30
FIRST_SEEN = date(2019, 3, 4)
DAYS_BETWEEN_PATIENTS = 37
VISIT_DAYS = (0, 91, 182)

GOITRE_WITH_TG = (7, 19)
PAPILLARY_WITHOUT_DRUG = 11
MEDULLARY = 23

_COMMON = (
    ("diabetes", "E11.9", "Type 2 diabetes mellitus without complications"),
    ("breast-cancer", "C50.9", "Malignant neoplasm of breast of unspecified site"),
    ("hypertension", "I10", "Essential (primary) hypertension"),
    ("asthma", "J45.909", "Unspecified asthma, uncomplicated"),
    ("hypothyroidism", "E03.9", "Hypothyroidism, unspecified"),
)


@dataclass(frozen=True, slots=True)
class Bystander:
    """A patient outside the study, by number (1 to 30)."""

    number: int

    @property
    def patient_id(self) -> str:
        return f"SYN-OTHER-{self.number:02}"

    @property
    def first_seen(self) -> date:
        return days_after(FIRST_SEEN, DAYS_BETWEEN_PATIENTS * self.number)


def bystanders() -> tuple[Bystander, ...]:
    """SYN-OTHER-01 to SYN-OTHER-30."""
    return tuple(Bystander(number) for number in range(1, COUNT + 1))


def encode(other: Bystander) -> Iterator[Resource]:
    """The patient with the problem, three visits, and what is special about some."""
    age = 34 + 7 * other.number % 45
    born = birth_date(age, other.first_seen, 11 * other.number)
    gender = "female" if other.number % 2 else "male"
    yield patient_resource(other.patient_id, other.first_seen, gender, born)
    name, code = _problem(other.number)
    yield condition(other.patient_id, name, days_after(other.first_seen, -60), code)
    for ordinal, days in enumerate(VISIT_DAYS):
        day, step = days_after(other.first_seen, days), other.number + ordinal
        yield encounter(other.patient_id, "finished", "visit", day)
        yield from vital_signs(other.patient_id, day, step)
        yield from routine_laboratory(other.patient_id, day, step)
    yield from records(other.patient_id, other.first_seen)
    yield from _special(other)


def _problem(number: int) -> tuple[str, Element]:
    if number in GOITRE_WITH_TG:
        goitre = coding(ICD10CM, "E04.9", "Nontoxic goiter, unspecified")
        return "goitre", concept(goitre, text="Goitre")
    if number == PAPILLARY_WITHOUT_DRUG:
        text = "Papillary thyroid carcinoma"
        return "thyroid-cancer", concept(PAPILLARY, THYROID_CANCER, text=text)
    if number == MEDULLARY:
        # ICD-10-CM has one code for all thyroid cancers; only the other coding tells them apart.
        medullary = coding(SNOMED, "255032005", "Medullary thyroid carcinoma")
        text = "Medullary thyroid carcinoma"
        return "thyroid-cancer", concept(medullary, THYROID_CANCER, text=text)
    name, code, display = _COMMON[number % len(_COMMON)]
    return name, concept(coding(ICD10CM, code, display))


def _special(other: Bystander) -> Iterator[Resource]:
    if other.number in (*GOITRE_WITH_TG, PAPILLARY_WITHOUT_DRUG):
        for ordinal, days in enumerate(VISIT_DAYS, 1):
            yield _measured(other, f"tg-{ordinal}", days, THYROGLOBULIN, Decimal("38.5") + ordinal)
    if other.number == PAPILLARY_WITHOUT_DRUG:
        day = days_after(other.first_seen, 120)
        yield therapy(other.patient_id, f"{other.patient_id}-rai", day, "completed", Decimal(100))
    if other.number == MEDULLARY:
        yield _measured(other, "calcitonin", 0, CALCITONIN, Decimal(1840))


def _measured(other: Bystander, suffix: str, days: int, code: Element, value: Decimal) -> Resource:
    unit = "pg/mL" if code is CALCITONIN else "ng/mL"
    day = days_after(other.first_seen, days)
    return laboratory(
        f"{other.patient_id}-{suffix}",
        other.patient_id,
        day,
        code,
        valueQuantity=quantity(value, unit),
    )
