"""`estimate`: an aggregate and a study -> figures by name. Sees nothing but the aggregate.

Names are those of `docs/figures.md`. A figure that cannot be estimated is None, with its reason in
`not_estimable`. Percentages are 0-100, survival probabilities 0-1, times in days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from analytics.aggregate import Aggregate
from analytics.competing_figures import follow_up_figures, incidence_figures
from analytics.episode import pairs
from analytics.figures import Figures
from analytics.finding_figures import finding_figures
from analytics.group_comparison import group_comparison_figures
from analytics.populations import population_figures
from analytics.proportion import clopper_pearson, sign_test
from analytics.recist import BEST_FIRST
from analytics.study import Study
from analytics.time_to_event import comparison_figures, time_figures

CHANGES = ("decrease", "increase", "stable", "indeterminate", "not_evaluable", "missing")
NOT_EVALUABLE = ("indeterminate", "not_evaluable", "missing", "not_assessed", "NE")


@dataclass(frozen=True, slots=True)
class Estimates:
    """Figures of the whole, and of each stratum: stratifier -> value -> figures."""

    overall: Figures
    strata: dict[str, dict[str, Figures]]


def estimate(whole: Aggregate, study: Study) -> Estimates:
    """All figures of the aggregate, overall and by each of its stratifiers."""
    overall = cohort_figures(whole, study)
    for reason, n in whole.categories("attrition").items():
        overall[f"attrition:{reason}"] = n
    _later_courses(whole, study, overall)
    comparison_figures(whole, study, overall)
    group_comparison_figures(whole, study, overall)
    for alias, name in study.figure_aliases.items():
        if name in overall.not_estimable:
            overall.missing(alias, overall.not_estimable[name])
        elif name in overall.values:
            overall[alias] = overall[name]
    strata = {
        stratifier: {
            value: cohort_figures(whole.stratum(stratifier, value), study)
            for value in whole.strata(stratifier)
        }
        for stratifier in whole.header.stratifiers
    }
    return Estimates(overall, strata)


def cohort_figures(cells: Aggregate, study: Study) -> Figures:
    """The figures of one group of patients."""
    group = _Group(cells, study, Figures())
    group.figures["n_patients"] = group.enrolled
    _characteristics(group)
    _molecular(group)
    _treatment(group)
    outcomes = replace(group, cells=_outcome_cells(cells, study))
    for change in _changes(study):
        for category in CHANGES:
            outcomes.share(f"{change}_{category}", change, category)
        ups, downs = (outcomes.cells.count(change, way) for way in ("increase", "decrease"))
        group.figures[f"{change}_sign_p"] = sign_test(ups, downs)
    _responses(outcomes)
    finding_figures(cells, group.figures)
    time_figures(cells, study, group.figures)
    incidence_figures(cells, study, group.figures)
    follow_up_figures(cells, study, group.figures)
    population_figures(cells, study, group.figures)
    return group.figures


def _outcome_cells(cells: Aggregate, study: Study) -> Aggregate:
    """Of whom outcomes are counted: all, or those who were given therapeutic I-131."""
    treated = study.percent_denominator == "treated"
    return cells.stratum("rai_treated", "yes") if treated else cells


@dataclass(frozen=True, slots=True)
class _Group:
    """The cells of one group and the figures made of them."""

    cells: Aggregate
    study: Study
    figures: Figures

    @property
    def enrolled(self) -> int:
        return self.cells.count("patients", "all")

    def counts(self, variable: str, name: str) -> None:
        """A count for each category of `variable` that occurs, as `name:category`."""
        for category, n in self.cells.categories(variable).items():
            self.figures[f"{name}:{category}"] = n

    def share(self, name: str, variable: str, *categories: str) -> None:
        """n, percent and the Clopper-Pearson 95 % interval (percent) of some categories."""
        n, total, reason = self.cells.count(variable, *categories), self.enrolled, ""
        if self.study.percent_denominator == "evaluable":
            total -= self.cells.count(variable, *NOT_EVALUABLE)
            if set(categories) <= set(NOT_EVALUABLE):
                reason = "not a share of those who could be evaluated"
        self.figures[f"{name}_n"] = n
        if reason or not total:
            for part in ("pct", "cp95_low", "cp95_high"):
                reason = reason or "no patient in the denominator"
                self.figures.missing(f"{name}_{part}", reason)
            return
        self.figures[f"{name}_pct"] = 100 * n / total
        low, high = clopper_pearson(n, total)
        self.figures.interval(f"{name}_cp95", 100 * low, 100 * high)

    def mean(self, name: str) -> None:
        """The mean of a value:count table in mCi, and in GBq (1 mCi = 0.037 GBq)."""
        counts = self.cells.value_counts(name)
        total, in_gbq = sum(counts.values()), f"{name.removesuffix('_mci')}_gbq_mean"
        if total == 0:
            for figure in (f"{name}_mean", in_gbq):
                self.figures.missing(figure, "no activity was stated")
            return
        mean = sum((value * n for value, n in counts.items()), Decimal(0)) / total
        self.figures[f"{name}_mean"] = float(mean)
        self.figures[in_gbq] = float(mean * 37 / 1000)


def _changes(study: Study) -> list[str]:
    """The changes between two times: `tg_prior_to_3m`, `ct_3m_to_6m`."""
    return [f"{what}_{a}_to_{b}" for what in ("tg", "ct") for a, b in pairs(study)]


def _later_courses(whole: Aggregate, study: Study, figures: Figures) -> None:
    """Courses after a patient's first, where the patient is the unit: counted apart."""
    figures["later_courses_n"] = whole.count("later_courses", "all")
    figures["later_courses_rai_n"] = whole.count("later_courses", "rai")
    _Group(whole, study, figures).mean("later_rai_mci")


def _responses(group: _Group) -> None:
    """Structural response: best, at each landmark, and durable control."""
    for response, n in group.cells.categories("best_recist").items():
        group.figures[f"best_recist_n:{response}"] = n
    group.share("objective_response", "best_recist", "CR", "PR")
    group.share("disease_control", "best_recist", "CR", "PR", "SD")
    for mark in group.study.landmarks:
        for response in (*BEST_FIRST, "missing"):
            name = f"recist_{mark.name}"
            group.figures[f"{name}_n:{response}"] = group.cells.count(name, response)
        group.share(f"objective_response_{mark.name}", f"recist_{mark.name}", "CR", "PR")
    group.share("durable_control", "durable_control", "yes")
    group.figures["durable_control_not_evaluable_n"] = group.cells.count(
        "durable_control", "not_evaluable"
    )


def _characteristics(group: _Group) -> None:
    study = group.study
    for variable, labels in (("race", study.race_labels), ("ethnicity", study.ethnicity_labels)):
        found = group.cells.categories(variable)
        for label in dict.fromkeys((*labels.values(), *found)):
            group.figures[f"{variable}_{label}_n"] = found.get(label, 0)
    for variable in ("sex", "histology"):
        group.counts(variable, f"{variable}_n")


def _molecular(group: _Group) -> None:
    drivers = group.cells.categories("driver")
    for driver in group.study.driver_classes:
        group.figures[f"driver_n:{driver.label}"] = drivers.get(driver.code, 0)
    for state in ("negative", "positive", "not_tested"):
        group.figures[f"pdl1_{state}_n"] = group.cells.count("pdl1", state)
    group.counts("mutation", "mutation_patients_n")
    group.counts("gene_tested", "gene_tested_n")


def _treatment(group: _Group) -> None:
    for variable in ("regimen", "regimen_by_driver"):
        group.counts(variable, "regimen_n")
    median = _median(group.cells.value_counts("drug_days"))
    for name, value in (("drug_days", median), ("drug_weeks", median and median / 7)):
        group.figures[name] = value
        if value is None:
            group.figures.missing(name, "no exposure with both ends stated")
    group.share("rai_uptake", "uptake", "faint", "present", "increased")
    assessed = group.enrolled - group.cells.count("uptake", "not_assessed")
    group.figures["rai_uptake_assessed_n"] = assessed
    group.share("redifferentiation_rai_treated", "rai_treated", "yes")
    for name in ("redifferentiation_rai_mci", "prior_rai_mci", "cumulative_rai_mci"):
        group.mean(name)
    group.counts("deviation", "deviation_n")
    group.counts("dose_intensity", "dose_intensity_n")
    group.figures["absorbed_dose_stated_n"] = group.cells.count("absorbed_dose", "stated")


def _median(counts: dict[Decimal, int]) -> float | None:
    """The median of a value:count table: the mean of the two middle values."""
    total = sum(counts.values())
    if total == 0:
        return None
    middle = []
    for place in ((total - 1) // 2, total // 2):
        seen = 0
        for value, n in counts.items():
            seen += n
            if place < seen:
                middle.append(value)
                break
    return float(sum(middle, Decimal(0)) / 2)
