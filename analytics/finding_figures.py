"""Frequencies of altered genes among those tested, and genes altered together.

A gene's denominator is the patients in whom it was tested: not tested is not negative.
"""

from __future__ import annotations

from analytics.aggregate import Aggregate
from analytics.figures import Figures
from analytics.proportion import clopper_pearson


def finding_figures(cells: Aggregate, figures: Figures) -> None:
    """`gene_altered_n`, `_pct` and its exact limits, `gene_not_tested_n`, for each gene tested in
    anybody, as `gene_altered_n:BRAF`; and `comutation_n:BRAF+TERT` for each pair that occurs."""
    total = cells.count("patients", "all")
    altered = cells.categories("mutation")
    for gene, tested in cells.categories("gene_tested").items():
        n = altered.get(gene, 0)
        figures[f"gene_altered_n:{gene}"] = n
        figures[f"gene_not_tested_n:{gene}"] = total - tested
        if n > tested:
            for part in ("pct", "cp95_low", "cp95_high"):
                figures.missing(f"gene_altered_{part}:{gene}", "more found than tested")
            continue
        low, high = clopper_pearson(n, tested)
        figures[f"gene_altered_pct:{gene}"] = 100 * n / tested
        figures[f"gene_altered_cp95_low:{gene}"] = 100 * low
        figures[f"gene_altered_cp95_high:{gene}"] = 100 * high
    for pair, n in cells.categories("mutation_pair").items():
        figures[f"comutation_n:{pair}"] = n
