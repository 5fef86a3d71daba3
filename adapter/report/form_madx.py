"""IHE mADX: aggregate values by indicator and disaggregation, each stratum with a value.

Source: IHE/QRPH.mADX 3.0.0, profile mADX-MeasureReport: what a stratum reports is its
measureScore. Where the group only counts, that is the count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.elements import (
    DATA_ABSENT_REASON,
    Json,
    code_of,
    extension,
    extension_value,
    quantity,
)
from adapter.report.form_parts import (
    Receiver,
    absent_reason,
    groups,
    root_improvement,
    strata,
    stratifier_code,
    stratifiers,
    uncounted,
)


def madx(report: Json, receiver: Receiver) -> Json:
    """The DEQM summary in mADX's shape; the receiver knows the location."""
    if receiver.location is None:
        raise ValueError("an mADX report is about a location")
    return {
        **report,
        "subject": receiver.location.element(),
        **root_improvement(report),
        "group": [_group(group) for group in groups(report)],
    }


def _group(group: Json) -> Json:
    if "stratifier" not in group:
        return group
    stratifiers = [
        {
            **stratifier,
            "code": [stratifier_code(stratifier)],
            "stratum": [
                {**stratum, "measureScore": _score(stratum)} for stratum in stratifier["stratum"]
            ],
        }
        for stratifier in group["stratifier"]
    ]
    return {**group, "stratifier": stratifiers}


def _score(stratum: Json) -> Json:
    """The stratum's score; without one the count of its only population, or why there is none."""
    if "measureScore" in stratum:
        score: Json = stratum["measureScore"]
        return score
    populations = stratum["population"]
    reasons = [absent_reason(population) for population in populations if "count" not in population]
    if len(populations) == 1 and not reasons:
        return quantity(populations[0]["count"], "1")
    # A hidden count hides what it would show.
    reason = reasons[0] if reasons else "not-applicable"
    return {"_value": {"extension": [extension(DATA_ABSENT_REASON, "Code", reason)]}}


def madx_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """What mADX-MeasureReport asks for and the report lacks."""
    if not report.get("subject"):
        yield "the subject is missing"
    for group in groups(report):
        if not code_of(group.get("code", {})):
            yield "a group has no code"
        if not group.get("population"):
            yield "a group has no population"
        if any(uncounted(group)):
            yield "a population has neither a count nor a reason"
    if not all(stratifier.get("stratum") for stratifier in stratifiers(report)):
        yield "a stratifier has no strata"
    for stratum in strata(report):
        yield from _stratum_problems(stratum)


def _stratum_problems(stratum: Mapping[str, Any]) -> Iterator[str]:
    if not stratum.get("component"):
        yield "a stratum has no component"
    score = stratum.get("measureScore", {})
    if "value" not in score and not extension_value(score.get("_value", {}), DATA_ABSENT_REASON):
        yield "a stratum has neither a score nor a reason"
