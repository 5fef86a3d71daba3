"""The simulation behind docs/pooling-cost.md, on small networks."""

from __future__ import annotations

import pytest

from adapter.definitions import load
from benchmarks.pooling_cost import (
    WAYS,
    by_day,
    cost,
    drawn,
    exact,
    hospital,
    in_plain,
    main,
    public,
    secure_sum,
)

STUDY = load().study("redifferentiation")
POLICY_GRID = 96


def test_the_same_seed_draws_the_same_patients():
    assert drawn((9, 7), 2, 1, STUDY) == drawn((9, 7), 2, 1, STUDY)
    assert drawn((9, 7), 1, 1, STUDY) != drawn((9, 7), 1, 2, STUDY)


def test_exact_tables_cost_nothing_and_the_sum_of_a_coarse_grid_little():
    draws = drawn((40, 40, 40), 3, 1, STUDY)
    free = cost(by_day, draws, STUDY)
    assert (free.answered, set(free.error.values()), set(free.width.values())) == (1, {0}, {0})
    coarse = cost(secure_sum, draws, STUDY)
    assert coarse.error["RMST"] is not None
    assert 0 < coarse.error["RMST"] < 3


@pytest.mark.parametrize("sizes", [(30, 30, 30, 30, 30), (12, 60, 60, 60, 60, 60)])
def test_an_interval_holds_the_exact_value_on_its_grid(sizes: tuple[int, ...]):
    for tables in drawn(sizes, 2, 3, STUDY):
        truth = exact(tables, STUDY, POLICY_GRID)
        for way in (in_plain(5), in_plain(10), public(192), public(96)):
            for name, said in (way(tables, STUDY, load()) or {}).items():
                assert said.low - 1e-9 <= truth[name].low <= said.high + 1e-9, name


def test_too_few_are_told_nothing():
    (tables,) = drawn((9, 7), 1, 1, STUDY)
    for name, way in WAYS.items():
        told = bool(way(tables, STUDY, load()))
        assert told == name.startswith(("exact", "secure")), name


def test_the_hazard_ratio_is_that_of_the_draw():
    """With 30,000 patients the estimate lies within 3 standard errors of log 2."""
    from random import Random

    found = exact([hospital(30_000, Random(7), STUDY)], STUDY, 1)
    assert found["log HR"].low == pytest.approx(0.6931, abs=0.07)


def test_the_page_has_a_table_for_each_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("benchmarks.pooling_cost.NETWORKS", {"two": (9, 7), "three": (30, 30, 30)})
    assert main(["--draws", "1"]) == 0
    text = capsys.readouterr().out
    assert text.count("| way |") == 2
    assert text.count("\n| exact tables by the day | 100 % |") == 2
