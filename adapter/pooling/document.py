"""The pooled table as one JSON document and as tables for eyes, for inside the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from adapter.pooling.bounded import bounded_figures, bounds
from adapter.pooling.comparison import Forest, forests, site_tables, stratified_figures
from adapter.pooling.exact import pooled_estimates
from adapter.pooling.pool import PooledTable, share_behind
from adapter.pooling.report import ASSUMED_OVERLAP
from adapter.tables import Table, counted

Document = dict[str, Any]


def document(table: PooledTable) -> Document:
    """What was pooled and what came of it.

    figures, strata: a number, None (why: not_estimable), or {"low", "high"} between which it lies.
    comparison: drivers within sites; forests: each effect by site, its Q, I2, tau2, and the result
    without each site; both of exact tables only.
    """
    head = table.header
    found = _exact(table) if table.exact else _bounded(table)
    return {
        "measure": head.measure,
        "poolable": "exact" if table.exact else "bounds-only",
        "study": {"id": table.study.id, "sha256": head.study_sha256},
        "grid": {
            "width_days": head.grid_days,
            "horizon_days": head.horizon_days,
            "ties": head.ties,
        },
        "period": dict(zip(("start", "end"), table.period, strict=True)),
        "sites": _sites(table),
        "reports": [
            {"id": site.id, "reporters": list(site.reporters), "mode": site.mode}
            for site in table.sites
        ],
        **found,
    }


def _sites(table: PooledTable) -> Document:
    low, high = share_behind(table) if table.hiding else (0.0, 0.0)
    return {
        "n": sum(len(site.reporters) for site in table.sites),
        "hiding": len(table.hiding),
        "hiding_share": {"low": low, "high": high},
        "assumed_overlap": ASSUMED_OVERLAP,
    }


def _exact(table: PooledTable) -> Document:
    estimates = pooled_estimates(table)
    found: Document = {
        "figures": estimates.overall.values,
        "not_estimable": estimates.overall.not_estimable,
        "strata": {level: each.values for level, each in estimates.strata["driver"].items()},
    }
    if table.cells and len(table.sites) > 1:
        sites = site_tables(table)
        comparison = stratified_figures(sites, table.study)
        found["comparison"] = comparison.values
        found["not_estimable"] = found["not_estimable"] | comparison.not_estimable
        found["forests"] = [_forest(each) for each in forests(sites, table.study)]
    return found


def _forest(forest: Forest) -> Document:
    return {
        "name": forest.name,
        "unit": forest.unit,
        "rows": [asdict(row) for row in forest.rows],
        "heterogeneity": asdict(forest.found) if forest.found else None,
        "not_estimable": forest.reason,
        "without": {label: asdict(each) for label, each in forest.without.items()},
    }


def _bounded(table: PooledTable) -> Document:
    overall = bounded_figures(table)
    return {
        "figures": _ranges(table, ""),
        "not_estimable": overall.not_estimable,
        "strata": {level: _ranges(table, level) for level in table.levels},
    }


def _ranges(table: PooledTable, level: str) -> dict[str, Any]:
    figures = bounded_figures(table, level)
    counts: dict[str, Any] = dict(figures.values)
    for name, hidden in figures.hidden.items():
        counts[name] = {"low": hidden.low, "high": hidden.high}
    return counts | {
        name: {"low": bound.low, "high": bound.high} for name, bound in bounds(table, level)
    }


def tables(found: Mapping[str, Any]) -> list[Table]:
    """The document for eyes: what was pooled, figures by stratum, and how sites differ."""
    return [_pooled(found), _figures(found), *_forests(found)]


def _pooled(found: Mapping[str, Any]) -> Table:
    sites, grid, period = found["sites"], found["grid"], found["period"]
    share = sites["hiding_share"]
    rows = [
        ("measure", found["measure"]),
        ("study", f"{found['study']['id']} (sha256 {found['study']['sha256'][:12]}…)"),
        ("period", f"{period['start']} to {period['end']}"),
        ("sites", str(sites["n"])),
        ("result", found["poolable"]),
    ]
    if grid["width_days"]:
        width = counted(grid["width_days"], "day")
        rows.insert(3, ("time bins", f"{width}, to day {grid['horizon_days']}"))
    if sites["hiding"]:
        who = f"{counted(sites['hiding'], 'site')}, {share['low']:.0%} to {share['high']:.0%}"
        rows.append(("hidden counts", f"{who} of the patients"))
    note = f"No patient is taken to be counted at two sites (overlap {sites['assumed_overlap']})."
    return Table("Pooled", ("", ""), rows, (note,))


def _figures(found: Mapping[str, Any]) -> Table:
    strata = found["strata"]
    comparison = found.get("comparison", {})
    names = dict.fromkeys((*found["figures"], *comparison))
    rows = [
        (
            name,
            _shown(found["figures"].get(name, comparison.get(name))),
            *(_shown(each.get(name, "")) for each in strata.values()),
        )
        for name in names
    ]
    notes = tuple(f"{name}: {why}" for name, why in found["not_estimable"].items())
    return Table("Figures", ("figure", "all", *strata), rows, notes)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        low, high = value["low"], value["high"]
        return f"{_shown(low)} to {_shown(high)}" if high is not None else f"{_shown(low)} or more"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)


def _forests(found: Mapping[str, Any]) -> Iterator[Table]:
    for forest in found.get("forests", ()):
        rows = [
            (row["label"], _shown(row["estimate"]), _shown(row["variance"] ** 0.5))
            for row in forest["rows"]
        ]
        of_all = forest["heterogeneity"]
        notes = (forest["not_estimable"],)
        if of_all:
            rows += [
                (kind, _shown(of_all[kind]["estimate"]), _shown(of_all[kind]["se"]))
                for kind in ("fixed", "random")
            ]
            notes = (_differing(of_all),)
        yield Table(f"Sites: {forest['name']}", ("", "estimate", "SE"), rows, notes)


def _differing(of_all: Mapping[str, Any]) -> str:
    ends = of_all["prediction"]
    text = (
        f"Q {of_all['q']:.4g} on {of_all['df']}, p {of_all['p']:.3g}; I² {of_all['i2']:.0%}; "
        f"τ² {of_all['tau2']:.4g}"
    )
    return text if ends is None else f"{text}; a new site: {ends[0]:.4g} to {ends[1]:.4g}"
