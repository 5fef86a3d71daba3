"""Ten million patients' figures from count tables: `python -m benchmarks.estimate`.

Patients are drawn from the 16 profiles of the reference cohort, each with an exit day of its own
up to ten years, and spread over sites. What is timed begins where rows have become counts: adding
the sites' aggregates, and all figures from the sum. Prints the machine, the size of the table, the
seconds and the peak of memory, and the same figures' restricted mean computed from the drawn days
directly, as a check.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapter import demo
from adapter.config import Settings
from adapter.definitions import load
from adapter.evaluate import Request, evaluate
from adapter.store import open_store
from analytics.aggregate import (
    FIRST_OUTCOME,
    TIME_TO_PROGRESSION,
    Aggregate,
    ExitKey,
    aggregate,
)
from analytics.estimate import estimate
from analytics.study import Study
from benchmarks import results

LAST_DAY = 3_650
EVENTS = 0.6
"""Share of patients whose exit is a progression."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimate", description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000_000)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.patients, asked.sites, asked.seed)
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:28} {value}")


def measured(patients: int, sites: int, seed: int) -> dict[str, object]:
    """Draw the patients and time what is made of their counts."""
    profiles, study = _profiles()
    random = np.random.default_rng(seed)
    each = [_site(profiles, patients // sites, random) for _ in range(sites)]
    days = sum((drawn for _, drawn in each), np.zeros((2, LAST_DAY + 1), np.int64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    whole = reduce(Aggregate.__add__, (cells for cells, _ in each))
    added = time.perf_counter()
    estimates = estimate(whole, study)
    ended = time.perf_counter()
    figures = estimates.overall.values
    name = f"rmst_{study.horizon_days}_days"
    return {
        "date": results.today(),
        "machine": results.machine(),
        "patients": figures["n_patients"],
        "sites": sites,
        "cells of the sum": len(whole.counts) + len(whole.exits) + len(whole.values),
        "adding the sites, s": round(added - began, 3),
        "all figures, s": round(ended - added, 3),
        "figures": sum(
            len(found.values) for groups in estimates.strata.values() for found in groups.values()
        )
        + len(figures),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "of which before, MB": before // 1024,
        "restricted mean": figures.get(name),
        "from the days drawn": _restricted_mean(days, study.horizon_days),
    }


def _profiles() -> tuple[list[Aggregate], Study]:
    """The aggregate of each patient of the reference cohort alone."""
    with tempfile.TemporaryDirectory() as folder:
        found = demo.run(Path(folder), Settings())
        study = load().study(Settings().analysis.study)
        with open_store(found.store_url, create=False) as store:
            evaluation = evaluate(store, study, Request())
    head = evaluation.aggregate.header
    courses = [course for course in evaluation.courses if course.episodes]
    return [aggregate([course], study, head) for course in courses], study


def _site(
    profiles: Sequence[Aggregate], patients: int, random: np.random.Generator
) -> tuple[Aggregate, NDArray[np.int64]]:
    """A site's aggregate, and how many had an event, or were censored, on each day."""
    shares = random.multinomial(patients, [1 / len(profiles)] * len(profiles))
    days = np.zeros((2, LAST_DAY + 1), np.int64)
    cells = []
    for profile, n in zip(profiles, shares.tolist(), strict=True):
        drawn = random.multinomial(n, _chances()).reshape(2, LAST_DAY)
        days[:, 1:] += drawn
        cells.append(
            replace(
                profile,
                counts={key: count * n for key, count in profile.counts.items()},
                values={key: count * n for key, count in profile.values.items()},
                exits=dict(_exits(profile, n, drawn)),
            )
        )
    return reduce(Aggregate.__add__, cells), days


def _chances() -> NDArray[np.float64]:
    """Of an event, then of a censoring, on each day: exits that grow rarer."""
    rate = np.exp(-np.arange(LAST_DAY) / 400)
    rate /= rate.sum()
    return np.concatenate([EVENTS * rate, (1 - EVENTS) * rate])


def _exits(profile: Aggregate, n: int, drawn: NDArray[np.int64]) -> Iterator[tuple[ExitKey, int]]:
    (pattern,) = {key.pattern for key in profile.exits}
    for endpoint, event in ((TIME_TO_PROGRESSION, "event"), (FIRST_OUTCOME, "progression")):
        found = Counter({ExitKey(endpoint, pattern, 0, "entered"): n})
        for kind, counts in zip((event, "censored"), drawn, strict=True):
            for day in np.flatnonzero(counts).tolist():
                found[ExitKey(endpoint, pattern, day + 1, kind)] = int(counts[day])
        yield from found.items()


def _restricted_mean(days: NDArray[np.int64], horizon: int) -> float:
    """The area under the product-limit curve, by its definition."""
    at_risk = days.sum() - np.concatenate([[0], days.sum(axis=0).cumsum()[:-1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        stays = np.where(at_risk > 0, 1 - days[0] / at_risk, 1.0)
    return float(stays.cumprod()[:horizon].sum())


if __name__ == "__main__":
    main()
