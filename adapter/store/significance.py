"""Significance that another Observation states of a variant, joined when a patient is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from analytics.course import Implication, VariantResult

# Of several statements the gravest holds: a laboratory reclassifies, and a driver must not be lost.
GRAVEST_FIRST = ("pathogenic", "likely_pathogenic", "uncertain", "likely_benign", "benign")


def with_significance(
    variants: Iterable[VariantResult], implications: Iterable[Implication]
) -> Iterator[VariantResult]:
    """The variants, each with the gravest significance that it or an implication states."""
    stated: dict[str, list[str]] = {}
    for implication in implications:
        stated.setdefault(implication.variant_id, []).append(implication.significance)
    for variant in variants:
        found = [variant.significance, *stated.get(variant.ref.resource_id, ())]
        known = [each for each in found if each in GRAVEST_FIRST]
        gravest = min(known, key=GRAVEST_FIRST.index, default="")
        yield variant if gravest == variant.significance else replace(variant, significance=gravest)
