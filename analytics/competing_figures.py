"""Follow-up and competing risks: named figures from the aggregate's exit cells."""

from __future__ import annotations

from analytics.aggregate import FIRST_OUTCOME, Aggregate
from analytics.competing_risks import CompetingTable, cumulative_incidence
from analytics.errors import NotEstimable
from analytics.figures import Figures
from analytics.reverse_kaplan_meier import median_follow_up
from analytics.study import Study
from analytics.time_to_event import NO_FOLLOW_UP, exit_table, midpoint

CAUSES = ("progression", "death")
NO_CAUSES = "the aggregate does not hold what came first"


def outcome_table(cells: Aggregate) -> CompetingTable:
    """Progression and death, whichever came first, over all patterns; times in days."""
    counts = cells.exit_counts(FIRST_OUTCOME)
    width = cells.header.grid_days
    return CompetingTable.from_counts(
        [midpoint(number, width) for number in counts],
        {cause: [kinds.get(cause, 0) for kinds in counts.values()] for cause in CAUSES},
        [kinds.get("censored", 0) for kinds in counts.values()],
    )


def incidence_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """Aalen-Johansen at the milestones, `cuminc_<cause>_<day>`: with death competing, one minus
    Kaplan-Meier would be too high."""
    reason = _no_incidence(cells)
    names = [(cause, day) for cause in CAUSES for day in study.milestones]
    if reason:
        for cause, day in names:
            for part in ("", "_se", "_low", "_high"):
                figures.missing(f"cuminc_{cause}_{day}{part}", reason)
        return
    table = outcome_table(cells)
    curves = {cause: cumulative_incidence(table, cause) for cause in CAUSES}
    for cause, day in names:
        name = f"cuminc_{cause}_{day}"
        point = curves[cause].at(day, ci=study.confidence_interval)
        figures[name] = point.incidence
        for part, value in (("_se", point.se), ("_low", point.low), ("_high", point.high)):
            figures[f"{name}{part}"] = value
            if value is None:
                figures.missing(f"{name}{part}", "the incidence is 1")


def _no_incidence(cells: Aggregate) -> str:
    if any(key.endpoint == FIRST_OUTCOME for key in cells.exits):
        return ""
    return NO_CAUSES if cells.exits else NO_FOLLOW_UP


def follow_up_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """The median follow-up by reverse Kaplan-Meier, cut at the horizon as every time is."""
    names = ("follow_up_median", "follow_up_median_low", "follow_up_median_high")
    try:
        found = median_follow_up(exit_table(cells), study.confidence_interval)
    except NotEstimable as error:
        for name in names:
            figures.missing(name, error.reason)
        return
    for name, value in zip(names, (found.value, found.low, found.high), strict=True):
        figures[name] = value
        if value is None:
            figures.missing(name, f"not reached by day {study.horizon_days}")
