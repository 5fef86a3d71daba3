"""A synthetic cohort of any size: people with thyroid cancer, all of whose resources are relevant.

`python -m benchmarks.thyroid --patients 10000 --out DIR` writes the NDJSON files of a Bulk Data
export. Same arguments, same bytes: each patient is drawn by a generator of the patient's own, and
encoded as the synthetic hospital does. Some 17.5 resources a patient; 17 in 20 are enrolled by the
reference study, and about half respond by RECIST.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import orjson

from adapter.synthetic import (
    encode_genomics,
    encode_imaging,
    encode_iodine,
    encode_labs,
    encode_patient,
    encode_treatment,
)
from adapter.synthetic.elements import Resource
from adapter.synthetic.tables import (
    Dosimetry,
    Drug,
    Finding,
    Iodine,
    Lab,
    Person,
    Scan,
    Truth,
    Visit,
)

FIRST = 1_001
"""The first patient's number: the hospital's own special cases have smaller ones."""
TREATED, SCANNED = 0.90, 0.945
"""Who takes the index drugs; and of these, whose iodine uptake is looked at afterwards."""

_FIRST_DAY = date(2019, 1, 7)
_BRAF = Finding(
    "BRAF", "HGNC:1097", "NM_004333.6", "c.1799T>A", "p.(Val600Glu)", "BRAF V600E"
)  # fmt: skip
_NRAS = Finding(
    "NRAS", "HGNC:7989", "NM_002524.5", "c.182A>G", "p.(Gln61Arg)", "NRAS Q61R"
)  # fmt: skip
_DRIVERS, _SHARES = (_BRAF, _NRAS, None), (0.6, 0.25, 0.15)
_DOSES = {"dabrafenib": ("150", "BID"), "trametinib": ("2", "QD")}

# What the hospital's encoders write beyond the question: bookings that never took place, a second
# diagnosis, the tracer, the tolerated activity, the study of each CT, the readers' second opinion.
_LEFT_OUT = ("lung-metastasis", "tracer", "tolerated-activity", "-ct-", "-status-")


@dataclass(frozen=True, slots=True)
class Planted:
    """What was written: the cohort, and the answer to the benchmark's question for each sex."""

    patients: int
    resources: int
    bytes: int
    enrolled: dict[str, int]
    responders: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The days of one patient."""

    rng: Random
    drug_start: date
    finish: date

    def after(self, days: int, spread: int) -> date:
        return self.finish + timedelta(days=days + self.rng.randint(-spread, spread))


def truth(number: int, seed: int) -> Truth:
    """All that is true of one patient."""
    rng = Random(seed * 1_000_003 + number)
    start = _FIRST_DAY + timedelta(weeks=rng.randrange(150))
    plan = _Plan(rng, start, start + timedelta(days=rng.randint(28, 56)))
    driver = rng.choices(_DRIVERS, _SHARES)[0]
    treated = rng.random() < TREATED
    scanned = treated and rng.random() < SCANNED
    return Truth(
        person=_person(number, plan),
        labs=tuple(_labs(plan)),
        drugs=tuple(_drugs(plan, driver)) if treated else (),
        iodine=tuple(_iodine(plan, given=scanned and rng.random() < 0.9)),
        dosimetry=_dosimetry(plan) if scanned else (),
        scans=tuple(_scans(plan, read=scanned)),
        findings=(driver,) if driver else (),
        visits=(Visit("last", plan.after(240, 40)),),
    )


def _person(number: int, plan: _Plan) -> Person:
    rng = plan.rng
    return Person(
        patient_id=f"SYN-BENCH-{number:06d}",
        sex=rng.choice("FFFM"),
        age=rng.randint(24, 84),
        race=rng.choice(("White", "White", "Black or African American", "Unknown")),
        ethnicity=rng.choice(("Not Hispanic", "Not Hispanic", "Hispanic or Latino")),
        histology=rng.choice(("PTC", "PTC", "PTC, follicular variant", "FTC")),
        drug_start=plan.drug_start,
        pdl1_pct=Decimal(rng.choice((0, 0, 1, 5, 20))),
    )


def _labs(plan: _Plan) -> Iterator[Lab]:
    value = Decimal(plan.rng.randint(20, 9_000)) / 10
    before = plan.drug_start - timedelta(days=plan.rng.randint(1, 60))
    for name, day in (("baseline", before), ("month3", plan.after(90, 20)),
                      ("month6", plan.after(180, 30))):  # fmt: skip
        below = value < 1
        yield Lab(day, name, "Tg", "<" if below else "", Decimal(1) if below else value, False)
        value = (value * plan.rng.choice((2, 5, 8, 13)) / 10).quantize(Decimal("0.1"))
    positive = plan.rng.random() < 0.2
    yield Lab(before, "baseline", "TgAb", "" if positive else "<",
              Decimal("12.4") if positive else Decimal("0.9"), False)  # fmt: skip
    if plan.rng.random() < 0.28:
        yield Lab(before, "baseline", "TSH", "", Decimal("0.05"), False)


def _drugs(plan: _Plan, driver: Finding | None) -> Iterator[Drug]:
    end = plan.finish + timedelta(days=plan.rng.randint(-2, 3))
    for name in ("dabrafenib", "trametinib") if driver is _BRAF else ("trametinib",):
        dose, frequency = _DOSES[name]
        yield Drug(name, Decimal(dose), frequency, plan.drug_start, end)


def _iodine(plan: _Plan, *, given: bool) -> Iterator[Iodine]:
    years = [("prior", plan.drug_start - timedelta(days=plan.rng.randint(400, 2_500)))]
    for course, day in [*years, ("redifferentiation", plan.finish)][: 1 + given]:
        mci = Decimal(plan.rng.randrange(100, 260, 5))
        yield Iodine(course, day, mci, mci * 37)


def _dosimetry(plan: _Plan) -> tuple[Dosimetry, ...]:
    scan = plan.finish - timedelta(days=plan.rng.randint(1, 5))
    tolerated = Decimal(plan.rng.randint(200, 500))
    seen = plan.rng.random() < 0.8
    return (Dosimetry(scan - timedelta(days=2), scan, Decimal(4), tolerated, seen),)


def _scans(plan: _Plan, *, read: bool) -> Iterator[Scan]:
    rng, before = plan.rng, plan.drug_start - timedelta(days=plan.rng.randint(1, 40))
    sum_mm = Decimal(rng.randint(12, 90))
    yield Scan(before, "baseline", 2, sum_mm, False, "baseline")
    seen = (("month3", plan.after(90, 20)), ("month6", plan.after(165, 20)))
    for name, day in seen[: rng.randint(1, 2)]:
        response = rng.choices(("PR", "SD", "PD"), (0.42, 0.40, 0.18))[0]
        change = {"PR": "0.6", "SD": "1.0", "PD": "1.4"}[response]
        read_as = response if read else "baseline"
        yield Scan(day, name, 2, sum_mm * Decimal(change), False, read_as)


def resources(patient: Truth) -> Iterator[Resource]:
    """The patient's resources, without those that the question does not need."""
    for made in encode_patient.encode(patient):
        if made.get("status") not in ("planned", "cancelled"):
            yield made
    for made in encode_genomics.encode(patient):
        if made["resourceType"] == "Observation" and _asked(made["id"], patient):
            yield made
    for encode in (encode_labs, encode_treatment, encode_iodine, encode_imaging):
        yield from encode.encode(patient)


def _asked(resource_id: str, patient: Truth) -> bool:
    """PD-L1 of every other patient; genes without a finding where the panel found nothing."""
    if resource_id.endswith("pdl1"):
        return patient.number % 2 == 0
    return not (resource_id.endswith("variants-absent") and patient.findings)


def write(patients: int, seed: int, folder: Path) -> Planted:
    """Write `<Type>.ndjson` for each type into the folder, and beside it what was planted."""
    folder.mkdir(parents=True, exist_ok=True)
    written, size = 0, 0
    enrolled, responders = Counter[str](), Counter[str]()
    with ExitStack() as files:
        opened: dict[str, Any] = {}
        for number in range(FIRST, FIRST + patients):
            patient = truth(number, seed)
            sex = "female" if patient.person.sex == "F" else "male"
            enrolled[sex] += bool(patient.dosimetry)
            responders[sex] += any(scan.response == "PR" for scan in patient.scans)
            for made in resources(patient):
                if any(part in made["id"] for part in _LEFT_OUT):
                    continue
                kind = made["resourceType"]
                if kind not in opened:
                    opened[kind] = files.enter_context((folder / f"{kind}.ndjson").open("wb"))
                line = orjson.dumps(made, default=_digits) + b"\n"
                opened[kind].write(line)
                written, size = written + 1, size + len(line)
    planted = Planted(patients, written, size, dict(enrolled), dict(responders))
    # Last, so that a cohort that was not written to its end is written anew.
    folder.with_suffix(".json").write_text(json.dumps(asdict(planted)))
    return planted


def cohort(patients: int, seed: int, work: Path) -> tuple[Path, Planted]:
    """The folder of a cohort, written where it is not there yet, and what is planted in it."""
    folder = work / f"thyroid-{patients}-{seed}"
    told = folder.with_suffix(".json")
    if told.exists():
        return folder, Planted(**json.loads(told.read_text()))
    return folder, write(patients, seed, folder)


def changed(patients: int, seed: int, work: Path) -> Path:
    """A file with a new TSH of each of the first patients, which no answer depends on."""
    path = work / f"thyroid-changed-{patients}-{seed}.ndjson"
    with path.open("wb") as out:
        for number in range(FIRST, FIRST + patients):
            patient = truth(number, seed)
            day = patient.visits[0].day
            lab = Lab(day, "news", "TSH", "", Decimal("0.07"), False)
            for made in encode_labs.encode(replace(patient, labs=(lab,))):
                out.write(orjson.dumps(made, default=_digits) + b"\n")
    return path


def _digits(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"no JSON for {type(value).__name__}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.thyroid", description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    print(json.dumps(asdict(write(asked.patients, asked.seed, asked.out))))


if __name__ == "__main__":
    main()
