"""A patient's findings by gene, as tiles of an oncoprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.charts.oncoprint import Tile
from adapter.html_report.names import Names
from analytics.episode import Episode
from analytics.genomics import TumourProfile


def tiles(episodes: Sequence[Episode], names: Names) -> Iterator[Tile]:
    """A tile for each patient and gene; a label that names no gene of the patient is a row of its
    own."""
    for episode in episodes:
        name, link = names[episode.patient_key], names.to(episode.patient_key)
        for gene, findings in by_gene(episode.profile).items():
            what = ", ".join(findings)
            yield Tile(name, gene, what, link=link, said=f"{name}: {what}")


def by_gene(profile: TumourProfile) -> dict[str, list[str]]:
    """Gene -> the findings in it as they were sent, or the gene alone."""
    genes = [label for label in profile.labels if label in profile.genes_tested]
    found: dict[str, list[str]] = {gene: [] for gene in genes}
    for label in profile.labels:
        if label in genes:
            continue
        owner = next((gene for gene in genes if _is_of(label, gene)), label)
        found.setdefault(owner, []).append(label)
    return {gene: labels or [gene] for gene, labels in found.items()}


def _is_of(label: str, gene: str) -> bool:
    """Whether a label as it was sent means the gene: `BRAF V600E`, `CHEK 2`, `ARID1` for ARID1A."""
    return label.split()[0] == gene or gene.startswith(label.replace(" ", ""))
