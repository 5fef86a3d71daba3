"""What a result is of: the rules, the data and the quality gate, in a box and below each curve."""

from __future__ import annotations

from datetime import UTC, datetime

from adapter.evaluate import Evaluation
from analytics.study import Study

TIME_ZERO = {
    "finish": "protocol finish",
    "first_drug_day": "first day of the index drug",
    "therapeutic_rai": "therapeutic I-131",
}
DEATH = {
    "censored": "no event; it competes in the cumulative incidence",
    "event": "an event, of any cause",
    "event_if_cancer": "an event, if of the cancer",
}
EVENT = {
    "censored": "progression",
    "event": "progression or death",
    "event_if_cancer": "progression or death of the cancer",
}

Facts = tuple[tuple[str, str], ...]


def of_evaluation(evaluation: Evaluation) -> Facts:
    """The box of a page of the site's own."""
    finishes = evaluation.finishes
    return (
        *of_study(evaluation.study),
        ("data version (hash)", evaluation.data_version[:16]),
        ("sites", ", ".join(evaluation.sites) or "none"),
        ("protocol finish", f"{finishes[0]} to {finishes[-1]}" if finishes else "nobody"),
        ("quality gate", evaluation.quality),
        ("written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    )


def of_study(study: Study) -> Facts:
    """What the rules say, as far as a reader of the curves must know it."""
    return (
        ("study", f"{study.id} {study.version}"),
        ("rules (hash)", study.fingerprint[:16]),
        ("endpoint", f"{EVENT[study.death]} ({study.endpoint})"),
        ("time 0", TIME_ZERO[study.index_date]),
        ("death", DEATH[study.death]),
        ("horizon", f"day {study.horizon_days}"),
        ("interval", f"95 %, {study.confidence_interval}"),
    )


def reading(study: Study) -> str:
    """What every curve says of itself: time zero, interval, counts."""
    return (
        f"Time 0: {TIME_ZERO[study.index_date]}. Band: 95 % interval "
        f"({study.confidence_interval}). At risk: under observation just before the day."
    )
