"""Which result makes the driver, when several speak of a gene.

A line is a result: call, gene, change, and what qualifies it.
"""

from __future__ import annotations

import pytest

from analytics.course import FactRef, VariantResult
from analytics.genomics import tumour_profile
from analytics.study import Study


def result(number: int, line: str) -> VariantResult:
    """`present BRAF V600E text` -> a VariantResult."""
    call, gene, *more = line.split()
    change = more[0] if more and more[0] not in {"text", "fusion"} else ""
    symbol, _, partner = gene.partition("-")
    return VariantResult(
        ref=FactRef("Observation", str(number)),
        call=call,
        gene=symbol,
        partner=partner,
        p_hgvs=change,
        kind="fusion" if "fusion" in more else "SNV",
        significance=next(
            (word for word in more if word in {"uncertain", "benign", "pathogenic"}), ""
        ),
        confidence=0.5 if "text" in more else 1.0,
    )


CASES = [
    ("text alone is a result", ["present BRAF V600E text"], "BRAF_V600E"),
    (
        "text never overrides a discrete negative",
        ["absent BRAF", "present BRAF V600E text"],
        "none_detected",
    ),
    ("nor a discrete positive", ["present BRAF V600E", "absent BRAF text"], "BRAF_V600E"),
    (
        "nor the driver found in another gene",
        ["present NRAS Q61R", "present BRAF V600E text"],
        "NRAS_Q61R",
    ),
    (
        "text adds what no discrete result names",
        ["absent BRAF", "present NRAS Q61R text"],
        "NRAS_Q61R",
    ),
    (
        "a gene in scope without a finding is absent",
        ["studied BRAF", "studied NRAS"],
        "none_detected",
    ),
    (
        "a finding is a finding, in scope or not",
        ["studied BRAF", "present BRAF V600E"],
        "BRAF_V600E",
    ),
    (
        "a gene in scope without a call is not absent",
        ["studied BRAF", "no_call BRAF"],
        "not_tested",
    ),
    ("the scope does not outweigh text", ["studied BRAF", "present BRAF V600E text"], "BRAF_V600E"),
    ("either partner of a fusion counts", ["present CCDC6-RET fusion"], "fusion"),
    (
        "an uncertain change is no driver",
        ["present BRAF G469V uncertain", "absent NRAS"],
        "none_detected",
    ),
    (
        "a canonical change is, whatever is said of it",
        ["present BRAF V600E uncertain"],
        "BRAF_V600E",
    ),
    ("a synonymous change is no driver", ["present BRAF V600=", "absent NRAS"], "none_detected"),
    ("V600E or K is not V600E", ["present BRAF V600E_or_K"], "BRAF_other"),
    (
        "a gene altered in no stated way proves nothing",
        ["present NRAS", "absent BRAF"],
        "not_tested",
    ),
]


@pytest.mark.parametrize(
    ("lines", "driver"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_driver(lines: list[str], driver: str, study: Study) -> None:
    results = [result(number, line) for number, line in enumerate(lines)]
    assert tumour_profile(results, (), study).driver == driver
    assert tumour_profile(results[::-1], (), study).driver == driver


def test_a_gene_in_scope_is_tested(study: Study) -> None:
    results = [result(0, "studied BRAF"), result(1, "studied NRAS")]
    assert tumour_profile(results, (), study).genes_tested == ("BRAF", "NRAS")
