"""Follow-up by reverse Kaplan-Meier: the time to the end of observation, an event censoring it.

Schemper and Smith 1996, Control Clin Trials 17:343. As in R's
`survfit(Surv(time, status == 0) ~ 1)`, who has the event at t is at risk of being censored at t.
"""

from __future__ import annotations

from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.survival import ConfidenceType, Curve, Quantile, kaplan_meier, quantile


def reversed_table(table: ExitTable) -> ExitTable:
    """The table in which censorings are the events, and events the censorings."""
    return ExitTable.from_counts(table.times, table.censored, table.events, table.entries)


def follow_up_curve(table: ExitTable) -> Curve:
    """The share still followed at each time, had nobody had the event.

    Raises NotEstimable for a table of no patients.
    """
    return kaplan_meier(reversed_table(table))


def median_follow_up(
    table: ExitTable, ci: ConfidenceType = "log-log", level: float = 0.95
) -> Quantile:
    """Median potential follow-up with its limits, by the rule of `quantile`.

    Raises NotEstimable for no patients, and when nobody is censored: the end of observation was
    then never seen.
    """
    curve = follow_up_curve(table)
    if not table.censored.any():
        raise NotEstimable("nobody is censored, so the end of follow-up was never seen")
    return quantile(curve, 0.5, ci, level)
