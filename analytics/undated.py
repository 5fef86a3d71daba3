"""What a study cannot place because its date is missing, or known to the month or year only.

Such facts are left out, never moved to a guessed day, and each is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from analytics.course import DateSpan, FactRef, Finding, PatientFacts
from analytics.study import Study

Placed = tuple[str, FactRef, DateSpan | None]


def left_out(facts: PatientFacts, study: Study) -> Iterator[Finding]:
    """The facts of one patient that the study's `date_policy` gives no day."""
    for what, ref, span in sorted(_dated(facts, study), key=lambda row: row[:2]):
        if span is None:
            yield Finding(f"undated:{what}", "left out", text="no date", refs=(ref,))
        elif span.day(study.date_policy) is None:
            text = f"known only as {span.earliest} to {span.latest}"
            yield Finding(f"partial_date:{what}", "left out", text=text, refs=(ref,))


def _dated(facts: PatientFacts, study: Study) -> Iterator[Placed]:
    for drug in facts.drugs:
        if drug.drug_class in study.index_drug_classes:
            yield "index_drug", drug.ref, drug.start
    yield from (("rai", dose.ref, dose.date) for dose in facts.rai)
    yield from (("dosimetry", scan.ref, scan.date) for scan in facts.dosimetry)
    yield from (("uptake", scan.ref, scan.date) for scan in facts.uptake)
    yield from (("imaging", scan.ref, scan.date) for scan in facts.imaging)
    yield from (("disease_status", status.ref, status.date) for status in facts.statuses)
    if study.death != "censored":
        yield from (("death", death.ref, death.date) for death in facts.deaths)
    yield from (("thyroglobulin", lab.ref, lab.date) for lab in facts.labs if lab.analyte == "Tg")


def partial_progression(facts: PatientFacts, finish: date, study: Study) -> bool:
    """Whether a progression is stated that may lie after finish but has no usable day."""
    stated = [scan.date for scan in facts.imaging if scan.recist == "PD"]
    stated += [status.date for status in facts.statuses if status.disease_status == "PD"]
    return any(
        span.day(study.date_policy) is None and span.latest > finish for span in stated if span
    )
