"""The network in a box, from the split records to the comparison with all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapter.config import Settings
from adapter.definitions import load
from adapter.elements import Json
from adapter.errors import UsageError
from adapter.network.compared import Compared, compared
from adapter.network.premises import KEYS, SERVERS, ZONE, Premises, made, prepared
from adapter.network.processes import each, serving, step
from adapter.pooling.exact import pooled_estimates
from adapter.pooling.files import read_reports
from adapter.pooling.pool import pool
from adapter.pooling.secure.plan import POLICY
from adapter.report.evaluation import measure

MEASURE = "redifferentiation-outcomes"
PERIOD = ("2010-01-01", "2026-12-31")
ROUND = "box"
CATEGORIES = {
    "sex_n:{category}": ("female", "male", "other", "unknown"),
    "histology_n:{category}": ("PTC", "FTC", "OCA", "PDTC", "ATC"),
    "regimen_n:{category}": ("dabrafenib+trametinib", "trametinib", "dabrafenib", "selumetinib"),
}
"""The round's plan: the categories that the Measure leaves open, before anyone looks at data."""
LEAST, MOST = 5, 20


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. sums, files: the sum, and the plain reports pooled, against all rows."""

    sums: Compared
    files: Compared
    sites: tuple[str, ...]
    audit: Json
    report: Path


def run(folder: Path, hospitals: int, settings: Settings, told: Callable[[str], None]) -> Result:
    """Make the network in this folder, run it, and compare.

    Raises UsageError for a folder that is not empty or too few hospitals, GateFailed where a step
    fails.
    """
    _check(hospitals)
    premises = made(folder, hospitals)
    told(f"{hospitals} hospitals, a registry and a trustee in {folder}")
    grid = load().policy(POLICY).grid_days
    each([premises.of(name) for name in premises.hospitals], *_evaluating(grid))
    told("each hospital has loaded its records and evaluated them")
    with serving([premises.of(role) for role in SERVERS]) as origins:
        audit = _round(premises, origins, told)
    report = premises.of("registry") / "pooled.json"
    whole = _all_rows(premises, grid)
    asked = measure(MEASURE, settings)
    summed = pool(read_reports([report]), asked)
    plain = pool(read_reports([_report(premises, name) for name in premises.hospitals]), asked)
    return Result(
        compared(pooled_estimates(summed), whole, asked),
        compared(pooled_estimates(plain), whole, asked),
        premises.hospitals,
        audit,
        report,
    )


def prepare(folder: Path, hospitals: int) -> Premises:
    """Make the network alone, unless it is there. Raises UsageError."""
    _check(hospitals)
    return prepared(folder, hospitals)


def _check(hospitals: int) -> None:
    if not LEAST <= hospitals <= MOST:
        raise UsageError(f"{hospitals} hospitals: from {LEAST} to {MOST} can be had")


def _evaluating(grid: int) -> tuple[tuple[str, ...], ...]:
    return (
        ("ingest", "export", "--site", "own", "--timezone", ZONE),
        ("evaluate", MEASURE, "--set", f"grid_days={grid}", "--period-start", PERIOD[0],
         "--period-end", PERIOD[1], "--out", "report.json"),
    )  # fmt: skip


def _report(premises: Premises, hospital: str) -> Path:
    return premises.of(hospital) / "report.json"


def _round(premises: Premises, origins: list[str], told: Callable[[str], None]) -> Json:
    """All steps of the round, each by the member whose step it is."""
    between = ("--round", ROUND, "--registry", origins[0], "--trustee", origins[1])
    known = ("--directory", "../keys.json", "--keys", KEYS)
    registry = premises.of("registry")
    period = ("--period-start", PERIOD[0], "--period-end", PERIOD[1])
    plan = [
        word
        for figure, values in _categories().items()
        for word in ("--category", f"{figure}={','.join(values)}")
    ]
    step(registry, "secure-sum", "announce", *between, *known, *period, *plan, "--measure", MEASURE)
    told("the registry has announced the round")
    sites = [premises.of(name) for name in premises.hospitals]
    each(sites, ("secure-sum", "share", "report.json", *between, *known))
    told("each hospital has sent one share to the registry, one to the trustee")
    step(registry, "secure-sum", "open", *between)
    step(registry, "secure-sum", "report", *between, "--out", "pooled.json")
    told("the sum is opened")
    directory = ("--directory", "../keys.json")
    audit = step(registry, "secure-sum", "audit", *between, *directory, "--json")
    told("an auditor finds that signatures, lists and both logs hold")
    return audit


def _categories() -> dict[str, tuple[str, ...]]:
    study = load().study(Settings().analysis.study)
    return {
        **CATEGORIES,
        "race_{category}_n": tuple(dict.fromkeys((*study.race_labels.values(), "other"))),
        "ethnicity_{category}_n": tuple(dict.fromkeys((*study.ethnicity_labels.values(), "other"))),
    }


def _all_rows(premises: Premises, grid: int) -> Json:
    """The figures of all hospitals' records in one store, as no network could have them."""
    folder = premises.folder / "all-rows"
    folder.mkdir()
    for name in premises.hospitals:
        step(folder, "ingest", str(premises.export(name).resolve()), "--site", name,
             "--timezone", ZONE)  # fmt: skip
    return step(folder, *_evaluating(grid)[1][:-2], "--format", "figures")
