"""The aggregate of the reference cohort, put together from its truth tables without the line.

What the tables state per patient is counted per patient. The changes of thyroglobulin and CT are
given as the published totals, dealt out in the patients' order: right in sum, not by driver.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from analytics.aggregate import (
    TIME_TO_PROGRESSION,
    Aggregate,
    CountKey,
    ExitKey,
    ValueKey,
    header,
)
from analytics.study import Study

Row = dict[str, str]

CHANGES = {
    "tg_prior_to_3m": {"decrease": 11, "increase": 4, "stable": 1},
    "tg_prior_to_6m": {"decrease": 9, "increase": 3, "stable": 1, "missing": 3},
    "tg_3m_to_6m": {"decrease": 7, "increase": 5, "stable": 1, "missing": 3},
    "ct_prior_to_3m": {"decrease": 6, "increase": 3, "stable": 7},
    "ct_prior_to_6m": {"decrease": 6, "increase": 2, "stable": 6, "missing": 2},
    "ct_3m_to_6m": {"decrease": 2, "increase": 3, "stable": 9, "missing": 2},
}


def reference_aggregate(cohort: Path, study: Study) -> Aggregate:
    """The 16 patients of `cohort`, on the study's grid."""
    patients = _rows(cohort / "cohort.csv")
    drivers = {row["patient_id"]: _driver(row, study) for row in patients}
    counts: Counter[CountKey] = Counter()
    values: Counter[ValueKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    for place, row in enumerate(patients):
        pattern = (drivers[row["patient_id"]],)
        for variable, category in _categories(row, place, study):
            counts[CountKey(variable, pattern, category)] += 1
        values[ValueKey("prior_rai_mci", pattern, Decimal(row["prior_rai_mci"]))] += 1
        if row["rai_mci"]:
            key = ValueKey("redifferentiation_rai_mci", pattern, Decimal(row["rai_mci"]))
            values[key] += 1
    for patient, label in _findings(cohort):
        counts[CountKey("mutation", (drivers[patient],), label)] += 1
    for patient, gene in _tested(cohort):
        counts[CountKey("gene_tested", (drivers[patient],), gene)] += 1
    for row in _rows(cohort / "drugs.csv"):
        values[ValueKey("drug_days", (drivers[row["patient_id"]],), Decimal(42))] += 1
    for row in _rows(cohort / "survival_192.csv"):
        pattern = (drivers[row["patient_id"]],)
        kind = "event" if row["event"] == "1" else "censored"
        exits[ExitKey(TIME_TO_PROGRESSION, pattern, 0, "entered")] += 1
        exit_bin = -(-int(row["time"]) // study.grid_days)
        exits[ExitKey(TIME_TO_PROGRESSION, pattern, exit_bin, kind)] += 1
    return Aggregate(header(study), dict(counts), dict(exits), dict(values))


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _driver(row: Row, study: Study) -> str:
    return next(
        (driver.code for driver in study.driver_classes if driver.label == row["driver"]),
        study.none_detected.code,
    )


def _categories(row: Row, place: int, study: Study) -> Iterator[tuple[str, str]]:
    driver = _driver(row, study)
    yield "patients", "all"
    yield "driver", driver
    yield "sex", {"F": "female", "M": "male"}[row["sex"]]
    race = {"Black or African American": "african_american", "White": "white", "Asian": "asian"}
    yield "race", race.get(row["race"], "unknown")
    yield "ethnicity", "hispanic" if row["ethnicity"].startswith("Hispanic") else "not_hispanic"
    yield "histology", row["histology"]
    yield "regimen", row["regimen"]
    yield "regimen_by_driver", f"{row['regimen']}:{study.driver(driver).group}"
    yield "pdl1", row["pdl1"]
    yield "uptake", "present" if row["rai_uptake"] == "yes" else "none"
    yield "rai_treated", "yes" if row["rai_mci"] else "no"
    yield "observation_ended", "progression" if row["event_192"] == "1" else "horizon"
    for change, totals in CHANGES.items():
        yield change, list(Counter(totals).elements())[place]


def _findings(cohort: Path) -> set[tuple[str, str]]:
    return {
        (row["patient_id"], name)
        for row in _rows(cohort / "mutations.csv")
        for name in (row["gene"], row["verbatim_from_abstract"])
        if name
    }


def _tested(cohort: Path) -> set[tuple[str, str]]:
    """Every patient is taken as tested for every gene that any patient has a finding in."""
    patients = [row["patient_id"] for row in _rows(cohort / "cohort.csv")]
    genes = {row["gene"] for row in _rows(cohort / "mutations.csv") if row["gene"]}
    return {(patient, gene) for patient in patients for gene in genes}
