"""Reports under a disclosure policy, of cohorts made for the purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapter.report.disclosed import outcome_report
from adapter.report.hidden_count import is_masked
from analytics.aggregate import Aggregate
from analytics.disclosure.gate import disclose
from tests.lib.disclosure import Alike, any_size, cohort
from tests.lib.reports import HEAD, measures, reference_study

Json = dict[str, Any]

SITE = (
    Alike("BRAF_V600E", "female", "faint", "altered", 192, False, 30, 90),
    Alike("BRAF_V600E", "male", "increased", "altered", 96, True, 14, 150),
    Alike("BRAF_V600E", "male", "none", "altered", 40, True, 3),
    Alike("NRAS_Q61R", "female", "increased", "not altered", 192, False, 12, 90),
    Alike("NRAS_Q61R", "male", "faint", "not altered", 150, True, 11, 700),
    Alike("RAS_other", "male", "faint", "untested", 192, False, 15, 90),
    Alike("none_detected", "male", "faint", "not altered", 100, True, 13, 150),
    Alike("none_detected", "female", "none", "not altered", 192, False, 12),
)
"""110 patients, some of whose cells must be hidden."""


def of_study(patients: tuple[Alike, ...], grid_days: int = 1) -> Aggregate:
    """Their aggregate, by the reference study."""
    cells = cohort(patients, grid_days)
    head = replace(cells.header, study_hash=reference_study().fingerprint)
    return replace(cells, header=head)


def disclosed_of(patients: tuple[Alike, ...], policy: str, measure: str) -> Json:
    """The report of `measure` that leaves under the policy, whatever the cohort's size."""
    outcome = disclose(of_study(patients), any_size(policy))
    return outcome_report(outcome, measures()[measure], reference_study(), HEAD)


def populations(report: Json) -> list[Json]:
    """Every population of the report, those of strata too."""
    found: list[Json] = []
    for group in report["group"]:
        strata = [each for by in group.get("stratifier", ()) for each in by["stratum"]]
        for element in (group, *strata):
            found += element["population"]
    return found


def masked_counts(report: Json) -> list[Json]:
    """The elements `_count` of those that are hidden."""
    return [each["_count"] for each in populations(report) if is_masked(each)]


def control(report: Json) -> dict[str, Any]:
    """What the report says of its disclosure control, by name."""
    (found,) = (e for e in report["extension"] if e["url"].endswith("/disclosure-control"))
    return {
        part["url"]: next(value for key, value in part.items() if key != "url")
        for part in found["extension"]
    }


def tables(report: Json) -> list[Json]:
    """The contained survival tables."""
    return [each for each in report.get("contained", ()) if "valueSampledData" in each]
