"""A patient's tumour: the driver class, what was found and what was tested.

Three-valued negatives: a gene is present, tested and absent, or not tested. Only a change
descriptor (HGVS) or a fusion makes a driver; a gene said to be altered without one does not. What
was read from text has a lower confidence, and never overrides a discrete result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from analytics.course import Biomarker, FactRef, VariantResult
from analytics.study import DriverClass, Study

STUDIED = "studied"
NO_DRIVER = frozenset({"uncertain", "likely_benign", "benign"})
"""Significance of a change that makes no driver."""


@dataclass(frozen=True, slots=True)
class TumourProfile:
    """driver: a code of the study's classes. labels: genes with a finding, and
    findings under a label that the study counts, each once."""

    driver: str
    driver_refs: tuple[FactRef, ...]
    labels: tuple[str, ...]
    genes_tested: tuple[str, ...]
    pdl1_pct: Decimal | None


def tumour_profile(
    variants: Iterable[VariantResult], biomarkers: Iterable[Biomarker], study: Study
) -> TumourProfile:
    """The profile from all results of one patient (order does not matter)."""
    results = _believed(sorted(variants, key=lambda result: result.ref))
    present = [result for result in results if result.call == "present"]
    driver, refs = _driver(present, results, study)
    labels = {result.gene for result in present if result.gene and result.hgnc}
    labels |= {result.label for result in present} & set(study.finding_labels)
    tested = {result.gene for result in results if result.gene and result.call != "no_call"}
    return TumourProfile(
        driver=driver.code,
        driver_refs=refs,
        labels=tuple(sorted(labels)),
        genes_tested=tuple(sorted(tested)),
        pdl1_pct=_latest_pdl1(biomarkers, study),
    )


def _believed(results: list[VariantResult]) -> list[VariantResult]:
    """Of each gene the results of most confidence; a panel's scope is no result."""
    stated = [result for result in results if result.gene and result.call != STUDIED]
    best: dict[str, float] = {}
    for result in stated:
        best[result.gene] = max(result.confidence, best.get(result.gene, 0.0))
    return [
        result
        for result in results
        if result.call == STUDIED or result.confidence >= best.get(result.gene, 0.0)
    ]


def _driver(
    present: list[VariantResult], results: list[VariantResult], study: Study
) -> tuple[DriverClass, tuple[FactRef, ...]]:
    for confidence in sorted({result.confidence for result in present}, reverse=True):
        for driver in study.drivers:
            refs = tuple(
                result.ref
                for result in present
                if result.confidence >= confidence and _is(driver, result)
            )
            if refs:
                return driver, refs
    driver_genes = {gene for driver in study.drivers if not driver.kind for gene in driver.genes}
    on_driver_genes = [result for result in results if result.gene in driver_genes]
    # A driver gene said to be altered, but not how, proves neither a driver nor its absence.
    if any(result.call == "present" and not _change(result) for result in on_driver_genes):
        return study.not_tested, tuple(result.ref for result in on_driver_genes)
    absent = tuple(result.ref for result in on_driver_genes if _is_absent(result, results))
    return (study.none_detected, absent) if absent else (study.not_tested, ())


def _is_absent(result: VariantResult, results: list[VariantResult]) -> bool:
    """Stated as absent; or in the scope of a panel, and no result names the gene."""
    if result.call != STUDIED:
        return result.call == "absent"
    return not any(each.gene == result.gene and each.call != STUDIED for each in results)


def _change(result: VariantResult) -> str:
    return result.p_hgvs or result.c_hgvs


def _is(driver: DriverClass, result: VariantResult) -> bool:
    if not {result.gene, result.partner} & set(driver.genes):
        return False
    if driver.kind:
        return result.kind == driver.kind
    if driver.protein:
        return result.p_hgvs == driver.protein
    # Any other change counts unless it is known to mean nothing.
    is_silent = result.p_hgvs.endswith("=") or result.significance in NO_DRIVER
    return bool(_change(result)) and not is_silent


def _latest_pdl1(biomarkers: Iterable[Biomarker], study: Study) -> Decimal | None:
    """The last score (percent of cells). `<1` is below every score that counts as positive, and
    reads as 0; a bound above that cut tells nothing."""
    scores = [fact for fact in biomarkers if fact.marker == "PDL1" and fact.value is not None]
    scores.sort(key=lambda fact: (fact.date.latest.toordinal() if fact.date else 0, fact.ref))
    if not scores or scores[-1].value is None:
        return None
    last, value = scores[-1], scores[-1].value
    if not last.comparator.startswith("<"):
        return value
    return Decimal(0) if value <= Decimal(str(study.pdl1_positive_from_pct)) else None
