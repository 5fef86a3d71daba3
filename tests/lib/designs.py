"""Cohorts of other published designs: truth tables in `designs/` -> FHIR -> a store."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapter.config import Settings
from adapter.ingest import Summary
from adapter.runs import ingest_run, site_mapper
from adapter.store import Store
from adapter.synthetic import (
    encode_genomics,
    encode_imaging,
    encode_iodine,
    encode_labs,
    encode_patient,
    encode_treatment,
)
from adapter.synthetic.elements import CONCEPT, Resource, coding, concept, quantity, snomed
from adapter.synthetic.observations import assessment
from adapter.synthetic.tables import Drug, Finding, Iodine, Lab, Person, Scan, Truth, Visit
from tests.lib.needs import ROOT

Row = dict[str, str]

TABLES = ROOT / "tests" / "lib" / "designs"
ENCODERS = (
    encode_patient.encode,
    encode_genomics.encode,
    encode_labs.encode,
    encode_treatment.encode,
    encode_iodine.encode,
    encode_imaging.encode,
)
FINDINGS = {
    "BRAF V600E": Finding(
        "BRAF", "HGNC:1097", "NM_004333.6", "c.1799T>A", "p.(Val600Glu)", "BRAF V600E"
    ),
    "NRAS Q61R": Finding(
        "NRAS", "HGNC:7989", "NM_002524.5", "c.182A>G", "p.(Gln61Arg)", "NRAS Q61R"
    ),
}
DOSES = {"dabrafenib": (150, "BID"), "trametinib": (2, "QD"), "selumetinib": (75, "BID")}
BEFORE = timedelta(days=7)


def rows(design: str) -> list[Row]:
    """The truth table of a design, one row a patient."""
    with (TABLES / f"{design}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def load(design: str, store: Store, folder: Path) -> Summary:
    """Write the design's cohort as NDJSON into the folder and put it into the store."""
    by_type: defaultdict[str, list[Resource]] = defaultdict(list)
    for number, row in enumerate(rows(design)):
        for made in _resources(row, date(2021, 1, 4) + timedelta(days=7 * number)):
            by_type[made["resourceType"]].append(made)
    paths = []
    for kind, found in sorted(by_type.items()):
        path = folder / f"{kind}.ndjson"
        path.write_text("".join(json.dumps(each, default=float) + "\n" for each in found))
        paths.append(path)
    site = site_mapper(Settings(), design, timezone="America/Jamaica")
    return ingest_run(paths, site.mapper, store)


def _resources(row: Row, start: date) -> Iterator[Resource]:
    truth = _truth(row, start)
    for encode in ENCODERS:
        for made in encode(truth):
            if made["resourceType"] == "Patient" and row["death_day"]:
                made["deceasedDateTime"] = _day(start, row["death_day"]).isoformat()
            yield made
    yield from _scans(row, start)


def _scans(row: Row, start: date) -> Iterator[Resource]:
    """A scan before the drugs, which shows nothing, and the one under them."""
    code = concept(coding(CONCEPT, "uptake", "Radioiodine uptake in lesions"))
    who, seen = row["patient_id"], row["uptake"] == "yes"
    absent, present = snomed("2667000", "Absent"), snomed("52101004", "Present")
    yield assessment(f"{who}-scan-0", who, start - BEFORE, code, valueCodeableConcept=absent)
    if not row["scan_day"]:
        return
    day = _day(start, row["scan_day"])
    shown = present if seen else absent
    yield assessment(f"{who}-scan-1", who, day, code, valueCodeableConcept=shown)
    if row["lesion_gy"]:
        gray = Decimal(row["lesion_gy"])
        # Papers and planning systems use both units.
        centi = int(who[-2:]) % 2
        dose = quantity(gray * 100, "cGy") if centi else quantity(gray, "Gy")
        predicted = concept(coding(CONCEPT, "absorbed_dose", "Absorbed dose of a lesion"))
        yield assessment(f"{who}-dose", who, day, predicted, valueQuantity=dose)


def _truth(row: Row, start: date) -> Truth:
    prior = Iodine("prior", start - timedelta(days=700), Decimal(100), Decimal(3700))
    return Truth(
        person=Person(
            patient_id=row["patient_id"],
            sex=row["sex"],
            age=int(row["age"]),
            race="White",
            ethnicity="Not Hispanic",
            histology="PTC",
            drug_start=start,
            pdl1_pct=Decimal(0),
        ),
        labs=tuple(_labs(row, start)),
        drugs=tuple(_drugs(row, start)),
        iodine=(prior, *_iodine(row, start)),
        dosimetry=(),
        scans=tuple(_imaging(row, start)),
        findings=(FINDINGS[row["driver"]],) if row["driver"] else (),
        visits=(
            Visit("baseline", start - BEFORE),
            Visit("last", _day(start, row["last_visit_day"])),
        ),
    )


def _day(start: date, days: str) -> date:
    return start + timedelta(days=int(days))


def _labs(row: Row, start: date) -> Iterator[Lab]:
    yield _tg(start - BEFORE, "before", row["tg_before"])
    if row["tg_after"]:
        yield _tg(_day(_day(start, row["rai_day"]), row["tg_day"]), "after", row["tg_after"])


def _tg(day: date, timepoint: str, value: str) -> Lab:
    return Lab(day, timepoint, "Tg", "", Decimal(value), stimulated=False)


def _drugs(row: Row, start: date) -> Iterator[Drug]:
    last = start + timedelta(days=int(row["drug_days"]) - 1)
    for name in row["drugs"].split("+"):
        dose, frequency = DOSES[name]
        yield Drug(name, Decimal(dose), frequency, start, last)


def _iodine(row: Row, start: date) -> Iterator[Iodine]:
    if row["rai_day"]:
        mbq = Decimal(row["rai_mbq"])
        mci = (mbq / 37).quantize(Decimal("0.01"))
        yield Iodine("redifferentiation", _day(start, row["rai_day"]), mci, mbq)


def _imaging(row: Row, start: date) -> Iterator[Scan]:
    yield _scan(start - BEFORE, "baseline", row["sum_before"], "baseline")
    for stated in row["scans"].split():
        days, total, response = stated.split(":")
        day = _day(_day(start, row["rai_day"]), days)
        yield _scan(day, f"day{days}", total, response)


def _scan(day: date, timepoint: str, total: str, response: str) -> Scan:
    fields: dict[str, Any] = {"target_lesions": 2, "new_lesion": False, "response": response}
    return Scan(day=day, timepoint=timepoint, sum_mm=Decimal(total), **fields)
