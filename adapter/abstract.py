"""The figures as tables for eyes, in the shape in which an abstract reports them.

Which figure stands in which row follows from the study: its landmarks, windows, milestones and
drivers. Numbers are rounded here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from adapter.tables import Table

if TYPE_CHECKING:
    from adapter.evaluate import Evaluation
    from analytics.figures import Value
    from analytics.study import Study

CATEGORIES = ("decrease", "increase", "stable", "indeterminate", "not_evaluable", "missing")
NOT_EVALUABLE = ("indeterminate", "not_evaluable", "missing")
CHANGES = {"tg": "Thyroglobulin", "ct": "CT"}
ACTIVITIES = {"redifferentiation_rai": "redifferentiation", "prior_rai": "prior, cumulative"}
NONE = "-"


@dataclass(frozen=True, slots=True)
class _Source:
    """The figures by name and the study that made them."""

    values: dict[str, Value]
    reasons: dict[str, str]
    study: Study

    def number(self, name: str, places: int = 1) -> str:
        value = self.values.get(name)
        return NONE if value is None else rounded(value, places)

    def days(self, name: str) -> str:
        value = self.values.get(name)
        return self.reasons.get(name, NONE) if value is None else f"{rounded(value, 1)} d"

    def count(self, name: str, *, percent: bool = True) -> str:
        """The count, with the percentage where it has one: `11 (68.8 %)`."""
        n = self.values.get(f"{name}_n")
        if n is None:
            return self.reasons.get(f"{name}_n", NONE)
        pct = self.values.get(f"{name}_pct") if percent else None
        return f"{n}" if pct is None else f"{n} ({rounded(pct, 1)} %)"

    def interval(self, name: str, places: int, within: tuple[float, float] | None = None) -> str:
        """The 95 % interval, in brackets, or nothing; NE is an end that cannot be estimated.

        within: the possible values, to which the printed interval is cut.
        """
        low, high = self.values.get(f"{name}_low"), self.values.get(f"{name}_high")
        if low is None and high is None:
            return ""
        lowest, highest = within or (-inf, inf)
        ends = (
            "NE" if end is None else rounded(min(max(end, lowest), highest), places)
            for end in (low, high)
        )
        return f" (95 % CI {' to '.join(ends)})"

    def uptake(self) -> str:
        """Patients with uptake. Nobody assessed is no uptake of 0 %."""
        assessed, total = self.values.get("rai_uptake_assessed_n"), self.values.get("n_patients")
        if not assessed:
            return "0 of 0 assessed"
        stated = self.count("rai_uptake") + self.interval("rai_uptake_cp95", 1)
        return stated if assessed == total else f"{stated}, {assessed} assessed"

    def restricted_mean(self) -> str:
        name = f"rmst_{self.study.horizon_days}"
        if self.values.get(f"{name}_days") is None:
            return self.days(f"{name}_days")
        return f"{self.number(f'{name}_days', 2)} d (SE {self.number(f'{name}_se', 2)})"

    @property
    def milestones(self) -> list[int]:
        """Those that the estimates reach."""
        return [day for day in self.study.milestones if day <= self.study.horizon_days]


def rounded(value: float, places: int) -> str:
    """Half up, as people round: 6.25 is 6.3."""
    step = Decimal(1).scaleb(-places)
    return f"{Decimal(str(value)).quantize(step, ROUND_HALF_UP):,}"


def headline(evaluation: Evaluation) -> str:
    """The restricted mean with its standard error, in one sentence."""
    source = _source(evaluation)
    horizon = evaluation.study.horizon_days
    mean, se = source.number(f"rmst_{horizon}_days", 2), source.number(f"rmst_{horizon}_se", 2)
    return (
        f"restricted mean time to progression by day {horizon}: {mean} days (SE {se}), "
        f"{source.values.get('n_patients')} patients"
    )


def abstract(evaluation: Evaluation) -> list[Table]:
    """The tables: cohort, response, progression, drivers, radioiodine, and one a stratifier."""
    source = _source(evaluation)
    return [
        _cohort(evaluation, source),
        _response(source),
        _progression(source),
        _molecular(source),
        _radioiodine(source),
        *(_strata(evaluation, name) for name in dict.fromkeys(evaluation.request.stratifiers)),
    ]


def _source(evaluation: Evaluation) -> _Source:
    return _Source(
        evaluation.figures(), evaluation.estimates.overall.not_estimable, evaluation.study
    )


def _strata(evaluation: Evaluation, stratifier: str) -> Table:
    """One row for each stratum."""
    study, rows = evaluation.study, []
    for value, figures in evaluation.estimates.strata[stratifier].items():
        source = _Source(figures.values, figures.not_estimable, study)
        rows.append(
            (
                value,
                source.number("n_patients", 0),
                source.count(f"progressed_by_{study.horizon_days}"),
                source.restricted_mean(),
                *(source.number(f"km_{day}", 3) for day in source.milestones),
                source.uptake(),
            )
        )
    milestones = (f"S({day})" for day in _source(evaluation).milestones)
    mean = f"restricted mean to day {study.horizon_days}"
    columns = ("", "n", "progressed", mean, *milestones, "RAI uptake")
    return Table(f"By {stratifier}", columns, rows)


def _cohort(evaluation: Evaluation, source: _Source) -> Table:
    study = evaluation.study
    finishes = evaluation.finishes
    rows = [
        ("patients", source.number("n_patients", 0)),
        ("sites", ", ".join(evaluation.sites) or NONE),
        ("protocol finish", f"{finishes[0]} to {finishes[-1]}" if finishes else NONE),
        ("drug exposure, median", f"{source.number('drug_weeks')} weeks"),
        ("RAI uptake", source.uptake()),
        ("study", f"{study.id} {study.version}, hash {study.fingerprint[:12]}"),
        ("data version", evaluation.data_version[:12]),
    ]
    return Table(study.title, ("", ""), rows)


def _response(source: _Source) -> Table:
    names = [mark.name for mark in source.study.landmarks]
    spans = [("prior", name) for name in names] + list(pairwise(names))
    shown = [
        category
        for category in CATEGORIES
        if category not in ("indeterminate", "not_evaluable")
        or any(
            source.values.get(f"{kind}_{a}_to_{b}_{category}_n")
            for kind in CHANGES
            for a, b in spans
        )
    ]
    # Of the evaluable ones, those who are not evaluable are no percentage.
    whole = source.study.percent_denominator == "enrolled"
    rows = [
        (
            f"{title}, {a} to {b}",
            *(
                source.count(
                    f"{kind}_{a}_to_{b}_{category}",
                    percent=whole or category not in NOT_EVALUABLE,
                )
                for category in shown
            ),
        )
        for kind, title in CHANGES.items()
        for a, b in spans
    ]
    return Table("Response", ("", *(name.replace("_", " ") for name in shown)), rows)


def _progression(source: _Source) -> Table:
    horizon = source.study.horizon_days
    low, high = (source.values.get(f"rmst_{horizon}_{end}") for end in ("low", "high"))
    cut = (low is not None and low < 0) or (high is not None and high > horizon)
    note = f"restricted mean: the interval is cut to 0 to {horizon} days, its possible values"
    return Table("Progression", ("", ""), list(_progression_rows(source)), (note,) if cut else ())


def _progression_rows(source: _Source) -> Iterator[tuple[str, str]]:
    study, horizon = source.study, source.study.horizon_days
    for window in study.event_windows:
        if window.last_day > horizon:
            continue
        days = f"day {window.first_day} to {window.last_day}"
        label = f"progressed {window.name.replace('_', ' ')} ({days})"
        yield label, source.count(f"progressed_{window.name}")
    by = f"progressed_by_{horizon}"
    yield f"progressed by day {horizon}", source.count(by) + source.interval(f"{by}_cp95", 1)
    mean = source.restricted_mean() + source.interval(f"rmst_{horizon}", 1, within=(0, horizon))
    yield f"restricted mean to day {horizon}", mean
    yield "median time to progression", source.days("ttp_median") + source.interval("ttp_median", 1)
    for day in source.milestones:
        name, at_risk = f"km_{day}", source.values.get(f"at_risk_{day}_n")
        stated = source.number(name, 3) + source.interval(name, 3)
        yield (
            f"Kaplan-Meier at day {day}",
            stated + ("" if at_risk is None else f", {at_risk} at risk"),
        )


def _molecular(source: _Source) -> Table:
    total = source.values.get("n_patients")
    rows = []
    for driver in source.study.driver_classes:
        n = source.values.get(f"driver_n:{driver.label}")
        if n:
            rows.append((driver.label, f"{n} ({rounded(100 * n / (total or n), 1)} %)"))
    for state in ("positive", "negative", "not_tested"):
        rows.append((f"PD-L1 {state.replace('_', ' ')}", source.number(f"pdl1_{state}_n", 0)))
    return Table("Drivers", ("", "n"), rows)


def _radioiodine(source: _Source) -> Table:
    columns = ("I-131", "mean mCi", "range mCi", "mean GBq", "range GBq")
    treated = source.count("redifferentiation_rai_treated")
    return Table(
        "Radioiodine activity",
        columns,
        [_activity(source, name, label) for name, label in ACTIVITIES.items()],
        (f"treated after redifferentiation: {treated}; 1 mCi = 0.037 GBq",),
    )


def _activity(source: _Source, name: str, label: str) -> tuple[str, ...]:
    ends = [source.values.get(f"{name}_mci_{end}") for end in ("min", "max")]
    known = [end for end in ends if end is not None]
    return (
        label,
        source.number(f"{name}_mci_mean"),
        " to ".join(rounded(end, 0) for end in known) or NONE,
        source.number(f"{name}_gbq_mean", 2),
        " to ".join(rounded(end * 37 / 1000, 2) for end in known) or NONE,
    )
