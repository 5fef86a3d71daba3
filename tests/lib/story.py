"""A patient's course as a clinician would note it -> PatientFacts.

One line a fact: the day counted from the first drug day (0), then what happened. A span of days
is `0..41`; a date known to the month only is `~120`.

    -300    diagnosis PTC
    0..41   drug dabrafenib
    0..41   drug trametinib stated 2 mg 1 daily
    50      rai 204 mCi therapeutic
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from analytics.course import (
    MBQ_PER_MCI,
    Biomarker,
    DateSpan,
    Diagnosis,
    DiseaseStatus,
    Dosimetry,
    DrugExposure,
    Fact,
    FactRef,
    ImagingAssessment,
    LabResult,
    PatientFacts,
    RaiAdministration,
    Uptake,
    VariantResult,
    Visit,
)
from analytics.episode import Course, Episode, derive
from analytics.study import Study

BASE = """
    -900    diagnosis PTC
    -40     variant present BRAF V600E
    0..41   drug dabrafenib
    0..41   drug trametinib
    46      uptake present
    46      dosimetry 310 mCi
    50      rai 204 mCi therapeutic
    300     visit finished
"""

DAY_0 = date(2021, 3, 1)
CLASSES = {
    "dabrafenib": "BRAFi",
    "trametinib": "MEKi",
    "rhTSH": "RhTSH",
    "lenvatinib": "MKI",
}


def day(number: int) -> date:
    """The calendar day of a story's day."""
    return DAY_0 + timedelta(days=number)


def _span(text: str) -> DateSpan:
    if text.startswith("~"):
        first = day(int(text[1:])).replace(day=1)
        return DateSpan(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))
    return DateSpan.of(day(int(text)))


def _lab(ref: FactRef, when: DateSpan, analyte: str, words: list[str]) -> LabResult:
    sign = "<" if words[0].startswith("<") else ""
    value = Decimal(words[0].lstrip("<"))
    return LabResult(
        ref=ref,
        analyte=analyte,
        date=when,
        comparator=sign,
        value_low=Decimal(0) if sign else value,
        value_high=value,
        interpretation=next((word for word in words if word in ("POS", "NEG")), ""),
        assay=next((word for word in words if word.startswith("assay-")), "assay-1"),
    )


def _variant(ref: FactRef, when: DateSpan, words: list[str]) -> VariantResult:
    call, gene, *change = words
    return VariantResult(
        ref=ref,
        call=call,
        gene=gene,
        p_hgvs=change[0] if change and change[0] != "fusion" else "",
        kind="fusion" if change == ["fusion"] else "SNV",
        date=when,
    )


_DOSIMETRY = {
    "mCi": "max_tolerated_mbq",
    "Gy": "absorbed_dose_gy",
    "Gy/GBq": "absorbed_dose_gy_per_gbq",
}


def _in_standard(words: list[str]) -> Decimal:
    return Decimal(words[0]) * (MBQ_PER_MCI if words[1] == "mCi" else 1)


_MAKERS: dict[str, tuple[str, Callable[[FactRef, DateSpan, list[str]], Fact]]] = {
    "diagnosis": ("diagnoses", lambda r, d, w: Diagnosis(ref=r, concept=w[0], onset=d)),
    "variant": ("variants", _variant),
    "PD-L1": (
        "biomarkers",
        lambda r, d, w: Biomarker(
            ref=r,
            marker="PDL1",
            comparator="<" if w[0].startswith("<") else "",
            value=Decimal(w[0].lstrip("<")),
        ),
    ),
    "Tg": ("labs", lambda r, d, w: _lab(r, d, "Tg", w)),
    "TgAb": ("labs", lambda r, d, w: _lab(r, d, "TgAb", w)),
    "TSH": ("labs", lambda r, d, w: _lab(r, d, "TSH", w)),
    "rai": (
        "rai",
        lambda r, d, w: RaiAdministration(
            ref=r,
            evidence=w[3] if len(w) > 3 else "procedure",
            date=d,
            activity_mbq=Decimal(w[0]) * MBQ_PER_MCI,
            purpose=w[2] if len(w) > 2 else "unknown",
        ),
    ),
    "dosimetry": (
        "dosimetry",
        lambda r, d, w: Dosimetry(ref=r, date=d, **{_DOSIMETRY[w[1]]: _in_standard(w)}),
    ),
    "uptake": ("uptake", lambda r, d, w: Uptake(ref=r, date=d, uptake=w[0])),
    "CT": (
        "imaging",
        lambda r, d, w: ImagingAssessment(
            ref=r, date=d, sum_diam_mm=Decimal(w[0]), new_lesion="new" in w
        ),
    ),
    "RECIST": ("imaging", lambda r, d, w: ImagingAssessment(ref=r, date=d, recist=w[0])),
    "status": (
        "statuses",
        lambda r, d, w: DiseaseStatus(
            ref=r, date=d, disease_status=w[0], biochemical="biochemical" in w
        ),
    ),
    "visit": ("visits", lambda r, d, w: Visit(ref=r, date=d, status=w[0])),
}


def story(text: str) -> PatientFacts:
    """The facts of the story's lines."""
    found: dict[str, list[Any]] = {}
    for number, line in enumerate(line.split() for line in text.strip().splitlines()):
        when, what, *words = line
        ref = FactRef(what, f"{number:03d}")
        if what == "drug":
            first, _, last = when.partition("..")
            evidence = words[1] if len(words) > 1 else "stated"
            drug = DrugExposure(
                ref=ref,
                ingredient=words[0],
                drug_class=CLASSES[words[0]],
                evidence=evidence,
                start=_span(first),
                end=_span(last) if last else None,
                dose_mg=Decimal(words[2]) if len(words) > 2 else None,
                doses_per_day=Decimal(words[4]) if len(words) > 4 else None,
            )
            found.setdefault("drugs", []).append(drug)
            continue
        table, make = _MAKERS[what]
        found.setdefault(table, []).append(make(ref, _span(when), words))
    columns = {table: tuple(facts) for table, facts in found.items()}
    return PatientFacts(patient_key="story", site="a", **columns)


def course_of(lines: str, study: Study, base: str = BASE) -> Course:
    """The course of the base story with more lines."""
    return derive(story(base.strip() + "\n" + lines.strip()), study)


def episode_of(lines: str, study: Study, base: str = BASE) -> Episode:
    """The first episode of the base story with more lines."""
    course = course_of(lines, study, base)
    assert course.episodes, course.attrition
    return course.episodes[0]


def without(*words: str) -> str:
    """The base story without the lines that hold one of the words."""
    lines = [line for line in BASE.strip().splitlines() if not any(w in line for w in words)]
    return "\n".join(lines)
