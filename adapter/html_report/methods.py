"""The methods as text that can be pasted into a paper, and every rule of the study."""

from __future__ import annotations

from typing import Any

from adapter.html_report.definition import TIME_ZERO
from adapter.html_report.page import Section
from adapter.tables import Table
from analytics.study import Study


def methods_section(study: Study) -> Section:
    """Sentences made of the study's parameters, then all of them."""
    return Section(
        "methods",
        "Methods and definitions",
        texts=tuple(_sentences(study)),
        tables=(
            Table(
                "Every parameter of the study",
                ("parameter", "value"),
                [(name, _shown(value)) for name, value in study.parameters().items()],
                (f"hash of these rules: {study.fingerprint}",),
            ),
        ),
    )


def _sentences(study: Study) -> list[str]:
    marks = ", ".join(
        f"{mark.name} ({mark.day} ± {mark.tolerance} days)" for mark in study.landmarks
    )
    return [
        f"Time was counted in days from {TIME_ZERO[study.index_date]}; patients without "
        f"progression were censored at last contact or at day {study.horizon_days}. "
        "Progression-free proportions are Kaplan-Meier estimates with Greenwood's variance and "
        f"{study.confidence_interval} 95 % intervals; the restricted mean is the area under the "
        f"curve to day {study.horizon_days}.",
        f"Courses of index drugs ({', '.join(study.index_drug_classes)}) with at most "
        f"{study.merge_gap_days} days between them count as one. Responses were assessed at "
        f"{marks} after protocol finish, by the value nearest to the day.",
    ]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return str(value)
