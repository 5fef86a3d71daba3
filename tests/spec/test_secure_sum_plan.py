"""The plan of a round: what is announced is what each member finds by itself, or it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapter.config import AnalysisSettings, Settings
from adapter.errors import DefinitionError, UsageError
from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.plan import opening_rules, plan, planned, policy_version
from adapter.pooling.secure.refusal import SecureSumRefused
from tests.lib.secure_sum import CLOSES, Network, categories

SETTINGS = Settings()
PERIOD = ("2026-01-01", "2026-03-31", CLOSES)
MEASURES = (
    "time-to-progression", "redifferentiation-outcomes", "rai-uptake", "cohort-characteristics",
    "molecular-profile", "structural-response", "thyroglobulin-response", "treatment-exposure",
)  # fmt: skip


def announced(measure: str, /, grid: int = 24, **changed: Any) -> rounds.Announcement:
    network = Network(1, measure)
    ours = plan(measure, grid, categories(network.measure, network.study), SETTINGS)
    asked = rounds.Asked("r", *PERIOD, policy_version())
    return replace(rounds.announcement(asked, ours.layout, network.directory), **changed)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_site_finds_the_announced_columns_by_itself(measure: str):
    found = announced(measure)
    ours = planned(found, SETTINGS)
    assert (ours.measure.id, ours.layout.sha256) == (measure, found.layout)
    assert len(ours.layout.columns) == found.columns


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measure": "https://raiway.example/fhir/Measure/rai-uptake|0.0.0"}, "version"),
        ({"study_sha256": "0" * 64}, "endpoint"),
        ({"policy": "secure-sum|0"}, "policy"),
        ({"layout": "0" * 64}, "columns"),
        ({"columns": 3}, "columns"),
    ],
)
def test_another_plan_is_refused(changed: dict[str, Any], said: str):
    with pytest.raises(SecureSumRefused, match=said) as found:
        planned(announced("rai-uptake", **changed), SETTINGS)
    assert found.value.rule == "layout"


def test_days_are_not_summed():
    with pytest.raises(SecureSumRefused, match="narrower"):
        planned(announced("time-to-progression", grid=1), SETTINGS)


def test_a_grid_must_divide_the_horizon():
    with pytest.raises(DefinitionError):
        plan("time-to-progression", 25, {}, SETTINGS)


def test_a_measure_must_be_known():
    with pytest.raises(UsageError, match="no measure"):
        plan("no-such", 24, {}, SETTINGS)


def test_a_site_with_another_study_does_not_send():
    other = Settings(analysis=AnalysisSettings(study="weber-2022"))
    found = announced("time-to-progression")
    with pytest.raises(SecureSumRefused, match="endpoint"):
        planned(found, other)


def test_the_stricter_of_two_policies_holds():
    rules = opening_rules()
    assert (rules.min_sites, rules.max_site_share) == (5, 0.5)
    assert (rules.min_site_difference, rules.cadence_days) == (3, 90)
