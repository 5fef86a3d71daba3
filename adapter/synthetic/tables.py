"""Reads the truth tables in `cohort/` into one record per patient."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources as package_files
from typing import TypeVar

Row = dict[str, str]
Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class Person:
    """A row of `cohort.csv`: demography, histology and the day the index drugs began."""

    patient_id: str
    sex: str
    age: int
    race: str
    ethnicity: str
    histology: str
    drug_start: date
    pdl1_pct: Decimal


@dataclass(frozen=True, slots=True)
class Lab:
    """A row of `labs.csv`; the value keeps the decimals as written."""

    day: date
    timepoint: str
    analyte: str
    comparator: str
    value: Decimal
    stimulated: bool


@dataclass(frozen=True, slots=True)
class Drug:
    """A row of `drugs.csv`; the dose in mg, both days counted."""

    name: str
    dose_mg: Decimal
    frequency: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Iodine:
    """A row of `rai.csv`: one administration of I-131."""

    course: str
    day: date
    mci: Decimal
    mbq: Decimal


@dataclass(frozen=True, slots=True)
class Dosimetry:
    """A row of `dosimetry.csv`; activities in mCi."""

    tracer_day: date
    last_scan: date
    tracer_mci: Decimal
    tolerated_mci: Decimal
    uptake: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """A row of `ct.csv`; the sum of diameters in mm, the response by RECIST 1.1 or `baseline`."""

    day: date
    timepoint: str
    target_lesions: int
    sum_mm: Decimal
    new_lesion: bool
    response: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of `mutations.csv`; empty where the abstract gives no gene or no allele."""

    gene: str
    hgnc_id: str
    transcript: str
    hgvs_c: str
    hgvs_p: str
    label: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A row of `visits.csv`."""

    name: str
    day: date


@dataclass(frozen=True, slots=True)
class Truth:
    """All that the tables say about one patient."""

    person: Person
    labs: tuple[Lab, ...]
    drugs: tuple[Drug, ...]
    iodine: tuple[Iodine, ...]
    dosimetry: tuple[Dosimetry, ...]
    scans: tuple[Scan, ...]
    findings: tuple[Finding, ...]
    visits: tuple[Visit, ...]

    @property
    def patient_id(self) -> str:
        return self.person.patient_id

    @property
    def number(self) -> int:
        """The number in the id, by which a patient's FHIR shapes are chosen."""
        return int(self.patient_id.rsplit("-", 1)[1])

    @property
    def last_visit(self) -> date:
        return max(visit.day for visit in self.visits)


def cohort() -> tuple[Truth, ...]:
    """The sixteen patients in the order of `cohort.csv`."""
    labs, drugs = _by_patient("labs", _lab), _by_patient("drugs", _drug)
    iodine, dosimetry = _by_patient("rai", _iodine), _by_patient("dosimetry", _dosimetry)
    scans, findings = _by_patient("ct", _scan), _by_patient("mutations", _finding)
    visits = _by_patient("visits", _visit)
    return tuple(
        Truth(
            person,
            labs=tuple(labs[person.patient_id]),
            drugs=tuple(drugs[person.patient_id]),
            iodine=tuple(iodine[person.patient_id]),
            dosimetry=tuple(dosimetry[person.patient_id]),
            scans=tuple(scans[person.patient_id]),
            findings=tuple(findings[person.patient_id]),
            visits=tuple(visits[person.patient_id]),
        )
        for person in map(_person, _rows("cohort"))
    )


def _rows(table: str) -> Iterator[Row]:
    path = package_files.files("adapter.synthetic") / "cohort" / f"{table}.csv"
    yield from csv.DictReader(path.read_text(encoding="utf-8").splitlines())


def _by_patient(table: str, fact: Callable[[Row], Fact]) -> defaultdict[str, list[Fact]]:
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for row in _rows(table):
        facts[row["patient_id"]].append(fact(row))
    return facts


def _person(row: Row) -> Person:
    return Person(
        patient_id=row["patient_id"],
        sex=row["sex"],
        age=int(row["age"]),
        race=row["race"],
        ethnicity=row["ethnicity"],
        histology=row["histology"],
        drug_start=date.fromisoformat(row["drug_start"]),
        pdl1_pct=Decimal(row["pdl1_pct"]),
    )


def _lab(row: Row) -> Lab:
    return Lab(
        day=date.fromisoformat(row["date"]),
        timepoint=row["timepoint"],
        analyte=row["analyte"],
        comparator=row["comparator"],
        value=Decimal(row["value"]),
        stimulated=row["condition"] == "rhTSH-stimulated",
    )


def _drug(row: Row) -> Drug:
    return Drug(
        name=row["drug"],
        dose_mg=Decimal(row["dose"]),
        frequency=row["frequency"],
        start=date.fromisoformat(row["start"]),
        end=date.fromisoformat(row["end"]),
    )


def _iodine(row: Row) -> Iodine:
    return Iodine(
        course=row["course"],
        day=date.fromisoformat(row["date"]),
        mci=Decimal(row["activity_mci"]),
        mbq=Decimal(row["activity_mbq"]),
    )


def _dosimetry(row: Row) -> Dosimetry:
    return Dosimetry(
        tracer_day=date.fromisoformat(row["tracer_date"]),
        last_scan=date.fromisoformat(row["last_scan"]),
        tracer_mci=Decimal(row["tracer_mci"]),
        tolerated_mci=Decimal(row["mta_mci"]),
        uptake=row["uptake"] == "yes",
    )


def _scan(row: Row) -> Scan:
    return Scan(
        day=date.fromisoformat(row["date"]),
        timepoint=row["timepoint"],
        target_lesions=int(row["target_lesions"]),
        sum_mm=Decimal(row["sum_diameters_mm"]),
        new_lesion=row["new_lesions"] == "yes",
        response=row["recist11_point"],
    )


def _finding(row: Row) -> Finding:
    return Finding(
        gene=row["gene"],
        hgnc_id=row["hgnc_id"],
        transcript=row["transcript"],
        hgvs_c=row["hgvs_c"],
        hgvs_p=row["hgvs_p"],
        label=row["verbatim_from_abstract"],
    )


def _visit(row: Row) -> Visit:
    return Visit(name=row["visit"], day=date.fromisoformat(row["date"]))
