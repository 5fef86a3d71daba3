"""Other published designs as study files: synthetic cohorts, and what the papers report of theirs.

The expected counts are those of the papers' abstracts and of the truth tables in
`tests/lib/designs/`, counted by hand; intervals are Clopper-Pearson of those counts by scipy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from adapter.definitions import load
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.sensitivity import Question, sensitivity
from adapter.store import Store, open_store
from adapter.variants import grid_file, of_file
from tests.lib import designs

HO, WEBER, LEBOULLEUX = "ho-2013", "weber-2022", "leboulleux-2023"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store for each design, loaded once."""
    made = tmp_path_factory.mktemp("designs")
    for design in (HO, WEBER, LEBOULLEUX):
        (made / design).mkdir()
        with open_store(f"sqlite:///{made / design}.db", create=True) as store:
            summary = designs.load(design, store, made / design)
        assert not summary.partial
    return made


@contextmanager
def _store(folder: Path, design: str) -> Iterator[Store]:
    with open_store(f"sqlite:///{folder / design}.db", create=False) as store:
        yield store


def _evaluated(folder: Path, design: str, **changes: Any) -> Evaluation:
    study = replace(load().study(design), **changes)
    with _store(folder, design) as store:
        return evaluate(store, study, Request())


def _share(found: Evaluation, name: str) -> tuple[object, ...]:
    figures = found.figures()
    parts = ("n", "pct", "cp95_low", "cp95_high")
    return tuple(pytest.approx(figures[f"{name}_{part}"], abs=1e-9) for part in parts)


def _of(n: int, total: int) -> tuple[float, ...]:
    """n, percent, and the exact 95 % interval in percent."""
    interval = binomtest(n, total).proportion_ci(0.95, "exact")
    return n, 100 * n / total, 100 * interval.low, 100 * interval.high


def test_ho_2013(folder: Path) -> None:
    found = _evaluated(folder, HO)
    figures = found.figures()
    assert len(found.courses) == 24  # screened
    assert figures["n_patients"] == 20  # with a scan under the drug
    assert figures["attrition:no_dosimetry_or_rai_in_window"] == 4
    assert _of(12, 20) == _share(found, "rai_uptake")
    assert _of(8, 20) == _share(found, "redifferentiation_rai_treated")
    # Of the eight treated: five confirmed partial responses, three stable.
    assert _of(5, 8) == _share(found, "objective_response")
    assert figures["best_recist_n:SD"] == 3
    assert _of(8, 8) == _share(found, "tg_prior_to_6m_decrease")
    by_driver = found.estimates.strata["driver"]
    assert {
        driver: (each["rai_uptake_n"], each["n_patients"]) for driver, each in by_driver.items()
    } == {"BRAF": (4, 9), "NRAS": (5, 5), "none_detected": (3, 6)}
    assert {
        driver: each["redifferentiation_rai_treated_n"] for driver, each in by_driver.items()
    } == {
        "BRAF": 1,
        "NRAS": 5,
        "none_detected": 2,
    }


def test_ho_2013_by_dose_confirmation_and_denominator(folder: Path) -> None:
    grid = grid_file(HO)
    with _store(folder, HO) as store:
        asked = Question(load().study(HO), of_file(grid, HO), grid.figures)
        found = sensitivity(store, asked)
    results = {each.name: each for each in (found.reference, *found.others)}
    uptake = {name: each.figures["rai_uptake_n"] for name, each in results.items()}
    assert uptake == {
        "reference": 12,
        "uptake: predicted dose of at least 20 Gy": 8,
        "uptake: predicted dose of at least 30 Gy": 3,  # 31, 45 and 60 Gy
        "best response: unconfirmed": 12,
        "percent of the evaluable patients": 12,
        "a scan before the drug makes evaluable": 12,
    }
    unconfirmed = results["best response: unconfirmed"]
    assert (
        unconfirmed.figures["best_recist_n:PR"],
        unconfirmed.differences["best_recist_n:PR"],
    ) == (
        6,
        1,
    )
    assert results["percent of the evaluable patients"].figures["objective_response_pct"] == 25
    everybody = results["a scan before the drug makes evaluable"]
    assert everybody.figures["n_patients"] == 24
    assert {each.reason for each in everybody.moved_in} == {"no_dosimetry_or_rai_in_window"}
    assert (len(everybody.moved_in), len(everybody.moved_out)) == (4, 0)


def test_weber_2022(folder: Path) -> None:
    found = _evaluated(folder, WEBER)
    figures = found.figures()
    assert figures["n_patients"] == 20
    assert _of(7, 20) == _share(found, "rai_uptake")
    assert _of(7, 20) == _share(found, "redifferentiation_rai_treated")
    by_arm = found.estimates.strata["driver"]
    assert {arm: (each["rai_uptake_n"], each["n_patients"]) for arm, each in by_arm.items()} == {
        "BRAF_mutant": (2, 6),
        "BRAF_wild_type": (5, 14),
    }
    assert figures["redifferentiation_rai_mci_mean"] == pytest.approx(300.0, abs=1e-9)
    extremes = (figures["redifferentiation_rai_mci_min"], figures["redifferentiation_rai_mci_max"])
    assert extremes == (273, 421.6)
    assert _of(4, 7) == _share(found, "tg_prior_to_3m_decrease")
    assert {name: figures[f"best_recist_n:{name}"] for name in ("PR", "SD", "PD")} == {
        "PR": 1,
        "SD": 5,
        "PD": 1,
    }
    assert figures["drug_days_min"] == 18
    assert figures["drug_days_max"] == 24
    assert "deviation_n:arm_does_not_match_driver" not in figures


def test_leboulleux_2023(folder: Path) -> None:
    found = _evaluated(folder, LEBOULLEUX)
    figures = found.figures()
    assert len(found.courses) == 25
    assert figures["attrition:driver_not_included"] == 1  # the one with NRAS Q61R
    assert figures["n_patients"] == 24
    assert _of(21, 24) == _share(found, "redifferentiation_rai_treated")
    assert figures["redifferentiation_rai_gbq_mean"] == pytest.approx(5.5, abs=1e-9)
    assert _of(8, 21) == _share(found, "objective_response_6m")  # 38 %
    assert (figures["recist_6m_n:SD"], figures["recist_6m_n:PD"]) == (11, 2)  # 52 %, 10 %
    assert _of(10, 21) == _share(found, "tg_prior_to_6m_decrease")  # by more than half
    assert (figures["tg_prior_to_6m_increase_n"], figures["tg_prior_to_6m_stable_n"]) == (2, 9)
    assert figures["rai_uptake_n"] == 13


def test_leboulleux_2023_progression_free_survival_by_hand(folder: Path) -> None:
    """Events on days 155, 218, 240 (a death), 335 and 335 of the drugs; three leave by day 90."""
    figures = _evaluated(folder, LEBOULLEUX).figures()
    assert figures["progressed_by_365_n"] == 5
    assert figures["observation_ended_n:death"] == 1
    assert figures["km_183"] == pytest.approx(20 / 21, abs=1e-12)
    assert figures["km_365"] == pytest.approx(20 / 21 * 19 / 20 * 18 / 19 * 16 / 18, abs=1e-12)
    # Time to progression: the death is a censoring at the last visit, day 230.
    censored = _evaluated(folder, LEBOULLEUX, death="censored").figures()
    assert censored["progressed_by_365_n"] == 4
    assert censored["km_365"] == pytest.approx(20 / 21 * 19 / 20 * 16 / 18, abs=1e-12)
    # From the iodine (day 35 of the drugs) the untreated are in no curve.
    from_iodine = _evaluated(folder, LEBOULLEUX, index_date="therapeutic_rai").figures()
    assert from_iodine["followed_n"] == 21
    assert from_iodine["observation_ended_n:no_follow_up"] == 3
    assert from_iodine["km_365"] == pytest.approx(16 / 21, abs=1e-12)
