"""The page that may leave a site: what a disclosure policy lets out, as counts and bounds.

It takes a `Disclosed` or a `Withheld` and the study's rules, and nothing else: no patient, no
date, no step of a curve can get into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.called import category_name, variable_name
from adapter.charts.bounds import Bounds, bounded_curves
from adapter.html_report.definition import EVENT, TIME_ZERO, of_study
from adapter.html_report.methods import methods_section
from adapter.html_report.page import Page, Plot, Section
from adapter.html_report.plotted import Label, plotted, records
from adapter.html_report.stamp import Stamp
from adapter.html_report.subgroups import disclosed_response_plot
from adapter.tables import Table
from analytics.disclosure.bounds import BoundedCurve, curve_bounds, restricted_mean_bounds
from analytics.disclosure.cells import EVERYBODY, UNBOUNDED, Cell, Group, Range
from analytics.disclosure.gate import Disclosed, Withheld
from analytics.disclosure.policy import Policy
from analytics.errors import NotEstimable
from analytics.study import Study

ALL = "all patients"


def aggregate_page(outcome: Disclosed | Withheld, study: Study, quality: str) -> Page:
    """The page of what leaves under the outcome's policy, or of why nothing does.

    quality: the quality gate's result in words.
    """
    policy, stamp = outcome.policy, Stamp.of(study, quality)
    sections = (
        (_withheld(outcome),)
        if isinstance(outcome, Withheld)
        else (stamp.on(_progression(outcome, study)), stamp.on(_counts(outcome, study)))
    )
    return Page(
        level="aggregate",
        title=study.title,
        banner=f"AGGREGATE: counts under the disclosure policy “{policy.title}”. No single "
        "patient's value is in this file.",
        result=_result(outcome),
        facts=(
            *of_study(study),
            ("quality gate", quality),
            ("policy", f"{policy.id} {policy.version}, {policy.mode}"),
            ("time bins", f"{outcome.header.grid_days} days"),
        ),
        sections=(_rules(policy), *sections, methods_section(study)),
        stamp=stamp,
    )


def _result(outcome: Disclosed | Withheld) -> str:
    if isinstance(outcome, Withheld):
        return ""
    horizon = outcome.header.horizon_days
    days = _mean(outcome, EVERYBODY)
    return f"restricted mean time to progression by day {horizon}, in days: {days}"


def _rules(policy: Policy) -> Section:
    hidden = (
        f"Counts from 1 to {policy.threshold - 1} are hidden, and with them those from which a "
        "hidden one would follow; a hidden count shows the range that the others leave open."
        if policy.threshold > 1
        else "No count is hidden."
    )
    rounded = f" Counts are given in classes of {policy.rounding}." if policy.rounding else ""
    return Section("disclosure", "What may be seen here", texts=(hidden + rounded,))


def _withheld(outcome: Withheld) -> Section:
    text = "The policy's rules are not met, so nothing of the cohort is shown:"
    reasons = tuple(f"· {reason}" for reason in outcome.reasons)
    return Section("withheld", "Withheld", texts=(text, *reasons))


def _progression(found: Disclosed, study: Study) -> Section:
    curves = dict(_curves(found, study))
    horizon = found.header.horizon_days
    means = Table(
        f"Restricted mean to day {horizon}",
        ("", "days, from"),
        [(name, _mean(found, group)) for name, group in _groups(found, study).items()],
        ("Events are taken in the middle of their time bin.",),
    )
    numbers = _numbers(curves)
    bands = {name: bounds for name, bounds in _bands(curves).items() if _says_something(bounds)}
    if not bands:
        return Section("progression", "Progression", tables=(numbers, means))
    unknown = sorted(curves.keys() - bands.keys())
    plot = _plot(bands, unknown, numbers, study)
    return Section("progression", "Progression", plots=(plot,), tables=(means,))


def _curves(found: Disclosed, study: Study) -> Iterator[tuple[str, BoundedCurve]]:
    for name, group in _groups(found, study).items():
        try:
            yield name, curve_bounds(found, group)
        except NotEstimable:
            continue


def _groups(found: Disclosed, study: Study) -> dict[str, Group]:
    """Everybody, and each group that the policy shows, by name."""
    groups = dict.fromkeys((EVERYBODY, *(cell.group for cell in found.cells)))
    return {_group_name(found, group, study): group for group in groups}


def _group_name(found: Disclosed, group: Group, study: Study) -> str:
    named = zip(found.by, group, strict=True) if group else ()
    return ", ".join(category_name(by, code, study) for by, code in named) or ALL


def _mean(found: Disclosed, group: Group) -> str:
    try:
        bound = restricted_mean_bounds(found, group)
    except NotEstimable as error:
        return str(error)
    return f"{bound.low:.1f} to {bound.high:.1f}"


def _numbers(curves: dict[str, BoundedCurve]) -> Table:
    rows = [
        (name, f"{day}", f"{bound.low:.3f} to {bound.high:.3f}")
        for name, curve in curves.items()
        for day, bound in zip(curve.days, curve.survival, strict=True)
    ]
    return Table("Free of progression, by day", ("", "day", "lies from"), rows)


def _bands(curves: dict[str, BoundedCurve]) -> dict[str, list[Bounds]]:
    return {
        name: [
            Bounds(float(day), bound.low, bound.high)
            for day, bound in zip(curve.days, curve.survival, strict=True)
        ]
        for name, curve in curves.items()
    }


def _plot(bands: dict[str, list[Bounds]], unknown: list[str], numbers: Table, study: Study) -> Plot:
    title = "Time to progression, as far as it is disclosed"
    zero = TIME_ZERO[study.index_date]
    caption = [
        "Each curve lies somewhere within its band, which has an edge at the end of each time bin.",
        f"Not drawn, since nothing is known of it: {', '.join(unknown)}." if unknown else "",
        f"Endpoint: {EVENT[study.death]}. Time 0: {zero}.",
    ]
    data = [{"group": group, **each} for group, bounds in bands.items() for each in records(bounds)]
    return plotted(
        Label("bounds", title, " ".join(filter(None, caption))),
        bounded_curves(bands, study.horizon_days, f"days from {zero}"),
        numbers,
        {"bounds": data},
    )


def _says_something(bounds: Sequence[Bounds]) -> bool:
    """Whether the curve is bounded anywhere after the beginning."""
    return any(each.day > 0 and (each.low > 0 or each.high < 1) for each in bounds)


def _counts(found: Disclosed, study: Study) -> Section:
    groups = _groups(found, study)
    cells = [cell for cell in found.cells if not cell.bins]
    variables = dict.fromkeys(cell.variable for cell in cells)
    tables = tuple(
        Table(
            variable_name(variable),
            ("", *groups),
            [
                (
                    category_name(variable, category, study),
                    *(_shown(found, Cell(variable, group, category)) for group in groups.values()),
                )
                for category in dict.fromkeys(
                    cell.category for cell in cells if cell.variable == variable
                )
            ],
        )
        for variable in variables
    )
    plot = disclosed_response_plot(found, study)
    return Section("counts", "Counts of patients", plots=(plot,) if plot else (), tables=tables)


def _shown(found: Disclosed, cell: Cell) -> str:
    if cell not in found.cells:
        return "-"
    count: Range = found.cells[cell]
    if count.exact:
        return f"{count.low:,}"
    end = "more" if count.high >= UNBOUNDED else f"{count.high:,}"
    return f"{'hidden, ' if cell in found.masked else ''}{count.low:,} to {end}"
