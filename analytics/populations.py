"""The counts behind the scores: who was followed, at risk, and for how many a number is known.

A report states them beside each score as its populations (measure-report.md 3.1).
"""

from __future__ import annotations

from analytics.aggregate import Aggregate
from analytics.figures import Figures
from analytics.study import Study
from analytics.time_to_event import exit_table

QUANTITIES = ("drug_days", "redifferentiation_rai_mci", "prior_rai_mci", "cumulative_rai_mci")


def population_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """Patients followed; and at each milestone the patients at risk, progressed and censored.

    `at_risk_<day>_n` is counted on entering the bin that the day ends: just before the day on a
    daily grid, as R's `n.risk`. `progressed_by_<day>_n` and `censored_by_<day>_n` count up to and
    with the day. None where the day is no edge of the grid.
    `<quantity>_n` are the numbers that a mean or median was taken of.
    """
    table = exit_table(cells)
    figures["followed_n"] = table.n_patients
    width = cells.header.grid_days
    for day in sorted({*study.milestones, study.horizon_days}):
        names = (f"at_risk_{day}_n", f"progressed_by_{day}_n", f"censored_by_{day}_n")
        if day % width:
            for name in names:
                figures.missing(name, f"day {day} is no edge of a {width}-day grid")
            continue
        past = table.times <= day
        counts = (
            table.at_risk([day - width / 2])[0],
            table.events[past].sum(),
            table.censored[past].sum(),
        )
        for name, n in zip(names, counts, strict=True):
            figures[name] = int(n)
    for quantity in QUANTITIES:
        figures[f"{quantity}_n"] = sum(cells.value_counts(quantity).values())
