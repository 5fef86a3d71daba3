"""One site's MeasureReport, read for pooling: its header, its counts and its survival tables.

What is hidden is a range, and what the report's own sums say of it is used up here. Nothing hidden
is ever taken as 0; a stratum that a site does not name has nobody there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapter.elements import Json, extension_value
from adapter.errors import GateFailed
from adapter.fhir_r4 import validated
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.refusal import PoolingRefused
from adapter.pooling.stated_counts import Stated, stated_counts, stated_tables
from adapter.report.check import check
from analytics.disclosure.cells import UNBOUNDED, Cell, Range

NOBODY = Range(0, 0)


@dataclass(frozen=True, slots=True)
class PoolHeader:
    """What reports must share. Grid, horizon and ties: of the tables, 0 and '' without any."""

    measure: str
    study_sha256: str
    grid_days: int = 0
    horizon_days: int = 0
    ties: str = ""


@dataclass(frozen=True, slots=True)
class SiteReport:
    """A report that may be added to others of its header.

    reporters: whom it counts, one unless it was pooled itself. counts: by stratum ('' is
    everybody) and figure, None what is not held. cells: of the survival tables. levels: the strata
    that it names. poolable: as it says. withheld: the range of each count, where all are hidden.
    """

    header: PoolHeader
    id: str
    reporters: tuple[str, ...]
    mode: str
    poolable: str
    period: tuple[str, str]
    counts: Mapping[Stated, Range | None] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)
    cells: Mapping[Cell, Range] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    withheld: Range | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing is hidden, and the report says so."""
        held = [*(each for each in self.counts.values() if each is not None), *self.cells.values()]
        return self.poolable == "exact" and all(range_.exact for range_ in held)

    def count(self, stated: Stated) -> Range | None:
        """The count; of a stratum or category that the site does not name, 0."""
        return self.withheld or self.counts.get(stated, NOBODY)

    def cell(self, cell: Cell) -> Range:
        """A cell of the survival tables, as `count`."""
        return self.withheld or self.cells.get(cell, NOBODY)

    @property
    def patients(self) -> Range:
        """How many are counted."""
        return self.count(Stated("", "n_patients")) or Range(0, UNBOUNDED)


def site_report(report: Json, measure: MeasureDefinition, place: int = 0) -> SiteReport:
    """The report as one that can be added. place: its number among those given, for messages.

    Raises PoolingRefused where it is no summary of this Measure and version, does not pass our own
    check, or says that it cannot be pooled.
    """
    where = f"report {place + 1}"
    _check_form(report, measure, where)
    control = _control(report, measure)
    mode, poolable = control.get("mode", ""), control.get("poolable", "")
    if mode == "secure-share":
        raise PoolingRefused("share", "it holds no counts, only a share of them", where=where)
    if poolable not in ("exact", "bounds-only") and mode != "withheld":
        raise PoolingRefused("poolable", f"it says poolable = {poolable or 'nothing'}", where=where)
    named = _Named(
        id=str(report.get("id", "")),
        reporters=_reporters(report, measure),
        mode=str(mode),
        poolable=str(poolable),
        period=(report["period"]["start"], report["period"]["end"]),
    )
    if mode == "withheld":
        return _withheld(report, measure, named, where)
    endpoint = _part(report, measure.extension_url("endpoint-definition"))
    sha256 = str(extension_value(endpoint, "sha256") or "")
    if not sha256:
        raise PoolingRefused("endpoint", "it does not say by which definition", where=where)
    grid, cells = stated_tables(report, measure, where)
    counts, means, levels = stated_counts(report, measure, where)
    header = PoolHeader(measure.canonical, sha256, *grid)
    return SiteReport(
        header, **named.fields(), counts=counts, means=means, cells=cells, levels=levels
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What every report says of itself."""

    id: str
    reporters: tuple[str, ...]
    mode: str
    poolable: str
    period: tuple[str, str]

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def _check_form(report: Json, measure: MeasureDefinition, where: str) -> None:
    if report.get("resourceType") != "MeasureReport":
        raise PoolingRefused("form", "it is no MeasureReport", where=where)
    if report.get("measure") != measure.canonical:
        raise PoolingRefused(
            "measure", f"it is of {report.get('measure')}, not {measure.canonical}", where=where
        )
    for name, asked in (("type", "summary"), ("status", "complete")):
        if report.get(name) != asked:
            raise PoolingRefused("form", f"its {name} is not {asked}", where=where)
    try:
        validated(report)
    except GateFailed as error:
        raise PoolingRefused("form", error.what, where=where) from error
    if problems := check(report, measure):
        raise PoolingRefused("form", "; ".join(problems[:3]), where=where)


def _part(report: Mapping[str, Any], url: str) -> Json:
    """The report's extension of this url, {} if there is none."""
    return next((each for each in report.get("extension", ()) if each.get("url") == url), {})


def _control(report: Mapping[str, Any], measure: MeasureDefinition) -> dict[str, Any]:
    control = _part(report, measure.extension_url("disclosure-control"))
    return {name: extension_value(control, name) for name in ("mode", "poolable")}


def _reporters(report: Mapping[str, Any], measure: MeasureDefinition) -> tuple[str, ...]:
    """Whom the report counts: its reporter, or those that it pooled."""
    pooled = _part(report, measure.extension_url("pooled-reports"))
    inside = [
        extension_value(part, "reporter")
        for part in pooled.get("extension", ())
        if part.get("url") == "report"
    ]
    return tuple(reporter_key(each) for each in (inside or [report["reporter"]]))


def reporter_key(reference: Mapping[str, Any]) -> str:
    """What tells a reporter from others: its reference, else its identifier, else its name."""
    identifier = reference.get("identifier", {})
    by_identifier = f"{identifier.get('system', '')}|{identifier['value']}" if identifier else ""
    return str(reference.get("reference") or by_identifier or reference.get("display", ""))


def _withheld(report: Json, measure: MeasureDefinition, named: _Named, where: str) -> SiteReport:
    counts, _, _ = stated_counts(report, measure, where)
    everyone = counts.get(Stated("", "n_patients"))
    if everyone is None or everyone.high >= UNBOUNDED:
        raise PoolingRefused("withheld", "it does not say how many it has at most", where=where)
    return SiteReport(PoolHeader(measure.canonical, ""), **named.fields(), withheld=everyone)
