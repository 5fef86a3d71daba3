"""Random patients for property tests: plausible facts, days as offsets from one start."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from analytics.course import (
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
    Person,
    RaiAdministration,
    Uptake,
    VariantResult,
    Visit,
)

START = date(2021, 1, 4)


def spans(low: int = -120, high: int = 320) -> st.SearchStrategy[DateSpan | None]:
    """A day, sometimes a month, sometimes nothing."""
    day = st.integers(low, high).map(lambda offset: DateSpan.of(START + timedelta(days=offset)))
    month = st.integers(low, high).map(
        lambda offset: DateSpan(START + timedelta(days=offset), START + timedelta(days=offset + 30))
    )
    return st.one_of(day, day, day, month, st.none())


def _facts(kind: type[Fact], **columns: st.SearchStrategy[object]) -> st.SearchStrategy[list[Fact]]:
    refs = st.builds(
        FactRef,
        st.just(kind.__name__),
        st.integers(0, 10_000).map(str),
        st.just("1"),
        st.integers(0, 3),
    )
    return st.lists(
        st.builds(kind, ref=refs, **columns), max_size=6, unique_by=lambda fact: fact.ref
    )


_AMOUNT = st.integers(0, 500).map(lambda n: Decimal(n) / 10)
_ACTIVITY = st.one_of(st.none(), st.integers(1, 400).map(lambda mci: Decimal(mci) * 37))


@st.composite
def patients(draw: st.DrawFn, key: str = "") -> PatientFacts:
    """One patient; most have a thyroid cancer and take index drugs from about `START`."""
    low = draw(_AMOUNT)
    return PatientFacts(
        patient_key=key or draw(st.uuids()).hex,
        site=draw(st.sampled_from(["a", "b", "c"])),
        persons=tuple(
            draw(
                _facts(
                    Person,
                    sex=st.sampled_from(["female", "male", ""]),
                    birth=st.just(DateSpan.of(date(1960, 5, 1))),
                    race=st.sampled_from(["2054-5", "2106-3", "UNK", "9999-9"]),
                )
            )[:1]
        ),
        diagnoses=tuple(
            draw(
                _facts(
                    Diagnosis,
                    concept=st.sampled_from(["PTC", "PTC", "FTC", "ThyroidCancer", "MTC"]),
                    onset=spans(-400, 0),
                )
            )
        ),
        variants=tuple(
            draw(
                _facts(
                    VariantResult,
                    call=st.sampled_from(["present", "absent", "no_call"]),
                    gene=st.sampled_from(["BRAF", "NRAS", "TERT", ""]),
                    label=st.sampled_from(["", "Exon 17"]),
                    p_hgvs=st.sampled_from(["V600E", "Q61R", "K601E", ""]),
                )
            )
        ),
        labs=tuple(
            draw(
                _facts(
                    LabResult,
                    analyte=st.sampled_from(["Tg", "Tg", "TgAb", "TSH"]),
                    date=spans(),
                    comparator=st.sampled_from(["", "", "<"]),
                    value_low=st.just(low),
                    value_high=st.one_of(st.just(low), _AMOUNT),
                )
            )
        ),
        drugs=tuple(
            draw(
                _facts(
                    DrugExposure,
                    ingredient=st.sampled_from(["dabrafenib", "trametinib", "thyrotropin alfa"]),
                    drug_class=st.sampled_from(["BRAFi", "MEKi", "RhTSH"]),
                    evidence=st.sampled_from(["stated", "administered", "ordered"]),
                    start=spans(-20, 30),
                    end=spans(20, 60),
                )
            )
        ),
        rai=tuple(
            draw(
                _facts(
                    RaiAdministration,
                    evidence=st.sampled_from(["administered", "procedure"]),
                    date=spans(-300, 120),
                    activity_mbq=_ACTIVITY,
                    purpose=st.sampled_from(["therapeutic", "diagnostic", "unknown"]),
                )
            )
        ),
        dosimetry=tuple(draw(_facts(Dosimetry, date=spans(0, 60), max_tolerated_mbq=_ACTIVITY))),
        uptake=tuple(
            draw(_facts(Uptake, uptake=st.sampled_from(["present", "absent"]), date=spans(0, 60)))
        ),
        imaging=tuple(
            draw(
                _facts(
                    ImagingAssessment,
                    date=spans(),
                    sum_diam_mm=st.one_of(st.none(), _AMOUNT),
                    recist=st.sampled_from(["", "PR", "SD", "PD"]),
                )
            )
        ),
        statuses=tuple(
            draw(
                _facts(
                    DiseaseStatus,
                    disease_status=st.sampled_from(["PD", "SD"]),
                    date=spans(),
                    biochemical=st.booleans(),
                )
            )
        ),
        visits=tuple(
            draw(_facts(Visit, date=spans(), status=st.sampled_from(["finished", "planned"])))
        ),
    )
