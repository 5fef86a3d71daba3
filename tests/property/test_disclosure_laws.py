"""Laws of disclosure control on random cohorts; attacks are in `test_disclosure_attacks.py`."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from analytics.aggregate import Aggregate, aggregate, header
from analytics.disclosure.blocks import exposed
from analytics.disclosure.bounds import curve_bounds, restricted_mean_bounds, share_bounds
from analytics.disclosure.cells import Cell
from analytics.disclosure.complementary import hidden_cells, watched
from analytics.disclosure.gate import Disclosed, disclose, rehearse
from analytics.disclosure.grid import coarsen
from analytics.disclosure.mask import published
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import one_each, split, system
from analytics.episode import derive
from analytics.errors import NotEstimable
from analytics.restricted_mean import restricted_mean
from analytics.survival import kaplan_meier
from analytics.time_to_event import exit_table
from tests.lib.disclosure import (
    LOWEST,
    Alike,
    any_size,
    cohort,
    cohorts,
    disclosed,
    strict,
    truth,
)
from tests.lib.patients import patients

# No shrinking: one example takes a second, and it is small as it is.
law = settings(
    derandomize=True, max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate)
)
slow_law = settings(law, max_examples=4)
names = st.sampled_from(["registry", "public"])


@given(rows=cohorts, name=names)
@law
def test_no_count_below_the_threshold_is_shown(rows: list[Alike], name: str) -> None:
    policy = strict(name)
    found, counts = disclosed(cohort(rows), policy), truth(cohort(rows), policy)
    for cell, range_ in found.cells.items():
        assert counts[cell] in range_, cell
        assert cell not in found.masked or not range_.exact
        if 0 < counts[cell] < policy.threshold:
            assert cell in found.masked
            assert range_.high - range_.low >= policy.threshold - 2


@given(rows=cohorts, name=names)
@slow_law
def test_a_higher_threshold_hides_all_that_a_lower_one_does(rows: list[Alike], name: str) -> None:
    masked = [disclosed(cohort(rows), any_size(name, k, LOWEST)).masked for k in (5, 6, 7)]
    for fewer, more in pairwise(masked):
        assert fewer <= more


@given(rows=cohorts, name=names, seed=st.integers(0, 1000))
@slow_law
def test_the_order_of_cells_does_not_matter(rows: list[Alike], name: str, seed: int) -> None:
    cells, shuffler = cohort(rows), random.Random(seed)
    counts, exits = list(cells.counts.items()), list(cells.exits.items())
    shuffler.shuffle(counts)
    shuffler.shuffle(exits)
    shuffled = replace(cells, counts=dict(counts), exits=dict(exits))
    policy = strict(name)
    assert rehearse(shuffled, policy) == rehearse(cells, policy)


@given(rows=cohorts, name=names, first=st.sampled_from([1, 24, 48, 96]))
@slow_law
def test_what_is_on_the_grid_already_stays_as_it_is(
    rows: list[Alike], name: str, first: int
) -> None:
    """Idempotent: coarsening first, by any width that fits, changes nothing; nor does again."""
    cells, policy = cohort(rows), strict(name)
    once = coarsen(cells, policy.grid_days)
    assert coarsen(once, policy.grid_days) == once
    assert coarsen(coarsen(cells, first), policy.grid_days) == once
    assert disclose(once, policy) == disclose(cells, policy)


@given(rows=cohorts, name=names)
@slow_law
def test_masks_need_no_further_masks(rows: list[Alike], name: str) -> None:
    """Idempotent: with the hidden cells hidden, the search finds none to add."""
    cells, policy = coarsen(cohort(rows), 96), strict(name)
    table = system(cells, split(cells, ("driver",), policy), policy)
    hidden = hidden_cells(table, policy)
    asked = watched(table, hidden, policy.threshold)
    assert not exposed(table, published(table, hidden, policy), asked, policy.threshold - 2)


@given(rows=cohorts, name=names, grid=st.sampled_from([1, 96]))
@law
def test_bounds_hold_what_the_exact_table_gives(rows: list[Alike], name: str, grid: int) -> None:
    policy = strict(name)
    cells = cohort(rows, grid)
    assume(sum(exit_table(cells).events) + sum(exit_table(cells).censored))
    found = disclosed(cells, policy)
    coarse = coarsen(cells, policy.grid_days)
    for group in sorted({cell.group for cell in found.cells}):
        inside = coarse if not group else _stratum(coarse, group[0], policy)
        try:
            curve = curve_bounds(found, group)
        except NotEstimable:
            continue
        exact = kaplan_meier(exit_table(inside))
        for day, bound in zip(curve.days, curve.survival, strict=True):
            assert bound.low - 1e-12 <= exact.at(day).surv <= bound.high + 1e-12, (group, day)
        if curve.days[-1] == 192:
            mean, bound = (
                restricted_mean(exit_table(inside), 192).mean,
                restricted_mean_bounds(found, group),
            )
            assert bound.low - 1e-9 <= mean <= bound.high + 1e-9


def _stratum(cells: Aggregate, level: str, policy: Policy) -> Aggregate:
    def keep(driver: str) -> bool:
        return (driver if driver in policy.levels["driver"] else "other") == level

    exits = {key: n for key, n in cells.exits.items() if keep(key.pattern[0])}
    return replace(cells, exits=exits)


@given(rows=cohorts)
@slow_law
def test_shares_hold_the_exact_percentage(rows: list[Alike]) -> None:
    policy = strict("registry")
    found, counts = disclosed(cohort(rows), policy), truth(cohort(rows), policy)
    for cell in (cell for cell in found.cells if cell.variable == "uptake"):
        whole = Cell("patients", cell.group, "all")
        if found.cells[whole].low:
            bound = share_bounds(found, cell, whole)
            assert bound.low - 1e-9 <= 100 * counts[cell] / counts[whole] <= bound.high + 1e-9


@given(rows=cohorts)
@slow_law
def test_a_secure_share_is_exact_and_gives_points(rows: list[Alike]) -> None:
    policy = any_size("secure-sum")
    cells = cohort(rows)
    found, counts = disclosed(cells, policy), truth(cells, policy)
    assert not found.masked
    assert all(range_.low == range_.high == counts[c] for c, range_ in found.cells.items())
    assume(found.cells[Cell("ttp", (), "entered")].low)
    exact = kaplan_meier(exit_table(coarsen(cells, 24)))
    for day, bound in zip(*_points(found), strict=True):
        assert bound == pytest.approx((exact.at(day).surv,) * 2, abs=1e-12)


def _points(found: Disclosed) -> tuple[tuple[int, ...], list[tuple[float, float]]]:
    curve = curve_bounds(found)
    return curve.days, [(bound.low, bound.high) for bound in curve.survival]


@given(people=st.lists(patients(key="p"), max_size=8))
@slow_law
def test_the_sums_that_the_gate_counts_on_hold_in_real_aggregates(people: list) -> None:
    """So that the gate misses none of them: what it does not find it does not guard."""
    study = load().study("redifferentiation")
    cells = aggregate([derive(one, study) for one in people], study, header(study))
    patients_n = cells.count("patients", "all")
    for variable in {key.variable for key in cells.counts}:
        if one_each(variable):
            assert sum(cells.categories(variable).values()) == patients_n, variable
    exits = cells.exit_counts("ttp").values()
    assert cells.count("observation_ended", "progression") == sum(k.get("event", 0) for k in exits)
    unfollowed = cells.count("observation_ended", "no_follow_up")
    assert patients_n - unfollowed == sum(k.get("entered", 0) for k in exits)
    tested = cells.categories("gene_tested")
    symbols = {gene: n for gene, n in cells.categories("mutation").items() if gene in tested}
    assert all(n <= tested[gene] for gene, n in symbols.items())
