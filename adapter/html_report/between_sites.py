"""How sites differ in the restricted mean: a forest and a funnel, where there are two or more.

For inside the house or the registry: each row is a site's own result, which no policy lets out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from adapter.abstract import rounded
from adapter.charts.forest import Axis, Row, forest
from adapter.charts.funnel import Point, funnel
from adapter.evaluate import Evaluation
from adapter.html_report.comparison import p_value
from adapter.html_report.page import Plot, Record, Section
from adapter.html_report.plotted import Label, plotted, records
from adapter.tables import Table
from analytics.aggregate import aggregate, header
from analytics.errors import NotEstimable
from analytics.heterogeneity import LEAST_TO_PREDICT, Effect, Heterogeneity, Pooled, heterogeneity
from analytics.normal import two_sided_z
from analytics.restricted_mean import restricted_mean
from analytics.time_to_event import exit_table

SITE = "site"


def sites_section(evaluation: Evaluation) -> Section | None:
    """None where fewer than two sites have an estimate with an error."""
    effects = list(_effects(evaluation))
    if len(effects) < 2:
        return None
    found = heterogeneity(effects)
    plots = [_forest(effects, found, evaluation)]
    if len(effects) >= LEAST_TO_PREDICT:
        plots.append(_funnel(effects, found, evaluation))
    return Section("between-sites", "Between sites", plots=tuple(plots))


def _effects(evaluation: Evaluation) -> Iterator[Effect]:
    """The restricted mean of each site that has events; without one it has no error."""
    study = evaluation.study
    cells = aggregate(evaluation.courses, study, header(study, [SITE]))
    for site in cells.strata(SITE):
        with suppress(NotEstimable):
            mean = restricted_mean(exit_table(cells.stratum(SITE, site)), study.horizon_days)
            if mean.se > 0:
                yield Effect(site, mean.mean, mean.se**2)


def _forest(effects: Sequence[Effect], found: Heterogeneity, evaluation: Evaluation) -> Plot:
    horizon = evaluation.study.horizon_days
    rows = [*_site_rows(effects), *_pooled_rows(found)]
    ends = [end for row in rows if row.kind != "new" for end in (row.low, row.high)]
    known = [end for end in ends if end is not None]
    axis = Axis(
        f"restricted mean to day {horizon} (days)",
        min(known),
        max(known),
        nothing=found.random.estimate,
    )
    title = "Restricted mean by site"
    caption = (
        f"{_differing(found)} Random effects by DerSimonian and Laird; the dashed line is their "
        "mean; squares by the weight of the site; an arrow: the interval goes on. 95 % intervals "
        "(normal); a site without an event has no error and no row."
    )
    numbers = Table(
        f"Numbers of “{title}”",
        ("", "days (95 % CI)"),
        [(row.label, row.text) for row in rows],
    )
    data: dict[str, list[Record]] = {"sites": records(effects), "pooled": _pooled_records(found)}
    return plotted(Label("sites-forest", title, caption), forest(rows, axis), numbers, data)


def _site_rows(effects: Sequence[Effect]) -> Iterator[Row]:
    z, surest = two_sided_z(0.95), min(effect.variance for effect in effects)
    for effect in effects:
        wide = z * effect.variance**0.5
        low, high = effect.estimate - wide, effect.estimate + wide
        text = _said(effect.estimate, low, high)
        yield Row(effect.label, text, effect.estimate, low, high, weight=surest / effect.variance)


def _pooled_rows(found: Heterogeneity) -> Iterator[Row]:
    for label, pooled in _pooled(found).items():
        text = _said(pooled.estimate, pooled.low, pooled.high)
        yield Row(label, text, pooled.estimate, pooled.low, pooled.high, "whole")
    if found.prediction:
        low, high = found.prediction
        text = f"{rounded(low, 1)} to {rounded(high, 1)}"
        yield Row("a new site (95 % prediction)", text, None, low, high, "new")


def _pooled(found: Heterogeneity) -> dict[str, Pooled]:
    return {"fixed effect": found.fixed, "random effects": found.random}


def _pooled_records(found: Heterogeneity) -> list[Record]:
    low, high = found.prediction or (None, None)
    whole = {
        "k": found.k, "q": found.q, "df": found.df, "p": found.p, "i2": found.i2,
        "tau2": found.tau2, "prediction_low": low, "prediction_high": high,
    }  # fmt: skip
    return [{"label": label, **each, **whole} for label, each in
            zip(_pooled(found), records(_pooled(found).values()), strict=True)]  # fmt: skip


def _said(estimate: float, low: float, high: float) -> str:
    return f"{rounded(estimate, 1)} ({rounded(low, 1)} to {rounded(high, 1)})"


def _differing(found: Heterogeneity) -> str:
    return (
        f"{found.k} sites: Q {rounded(found.q, 2)} on {found.df} df, {p_value(found.p)}; "
        f"I² {rounded(100 * found.i2, 1)} %; τ² {rounded(found.tau2, 2)}."
    )


def _funnel(effects: Sequence[Effect], found: Heterogeneity, evaluation: Evaluation) -> Plot:
    points = [Point(each.label, each.estimate, each.variance**0.5) for each in effects]
    title = "Sites by their standard error"
    caption = (
        "The line is the fixed effect; where only chance tells sites apart, 95 % lie between the "
        "dashed lines. With fewer than ten sites its shape says little."
    )
    numbers = Table(
        f"Numbers of “{title}”",
        ("", "days", "SE"),
        [(each.label, rounded(each.estimate, 1), rounded(each.se, 2)) for each in points],
    )
    axis = f"restricted mean to day {evaluation.study.horizon_days} (days)"
    chart = funnel(points, found.fixed.estimate, axis)
    label = Label("sites-funnel", title, caption)
    return plotted(label, chart, numbers, {"sites": records(points)})
