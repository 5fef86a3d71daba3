"""Who takes part: the least patients, events and sites without which nothing leaves."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate
from analytics.disclosure.policy import Policy


def too_small(cells: Aggregate, policy: Policy, sites: Mapping[str, int] | None) -> list[str]:
    """The rules that the cells do not meet, without any count; empty where all are met."""
    patients = cells.count("patients", "all")
    exits = cells.exit_counts(TIME_TO_PROGRESSION)
    events = sum(kinds.get("event", 0) for kinds in exits.values())
    by_site = {name: n for name, n in (_sites(cells) if sites is None else sites).items() if n}
    largest = max(by_site.values(), default=0)
    total = sum(by_site.values())
    rules = (
        (cells.header.unit == "patient", "the study counts courses, not patients (unit)"),
        (patients >= policy.min_patients, f"fewer than {policy.min_patients} patients"),
        (events >= policy.min_events, f"fewer than {policy.min_events} events"),
        (len(by_site) >= policy.min_sites, f"fewer than {policy.min_sites} sites"),
        (
            largest <= policy.max_site_share * total,
            f"one site has more than {policy.max_site_share:.0%} of the patients",
        ),
    )
    return [reason for met, reason in rules if not met]


def _sites(cells: Aggregate) -> dict[str, int]:
    """Patients by site; without that stratifier, all of them as one site's."""
    if "site" not in cells.header.stratifiers:
        return {"": cells.count("patients", "all")}
    return {
        name: cells.stratum("site", name).count("patients", "all") for name in cells.strata("site")
    }
