"""The significance that one Observation states of another reaches the patient's facts."""

from __future__ import annotations

from adapter.store import open_store
from tests.lib.stores import resource, row


def test_an_implication_is_joined_to_its_variant(store_url: str) -> None:
    implied = row("implication", variant_id="v1", significance="uncertain")
    variants = [
        resource(name, row("variant_result", call="present", gene="BRAF")) for name in ("v1", "v2")
    ]
    with open_store(store_url, create=True) as store:
        # The implication may come first.
        store.load([resource("i1", implied)], "run 1")
        store.load(variants, "run 2")
        (patient,) = store.patients()
    assert {each.ref.resource_id: each.significance for each in patient.variants} == {
        "v1": "uncertain",
        "v2": "",
    }
