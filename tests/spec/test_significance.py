"""What other Observations say of a variant, joined to it."""

from __future__ import annotations

import pytest

from adapter.store.significance import with_significance
from analytics.course import FactRef, Implication, VariantResult


@pytest.mark.parametrize(
    ("own", "said", "joined"),
    [
        ("", ["v1 pathogenic"], "pathogenic"),
        ("", ["v2 pathogenic"], ""),
        ("", ["v1 benign", "v1 likely_pathogenic"], "likely_pathogenic"),
        ("uncertain", ["v1 benign"], "uncertain"),
        ("benign", ["v1 uncertain"], "uncertain"),
        ("benign", [], "benign"),
    ],
)
def test_the_gravest_statement_holds(own: str, said: list[str], joined: str) -> None:
    variant = VariantResult(ref=FactRef("Observation", "v1"), call="present", significance=own)
    implications = [
        Implication(ref=FactRef("Observation", f"i{n}"), variant_id=about, significance=word)
        for n, (about, word) in enumerate(line.split() for line in said)
    ]
    (found,) = with_significance([variant], implications)
    assert found.significance == joined
    (again,) = with_significance([variant], implications[::-1])
    assert again == found
