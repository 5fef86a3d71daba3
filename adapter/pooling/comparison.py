"""What sites differ in, and what is left when they are compared as strata (pooling.md section 10).

For inside the registry: a row of a forest is a site's own result, and one site left out of a sum
gives that site away by subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from adapter.pooling.exact import site_aggregate
from adapter.pooling.pool import PooledTable
from adapter.pooling.site_report import SiteReport
from analytics.cox import cox_stratified
from analytics.errors import NotEstimable
from analytics.figures import Figures
from analytics.heterogeneity import (
    Effect,
    Heterogeneity,
    heterogeneity,
    leave_one_out,
    score_effect,
)
from analytics.life_table import ExitTable
from analytics.logrank import logrank_stratified, stratum_score
from analytics.restricted_mean import restricted_mean
from analytics.study import Study
from analytics.time_to_event import exit_table

LEAST_NAMED = 20
"""Patients below which a site is no row of its own in a forest."""
REST = "other sites, combined"


@dataclass(frozen=True, slots=True)
class SiteTables:
    """A site's exits by driver. label: a number, not a name."""

    label: str
    tables: Mapping[str, ExitTable]

    @property
    def whole(self) -> ExitTable:
        return reduce(add, self.tables.values(), ExitTable.empty())

    def __add__(self, other: SiteTables) -> SiteTables:
        levels = sorted({*self.tables, *other.tables})
        none = ExitTable.empty()
        return SiteTables(
            REST,
            {
                level: self.tables.get(level, none) + other.tables.get(level, none)
                for level in levels
            },
        )


@dataclass(frozen=True, slots=True)
class Forest:
    """One effect over sites. rows: small sites are one; of all, each by itself, is `found`.

    found: None with `reason` where fewer than two sites have the effect. without: the result
    without each site.
    """

    name: str
    unit: str
    rows: tuple[Effect, ...]
    found: Heterogeneity | None = None
    reason: str = ""
    without: Mapping[str, Heterogeneity] = field(default_factory=dict)


def site_tables(table: PooledTable) -> list[SiteTables]:
    """Of an exact table: the exits of each site, numbered in the order of their reports' ids."""
    ordered = sorted(table.sites, key=lambda site: site.id)
    return [
        SiteTables(f"site {place}", _by_driver(table, site))
        for place, site in enumerate(ordered, start=1)
    ]


def _by_driver(table: PooledTable, site: SiteReport) -> dict[str, ExitTable]:
    cells = site_aggregate(table, site)
    found = {level: exit_table(cells.stratum("driver", level)) for level in table.levels}
    return {level: exits for level, exits in found.items() if len(exits.times)}


def stratified_figures(sites: list[SiteTables], study: Study) -> Figures:
    """Drivers compared within each site: log-rank, and Cox (Efron) with a baseline of its own.

    `stratified_driver_by_site_*` and `cox_driver_by_site_loghr:LABEL` with `_se`.
    """
    figures = Figures()
    strata = [site.tables for site in sites]
    try:
        test = logrank_stratified(strata)
    except NotEstimable as error:
        for part in ("chi2", "df", "p"):
            figures.missing(f"stratified_driver_by_site_{part}", error.reason)
    else:
        figures["stratified_driver_by_site_chi2"] = test.chi2
        figures["stratified_driver_by_site_df"] = test.df
        figures["stratified_driver_by_site_p"] = test.p
    _stratified_cox(strata, study, figures)
    return figures


def _stratified_cox(strata: list[Mapping[str, ExitTable]], study: Study, figures: Figures) -> None:
    """A driver without events has no finite hazard ratio and is left out, as in the plain fit."""
    eventful = sorted(
        {level for tables in strata for level in tables if tables[level].events.any()}
    )
    others = [level for level in eventful if level != study.reference_driver]
    kept = [{level: each[level] for level in each if level in eventful} for each in strata]
    covariates = {level: [float(level == other) for other in others] for level in eventful}
    try:
        if study.reference_driver not in eventful:
            raise NotEstimable("no event with the reference driver")
        if not others:
            return
        model = cox_stratified(kept, covariates)
    except NotEstimable as error:
        for level in others:
            for part in ("loghr", "se"):
                name = f"cox_driver_by_site_{part}:{study.driver(level).label}"
                figures.missing(name, error.reason)
        return
    for level, coefficient, se in zip(others, model.coef, model.se, strict=True):
        figures[f"cox_driver_by_site_loghr:{study.driver(level).label}"] = float(coefficient)
        figures[f"cox_driver_by_site_se:{study.driver(level).label}"] = float(se)


def forests(sites: list[SiteTables], study: Study) -> list[Forest]:
    """The restricted mean of each site, and each driver's hazard against the reference."""
    horizon = study.horizon_days
    found = [_forest(f"rmst_{horizon}_days", "d", sites, lambda site: _mean(site, horizon))]
    reference = study.reference_driver
    for driver in study.driver_classes:
        both = {reference, driver.code}
        if driver.code == reference or not any(both <= site.tables.keys() for site in sites):
            continue
        name = f"score_loghr:{driver.label}"
        found.append(_forest(name, "1", sites, _hazard(reference, driver.code)))
    return found


EffectOf = Callable[[SiteTables], Effect]


def _forest(name: str, unit: str, sites: list[SiteTables], effect_of: EffectOf) -> Forest:
    rows = tuple(_effects(_rows(sites), effect_of))
    effects = list(_effects(sites, effect_of))
    try:
        found = heterogeneity(effects)
    except NotEstimable as error:
        return Forest(name, unit, rows, reason=error.reason)
    without = leave_one_out(effects) if len(effects) > 2 else {}
    return Forest(name, unit, rows, found, without=without)


def _rows(sites: list[SiteTables]) -> list[SiteTables]:
    """Sites of at least `LEAST_NAMED`, and the others as one if that is as large."""
    large = [site for site in sites if site.whole.n_patients >= LEAST_NAMED]
    small = [site for site in sites if site.whole.n_patients < LEAST_NAMED]
    rest = [reduce(add, small, SiteTables(REST, {}))] if small else []
    return [*large, *(each for each in rest if each.whole.n_patients >= LEAST_NAMED)]


def _effects(sites: list[SiteTables], effect_of: EffectOf) -> Iterator[Effect]:
    """Of the sites that have the effect."""
    for site in sites:
        with suppress(NotEstimable):
            yield effect_of(site)


def _mean(site: SiteTables, horizon: int) -> Effect:
    mean = restricted_mean(site.whole, horizon)
    if mean.se == 0:
        raise NotEstimable("no event, so no error")
    return Effect(site.label, mean.mean, mean.se**2)


def _hazard(reference: str, driver: str) -> EffectOf:
    """The log hazard ratio by (O - E)/V, which an arm without events does not spoil."""

    def effect(site: SiteTables) -> Effect:
        if not {reference, driver} <= site.tables.keys():
            raise NotEstimable("one of the two drivers is not there")
        both = {level: site.tables[level] for level in (reference, driver)}
        return score_effect(site.label, stratum_score(both), driver)

    return effect
