"""Thyroglobulin doubling and halving time of one patient, from ln Tg = a + b t.

Miyauchi 2011, Thyroid 21:707: doubling time ln 2 / b, in years; where b is negative, the halving
time -ln 2 / b. Least squares where every value is above its limit, else Tobit. Never across a
treatment: a segment lies before it or after it. docs/definitions.md states the eligibility.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import fsum, inf, log, sqrt
from statistics import StatisticsError, fmean, linear_regression

from scipy.special import stdtrit

from analytics.errors import NotEstimable
from analytics.normal import two_sided_z
from analytics.study import MIN_FOR_A_LINE, Study
from analytics.thyroglobulin import TgValue
from analytics.tobit import tobit

DAYS_PER_YEAR = 365.25
CLASS_ENDS = ((1.0, "under_1_year"), (3.0, "1_to_3_years"), (inf, "over_3_years"))
"""Doubling time up to (years, not with it), and its class; Miyauchi 2011."""
NOT_ESTIMABLE = "not_estimable"


@dataclass(frozen=True, slots=True)
class Slope:
    """b per year with its interval. method: regression, tobit, or bracket (bounds, b None)."""

    method: str
    per_year: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Kinetics:
    """One segment's kinetics.

    `time_years` with `time_low` and `time_high`: the doubling time, or where b <= 0 the halving
    time; both ends None where the interval of b contains 0, so that only `slope` bounds it.
    category: under_1_year, 1_to_3_years, over_3_years, negative (b <= 0), or not_estimable with
    `reason`. `few_values`: three only, the least that is allowed.
    """

    n: int
    n_below_limit: int
    span_days: int
    left_out: tuple[tuple[str, int], ...]
    category: str
    reason: str = ""
    slope: Slope | None = None
    time_years: float | None = None
    time_low: float | None = None
    time_high: float | None = None

    @property
    def few_values(self) -> bool:
        return self.category != NOT_ESTIMABLE and self.n == MIN_FOR_A_LINE

    @property
    def doubles(self) -> bool | None:
        """True: `time_years` is a doubling time; False: a halving time; None: neither."""
        return None if self.category == NOT_ESTIMABLE else self.category != "negative"


def kinetics(values: Iterable[TgValue], study: Study) -> Kinetics:
    """The kinetics of the values of one segment, in any order."""
    kept, left_out = eligible(values)
    days = {value.day for value in kept}
    span = (max(days) - min(days)).days if days else 0
    below = sum(value.below_limit for value in kept)
    found = Kinetics(len(kept), below, span, tuple(sorted(left_out.items())), NOT_ESTIMABLE)
    if len(days) < study.tg_kinetics_min_values:
        least = study.tg_kinetics_min_values
        return replace(found, reason=f"fewer than {least} days with an eligible value")
    if span < study.tg_kinetics_min_days:
        return replace(found, reason=f"values span fewer than {study.tg_kinetics_min_days} days")
    try:
        return _timed(found, slope(kept))
    except NotEstimable as error:
        return replace(found, reason=error.reason)


def eligible(values: Iterable[TgValue]) -> tuple[list[TgValue], Counter[str]]:
    """The values that one line may go through, oldest first, and why the others may not.

    Unstimulated, TgAb not positive, above 0 and below the upper end of the assay; of one assay,
    that of most values (of two, the later).
    """
    left_out: Counter[str] = Counter()
    kept = []
    for value in sorted(values, key=lambda value: (value.day, value.ref)):
        reason = _ineligible(value)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(value)
    if not kept:
        return [], left_out
    size = Counter(value.assay for value in kept)
    last = {value.assay: value.day for value in kept}
    assay = max(size, key=lambda name: (size[name], last[name], name))
    of_assay = [value for value in kept if value.assay == assay]
    if others := len(kept) - len(of_assay):
        left_out["other_assay"] = others
    return of_assay, left_out


def _ineligible(value: TgValue) -> str:
    if value.tsh_state == "stimulated":
        return "stimulated"
    if value.tgab_positive:
        return "tgab_positive"
    if value.below_limit:
        return "" if value.high else "no_limit"
    return "" if value.exact and value.low else "not_a_number"


def slope(values: Sequence[TgValue], level: float = 0.95) -> Slope:
    """The slope of ln Tg per year through eligible values of one assay.

    Fewer than three values above the limit give the bracket alone. Raises NotEstimable where
    nothing bounds the slope, or where all values lie on one day or on the line itself.
    """
    if sum(not value.below_limit for value in values) < MIN_FOR_A_LINE:
        return bracket(values)
    start = min(value.day for value in values)
    years = [(value.day - start).days / DAYS_PER_YEAR for value in values]
    logs = [_ends(value)[1] for value in values]
    if not any(value.below_limit for value in values):
        return _regression(years, logs, level)
    side = [-1 if value.below_limit else 0 for value in values]
    fit = tobit([[1.0, year] for year in years], logs, side)
    reach = two_sided_z(level) * float(fit.se[1])
    b = float(fit.coef[1])
    return Slope("tobit", b, b - reach, b + reach)


def _regression(years: list[float], logs: list[float], level: float) -> Slope:
    """Least squares with Student's t interval, n - 2 degrees of freedom."""
    try:
        b, a = linear_regression(years, logs)
    except StatisticsError as error:
        raise NotEstimable("all values are of one day") from error
    df = len(years) - 2
    residual = fsum((y - a - b * t) ** 2 for t, y in zip(years, logs, strict=True))
    about = fmean(years)
    se = sqrt(residual / df / fsum((t - about) ** 2 for t in years))
    reach = float(stdtrit(df, 0.5 + level / 2)) * se
    return Slope("regression", b, b - reach, b + reach)


def bracket(values: Sequence[TgValue]) -> Slope:
    """What the first and the last value alone say of the slope; an open end is infinite.

    Raises NotEstimable where that is nothing.
    """
    ordered = sorted(values, key=lambda value: (value.day, value.ref))
    first, last = ordered[0], ordered[-1]
    years = (last.day - first.day).days / DAYS_PER_YEAR
    if not years:
        raise NotEstimable("all values are of one day")
    (first_low, first_high), (last_low, last_high) = _ends(first), _ends(last)
    low, high = (last_low - first_high) / years, (last_high - first_low) / years
    if low == -inf and high == inf:
        raise NotEstimable("first and last value lie below the limit")
    return Slope("bracket", None, low, high)


def _ends(value: TgValue) -> tuple[float, float]:
    high = log(value.high) if value.high else inf
    return (-inf if value.below_limit else high), high


def _timed(found: Kinetics, fitted: Slope) -> Kinetics:
    """The time and its class. Bounds alone give a class only where both lie in the same one."""
    b = fitted.per_year
    classes = {_class(fitted.low), _class(fitted.high)} if b is None else {_class(b)}
    reason = "" if len(classes) == 1 else "fewer than three values above the limit"
    low, high = _times(fitted)
    return replace(
        found,
        category=NOT_ESTIMABLE if reason else classes.pop(),
        reason=reason,
        slope=fitted,
        time_years=None if not b else log(2) / abs(b),
        time_low=low,
        time_high=high,
    )


def _class(b: float) -> str:
    if b <= 0:
        return "negative"
    return next(name for end, name in CLASS_ENDS if log(2) / b < end or end == inf)


def _times(fitted: Slope) -> tuple[float | None, float | None]:
    """The interval of the time: that of b inverted; none where it contains 0."""
    if fitted.low <= 0 <= fitted.high:
        return None, None
    ends = sorted(log(2) / abs(b) for b in (fitted.low, fitted.high))
    return ends[0], ends[1]


@dataclass(frozen=True, slots=True)
class Segments:
    """A patient's values off the drugs, before the treatment and after it until the next one."""

    before: tuple[TgValue, ...]
    after: tuple[TgValue, ...]


def segments(
    values: Iterable[TgValue], first_day: date, finish: date, treated: Iterable[date]
) -> Segments:
    """The values before the first drug day and those after protocol finish.

    treated: days of other treatments; the segment before begins after the last of them that
    precedes, and the segment after ends before the next.
    """
    days = list(treated)
    begin = max((day for day in days if day < first_day), default=date.min)
    end = min((day for day in days if day > finish), default=date.max)
    off_drug = [value for value in values if not value.on_drug]
    return Segments(
        before=tuple(value for value in off_drug if begin < value.day < first_day),
        after=tuple(value for value in off_drug if finish < value.day < end),
    )
