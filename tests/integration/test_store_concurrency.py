"""Several processes at one store, and one that dies in the middle."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from adapter.mapping.mapped import MappedResource
from adapter.store import Store, open_store
from tests.lib.stores import KILLED, load_all, load_and_die, resource, tg

SPAWN = multiprocessing.get_context("spawn")
RESOURCES, VERSIONS = 30, 8


def versions(numbers: range) -> list[list[MappedResource]]:
    """One batch a version, each of all resources; the value of a result is its version."""
    return [[version(f"{each:03d}", number) for each in range(RESOURCES)] for number in numbers]


def version(resource_id: str, number: int) -> MappedResource:
    return resource(resource_id, tg(str(number)), rank=f"{number:03d}")


def values(store: Store) -> set[Decimal | None]:
    (patient,) = store.patients()
    assert len(patient.labs) == RESOURCES
    return {lab.value_low for lab in patient.labs}


def test_two_processes_that_load_the_same_resources_lose_nothing(store_url: str) -> None:
    with open_store(store_url, create=True):
        pass
    upwards = versions(range(1, VERSIONS + 1))
    downwards = [batch[::-1] for batch in upwards[::-1]]
    loaders = [SPAWN.Process(target=load_all, args=(store_url, b)) for b in (upwards, downwards)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert [loader.exitcode for loader in loaders] == [0, 0]
    with open_store(store_url, create=False) as store:
        assert values(store) == {Decimal(VERSIONS)}


def test_threads_may_share_a_store(store_url: str) -> None:
    batches = versions(range(1, VERSIONS + 1))
    with open_store(store_url, create=True) as store, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: store.load(batch, "run"), [*batches[::2], *batches[1::2]]))
        assert values(store) == {Decimal(VERSIONS)}


def test_two_may_create_a_store_at_once(store_url: str) -> None:
    def create(_: int) -> int:
        with open_store(store_url, create=True) as store:
            return sum(store.counts().values())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(create, range(8))) == [0] * 8


@pytest.mark.parametrize(
    ("verb", "table"), [("delete", "lab_result"), ("insert", "lab_result"), ("insert", "resource")]
)
def test_a_process_that_dies_while_loading_leaves_nothing_half(
    store_url: str, verb: str, table: str
) -> None:
    first, second = versions(range(1, 3))
    with open_store(store_url, create=True) as store:
        store.load(first, "run")
        before = store.fingerprint()
    victim = SPAWN.Process(target=load_and_die, args=(store_url, second, verb, table))
    victim.start()
    victim.join()
    assert victim.exitcode == KILLED
    with open_store(store_url, create=False) as store:
        assert store.fingerprint() == before
        store.load(second, "run")
        assert values(store) == {Decimal(2)}
