"""What leaves, and what does not, worked out by hand."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from adapter.definitions import load, policy_from
from adapter.errors import DefinitionError
from analytics.disclosure.bounds import curve_bounds, restricted_mean_bounds, share_bounds
from analytics.disclosure.cells import Cell, Range
from analytics.disclosure.gate import Disclosed, NotProtected, Withheld, disclose, rehearse
from analytics.disclosure.grid import last_shown, width_of
from analytics.disclosure.mask import rounded
from analytics.errors import NotEstimable
from tests.lib.disclosure import Alike, any_size, cohort
from tests.lib.reference_aggregate import reference_aggregate


def _people(sex: str, n: int, day: int = 192, event: bool = False) -> Alike:
    return Alike("BRAF_V600E", sex, "faint", "altered", day, event, n)


def _shown(rows: list[Alike], name: str = "registry") -> Disclosed:
    outcome = disclose(cohort(rows), any_size(name), by=())
    assert isinstance(outcome, Disclosed), outcome.reasons
    return outcome


def test_the_reference_cohort_is_withheld_under_the_public_policy(shared: Path) -> None:
    study = load().study("redifferentiation")
    cells = reference_aggregate(shared / "reference" / "cohort", study)
    found = disclose(cells, load().policy("public"))
    assert isinstance(found, Withheld)
    assert found.reasons == (
        "fewer than 50 patients",
        "fewer than 20 events",
        "fewer than 5 sites",
        "one site has more than 50% of the patients",
    )
    registry = disclose(cells, load().policy("registry"))
    assert isinstance(registry, Withheld)
    assert registry.reasons == ("fewer than 20 patients", "fewer than 10 events")
    assert isinstance(disclose(cells, load().policy("secure-sum")), Disclosed)


@pytest.mark.parametrize(
    ("by_site", "reasons"),
    [
        ({"a": 20, "b": 20, "c": 20, "d": 20, "e": 20}, ()),
        ({"a": 25, "b": 25, "c": 25, "d": 25}, ("fewer than 5 sites",)),
        ({"a": 50, "b": 20, "c": 10, "d": 10, "e": 10}, ()),
        (
            {"a": 51, "b": 19, "c": 10, "d": 10, "e": 10},
            ("one site has more than 50% of the patients",),
        ),
        ({"a": 25, "b": 25, "c": 25, "d": 25, "e": 0}, ("fewer than 5 sites",)),
    ],
)
def test_who_takes_part(by_site: dict[str, int], reasons: tuple[str, ...]) -> None:
    cells = cohort([_people("female", 60), _people("male", 40, 96, True)])
    found = disclose(cells, load().policy("public"), by=(), sites=by_site)
    assert getattr(found, "reasons", ()) == reasons


def test_a_small_cell_takes_the_next_smallest_with_it() -> None:
    """40 + 12 + 3: of 3 alone the total would tell; of 3 and 12 it tells 15."""
    rows = [
        Alike("BRAF_V600E", "female", uptake, "altered", 192, False, n)
        for uptake, n in (("increased", 40), ("faint", 12), ("none", 3))
    ]
    found = _shown(rows)
    assert found.cells[Cell("uptake", (), "increased")] == (40, 40)
    # What the total leaves: each of the two from 1 to 14. It does not tell which is the small one.
    for hidden in ("faint", "none"):
        assert found.cells[Cell("uptake", (), hidden)] == (1, 14)
    reasons = {
        note.cell: note.rule for note in rehearse(cohort(rows), any_size("registry"), ()).notes
    }
    assert reasons[Cell("uptake", (), "none")] == "below-threshold"
    assert reasons[Cell("uptake", (), "faint")] == "complementary"


def test_two_small_cells_with_a_large_total_need_no_third() -> None:
    rows = [
        Alike("BRAF_V600E", "female", uptake, "altered", 192, False, n)
        for uptake, n in (("increased", 40), ("faint", 5), ("none", 5))
    ]
    found = _shown(rows)
    # 1 to 9 says no more than that they are hidden: 10 less 1 to 9 is 1 to 9.
    assert found.cells[Cell("uptake", (), "faint")] == (1, 9)
    assert found.cells[Cell("uptake", (), "none")] == (1, 9)
    assert found.cells[Cell("uptake", (), "increased")] == (40, 40)


def test_a_group_that_is_all_of_one_kind_does_not_show_it() -> None:
    """All of one driver are women: that would say something about each of them."""
    rows = [
        _people("female", 30),
        *(
            Alike("NRAS_Q61R", sex, "faint", "altered", 192, False, 30)
            for sex in ("female", "male")
        ),
    ]
    found = disclose(cohort(rows), any_size("registry"))
    assert isinstance(found, Disclosed)
    for sex, truth in (("female", 30), ("male", 0)):
        range_ = found.cells[Cell("sex", ("BRAF_V600E",), sex)]
        assert not range_.exact
        assert truth in range_


def test_zero_is_kept_elsewhere() -> None:
    rows = [
        _people("female", 30),
        _people("male", 30),
        Alike("NRAS_Q61R", "female", "faint", "altered", 192, False, 30),
        Alike("NRAS_Q61R", "male", "increased", "altered", 192, False, 30),
    ]
    found = disclose(cohort(rows), replace(any_size("registry"), hide_whole_groups=False))
    assert isinstance(found, Disclosed)
    assert found.cells[Cell("uptake", ("BRAF_V600E",), "increased")] == (0, 0)


@pytest.mark.parametrize(
    ("n", "shown"), [(0, (0, 0)), (1, (1, 6)), (6, (1, 6)), (7, (7, 12)), (60, (55, 60))]
)
def test_rounding_classes(n: int, shown: Range) -> None:
    assert rounded(n, 6) == shown


@pytest.mark.parametrize(
    ("grid", "horizon", "least", "width"),
    [(1, 192, 96, 96), (1, 192, 100, 192), (24, 192, 24, 24), (96, 192, 24, 96), (1, 180, 96, 180)],
)
def test_the_grid_divides_the_horizon(grid: int, horizon: int, least: int, width: int) -> None:
    head = replace(cohort([]).header, grid_days=grid, horizon_days=horizon)
    assert width_of(head, least) == width


def test_a_curve_ends_where_fewer_than_ten_are_at_risk() -> None:
    exits = {0: {"entered": 30}, 1: {"event": 15, "censored": 6}, 2: {"censored": 9}}
    assert last_shown(exits, 2, 10) == 1
    assert last_shown(exits, 2, 9) == 2
    assert last_shown({0: {"entered": 9}, 1: {"event": 9}}, 2, 10) == 0


def test_where_the_curve_ends_there_is_no_mean() -> None:
    rows = [_people("female", 40, 96, True), _people("male", 14, 96), _people("male", 6)]
    found = _shown(rows, "public")
    assert curve_bounds(found).days == (0, 96)
    with pytest.raises(NotEstimable, match="ends on day 96"):
        restricted_mean_bounds(found)
    with pytest.raises(NotEstimable, match="no edge"):
        curve_bounds(found).at(192)


def test_exact_cells_give_points() -> None:
    """40 of 100 progress by day 96; of the 60 left 20 do by day 192: S is .6, then .4."""
    rows = [
        _people("female", 40, 96, True),
        _people("male", 20, 192, True),
        _people("male", 40),
    ]
    found = disclose(cohort(rows), any_size("secure-sum"), by=())
    assert isinstance(found, Disclosed)
    curve = curve_bounds(found)
    assert curve.at(96).low == curve.at(96).high == pytest.approx(0.6)
    assert curve.at(192).low == curve.at(192).high == pytest.approx(0.4)
    # day 84 and day 180 are the middles of the bins that hold day 96 and day 192
    assert restricted_mean_bounds(found).low == pytest.approx(84 + 0.6 * 96 + 0.4 * 12)
    share = share_bounds(found, Cell("sex", (), "female"), Cell("patients", (), "all"))
    assert (share.low, share.high) == (40.0, 40.0)


def test_rounded_counts_give_bounds() -> None:
    """Of 60, 24 progress by day 96: 55-60 entered, 19-24 events, so S is 31/55 to 41/60."""
    found = _shown([_people("female", 24, 96, True), _people("male", 36)], "public")
    at = curve_bounds(found).at(96)
    assert (at.low, at.high) == pytest.approx((31 / 55, 41 / 60))


def test_what_is_not_listed_does_not_leave() -> None:
    found = _shown([_people("female", 30), _people("male", 30)], "public")
    assert {cell.variable for cell in found.cells}.isdisjoint({"mutation", "gene_tested"})
    notes = rehearse(cohort([_people("female", 60)]), any_size("public"), ()).notes
    assert "counts of mutation do not leave" in {note.what for note in notes}


def test_a_table_with_a_small_cell_cannot_be_called_disclosed() -> None:
    found = _shown([_people("female", 30), _people("male", 30)])
    cells = {**found.cells, Cell("sex", (), "male"): Range(3, 3)}
    with pytest.raises(NotProtected, match="sex of everybody"):
        replace(found, cells=cells)
    narrow = {**found.cells, Cell("sex", (), "male"): Range(3, 10)}
    with pytest.raises(NotProtected, match="sex of everybody"):
        replace(found, cells=narrow, masked=found.masked | {Cell("sex", (), "male")})


def test_a_table_too_large_to_be_guarded_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.disclosure.complementary.MOST_CELLS", 10)
    found = disclose(cohort([_people("female", 60)]), any_size("registry"))
    assert isinstance(found, Withheld)
    assert found.reasons == ("more than 10 cells",)


def test_a_site_may_only_raise_the_threshold() -> None:
    policy = load().policy("registry")
    assert policy.raised(16).threshold == 16
    for threshold in (9, 17):
        with pytest.raises(ValueError, match="threshold"):
            policy.raised(threshold)


def test_a_policy_splits_by_what_it_lists() -> None:
    cells = cohort([_people("female", 30)])
    with pytest.raises(ValueError, match="cannot split"):
        disclose(cells, load().policy("public"), by=("regimen",))
    by_site = replace(cells, header=replace(cells.header, stratifiers=("site",)))
    with pytest.raises(ValueError, match="cannot split"):
        disclose(by_site, load().policy("secure-sum"), by=("site",))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"treshold": 5}, "treshold"),
        ({"threshold": 4}, "lies outside"),
        ({"rounding": 0, "at_risk_every_days": 0}, "do not fit mode"),
        ({"poolable": "exact"}, "cannot be poolable"),
        ({"max_site_share": 0.0}, "max_site_share"),
        ({"min_sites": 0}, "min_sites"),
        ({"min_events": -1}, "min_events"),
        ({"at_risk_every_days": 100}, "at_risk_every_days"),
        ({"max_stratifiers": 2}, "one stratifier"),
        ({"histograms": {"prior_rai_mci": [2, 1]}}, "ascend"),
        ({"levels": {"sex": ["a", "b", "c", "d"]}}, "at most 3"),
        ({"mode": "open"}, "mode"),
        ({"counts": ["*"]}, "must be a variable's name"),
        ({"counts": ["tg*"]}, "must be a variable's name"),
        ({"counts": ["later_courses"]}, "never in plain"),
        ({"histograms": {"later_rai_mci": [100]}}, "never in plain"),
        ({"levels": {"site": ["a"]}}, "cannot be split by site"),
        ({"threshold": 2, "threshold_range": [2, 16]}, "lies outside"),
    ],
)
def test_a_wrong_policy_says_why(change: dict[str, object], complaint: str) -> None:
    policy = load().policy("public")
    stated = asdict(policy) | change
    with pytest.raises(DefinitionError, match=complaint) as error:
        policy_from(stated, "mappings/disclosure/x.toml")
    assert error.value.where == "mappings/disclosure/x.toml"


def test_an_unknown_policy_lists_those_that_are_there() -> None:
    with pytest.raises(DefinitionError) as error:
        load().policy("nope")
    assert "public, registry, secure-sum" in error.value.hint
