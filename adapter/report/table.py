"""Survival tables: contained Observations with all exits by time bin, and what follows from them.

SampledData interleaves entered, events and censored of each bin (measure-report.md 3.2): the body
of the aggregate, so that reports of several sites add up to the report of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapter.elements import (
    Json,
    absent,
    concept,
    extension,
    number,
    quantity,
)
from adapter.measures.definition import MeasureDefinition, Table
from adapter.report.source import ReportSource
from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate, Header
from analytics.figures import Figures

FIGURE = "urn:raiway:figure"
MEASURE_INFO = "http://hl7.org/fhir/StructureDefinition/cqf-measureInfo"
MILLISECONDS_A_DAY = 86_400_000
KINDS = ("entered", "event", "censored")
# domain.md 5.2: no interval where fewer are at risk.
LEAST_AT_RISK = 5
NO_ID = re.compile(r"[^a-z0-9.]+")


def survival_tables(
    table: Table, source: ReportSource, whole: Aggregate
) -> Iterator[tuple[str, Json]]:
    """linkId and Observation: of all patients, then of each stratum of the table's group."""
    yield (
        table.link_id,
        _observation(table, source, whole, "survival-all", _figures(source, source.overall)),
    )
    group = next(group for group in source.measure.groups if group.link_id == table.group)
    for stratifier in group.stratifiers:
        for value, figures in source.patterns(stratifier.criteria).items():
            stratum = {
                "code": stratifier.code,
                "valueCodeableConcept": source.level(stratifier.criteria, value),
            }
            yield (
                table.link_id,
                _observation(
                    table,
                    source,
                    whole.stratum(stratifier.criteria, value),
                    stratum_id(value),
                    [stratum, *_figures(source, figures)],
                ),
            )


def stratum_id(value: str) -> str:
    """The id of a stratum's table."""
    return f"survival-{NO_ID.sub('-', value.lower())}"


def _observation(
    table: Table, source: ReportSource, cells: Aggregate, name: str, components: list[Json]
) -> Json:
    found = Observed(name, cells.header, tuple(map(str, _samples(cells))), tuple(components))
    return found.observation(table, source.measure)


@dataclass(frozen=True, slots=True)
class Observed:
    """A table as it is printed: its id, its grid, its cells as text, and its components."""

    name: str
    header: Header
    cells: tuple[str, ...]
    components: tuple[Json, ...] = ()
    sampled: tuple[Json, ...] = ()
    """Extensions of the sampled data."""

    def observation(self, table: Table, measure: MeasureDefinition) -> Json:
        """The contained Observation of `table` in a report of `measure`."""
        info = [
            extension("measure", "Canonical", measure.canonical),
            extension("groupId", "String", table.group),
        ]
        return {
            "resourceType": "Observation",
            "id": self.name,
            "extension": [
                {"url": MEASURE_INFO, "extension": info},
                {"url": measure.extension_url("time-grid"), "extension": _grid(self.header)},
            ],
            "status": "final",
            "code": table.code,
            "valueSampledData": {
                **({"extension": list(self.sampled)} if self.sampled else {}),
                "origin": quantity(0, "1"),
                "period": self.header.grid_days * MILLISECONDS_A_DAY,
                "dimensions": len(KINDS),
                "data": " ".join(self.cells),
            },
            **({"component": list(self.components)} if self.components else {}),
        }


def bins(header: Header) -> int:
    """The bins of a grid, bin 0 among them."""
    return header.horizon_days // header.grid_days + 1


def _grid(header: Header) -> list[Json]:
    return [
        extension("width", "Quantity", quantity(header.grid_days, "d")),
        extension("bins", "PositiveInt", bins(header)),
        extension("closed", "Code", "right"),
        extension("ties", "Code", header.ties),
    ]


def _samples(cells: Aggregate) -> Iterator[int]:
    exits = cells.exit_counts(TIME_TO_PROGRESSION)
    for time_bin in range(bins(cells.header)):
        yield from (exits.get(time_bin, {}).get(kind, 0) for kind in KINDS)


def _figures(source: ReportSource, figures: Figures) -> list[Json]:
    """The figures of the table that there are, one component each."""
    return [
        {"code": concept(FIGURE, name), **_value(source, figures, name)}
        for name in _names(source, figures)
        if name in figures.values
    ]


def _names(source: ReportSource, figures: Figures) -> Iterator[str]:
    horizon = source.study.horizon_days
    yield from ("n_patients", f"progressed_by_{horizon}_n")
    yield from (f"rmst_{horizon}_{part}" for part in ("days", "se", "low", "high"))
    for day in source.study.milestones:
        yield from (f"km_{day}", f"km_{day}_se", f"km_{day}_low", f"km_{day}_high")
    yield from ("ttp_median_low", "ttp_median", "ttp_median_high")
    yield from (name for name in figures.values if name.startswith(("logrank_", "cox_")))


def _value(source: ReportSource, figures: Figures, name: str) -> Json:
    value = figures[name]
    if at_risk := _too_few(source, figures, name):
        return {"dataAbsentReason": absent("not-applicable", at_risk)}
    if value is None:
        reason = figures.not_estimable.get(name, "cannot be estimated")
        return {"dataAbsentReason": absent("not-applicable", reason)}
    family = source.measure.families.of(name)
    if family is None:
        raise KeyError(f"{name} is in no family of {FIGURE}")
    if family.integer:
        return {"valueInteger": number(value)}
    return {"valueQuantity": quantity(value, family.unit)}


def _too_few(source: ReportSource, figures: Figures, name: str) -> str:
    """Why there is no interval here; '' where there is, and for what is no interval.

    Counted at the day of a milestone; for the median and the mean, on entering.
    """
    if not name.endswith(("_low", "_high")):
        return ""
    for day in source.study.milestones:
        if name.startswith(f"km_{day}_"):
            few = (figures.values.get(f"at_risk_{day}_n") or 0) < LEAST_AT_RISK
            return f"fewer than {LEAST_AT_RISK} known to be at risk at day {day}" if few else ""
    n = figures.values.get("followed_n") or 0
    return f"fewer than {LEAST_AT_RISK} at risk" if n < LEAST_AT_RISK else ""
