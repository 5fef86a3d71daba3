"""Objective response by subgroup, from single patients or from what a policy lets out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.called import category_name, variable_name
from adapter.evaluate import Evaluation
from adapter.html_report.page import Plot
from adapter.html_report.plotted import Label
from adapter.html_report.shares import Share, shares_plot
from analytics.aggregate import Aggregate, aggregate, header
from analytics.disclosure.cells import EVERYBODY, PATIENTS, Cell, Group
from analytics.disclosure.gate import Disclosed
from analytics.disclosure.policy import OTHER
from analytics.episode import Episode
from analytics.estimate import NOT_EVALUABLE
from analytics.proportion import clopper_pearson
from analytics.study import Study

ALL = "all patients"
SUBGROUPS = ("driver", "regimen", "histology", "sex", "site")
NAME = "response-by-group"


@dataclass(frozen=True, slots=True)
class Response:
    """What counts as response: these categories of a variable of the aggregate."""

    variable: str
    categories: tuple[str, ...]
    title: str
    what: str
    said: str

    def label(self, study: Study, left_out: str = "") -> Label:
        """Of the plot. left_out: which groups are not drawn, and why."""
        caption = (
            f"{self.said}; squares by the size of the group, 95 % intervals by Clopper and "
            "Pearson. Subgroups are looked at one by one: no difference is tested here. "
            f"Percentages are of the {study.percent_denominator} patients. {left_out}"
        )
        return Label(NAME, self.title, caption.strip())


OBJECTIVE = Response(
    "best_recist",
    ("CR", "PR"),
    "Objective response by subgroup",
    "CR or PR",
    "Best response by RECIST",
)


def _smaller(study: Study) -> Response:
    """For policies that do not let RECIST out, since it repeats who progressed."""
    last = study.landmarks[-1].name
    return Response(
        f"ct_prior_to_{last}",
        ("decrease",),
        "Decrease of target lesions by subgroup",
        f"smaller at {last}",
        f"The sum of target diameters at {last} against before the drugs",
    )


def response_plot(evaluation: Evaluation, episodes: Sequence[Episode]) -> Plot | None:
    """Of all patients and of each subgroup; None where nobody's response was assessed."""
    study = evaluation.study
    if not any(episode.best_recist not in NOT_EVALUABLE for episode in episodes):
        return None
    cells = aggregate(evaluation.courses, study, header(study, SUBGROUPS))
    found = [_share("", ALL, cells, study), *_subgroups(cells, study)]
    return shares_plot(OBJECTIVE.label(study), found, OBJECTIVE.what)


def _subgroups(cells: Aggregate, study: Study) -> Iterator[Share]:
    """Variables by which there are at least two groups."""
    for variable in SUBGROUPS:
        groups = cells.strata(variable)
        for group in groups if len(groups) > 1 else ():
            held = cells.stratum(variable, group)
            name = category_name(variable, group, study)
            yield _share(variable_name(variable), name, held, study)


def _share(variable: str, group: str, cells: Aggregate, study: Study) -> Share:
    patients, n = (
        cells.count(PATIENTS, "all"),
        cells.count(OBJECTIVE.variable, *OBJECTIVE.categories),
    )
    out = cells.count(OBJECTIVE.variable, *NOT_EVALUABLE)
    return share_of(variable, group, (patients, n, out), study)


def share_of(variable: str, group: str, counts: tuple[int, int, int], study: Study) -> Share:
    """counts: patients, those who responded, those who cannot be evaluated."""
    patients, n, out = counts
    total = patients - out if study.percent_denominator == "evaluable" else patients
    if not total:
        return Share(variable, group, patients, n, None, None, None)
    low, high = clopper_pearson(n, total)
    return Share(variable, group, patients, n, 100 * n / total, 100 * low, 100 * high)


def disclosed_response_plot(found: Disclosed, study: Study) -> Plot | None:
    """The same of the groups whose counts a policy lets out as they are; None for none of them."""
    plots = (_disclosed_plot(found, each, study) for each in (OBJECTIVE, _smaller(study)))
    return next(filter(None, plots), None)


def _disclosed_plot(found: Disclosed, response: Response, study: Study) -> Plot | None:
    shares, hidden = [], []
    for group in dict.fromkeys((EVERYBODY, *(cell.group for cell in found.cells))):
        counts = _disclosed(found, group, response, study)
        variable, name = _called(found, group, study)
        if counts is None:
            hidden.append(name)
        else:
            shares.append(share_of(variable, name, counts, study))
    if not shares:
        return None
    left_out = f"Not drawn, since a count is hidden: {', '.join(hidden)}." if hidden else ""
    return shares_plot(response.label(study, left_out), shares, response.what)


def _disclosed(
    found: Disclosed, group: Group, response: Response, study: Study
) -> tuple[int, int, int] | None:
    """The exact counts of a group, None where one of them is hidden, put with others, or does not
    leave."""
    held = {
        cell.category: count
        for cell, count in found.cells.items()
        if (cell.variable, cell.group) == (response.variable, group)
    }
    whole = found.cells.get(Cell(PATIENTS, group, "all"))
    if not held or whole is None or OTHER in held:
        return None
    evaluable = study.percent_denominator == "evaluable"
    needed = (*response.categories, *(NOT_EVALUABLE if evaluable else ()))
    # A category that is not among the cells is one that nobody has.
    asked = [whole, *(held[category] for category in needed if category in held)]
    if not all(count.exact for count in asked):
        return None
    n, out = (
        sum(held[category].low for category in categories if category in held)
        for categories in (response.categories, NOT_EVALUABLE)
    )
    return whole.low, n, out


def _called(found: Disclosed, group: Group, study: Study) -> tuple[str, str]:
    """The variable and the name of a group."""
    if group == EVERYBODY:
        return "", ALL
    pairs = list(zip(found.by, group, strict=True))
    variables = ", ".join(variable_name(by) for by, _ in pairs)
    return variables, ", ".join(category_name(by, code, study) for by, code in pairs)
