"""The disclosure policy: what one recipient may see, as data.

A policy is a TOML file in `mappings/disclosure/`; its keys are the fields below (pooling.md,
section 4). A site may raise the threshold, never lower it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

OTHER = "other"
"""The level that takes in all that a policy does not list."""
OUTSIDE = frozenset({"attrition", "later_courses", "later_rai_mci"})
"""Variables that count persons without an index course, or courses after it: of no pattern, and
not patients, so no threshold of patients guards them."""
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*(_\*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One recipient's rules.

    min_sites, min_patients, min_events: below any of them nothing leaves.
    max_site_share: largest share (0-1) of the patients that one site may have.
    threshold: smallest count that is shown, 0 for none; `threshold_range` is where a site may set
    it. grid_days: narrowest time bin. at_risk_min: a curve ends before the first bin that fewer
    enter; at_risk_every_days: censored patients are counted only at multiples of it (0: each bin).
    hide_whole_groups: hide the 0 % and the 100 % where one category holds a whole group.
    rounding: counts are shown as their class of this width (0: as they are).
    counts: variables that may leave, by name or, for one variable at several times, as `name_*`;
    what is not listed stays. histograms: upper edges of the classes of a number that a patient has
    once. levels: the values of a stratifier that are shown by name; without any, all are.
    cadence_days: least days between releases. min_site_difference: two releases are of the same
    sites or differ by at least so many.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "allow_inf_nan": False}

    id: str
    version: str
    title: str
    mode: Literal["secure-share", "masked-cells", "rounded"]
    poolable: Literal["exact", "bounds-only", "no"]

    min_sites: int
    min_patients: int
    min_events: int
    max_site_share: float

    threshold: int
    threshold_range: tuple[int, int]
    grid_days: int
    at_risk_min: int
    at_risk_every_days: int
    max_stratifiers: int
    max_groups: int
    hide_whole_groups: bool
    rounding: int
    cadence_days: int
    min_site_difference: int

    counts: tuple[str, ...]
    histograms: dict[str, tuple[float, ...]] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_mode()
        self._check_variables()
        for name, edges in self.histograms.items():
            if list(edges) != sorted(set(edges)) or not edges:
                raise ValueError(f"histograms.{name}: edges must ascend")
        if "site" in self.levels:
            raise ValueError("levels.site: a sum over sites cannot be split by site")
        for name, levels in self.levels.items():
            if len(levels) + 1 > self.max_groups or OTHER in levels:
                raise ValueError(f"levels.{name}: at most {self.max_groups - 1} beside {OTHER!r}")

    def _check_mode(self) -> None:
        masked = self.mode != "secure-share"
        if masked != (self.threshold > 0) or (self.mode == "rounded") != (self.rounding > 0):
            raise ValueError(f"threshold and rounding do not fit mode {self.mode}")
        if masked == (self.poolable == "exact"):
            raise ValueError(f"mode {self.mode} cannot be poolable {self.poolable}")
        lowest, highest = self.threshold_range
        if masked and not 3 <= lowest <= self.threshold <= highest:
            raise ValueError(f"threshold {self.threshold} lies outside {lowest} to {highest}")
        if masked and self.max_stratifiers > 1:
            raise ValueError("cells can be masked by one stratifier only")

    def _check_variables(self) -> None:
        for name in self.counts:
            if not _NAME.fullmatch(name):
                raise ValueError(f"counts: {name!r} must be a variable's name or end in `_*`")
        listed = sorted(name for name in OUTSIDE if self.allows(name) or name in self.histograms)
        if self.threshold and listed:
            raise ValueError(f"{', '.join(listed)}: not counts of patients, so never in plain")

    def _check_numbers(self) -> None:
        for name in (
            "threshold", "at_risk_min", "at_risk_every_days", "max_stratifiers", "rounding",
            "cadence_days", "min_site_difference", "min_patients", "min_events",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if min(self.min_sites, self.grid_days, self.max_groups) < 1:
            raise ValueError("min_sites, grid_days and max_groups must be positive")
        if self.at_risk_every_days % self.grid_days or (
            self.at_risk_every_days and not self.rounding
        ):
            raise ValueError("at_risk_every_days: a multiple of grid_days, with rounding only")
        if not 0 < self.max_site_share <= 1:
            raise ValueError("max_site_share must lie between 0 and 1")

    def allows(self, variable: str) -> bool:
        """Whether counts of `variable` may leave."""
        return any(fnmatchcase(variable, pattern) for pattern in self.counts)

    def raised(self, threshold: int) -> Policy:
        """The policy with a higher threshold. Raises ValueError for a lower one."""
        if threshold < self.threshold:
            raise ValueError(f"a site may only raise the threshold of {self.threshold}")
        return replace(self, threshold=threshold)
