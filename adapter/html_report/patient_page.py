"""The patient-level page: every plot, and the way from a step to patient, rule and resource.

It names patients and stays inside the site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapter.abstract import abstract, headline
from adapter.cohort import Attrition
from adapter.evaluate import Evaluation
from adapter.evidence import Evidence, Reference
from adapter.html_report import definition, patient_plots
from adapter.html_report.between_sites import sites_section
from adapter.html_report.flow import flow_section
from adapter.html_report.methods import methods_section
from adapter.html_report.names import Names
from adapter.html_report.page import Page, Section
from adapter.html_report.patient_part import patients_section
from adapter.html_report.progression import DRIVER, progression_section
from adapter.html_report.responses import response_section
from adapter.html_report.stamp import Stamp
from adapter.table_one_text import printed
from adapter.tables import Table
from analytics.episode import Episode
from analytics.patient_level import counted_episodes
from analytics.table_one import table_one

BANNER = (
    "PATIENT LEVEL: this file shows single patients. It stays inside the hospital; "
    "raiway report --level aggregate makes the one that may leave."
)


def named(evaluation: Evaluation) -> Names:
    """What the page calls the patients of the study."""
    episodes = counted_episodes(evaluation.courses, evaluation.study)
    return Names.of(episode.patient_key for episode in episodes)


def patient_page(
    evaluation: Evaluation, attrition: Attrition, evidence: Mapping[Reference, Evidence]
) -> Page:
    """The page. evidence: of the resources behind the findings, as far as known."""
    study = evaluation.study
    episodes = counted_episodes(evaluation.courses, study)
    names = named(evaluation)
    return Page(
        level="patient",
        title=study.title,
        banner=BANNER,
        result=headline(evaluation) if episodes else "No patient is in the study.",
        facts=definition.of_evaluation(evaluation),
        sections=(
            flow_section(attrition, evaluation.courses),
            *outcome_sections(evaluation, names),
            patients_section(evaluation.courses, names, evidence),
        ),
        stamp=_stamp(evaluation),
    )


def outcome_sections(evaluation: Evaluation, names: Names) -> tuple[Section, ...]:
    """Who was treated, how, and what came of it. names: of the patients who are counted."""
    episodes = counted_episodes(evaluation.courses, evaluation.study)
    stamp = _stamp(evaluation)
    return (
        _who(evaluation),
        stamp.on(progression_section(evaluation, episodes, names)),
        stamp.on(response_section(evaluation, episodes, names)),
        *(stamp.on(section) for section in (sites_section(evaluation),) if section),
        stamp.on(_treatment(evaluation, episodes, names)),
        stamp.on(_tumours(evaluation, episodes, names)),
        methods_section(evaluation.study),
    )


def _stamp(evaluation: Evaluation) -> Stamp:
    return Stamp.of(evaluation.study, evaluation.quality, evaluation.data_version)


def _who(evaluation: Evaluation) -> Section:
    found = table_one(evaluation.courses, evaluation.study, DRIVER)
    return Section("table-one", "Patients", tables=(printed(found, evaluation.study),))


def _treatment(evaluation: Evaluation, episodes: Sequence[Episode], names: Names) -> Section:
    plots = (
        patient_plots.swimmer_plot(episodes, names),
        patient_plots.activity_plot(episodes, names),
    )
    return Section(
        "treatment",
        "Treatment",
        plots=tuple(plot for plot in plots if plot),
        tables=_figures(evaluation, "Radioiodine activity"),
    )


def _tumours(evaluation: Evaluation, episodes: Sequence[Episode], names: Names) -> Section:
    plot = patient_plots.oncoprint_plot(episodes, names)
    return Section(
        "tumours", "Tumours", plots=(plot,) if plot else (), tables=_figures(evaluation, "Drivers")
    )


def _figures(evaluation: Evaluation, title: str) -> tuple[Table, ...]:
    return tuple(each for each in abstract(evaluation) if each.title == title)
