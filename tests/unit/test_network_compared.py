"""The comparison with all rows would notice a difference."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.network.compared import compared
from adapter.pooling.exact import NO_VALUES
from analytics.estimate import Estimates
from analytics.figures import Figures
from tests.lib.reports import measures

MEASURE = measures()["treatment-exposure"]


def pooled(**values: Any) -> Estimates:
    figures = Figures({"n_patients": 3, "km_91": 0.5, "prior_rai_mci_mean": 100.0, **values})
    figures.missing("drug_days", NO_VALUES)
    return Estimates(figures, {"driver": {"fusion": Figures({"n_patients": 3})}})


def whole(**values: Any) -> dict[str, Any]:
    figures = {"n_patients": 3, "km_91": 0.5, "prior_rai_mci_mean": 100.0, "drug_days": 42}
    return {"figures": figures | values, "strata": {"driver": {"fusion": {"n_patients": 3}}}}


def test_the_same_is_the_same():
    found = compared(pooled(), whole(), MEASURE)
    assert (found.figures, found.differing, found.uncarried) == (4, (), ("drug_days",))
    assert ("km_91", "0.5", "0.5") in found.rows


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        ({"n_patients": 4}, "n_patients"),
        ({"km_91": 0.5 + 1e-9}, "km_91"),
        ({"km_91": None}, "km_91"),
        ({"prior_rai_mci_mean": 100.001}, "prior_rai_mci_mean"),
        ({"strange_n": 1}, "strange_n"),
    ],
)
def test_what_differs_is_named(ours: dict[str, Any], name: str):
    assert compared(pooled(**ours), whole(), MEASURE).differing == (name,)


def test_a_stratum_that_is_lacking_is_named():
    other = whole()
    other["strata"]["driver"]["BRAF_V600E"] = {"n_patients": 1}
    assert compared(pooled(), other, MEASURE).differing == ("n_patients of BRAF_V600E",)


def test_printed_means_may_differ_in_the_seventh_decimal():
    assert compared(pooled(prior_rai_mci_mean=100.00000001), whole(), MEASURE).differing == ()
