"""Old runs go only where the settings say so, and only those that a store holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from adapter import landed
from adapter.config import LandingSettings
from adapter.pull.landing import retention
from tests.lib.landings import NOW, observation, opened, pulled, put


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three runs, a second apart, of which the first two are in a store; a fourth is open."""
    for number in range(3):
        pulled(tmp_path, {f"k{number}": [observation(number)]})
    first, second, _ = (run.path for run in landed.find(tmp_path).runs)
    landed.note_ingested([first, second], "sqlite:///raiway.db")
    with opened(tmp_path) as landing:
        put(landing, "half", [observation(9)])
    (tmp_path / "A" / "notes").mkdir()
    return tmp_path / "A"


@pytest.mark.parametrize(
    ("stated", "days", "gone"),
    [
        ({}, 1000, 0),
        ({"keep_days": 30}, 29, 0),
        ({"keep_days": 30}, 31, 2),
        ({"keep_runs": 4}, 31, 0),
        ({"keep_runs": 3}, 31, 1),
        ({"keep_runs": 1}, 31, 2),
        ({"keep_runs": 3, "keep_days": 30}, 31, 1),
        ({"keep_runs": 1, "keep_days": 30}, 29, 0),
    ],
)
def test_what_is_beyond_both_bounds_and_in_a_store_may_go(
    stated: dict[str, int], days: int, gone: int, site: Path
) -> None:
    now = NOW + timedelta(days=days)
    found = retention.removable(site, LandingSettings(**stated), now)
    assert found == [run.path for run in landed.find(site).runs][:gone]


def test_what_goes_goes_whole(site: Path) -> None:
    runs = landed.find(site).runs
    retention.remove(site, [runs[0].path])
    assert landed.find(site).runs == runs[1:]
    assert not runs[0].path.exists()
    assert not (site / landed.STATE / runs[0].path.name).exists()


def test_a_run_that_was_given_up_for_another_may_go(site: Path) -> None:
    [half] = landed.find(site).unfinished
    settings = LandingSettings(keep_days=1)
    now = NOW + timedelta(days=2)
    assert half not in retention.removable(site, settings, now)
    with opened(site.parent, types=("Patient",)):
        assert half in retention.removable(site, settings, now)
