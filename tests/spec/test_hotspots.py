"""The table of recurrent changes agrees with itself: other names lead to what they describe."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from adapter import artifacts
from adapter.definitions import Definitions, load
from adapter.mapping.hgvs import coding_change, protein_change

HGVS = "http://varnomen.hgvs.org"
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_BASE = re.compile(r"(?P<place>-?\d+)(?P<ref>[ACGT])>(?P<alt>[ACGT])")


def names() -> list[tuple[str, str]]:
    """(other name, GENE:change) of ConceptMap hotspot."""
    groups = artifacts.read_json(files("mappings") / "ConceptMap" / "hotspot.json")["group"]
    return [
        (element["code"], target["code"])
        for group in groups
        for element in group["element"]
        for target in element["target"]
    ]


def of(change: str, shape: str) -> list[str]:
    """The other names of a change that have this shape."""
    return [name for name, target in names() if target == change and re.match(shape, name)]


HOTSPOTS = sorted({target for _, target in names()})


@pytest.mark.parametrize(("name", "target"), names())
def test_every_name_leads_to_a_hotspot_of_a_known_gene(name: str, target: str) -> None:
    known = load().terminology
    assert known.contains(Definitions.value_set("hotspot"), HGVS, target)
    gene, _, change = target.partition(":")
    assert known.find(Definitions.value_set("gene"), [f"urn:raiway:gene-symbol|{gene}"])
    assert protein_change(change) or coding_change(change)


@pytest.mark.parametrize("hotspot", HOTSPOTS)
def test_genomic_descriptions_are_the_other_strand_of_the_coding_ones(hotspot: str) -> None:
    """BRAF, NRAS, HRAS, KRAS and TERT all lie on the minus strand (GRCh37 and GRCh38)."""
    coding = {
        hotspot.partition(":")[2],
        *(name.rpartition(":")[2] for name in of(hotspot, ".*:c.")),
    }
    bases = {found.group("ref", "alt") for c in coding if (found := _BASE.search(c))}
    for name in of(hotspot, "NC_"):
        found = _BASE.search(name.rpartition("g.")[2])
        assert found
        ref, alt = (base.translate(_COMPLEMENT) for base in found.group("ref", "alt"))
        assert (ref, alt) in bases
    assert len(of(hotspot, "NC_")) in (0, 2)


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        ("NRAS:p.Q61K", "NRAS:p.Q61R"),
        ("HRAS:p.Q61K", "HRAS:p.Q61R"),
        ("KRAS:p.Q61K", "KRAS:p.Q61R"),
    ],
)
def test_neighbours_in_the_gene_are_neighbours_on_the_chromosome(
    upstream: str, downstream: str
) -> None:
    for one, next_one in zip(of(upstream, "NC_"), of(downstream, "NC_"), strict=True):
        places = [int(re.search(r"g\.(\d+)", name)[1]) for name in (one, next_one)]  # type: ignore[index]
        assert places[0] - places[1] == 1


def test_promoter_changes_are_named_by_the_last_digits_of_their_place_on_grch37() -> None:
    for target, digits in (("TERT:c.-124C>T", "228"), ("TERT:c.-146C>T", "250")):
        (grch37, _) = of(target, "NC_")
        assert f"g.1295{digits}G>A" in grch37
        assert of(target, f"TERT:C{digits}T")
