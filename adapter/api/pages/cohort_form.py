"""The form of filters, which the outcomes and the cohort explorer share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.api.pages.cohorts import Cohort


def cohort_form(path: str, cohort: Cohort) -> Mapping[str, Any]:
    """What the form of filters needs: what is chosen, and what can be."""
    whole = cohort.whole
    labels = {each.code: each.label for each in whole.study.driver_classes}
    episodes = [each for course in whole.courses for each in course.episodes]
    drivers = sorted({each.profile.driver for each in episodes} | set(cohort.filters.driver))
    regimens = sorted({each.drugs.regimen for each in episodes} | set(cohort.filters.regimen))
    sites = sorted({*whole.sites, *cohort.filters.site})
    return {
        "path": path,
        "chosen": cohort.filters,
        "choices": (
            ("site", "Sites", [(site, site) for site in sites]),
            ("driver", "Driver", [(code, labels.get(code, code)) for code in drivers]),
            ("regimen", "Drugs", [(each, each.replace("+", " + ")) for each in regimens]),
        ),
        "others": [
            (place, f"{name}{cohort.filters.query}")
            for place, name in (("Outcomes", "/outcomes"), ("Cohort", "/cohort"))
            if name != path
        ],
    }
