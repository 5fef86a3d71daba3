"""What went out before decides what may go out now."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from analytics.disclosure.gate import Disclosed, disclose
from analytics.disclosure.release import Release, refusals
from tests.lib.disclosure import Alike, any_size, cohort

SITES = frozenset("abcdefgh")


def _disclosed(n: int, name: str = "registry") -> Disclosed:
    rows = [
        Alike("BRAF_V600E", sex, uptake, "altered", 192, False, n)
        for sex in ("female", "male")
        for uptake in ("faint", "increased")
    ]
    found = disclose(cohort(rows), any_size(name), by=())
    assert isinstance(found, Disclosed)
    return found


FIRST = Release(
    measure="time-to-progression|1", start=date(2024, 1, 1), end=date(2024, 12, 31),
    sites=SITES, day=date(2025, 2, 1), disclosed=_disclosed(40),
)  # fmt: skip
NEXT = replace(FIRST, end=date(2025, 6, 30), day=date(2025, 8, 1), disclosed=_disclosed(60))


def test_the_first_release_and_a_later_one_may_go() -> None:
    assert refusals(FIRST, []) == ()
    assert refusals(NEXT, [FIRST]) == ()


def test_the_same_table_again_is_no_new_release() -> None:
    assert refusals(replace(FIRST, day=date(2025, 2, 2)), [FIRST]) == ()


def test_a_correction_waits_for_the_next_period() -> None:
    again = replace(FIRST, day=date(2025, 9, 1), disclosed=_disclosed(60))
    assert refusals(again, [FIRST]) == (
        "the period to 2024-12-31 was opened on 2025-02-01: a correction waits for the next",
    )


@pytest.mark.parametrize(("day", "may"), [(date(2025, 7, 30), False), (date(2025, 7, 31), True)])
def test_half_a_year_between_releases(day: date, may: bool) -> None:
    assert (refusals(replace(NEXT, day=day), [FIRST]) == ()) is may


@pytest.mark.parametrize(("gone", "may"), [("", True), ("a", False), ("ab", False), ("abc", True)])
def test_sites_differ_by_none_or_by_three(gone: str, may: bool) -> None:
    found = refusals(replace(NEXT, sites=SITES - set(gone)), [FIRST])
    assert found == (() if may else (f"the sites differ from those of 2025-02-01 by {len(gone)}",))


def test_an_exchanged_site_counts_twice() -> None:
    exchanged = replace(NEXT, sites=SITES - {"a"} | {"z"})
    assert refusals(exchanged, [FIRST]) == ("the sites differ from those of 2025-02-01 by 2",)


@pytest.mark.parametrize(
    ("n", "may"), [(40, True), (41, False), (42, False), (50, True), (38, False)]
)
def test_a_few_new_patients_do_not_show_by_subtraction(n: int, may: bool) -> None:
    found = refusals(replace(NEXT, disclosed=_disclosed(n)), [FIRST])
    assert (found == ()) is may
    assert all("by too few patients" in reason for reason in found)


def test_rounding_hides_the_difference() -> None:
    before = replace(FIRST, disclosed=_disclosed(40, "public"))
    assert refusals(replace(NEXT, disclosed=_disclosed(41, "public")), [before]) == ()


def test_every_earlier_release_counts_and_other_measures_do_not() -> None:
    last = replace(NEXT, end=date(2025, 12, 31), day=date(2026, 2, 1), sites=SITES - {"a"},
                   disclosed=_disclosed(90))  # fmt: skip
    middle = replace(NEXT, sites=SITES - {"a", "b", "c", "d"})
    assert refusals(last, [middle]) == ()
    assert refusals(last, [FIRST, middle]) == refusals(last, [middle, FIRST]) != ()
    assert refusals(replace(last, measure="other|1"), [FIRST, middle]) == ()


def test_another_recipient_has_a_cadence_of_its_own() -> None:
    public = replace(FIRST, day=date(2025, 2, 2), disclosed=_disclosed(40, "public"))
    assert refusals(public, [FIRST]) == ()
