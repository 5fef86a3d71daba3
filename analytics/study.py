"""The study definition: every parameter of `derive` and `estimate`, as data.

A study is a TOML file in `mappings/study/`; its keys are the fields below, so a run can override
any of them by name (`--set tg_profile=rcv`). `fingerprint` names the definition in every result.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

NOT_NEGATIVE = (
    "merge_gap_days", "window_before_days", "window_after_days", "rai_merge_days",
    "rai_diagnostic_to_mci", "rai_therapeutic_from_mci", "baseline_days", "tgab_stable_pct",
    "tg_cv_analytical", "tg_cv_biological", "tsh_days", "rhtsh_days", "ct_increase_mm",
    "tg_kinetics_min_days", "recist_confirmation_days",
    "durable_control_days", "tg_band_pct", "tg_increase_from_day",
)  # fmt: skip
NOT_EMPTY = (
    "include_diagnoses", "index_drug_classes", "finish_rules", "landmarks", "progression_sources",
    "drivers",
)  # fmt: skip

MIN_FOR_A_LINE = 3
"""Values above the limit that a line with a spread about it needs (statistics.md 5)."""

STRICT: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """A time after protocol finish, with the days either way that still count as it."""

    __pydantic_config__: ClassVar[Any] = STRICT
    name: str
    day: int
    tolerance: int

    def holds(self, day: int) -> bool:
        return abs(day - self.day) <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow:
    """Days from finish, both ends counted, in which a progression counts to `name`."""

    __pydantic_config__: ClassVar[Any] = STRICT
    name: str
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverClass:
    """A driver of the tumour, and the drug classes that its arm takes.

    `protein` (one-letter, without `p.`) asks for that change and `kind` for that kind of variant;
    without them any change of `genes` counts. The first class that fits is taken. `group` names
    the class in regimen figures.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    code: str
    label: str
    group: str
    genes: tuple[str, ...] = ()
    protein: str = ""
    kind: str = ""
    arm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study's rules. Days are calendar days; units stand in the names.

    finding_labels: findings counted under the label as sent. A label is free text, so only these
    become the name of a figure; all else is counted by its gene. label_doses: ingredient -> mg a
    day, against which dose intensity is measured.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    id: str
    version: str
    title: str
    unit: Literal["patient", "episode"] = "patient"
    date_policy: Literal["exclude", "earliest", "midpoint", "latest"] = "exclude"

    include_diagnoses: tuple[str, ...]
    exclude_diagnoses: tuple[str, ...] = ()
    include_drivers: tuple[str, ...] = ()
    index_drug_classes: tuple[str, ...]
    merge_gap_days: int
    window_before_days: int
    window_after_days: int

    rai_merge_days: int
    rai_diagnostic_to_mci: float
    rai_therapeutic_from_mci: float

    finish_rules: tuple[Literal["therapeutic_rai", "last_dosimetry", "last_drug_day"], ...]
    finish_waits_for_drug: bool = False
    index_date: Literal["finish", "first_drug_day", "therapeutic_rai"] = "finish"
    uptake_criterion: Literal["stated", "absorbed_dose"] = "stated"
    absorbed_dose_from_gy: float = 20.0

    baseline_days: int
    landmarks: tuple[Landmark, ...]

    tg_profile: Literal["abstract", "band", "rcv", "half"]
    tg_band_pct: float = 25.0
    tgab: Literal["include", "stable", "exclude"]
    tgab_stable_pct: float
    tg_cv_analytical: float
    tg_cv_biological: float
    stimulated_tsh_miu_l: float
    tsh_days: int
    rhtsh_days: int

    ct_decrease_pct: float
    ct_increase_pct: float
    ct_increase_mm: float

    tg_kinetics_min_values: int = 3
    tg_kinetics_min_days: int = 90

    recist_source: Literal["stated", "stated_first", "computed"] = "stated"
    best_response: Literal["any", "until_progression", "confirmed"] = "any"
    recist_confirmation_days: int = 28
    durable_control_days: int = 168

    progression_sources: tuple[
        Literal[
            "recist",
            "recist_computed",
            "new_lesion",
            "disease_status",
            "condition_recurrence",
            "new_metastasis",
            "report_text",
            "tg_increase",
        ],
        ...,
    ]
    endpoint: Literal["structural", "biochemical", "any"] = "structural"
    death: Literal["censored", "event", "event_if_cancer"] = "censored"
    tg_increase_from_day: int = 42
    horizon_days: int
    grid_days: int = 1
    milestones: tuple[int, ...] = ()
    event_windows: tuple[EventWindow, ...] = ()
    confidence_interval: Literal["plain", "log", "log-log", "logit", "arcsin"] = "log-log"

    percent_denominator: Literal["enrolled", "treated", "evaluable"] = "enrolled"
    strata: tuple[str, ...] = ()
    pdl1_positive_from_pct: float
    drivers: tuple[DriverClass, ...]
    none_detected: DriverClass
    not_tested: DriverClass
    reference_driver: str
    race_labels: dict[str, str] = field(default_factory=dict)
    ethnicity_labels: dict[str, str] = field(default_factory=dict)
    finding_labels: tuple[str, ...] = ()
    label_doses: dict[str, float] = field(default_factory=dict)
    figure_aliases: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.horizon_days < 1 or self.grid_days < 1:
            raise ValueError("horizon_days and grid_days must be positive")
        self._check_numbers()
        if self.horizon_days % self.grid_days:
            raise ValueError(
                f"grid_days {self.grid_days} does not divide horizon_days {self.horizon_days}"
            )
        codes = [driver.code for driver in self.driver_classes]
        if len(set(codes)) != len(codes):
            raise ValueError(f"driver codes are not unique: {codes}")
        if self.reference_driver not in codes:
            raise ValueError(f"reference_driver {self.reference_driver!r} is no driver: {codes}")
        if lost := sorted(set(self.include_drivers) - set(codes)):
            raise ValueError(f"include_drivers {lost} are no drivers: {codes}")

    def _check_numbers(self) -> None:
        negative = [name for name in NOT_NEGATIVE if getattr(self, name) < 0]
        empty = [name for name in NOT_EMPTY if not getattr(self, name)]
        if negative or empty:
            raise ValueError(f"must not be negative: {negative}; must not be empty: {empty}")
        if min(self.label_doses.values(), default=1.0) <= 0:
            raise ValueError(f"label_doses are mg a day, above 0: {self.label_doses}")
        if min(self.milestones, default=1) < 1:
            raise ValueError(f"milestones are days after day 0: {self.milestones}")
        if self.tg_kinetics_min_values < MIN_FOR_A_LINE:
            raise ValueError(f"tg_kinetics_min_values must be at least {MIN_FOR_A_LINE}")

    @property
    def driver_classes(self) -> tuple[DriverClass, ...]:
        """All classes that a patient can have, in the order in which they are shown."""
        return (*self.drivers, self.none_detected, self.not_tested)

    def driver(self, code: str) -> DriverClass:
        return next(driver for driver in self.driver_classes if driver.code == code)

    def parameters(self) -> dict[str, Any]:
        """The definition as JSON-ready data, as it is printed with every result."""
        return asdict(self)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of all parameters, in hexadecimal."""
        text = json.dumps(self.parameters(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
