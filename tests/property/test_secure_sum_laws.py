"""Laws of the secure sum: it says what all rows say, and one share alone says nothing."""

from __future__ import annotations

import secrets
from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from adapter.pooling.exact import pooled_estimates
from adapter.pooling.pool import pool
from adapter.pooling.secure.share import random_bytes
from adapter.pooling.secure.table_vector import patients as counted
from analytics.estimate import estimate
from analytics.figures import Figures
from analytics.secure_sum import added, from_bytes, split, to_bytes
from tests.lib.pooling import Row, aggregate_of, dealt, rows, site_reports
from tests.lib.secure_sum import TTP, WHOLE, Network

SAME = 1e-12
ONLY_PRINTED = ("redifferentiation_rai_mci_mean", "redifferentiation_rai_gbq_mean",
                "prior_rai_mci_mean", "prior_rai_gbq_mean")  # fmt: skip
NEEDS_VALUES = ("drug_days",)
WORDS = 2**64

counts = st.lists(st.integers(0, 2**63), min_size=1, max_size=40)
patients = st.lists(rows, min_size=1, max_size=60)
places = st.lists(st.integers(0, 5), min_size=1, max_size=60)


def vector_of(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.uint64)


@given(st.lists(counts, min_size=1, max_size=6), st.data())
def test_shares_of_all_add_up_to_the_sum(tables: list[list[int]], data: st.DataObject):
    length = min(map(len, tables))
    vectors = [vector_of(table[:length]) for table in tables]
    random = st.binary(min_size=8 * length, max_size=8 * length)
    shares = [split(vector, data.draw(random)) for vector in vectors]
    total = added([*(each.masked for each in shares), *(each.mask for each in shares)], length)
    assert [int(n) for n in total] == [
        sum(column) % WORDS for column in zip(*(table[:length] for table in tables), strict=True)
    ]


@given(counts, counts)
def test_every_table_has_a_mask_that_gives_the_same_share(one: list[int], other: list[int]):
    """So a share alone tells no table from another."""
    length = min(len(one), len(other))
    mine, theirs = vector_of(one[:length]), vector_of(other[:length])
    seen = split(mine, bytes(range(8)) * length).masked
    assert (split(theirs, to_bytes(theirs - seen)).masked == seen).all()


@given(counts)
def test_a_vector_is_its_bytes(numbers: list[int]):
    content = to_bytes(vector_of(numbers))
    assert content == b"".join(number.to_bytes(8, "little") for number in numbers)
    assert [int(n) for n in from_bytes(content)] == numbers


@pytest.mark.parametrize("which", ["masked", "mask"])
@pytest.mark.parametrize("count", [0, 1, 1_000_000])
def test_a_share_is_uniform_whatever_the_table(which: str, count: int):
    """Every byte of 20,000 shares of one constant table, against the uniform distribution.

    Eight tests of 1e-7 each: chance fails one run of a million.
    """
    table = np.full(20_000, count, dtype=np.uint64)
    share = getattr(split(table, secrets.token_bytes(8 * table.size)), which)
    drawn = np.frombuffer(to_bytes(share), dtype=np.uint8).reshape(-1, 8)
    for place in range(8):
        found = stats.chisquare(np.bincount(drawn[:, place], minlength=256))
        assert found.pvalue > 1e-7


def assert_same(found: Figures, expected: Figures) -> None:
    for name, value in found.values.items():
        true = expected.values.get(name, 0)
        if name in NEEDS_VALUES:
            assert value is None
        elif value is None or true is None:
            assert (value is None) == (true is None), name
        elif isinstance(true, int):
            assert value == true, name
        else:
            tolerance = 1e-6 if name in ONLY_PRINTED else SAME
            assert isclose(value, true, rel_tol=tolerance, abs_tol=tolerance), name


def through_the_sum(network: Network, sites: list[list[Row]]):
    """The table that the registry opens, of sites' rows."""
    announced = network.announced()
    servers = network.servers(announced)
    for name, own in zip(network.sites, sites, strict=True):
        seed = secrets.token_bytes(random_bytes(network.layout))
        servers = network.given(servers, network.sent(name, network.table(own), announced, seed))
    servers, total, _ = network.opened(network.agreed(servers))
    return network.pooled(servers, total)


@settings(max_examples=15, deadline=None)
@given(patients, places, st.integers(1, 6), st.sampled_from([1, 24, 96]))
def test_survival_through_the_sum_is_that_of_all_rows(
    found: list[Row], at: list[int], n: int, grid: int
):
    """Random splits: sites without patients, ties, strata that a site or everybody lacks."""
    network = Network(n, TTP, grid_days=grid)
    table = through_the_sum(network, dealt(found, at, n))
    expected = estimate(aggregate_of(found, network.study), network.study)
    estimates = pooled_estimates(table)
    assert_same(estimates.overall, expected.overall)
    carried = {"km_91", "rmst_192_days", "ttp_median", "logrank_driver_chi2"}
    assert carried <= estimates.overall.values.keys()
    assert set(estimates.strata["driver"]) == set(expected.strata["driver"])
    for level, figures in estimates.strata["driver"].items():
        assert_same(figures, expected.strata["driver"][level])


@settings(max_examples=5, deadline=None)
@given(patients, places, st.integers(1, 5))
def test_every_measure_through_the_sum_is_that_of_all_rows(found: list[Row], at: list[int], n: int):
    network = Network(n, WHOLE)
    estimates = pooled_estimates(through_the_sum(network, dealt(found, at, n)))
    expected = estimate(aggregate_of(found, network.study), network.study)
    assert_same(estimates.overall, expected.overall)
    assert estimates.overall["n_patients"] == len(found)
    shown = {name for name, value in expected.overall.values.items() if value and name[-2:] == "_n"}
    assert "tg_prior_to_3m_decrease_n" in estimates.overall.values
    assert len(shown & estimates.overall.values.keys()) > 10


@settings(max_examples=5, deadline=None)
@given(patients, places, st.integers(2, 5))
def test_the_sum_is_the_pooled_table_of_the_plain_reports(found: list[Row], at: list[int], n: int):
    network, sites = Network(n, TTP), dealt(found, at, n)
    table = through_the_sum(network, sites)
    plain = pool(site_reports(TTP, sites, network.study), network.measure)
    held = {cell: range_ for cell, range_ in table.cells.items() if cell in plain.cells}
    assert held == dict(plain.cells)
    assert not any(range_.low for cell, range_ in table.cells.items() if cell not in held)
    assert {at: range_ for at, range_ in table.counts.items() if range_ and range_.low} == {
        at: range_ for at, range_ in plain.counts.items() if range_ and range_.low
    }


def test_a_site_is_not_told_by_either_view():
    """Two tables, one seed: what differs is the registry's share alone, by the tables' difference
    from a uniform mask; and the counted patients are a class of six."""
    network = Network(1)
    announced = network.announced()
    row = Row("BRAF_V600E", 40, event=True)
    one, other = network.table([row] * 8), network.table([row] * 7 + [row._replace(day=97)])
    assert counted(one, network.layout) == counted(other, network.layout) == 8
    views = []
    for table in (one, other):
        seed = secrets.token_bytes(random_bytes(network.layout))
        sent = network.sent("Organization/site-0", table, announced, seed)
        views.append(network.given(network.servers(announced), sent))
    for role in ("registry", "trustee"):
        (mine,), (theirs,) = (view[role].held.values() for view in views)
        assert mine.stated.n == theirs.stated.n
        assert mine.stated.commitment != theirs.stated.commitment
        for held in (mine, theirs):
            share = from_bytes(held.share)
            # A count of eight in one of 184 columns would be some 2**60 times too rare.
            assert (share > 1000).all()
