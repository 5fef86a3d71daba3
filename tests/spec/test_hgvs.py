"""How a change is written, and what is read. `-` is: no change is stated."""

from __future__ import annotations

import pytest

from adapter.mapping.hgvs import accession, coding_change, genomic_change, protein_change

PROTEIN = """
    p.(Val600Glu)                                | V600E
    NP_004324.2:p.(Val600Glu)                    | V600E
    NP_004324.2:p.Val600Glu                      | V600E
    NP_004324.2(BRAF):p.(Val600Glu)              | V600E
    ENSP00000288602.6:p.Val600Glu                | V600E
    LRG_299:p.V600E                              | V600E
    p.V600E                                      | V600E
    p.[V600E]                                    | V600E
    p.v600e                                      | V600E
    BRAF:p.val600glu                             | V600E
    BRAF V600E                                   | V600E
    BRAF p.V600E                                 | V600E
    Val600Glu                                    | V600E
    V600E                                        | V600E
    c.1799T>A (p.Val600Glu)                      | V600E
    NM_004333.6(BRAF):c.1799T>A (p.Val600Glu)    | V600E
    NP_005219.2:p.Leu858Arg                      | L858R
    p.Gln61Arg                                   | Q61R
    Q61R                                         | Q61R
    V600E/K                                      | V600E_or_K
    V600E or K                                   | V600E_or_K
    p.Val600Glu/Lys                              | V600E_or_K
    V600E/V600K                                  | V600E_or_K
    V600                                         | -
    p.?                                          | -
    exon 15                                      | -
    mutated                                      | -
    p.=                                          | =
    p.(=)                                        | =
    p.Val600=                                    | V600=
    p.V600V                                      | V600=
    p.Gly12*                                     | G12*
    p.Gly12Ter                                   | G12*
    p.G12X                                       | G12*
    p.Arg248Glufs*12                             | R248Efs*12
    p.(Arg248GlufsTer12)                         | R248Efs*12
    p.Arg248fs                                   | R248fs
    p.(Ala767_Val769dup)                         | A767_V769dup
    p.Glu746_Ala750del                           | E746_A750del
    p.Val600_Lys601delinsGlu                     | V600_K601delinsE
"""

CODING = """
    c.1799T>A                                    | c.1799T>A
    NM_004333.6:c.1799T>A                        | c.1799T>A
    NM_004333.6(BRAF):c.1799T>A (p.Val600Glu)    | c.1799T>A
    1799T>A                                      | c.1799T>A
    c.1799t>a                                    | c.1799T>A
    c.1799_1800delinsAA                          | c.1799_1800delinsAA
    c.1799_1800delTGinsAA                        | c.1799_1800delinsAA
    c.2300_2308dup                               | c.2300_2308dup
    c.34+1G>A                                    | c.34+1G>A
    c.-124C>T                                    | c.-124C>T
    c.1-124C>T                                   | c.-124C>T
    V600E                                        | -
    unknown                                      | -
"""

GENOMIC = """
    NC_000007.13:g.140453136A>T                  | NC_000007.13 g.140453136A>T
    7:g.140453136A>T                             | 7 g.140453136A>T
    chr7:g.140453136A>T                          | 7 g.140453136A>T
    NC_000007.13:140453135:A:T                   | NC_000007.13 g.140453136A>T
    NG_005905.2:g.126148_126152GTAAA[1]          | -
    rs113488022                                  | -
"""


def table(text: str) -> list[tuple[str, str]]:
    """Lines of `sent | read` as pairs."""
    pairs = (line.split(" | ") for line in text.strip().splitlines())
    return [(sent.strip(), "" if read.strip() == "-" else read.strip()) for sent, read in pairs]


@pytest.mark.parametrize(("sent", "read"), table(PROTEIN))
def test_protein_changes(sent: str, read: str) -> None:
    assert protein_change(sent) == read


@pytest.mark.parametrize(("sent", "read"), table(CODING))
def test_coding_changes(sent: str, read: str) -> None:
    assert coding_change(sent) == read


@pytest.mark.parametrize(("sent", "read"), table(GENOMIC))
def test_genomic_changes(sent: str, read: str) -> None:
    assert " ".join(genomic_change(sent)).strip() == read


def test_nothing_says_nothing() -> None:
    for absent in (None, "", "  "):
        assert (protein_change(absent), coding_change(absent)) == ("", "")
        assert (genomic_change(absent), accession(absent)) == (("", ""), "")
