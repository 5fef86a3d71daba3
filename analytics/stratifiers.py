"""The values by which episodes are grouped: a study's strata and what a run asks for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from analytics.episode import Episode
from analytics.study import Study


def arm(study: Study, driver: str) -> str:
    """The drug classes that the study gives to a driver, as `BRAFi+MEKi`; `no_arm` for none."""
    return "+".join(study.driver(driver).arm) or "no_arm"


STRATIFIERS: dict[str, Callable[[Episode, Study], str]] = {
    "driver": lambda episode, study: episode.profile.driver,
    "arm": lambda episode, study: arm(study, episode.profile.driver),
    "regimen": lambda episode, study: episode.drugs.regimen,
    "histology": lambda episode, study: episode.histology,
    "sex": lambda episode, study: episode.sex or "unknown",
    "race": lambda episode, study: study.race_labels.get(episode.race, "other"),
    "ethnicity": lambda episode, study: study.ethnicity_labels.get(episode.ethnicity, "other"),
    "pdl1": lambda episode, study: _pdl1(episode, study),
    "uptake": lambda episode, study: episode.uptake,
    "rai_treated": lambda episode, study: "yes" if episode.rai else "no",
    "site": lambda episode, study: episode.site,
}


def _pdl1(episode: Episode, study: Study) -> str:
    score = episode.profile.pdl1_pct
    if score is None:
        return "not_tested"
    return "positive" if score >= Decimal(str(study.pdl1_positive_from_pct)) else "negative"
