"""Raiway on the question of `benchmarks.evaluate`, in a process of its own.

`python -m benchmarks.evaluate_child STORE WORKERS keep|anew`; one JSON object on standard output.
keep: patients of whom something is kept are not derived again, and what is derived is kept. anew:
all are derived, and nothing is kept.
"""

from __future__ import annotations

import json
import os
import sys
import time

from adapter.definitions import load
from adapter.evaluate import Request, evaluate_aggregate
from adapter.store import open_store
from analytics.aggregate import Aggregate

RESPONSES = ("CR", "PR")


def main() -> None:
    """Evaluate, count."""
    url, workers, kept = sys.argv[1:]
    study = load().study("redifferentiation")
    began, used = time.perf_counter(), sum(os.times()[:4])
    with open_store(url, create=False) as store:
        found = evaluate_aggregate(
            store, study, Request(stratifiers=("sex",)), workers=int(workers), keep=kept == "keep"
        )
    strata = {sex: found.aggregate.stratum("sex", sex) for sex in ("female", "male")}
    print(
        json.dumps(
            {
                "evaluate": time.perf_counter() - began,
                "cpu": sum(os.times()[:4]) - used,
                "patients": found.screened,
                "enrolled": {sex: each.count("patients", "all") for sex, each in strata.items()},
                "responders": {sex: _responders(each) for sex, each in strata.items()},
            }
        )
    )


def _responders(stratum: Aggregate) -> int:
    return stratum.count("best_recist", *RESPONSES)


if __name__ == "__main__":
    main()
