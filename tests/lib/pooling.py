"""Patients of several sites, as rows; their reports, of each site and of all together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from adapter.report.writer import Reporter, ReportHead
from analytics.aggregate import (
    TIME_TO_PROGRESSION,
    Aggregate,
    CountKey,
    ExitKey,
    ValueKey,
    header,
)
from analytics.study import Study
from tests.lib.reports import HEAD, reference_study, report_of

Json = dict[str, Any]

HORIZON = 192
DRIVERS = ("BRAF_V600E", "NRAS_Q61R", "fusion", "none_detected")
CHANGES = ("decrease", "increase", "stable", "indeterminate", "not_evaluable", "missing")
GENES = ("BRAF", "NRAS", "TERT")


class Row(NamedTuple):
    """One patient, of whom every figure of a Measure can be counted.

    day: of exit, 0 for nobody was followed. pick: what the other variables are drawn by.
    """

    driver: str
    day: int
    event: bool
    pick: int = 0


rows = st.builds(
    Row,
    driver=st.sampled_from(DRIVERS),
    day=st.sampled_from([0, 1, 24, 40, 40, 91, 96, 97, 150, 183, 192]),
    event=st.booleans(),
    pick=st.integers(0, 10_000),
).map(lambda row: row._replace(event=row.event and row.day > 0))


def aggregate_of(patients: Sequence[Row], study: Study) -> Aggregate:
    """Their aggregate on the study's grid."""
    counts: Counter[CountKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    values: Counter[ValueKey] = Counter()
    for row in patients:
        pattern = (row.driver,)
        counts.update(
            CountKey(name, pattern, category) for name, category in _categories(row, study)
        )
        values.update(ValueKey(name, pattern, value) for name, value in _values(row))
        if row.day:
            place = -(-row.day // study.grid_days)
            kind = "event" if row.event else "censored"
            exits[ExitKey(TIME_TO_PROGRESSION, pattern, 0, "entered")] += 1
            exits[ExitKey(TIME_TO_PROGRESSION, pattern, place, kind)] += 1
    return Aggregate(header(study), dict(counts), dict(exits), dict(values))


def _categories(row: Row, study: Study) -> Iterator[tuple[str, str]]:
    yield "patients", "all"
    yield "driver", row.driver
    for name, known in (
        ("sex", ("female", "male", "unknown")),
        ("race", (*study.race_labels.values(), "other")),
        ("ethnicity", (*study.ethnicity_labels.values(), "other")),
        ("histology", ("PTC", "FTC", "PDTC")),
        ("pdl1", ("negative", "positive", "not_tested")),
        ("regimen", ("BRAFi", "BRAFi+MEKi", "MEKi")),
        ("uptake", ("none", "faint", "present", "increased", "not_assessed")),
        ("rai_treated", ("yes", "no")),
        ("observation_ended", ("progression" if row.event else "last_contact",)),
        *((f"{what}_{times}", CHANGES) for what in ("tg", "ct") for times in _TIMES),
    ):
        yield name, known[_drawn(row, name) % len(known)]
    for gene in GENES:
        if _drawn(row, gene) % 3:
            yield "gene_tested", gene
        if _drawn(row, gene) % 3 == 1:
            yield "mutation", gene


_TIMES = ("prior_to_3m", "prior_to_6m", "3m_to_6m")


def _drawn(row: Row, name: str) -> int:
    return row.pick // (1 + sum(map(ord, name)) % 97)


def _values(row: Row) -> Iterator[tuple[str, Decimal]]:
    if _drawn(row, "rai_treated") % 2 == 0:
        yield "redifferentiation_rai_mci", Decimal(100 + row.pick % 77)
    if row.pick % 5:
        yield "prior_rai_mci", Decimal(50 + row.pick % 300)
    yield "drug_days", Decimal(28 + row.pick % 30)


def head_of(place: int) -> ReportHead:
    """The head of one site's report."""
    reporter = Reporter(f"site {place}", reference=f"Organization/site-{place}")
    return replace(HEAD, reporter=reporter)


def site_reports(
    measure: str, sites: Sequence[Sequence[Row]], study: Study | None = None
) -> list[Json]:
    """Each site's report in mode `none`, as it arrives: read back from its JSON."""
    by = study or reference_study()
    return [
        json.loads(json.dumps(report_of(measure, aggregate_of(patients, by), by, head_of(place))))
        for place, patients in enumerate(sites)
    ]


def dealt(patients: Sequence[Row], places: Sequence[int], n: int) -> list[list[Row]]:
    """The patients over n sites, some of which may get none."""
    sites: list[list[Row]] = [[] for _ in range(n)]
    for place, row in enumerate(patients):
        sites[places[place % len(places)] % n].append(row)
    return sites
