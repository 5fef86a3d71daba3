"""Any cohort: the estimates in a report are what exact arithmetic makes of its printed table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.report.check import check
from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate, CountKey, ExitKey, header
from analytics.study import Study
from tests.lib.reports import measures, reference_study, report_of

DAILY = reference_study()
GRIDS = {1: DAILY, 24: reference_study(grid_days=24), 96: reference_study(grid_days=96)}
PATIENT = st.tuples(
    st.sampled_from([driver.code for driver in DAILY.driver_classes]),
    st.one_of(st.none(), st.integers(0, DAILY.horizon_days)),
    st.sampled_from(["event", "censored"]),
)


def cells(patients: list[Any], study: Study) -> Aggregate:
    """The aggregate of patients: driver, day of exit (None: never seen again), kind of exit."""
    counts: Counter[CountKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    for driver, day, kind in patients:
        counts[CountKey("patients", (driver,), "all")] += 1
        if day is not None:
            exits[ExitKey(TIME_TO_PROGRESSION, (driver,), 0, "entered")] += 1
            exit_bin = -(-day // study.grid_days)
            exits[ExitKey(TIME_TO_PROGRESSION, (driver,), exit_bin, kind)] += 1
    return Aggregate(header(study), dict(counts), dict(exits), {})


@settings(max_examples=60)
@given(st.lists(PATIENT, max_size=30), st.sampled_from(sorted(GRIDS)))
def test_a_report_agrees_with_its_own_table(patients, width):
    study = GRIDS[width]
    report = report_of("time-to-progression", cells(patients, study), study)
    assert check(report, measures()["time-to-progression"]) == []
