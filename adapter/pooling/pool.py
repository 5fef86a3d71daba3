"""`add`: the reports of several sites -> one table of counts, each exact or a range.

Addition is that of integers, cell by cell; it refuses what the rules in `refusal.RULES` refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.elements import Json
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.refusal import PoolingRefused
from adapter.pooling.site_report import PoolHeader, SiteReport, site_report
from adapter.pooling.stated_counts import Stated
from adapter.pooling.stated_study import stated_study
from adapter.report.disclosed_cells import added
from analytics.disclosure.cells import EVERYBODY, UNBOUNDED, Cell, Range
from analytics.disclosure.policy import OTHER
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class PooledTable:
    """Sums over sites. counts: None where a site does not hold the figure. cells: of the survival
    tables. levels: every stratum that a site names."""

    measure: MeasureDefinition
    study: Study
    header: PoolHeader
    sites: tuple[SiteReport, ...]
    counts: Mapping[Stated, Range | None]
    cells: Mapping[Cell, Range]
    levels: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether no site hides anything."""
        return all(site.exact for site in self.sites)

    @property
    def hiding(self) -> tuple[SiteReport, ...]:
        """The sites that hide something: the gap between the bounds is theirs."""
        return tuple(site for site in self.sites if not site.exact)

    @property
    def period(self) -> tuple[str, str]:
        """From the first day of any report to the last."""
        return min(site.period[0] for site in self.sites), max(
            site.period[1] for site in self.sites
        )


def pool(reports: Sequence[Json], measure: MeasureDefinition) -> PooledTable:
    """The reports of `measure` added up.

    A site that withholds all its counts takes part with the range of its size. Raises
    PoolingRefused, naming the rule, where the reports cannot be added.
    """
    sites = tuple(site_report(report, measure, place) for place, report in enumerate(reports))
    _check_reporters(sites)
    head = _header(sites)
    at = next(place for place, site in enumerate(sites) if site.header == head)
    study = stated_study(reports[at], head.study_sha256, f"report {at + 1}")
    if head.grid_days and head.horizon_days != study.horizon_days:
        raise PoolingRefused("grid", f"tables to day {head.horizon_days}, not to the horizon")
    levels = _levels(sites, study)
    return PooledTable(
        measure, study, head, sites, _counts(sites, levels), _cells(sites, levels), levels
    )


def _check_reporters(sites: Sequence[SiteReport]) -> None:
    if not sites:
        raise PoolingRefused("form", "there is no report")
    seen = Counter(reporter for site in sites for reporter in site.reporters)
    for reporter, times in seen.items():
        if times > 1:
            raise PoolingRefused("reporter", f"{reporter} reports {times} times")


def _header(sites: Sequence[SiteReport]) -> PoolHeader:
    """The header that all share but for those who withhold everything."""
    stated = [site for site in sites if site.withheld is None]
    if not stated:
        raise PoolingRefused("withheld", "every site withholds its counts")
    first = stated[0].header
    for place, site in enumerate(sites):
        where, head = f"report {place + 1}", site.header
        if site.withheld is not None:
            continue
        if head.study_sha256 != first.study_sha256:
            raise PoolingRefused("endpoint", "it is by another endpoint definition", where=where)
        if (head.grid_days, head.horizon_days) != (first.grid_days, first.horizon_days):
            what = f"bins of {head.grid_days} days to {head.horizon_days}"
            raise PoolingRefused(
                "grid", f"{what}, not {first.grid_days} to {first.horizon_days}", where=where
            )
        if head.ties != first.ties:
            raise PoolingRefused("ties", f"ties are {head.ties}, not {first.ties}", where=where)
    return first


def _levels(sites: Sequence[SiteReport], study: Study) -> tuple[str, ...]:
    """Every level, in the study's order. Raises PoolingRefused where `other` of one site holds
    what another names."""
    named = dict.fromkeys(level for site in sites for level in site.levels)
    for site in sites:
        lost = [level for level in named if level not in site.levels]
        if OTHER in site.levels and lost:
            raise PoolingRefused("levels", f"{', '.join(lost)} is `other` at a site")
    order = [driver.code for driver in study.driver_classes]
    known = order if all(site.exact for site in sites) else [*order, OTHER]
    if strange := [level for level in named if level not in known]:
        raise PoolingRefused("levels", f"{', '.join(strange)} is no driver of the study")
    return tuple(sorted(named, key=lambda level: ([*order, level]).index(level)))


def _counts(sites: Sequence[SiteReport], levels: tuple[str, ...]) -> dict[Stated, Range | None]:
    places = dict.fromkeys(stated for site in sites for stated in site.counts)
    kept = [stated for stated in places if not stated.stratum or stated.stratum in levels]
    return {stated: _sum([site.count(stated) for site in sites]) for stated in kept}


def _sum(ranges: Sequence[Range | None]) -> Range | None:
    held = [range_ for range_ in ranges if range_ is not None]
    return added(held) if len(held) == len(ranges) else None


def _cells(sites: Sequence[SiteReport], levels: tuple[str, ...]) -> dict[Cell, Range]:
    places = sorted({cell for site in sites for cell in site.cells})
    groups = {EVERYBODY, *((level,) for level in levels)}
    return {
        cell: added(site.cell(cell) for site in sites) for cell in places if cell.group in groups
    }


def share_behind(table: PooledTable) -> tuple[float, float]:
    """The least and the greatest share (0-1) of the patients who are of sites that hide something.

    By the ranges of their numbers; 1 at most where no end is known.
    """
    hiding = added(site.patients for site in table.hiding)
    rest = added(site.patients for site in table.sites if site.exact)
    low = hiding.low / max(1, hiding.low + rest.high)
    high = 1.0 if hiding.high >= UNBOUNDED else hiding.high / max(1, hiding.high + rest.low)
    return low, high
