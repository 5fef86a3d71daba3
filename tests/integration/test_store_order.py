"""Law 5: the store depends on what was loaded, not on order, batching or repetition."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.mapping.mapped import MappedResource, Unmapped
from adapter.models import LabResultRow, UnmappedCodeRow, VisitRow
from adapter.store import Store, open_store
from tests.lib.stores import resource, row, tg

SITES = (f"site {number}" for number in itertools.count())
UNMAPPED = Unmapped("code", "urn:lab", "TG-X")

# In any language but the computer's own, "Z" would come after "a" and "_" before it.
RANKS = ("", "A", "Z", "_", "a", "é")


@dataclass(frozen=True)
class Content:
    """What one version states."""

    values: tuple[Decimal, ...]
    visit: bool
    unmapped: bool
    retracted: bool


CONTENTS = st.builds(
    Content,
    st.lists(st.sampled_from([Decimal("1"), Decimal("1.0"), Decimal("250")]), max_size=2).map(
        tuple
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
VERSIONS = st.dictionaries(
    st.tuples(st.sampled_from("xyz"), st.sampled_from(RANKS)), CONTENTS, min_size=1, max_size=8
)


def mapped(site: str, key: tuple[str, str], content: Content) -> MappedResource:
    labs = [tg(str(value), ordinal=at) for at, value in enumerate(content.values)]
    visits = [row("visit", visit_class=key[1])] * content.visit
    return resource(
        key[0],
        *labs,
        *visits,
        site=site,
        rank=key[1],
        retracted=content.retracted,
        unmapped=[UNMAPPED] * content.unmapped,
    )


def expected(versions: dict[tuple[str, str], Content]) -> set[tuple[str, str, str]]:
    """(table, resource, value) that the greatest version of each resource states."""
    greatest = {key[0]: key[1] for key in sorted(versions)}
    stated: set[tuple[str, str, str]] = set()
    for name, rank in greatest.items():
        content = versions[name, rank]
        if content.retracted:
            continue
        stated |= {("lab", name, f"{at}:{value}") for at, value in enumerate(content.values)}
        stated |= {("visit", name, rank)} if content.visit else set()
        stated |= {("unmapped", name, "TG-X")} if content.unmapped else set()
    return stated


def found(store: Store, site: str) -> set[tuple[str, str, str]]:
    labs = store.rows(LabResultRow, site=site)
    visits = store.rows(VisitRow, site=site)
    unmapped = store.rows(UnmappedCodeRow, site=site)
    return (
        {("lab", each.resource_id, f"{each.ordinal}:{each.value_low}") for each in labs}
        | {("visit", each.resource_id, each.visit_class) for each in visits}
        | {("unmapped", each.resource_id, each.code) for each in unmapped}
    )


# Each example has a site of its own, so that the stores may be shared. To shrink a failure would
# take minutes against two databases, and an example is small as it is.
@settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(versions=VERSIONS, draw=st.data())
def test_any_order_and_any_batching_gives_the_same_store(
    both_urls: tuple[str, str], versions: dict[tuple[str, str], Content], draw: st.DataObject
) -> None:
    site = next(SITES)
    resources = [mapped(site, key, content) for key, content in versions.items()]
    fingerprints = set()
    for url in both_urls:
        repeated = draw.draw(st.lists(st.sampled_from(resources), max_size=3))
        arrivals = draw.draw(st.permutations([*resources, *repeated]))
        size = draw.draw(st.integers(1, len(arrivals)))
        with open_store(url, create=True) as store:
            for start in range(0, len(arrivals), size):
                store.load(arrivals[start : start + size], "run")
            assert found(store, site) == expected(versions)
            fingerprints.add(store.fingerprint([site]))
    assert len(fingerprints) == 1
