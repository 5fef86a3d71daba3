"""The change of thyroglobulin between two times in a group: paired tests of single patients.

Site-only. The change of a patient is ln(after / before). A pair below the limit at both times did
not change as far as anyone can tell: it is a zero, which the signed-rank test leaves out and
counts. Where one of the two lies below its limit the change is known as a bound: the rank test
takes the bound (the least change there was), the mean ratio takes it as censored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

from analytics.episode import Episode
from analytics.errors import NotEstimable
from analytics.figures import Figures
from analytics.normal import two_sided_z
from analytics.paired import Ratio, geometric_mean_ratio, signed_rank
from analytics.thyroglobulin import TgValue
from analytics.tobit import tobit

NO_PAIR = frozenset({"missing", "not_evaluable"})


@dataclass(frozen=True, slots=True)
class LogRatios:
    """ln(after/before) of each pair that the study's rules let count.

    exact: both are numbers. at_most: the value after lies below its limit. at_least: the value
    before does. both_below: how many pairs lie below their limits at both times.
    """

    exact: tuple[float, ...] = ()
    at_most: tuple[float, ...] = ()
    at_least: tuple[float, ...] = ()
    both_below: int = 0

    @property
    def n(self) -> int:
        return len(self.exact) + len(self.at_most) + len(self.at_least) + self.both_below

    @property
    def differences(self) -> list[float]:
        """One difference for each pair: the bound where there is no number, 0 for both below."""
        return [*self.exact, *self.at_most, *self.at_least, *[0.0] * self.both_below]


def log_ratios(episodes: Iterable[Episode], change: str) -> LogRatios:
    """The pairs of a change (`prior_to_3m`) over the episodes.

    Values above the upper end of an assay, and numbers of 0, have no logarithm and are left out.
    """
    before, _, after = change.partition("_to_")
    found: dict[str, list[float]] = {"exact": [], "at_most": [], "at_least": []}
    both_below = 0
    for episode in episodes:
        first, second = episode.tg[before], episode.tg[after]
        if first is None or second is None or episode.tg_change[change] in NO_PAIR:
            continue
        if first.below_limit and second.below_limit:
            both_below += 1
        elif first.high and second.high:
            found[_kind(first, second)].append(log(second.high / first.high))
    return LogRatios(**{kind: tuple(each) for kind, each in found.items()}, both_below=both_below)


def _kind(first: TgValue, second: TgValue) -> str:
    if second.below_limit:
        return "at_most"
    return "at_least" if first.below_limit else "exact"


def mean_ratio(pairs: LogRatios, level: float = 0.95) -> Ratio:
    """The geometric mean of after/before: Student's t, or by Tobit where a change is a bound.

    Pairs below the limit at both times are left out. Raises NotEstimable where there is none.
    """
    if not pairs.at_most and not pairs.at_least:
        return geometric_mean_ratio(pairs.exact, level)
    changes = [*pairs.exact, *pairs.at_most, *pairs.at_least]
    side = [0] * len(pairs.exact) + [-1] * len(pairs.at_most) + [1] * len(pairs.at_least)
    fit = tobit([[1.0]] * len(changes), changes, side)
    mean, reach = float(fit.coef[0]), two_sided_z(level) * float(fit.se[0])
    return Ratio(exp(mean), exp(mean - reach), exp(mean + reach))


def paired_figures(episodes: Iterable[Episode], change: str, figures: Figures) -> None:
    """The figures of one change: `tg_<change>_pairs_n`, `_signed_rank_p`, `_ratio`, …"""
    pairs, name = log_ratios(episodes, change), f"tg_{change}"
    figures[f"{name}_pairs_n"] = pairs.n
    figures[f"{name}_both_below_n"] = pairs.both_below
    figures[f"{name}_bounded_n"] = len(pairs.at_most) + len(pairs.at_least)
    try:
        test = signed_rank(pairs.differences)
        figures[f"{name}_signed_rank_v"] = test.v
        figures[f"{name}_signed_rank_p"] = test.p
    except NotEstimable as error:
        for part in ("v", "p"):
            figures.missing(f"{name}_signed_rank_{part}", error.reason)
    try:
        ratio = mean_ratio(pairs)
        figures[f"{name}_ratio"] = ratio.value
        figures.interval(f"{name}_ratio", ratio.low, ratio.high)
    except NotEstimable as error:
        for part in ("", "_low", "_high"):
            figures.missing(f"{name}_ratio{part}", error.reason)
