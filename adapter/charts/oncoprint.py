"""An oncoprint: genes by patients, a tile for each finding, sorted so that patterns show.

A pale tile was tested without a finding; where there is none, nothing says that it was tested.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import floor

import altair as alt

from adapter.charts import theme

ROW, COLUMN = 18, 26
NARROW, MANY = 14, 24
"""The width of a column where there are more than so many."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A patient's finding in a gene; what: its name, such as V600E."""

    label: str
    gene: str
    what: str
    link: str = ""
    said: str = ""


def oncoprint(
    tiles: Sequence[Tile], patients: Sequence[str], tested: Collection[tuple[str, str]]
) -> alt.TopLevelMixin:
    """Genes by how many patients have them, patients by memo sort (Gu and others 2016).

    tested: pairs of patient and gene without a finding, though it was looked for.
    """
    held: dict[str, set[str]] = {}
    for tile in tiles:
        held.setdefault(tile.gene, set()).add(tile.label)
    genes = sorted(held, key=lambda gene: (-len(held[gene]), gene))
    order = sorted(patients, key=lambda one: tuple(one not in held[gene] for gene in genes))
    share = {
        gene: f"{gene}  {floor(100 * len(held[gene]) / len(patients) + 0.5)} %" for gene in genes
    }
    x = alt.X(
        "label:N",
        sort=order,
        scale=alt.Scale(domain=order),
        axis=alt.Axis(title=None, labelAngle=-90, domain=False, ticks=False),
    )
    y = alt.Y(
        "gene:N",
        sort=[share[gene] for gene in genes],
        scale=alt.Scale(domain=[share[gene] for gene in genes]),
        axis=alt.Axis(title=None, domain=False, ticks=False),
    )
    background = theme.rows(
        [
            {"label": one, "gene": share[gene]}
            for one in order
            for gene in genes
            if (one, gene) in tested
        ]
    )
    found = theme.rows(
        [
            {
                "label": tile.label, "gene": share[tile.gene], "what": tile.what,
                "link": tile.link, "said": tile.said,
            }
            for tile in tiles
        ]
    )  # fmt: skip
    drawn: alt.TopLevelMixin = alt.layer(
        alt.Chart(background)
        .mark_rect(color="#ececec", stroke=theme.PALE, strokeWidth=1, aria=False)
        .encode(x=x, y=y),
        alt.Chart(found)
        .mark_rect(color=theme.COLOURS[0], stroke="#ffffff", strokeWidth=2)
        .encode(x=x, y=y, href="link:N", description="said:N"),
    ).properties(width=alt.Step(COLUMN if len(patients) <= MANY else NARROW), height=alt.Step(ROW))
    return drawn
