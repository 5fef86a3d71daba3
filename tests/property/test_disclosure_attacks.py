"""What an attacker with integer programming can get out of a disclosed table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analytics.aggregate import Aggregate
from analytics.disclosure.cells import UNBOUNDED, Cell, Range
from analytics.disclosure.complementary import watched
from analytics.disclosure.gate import Disclosed
from analytics.disclosure.grid import coarsen
from analytics.disclosure.mask import below_threshold, whole_groups
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import split, system
from tests.lib.attacker import SHARED_OUT, Attacker
from tests.lib.disclosure import Alike, any_size, cohort, cohorts, disclosed, strict, truth

# No shrinking: one example takes a second, and it is small as it is.
attack = settings(
    derandomize=True, max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate)
)
names = st.sampled_from(["registry", "public"])
ALL_PROGRESSED = [
    Alike("BRAF_V600E", "female", "faint", "altered", 96, True, 12),
    Alike("BRAF_V600E", "male", "faint", "altered", 192, True, 11),
    Alike("NRAS_Q61R", "female", "none", "not altered", 96, True, 13),
    Alike("NRAS_Q61R", "male", "increased", "untested", 192, False, 15),
    Alike("fusion", "male", "none", "altered", 150, False, 14),
    Alike("fusion", "female", "increased", "altered", 40, True, 12),
]


def _width(policy: Policy) -> int:
    return policy.threshold - 2


@given(rows=cohorts, name=names)
@attack
def test_nothing_hidden_can_be_pinned_down(rows: list[Alike], name: str) -> None:
    """Zeros included: those are hidden that would tell what a whole group has in common."""
    policy = strict(name)
    found, counts = disclosed(cohort(rows), policy), truth(cohort(rows), policy)
    attacker = Attacker(found)
    for cell in sorted(found.masked):
        low, high = attacker.interval(cell)
        assert low <= counts[cell] <= high, cell
        assert high - low >= _width(policy), cell


@given(rows=cohorts, name=names)
@attack
def test_nor_anything_small_that_follows_by_subtraction(rows: list[Alike], name: str) -> None:
    policy = strict(name)
    found, counts = disclosed(cohort(rows), policy), truth(cohort(rows), policy)
    attacker = Attacker(found)
    for group in sorted({cell.group for cell in found.cells}):
        for cells, less in _derived(found, group):
            n = sum(counts[cell] for cell in cells) - sum(counts[cell] for cell in less)
            if 0 < n < policy.threshold:
                low, high = attacker.interval(*cells, less=less)
                assert low <= n <= high
                assert high - low >= _width(policy), (cells, less)


def _derived(found: Disclosed, group: tuple[str, ...]) -> Iterator[tuple[list[Cell], list[Cell]]]:
    """Sums of cells, less others, that a reader may take an interest in."""
    everyone, entered = Cell("patients", group, "all"), Cell("ttp", group, "entered")
    yield [everyone], [entered]
    for bins in ((1, 1), (2, 2)):
        for kind in ("event", "censored"):
            yield [Cell("ttp", group, kind, bins)], []
    yield [Cell("ttp", group, kind, (2, 2)) for kind in ("event", "censored")], []
    if (complete := Cell("observation_ended", group, "horizon")) in found.cells:
        yield [Cell("ttp", group, "censored", (2, 2))], [complete]
    here = [cell for cell in sorted(found.cells) if cell.group == group]
    for finding in (cell for cell in here if cell.variable == "mutation"):
        yield [finding._replace(variable="gene_tested")], [finding]
    if classes := [cell for cell in here if cell.variable == "prior_rai_mci"]:
        yield [everyone], classes


@given(rows=cohorts)
@attack
def test_nor_what_a_whole_group_has_in_common(rows: list[Alike]) -> None:
    """Of each 100 %: that some of the group, and not only a few, are otherwise stays possible."""
    _nobody_learns_of_a_whole_group(rows, strict("registry"))


@pytest.mark.parametrize("threshold", [5, 10])
def test_nor_that_all_of_a_group_progressed(threshold: int) -> None:
    found = _nobody_learns_of_a_whole_group(ALL_PROGRESSED, any_size("registry", threshold))
    groups = {cell.group for cell in found.masked if cell.variable == "ttp"}
    assert ("BRAF_V600E",) in groups


def test_nor_that_all_who_were_tested_have_a_finding() -> None:
    rows = [
        Alike(driver, sex, uptake, braf, day, event, 11)
        for driver, tested in (
            ("BRAF_V600E", ("altered", "not altered", "untested")),
            ("NRAS_Q61R", ("altered", "altered", "untested")),
            ("fusion", ("altered", "not altered", "not altered")),
        )
        for braf, sex, uptake, day, event in zip(
            tested, ("female", "male", "male"), ("none", "faint", "faint"), (96, 192, 192),
            (True, True, False), strict=True,
        )
    ]  # fmt: skip
    policy = any_size("registry", 10)
    found = _nobody_learns_of_a_whole_group(rows, policy)
    altered = Cell("mutation", ("NRAS_Q61R",), "BRAF")
    assert altered in found.masked
    coarse = coarsen(cohort(rows), policy.grid_days)
    table = system(coarse, split(coarse, ("driver",), policy), policy)
    unaltered = altered._replace(variable="without:mutation")
    assert table.counts[unaltered] == 0
    assert unaltered in watched(table, found.masked, policy.threshold)


def _nobody_learns_of_a_whole_group(rows: list[Alike], policy: Policy) -> Disclosed:
    found, counts = disclosed(cohort(rows), policy), truth(cohort(rows), policy)
    attacker = Attacker(found)
    for whole, parts in _wholes(found):
        held = sum(counts[part] for part in parts)
        if held == counts[whole] > 0 and attacker.place.keys() >= set(parts):
            low, high = attacker.interval(whole, less=parts)
            assert low <= 0
            assert high >= _width(policy), (whole, parts)
    return found


def _wholes(found: Disclosed) -> Iterator[tuple[Cell, list[Cell]]]:
    """A number of patients, and cells that may be all of them."""
    for cell in sorted(found.cells):
        if cell.variable in SHARED_OUT:
            yield Cell("patients", cell.group, "all"), [cell]
        if cell.variable == "mutation":
            yield cell._replace(variable="gene_tested"), [cell]
        if cell.category == "entered":
            for kind in ("event", "censored"):
                numbers = range(found.header.horizon_days // found.header.grid_days + 1)
                yield cell, [Cell("ttp", cell.group, kind, (n, n)) for n in numbers]


def test_the_attacker_succeeds_where_only_the_small_cells_are_masked() -> None:
    rows = [Alike("BRAF_V600E", "female", "faint", "altered", 192, False, 40)]
    rows += [Alike("BRAF_V600E", "male", "faint", "altered", 150, True, 3)]
    policy, cells, male = strict("public"), cohort(rows), Cell("sex", (), "male")
    policy = replace(policy, rounding=0, at_risk_every_days=0, mode="masked-cells")
    open_ = disclosed(cells, policy, ())
    careless = _careless(open_, cells, policy, ())
    assert Attacker(careless).interval(male) == (3, 3)
    low, high = Attacker(open_).interval(male)
    assert high - low >= _width(policy)


def test_the_attacker_succeeds_where_zeros_are_not_minded() -> None:
    """All of one group progressed, and each of its cells is masked: the rest tells it even so."""
    policy, cells = any_size("registry", 10), cohort(ALL_PROGRESSED)
    open_ = disclosed(cells, policy)
    careless = _careless(open_, cells, policy, ("driver",))
    group = ("BRAF_V600E",)
    assert Cell("observation_ended", group, "progression") in careless.masked
    followed = Cell("ttp", group, "entered")
    progressed = [Cell("ttp", group, "event", (n, n)) for n in range(3)]
    assert Attacker(careless).interval(followed, less=progressed) == (0, 0)
    assert Attacker(open_).interval(followed, less=progressed)[1] >= _width(policy)


def _careless(open_: Disclosed, cells: Aggregate, policy: Policy, by: tuple[str, ...]) -> Disclosed:
    """The same table with primary masks alone."""
    coarse = coarsen(cells, policy.grid_days)
    table = system(coarse, split(coarse, by, policy), policy)
    masked = below_threshold(table, policy.threshold)
    if policy.hide_whole_groups:
        masked |= whole_groups(table)
    shown = {
        cell: Range(0, UNBOUNDED)
        if cell in masked
        else Range(table.counts[cell], table.counts[cell])
        for cell in table.shown
    }
    return replace(open_, cells=shown, masked=masked)
