"""What a sentence says of genes: + found, - not found, ? planned or suspected, . nothing said."""

from __future__ import annotations

from datetime import UTC

import pytest

from adapter.definitions import load
from adapter.mapping.clinical_text import Assertion
from adapter.mapping.context import Context
from adapter.mapping.variant_text import results

SIGNS = {
    Assertion.AFFIRMED: "+",
    Assertion.NEGATED: "-",
    Assertion.HYPOTHETICAL: "?",
    Assertion.UNSTATED: ".",
}

SENTENCES = """
    BRAF V600E detected.                                            | +BRAF V600E
    Positive for BRAF V600E                                         | +BRAF V600E
    BRAFV600E positive                                              | +BRAF V600E
    BRAF c.1799T>A (p.Val600Glu), VAF 30 %                          | +BRAF V600E
    BRAF mutation analysis: p.V600E detected                        | +BRAF V600E
    NRAS Q61R detected; BRAF and KRAS not detected                  | +NRAS Q61R, -BRAF, -KRAS
    BRAF V600E mutation detected, no NRAS mutation                  | +BRAF V600E, -NRAS
    There is no BRAF V600E mutation but NRAS Q61R is present        | -BRAF V600E, +NRAS Q61R
    BRAF V600E mutation, no other mutations detected                | +BRAF V600E
    Biopsy negative, BRAF V600E positive                            | +BRAF V600E
    TERT promoter C228T mutation detected                           | +TERT c.-124C>T
    ETV6::NTRK3                                                     | +ETV6-NTRK3
    RET/PTC1 rearrangement identified                               | +RET-CCDC6
    KRAS/NRAS wild type                                             | -KRAS, -NRAS
    NRAS p.Q61R mutation, KRAS wild type                            | +NRAS Q61R, -KRAS
    No BRAF, NRAS or HRAS mutation detected                         | -BRAF, -NRAS, -HRAS
    BRAF: No mutation detected, NRAS: no mutation detected          | -BRAF, -NRAS
    BRAF shows no mutation                                          | -BRAF
    Not detected: BRAF V600E, NRAS                                  | -BRAF V600E, -NRAS
    BRAF V600E mutation could not be detected                       | -BRAF V600E
    BRAF p.V600E Mutation liegt vor                                 | +BRAF V600E
    BRAF V600E nicht nachgewiesen                                   | -BRAF V600E
    Kein Nachweis einer BRAF V600E-Mutation                         | -BRAF V600E
    BRAF Wildtyp, NRAS p.Gln61Arg nachgewiesen                      | -BRAF, +NRAS Q61R
    Mutação no gene BRAF (p.V600E) presente                         | +BRAF V600E
    Mutação BRAF V600E não detectada                                | -BRAF V600E
    Sem mutação em BRAF ou NRAS                                     | -BRAF, -NRAS
    TERT testing recommended                                        |
    BRAF/MEK inhibitor therapy; anti-BRAF therapy                   |
    dabrafenib (BRAF V600E inhibitor)                               |
    TG 12.4 detected; PT1N0 M0                                      |
    BRAF V600E mutation testing pending                             | ?BRAF V600E
    Consider dabrafenib if BRAF V600E is found                      | ?BRAF V600E
    Patients with BRAF V600E mutations benefit from dabrafenib      | ?BRAF V600E
    BRAF mutation cannot be excluded                                | ?BRAF
    Family history: sister with BRCA1 mutation                      | ?BRCA1
    Genes tested: BRAF, NRAS                                        | .BRAF, .NRAS
    no NRAS mutation, BRAF V600E detected                           | -NRAS, .BRAF V600E
    BRAF V600E and NRAS not detected                                | .BRAF V600E, -NRAS
    BRAF V600E detected. BRAF V600E not detected.                   |
"""


def said(text: str) -> str:
    """Every result of the text in a line."""
    known = load()
    context = Context(known.terminology, known.units, UTC, known.value_set, [], [])
    found = []
    for each in results(text, context):
        gene = each.gene.symbol + (f"-{each.partner}" if each.partner else "")
        change = each.change.p_hgvs or each.change.c_hgvs
        found.append(f"{SIGNS[each.assertion]}{gene} {change}".strip())
    return ", ".join(found)


@pytest.mark.parametrize("line", SENTENCES.strip().splitlines())
def test_what_a_sentence_says(line: str) -> None:
    text, _, expected = line.partition("|")
    assert said(text.strip()) == expected.strip()
