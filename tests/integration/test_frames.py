"""Data frames of the synthetic cohort: types, rows, and the figures that they lead to."""

from __future__ import annotations

import pandas as pd
import pytest

from adapter import config, demo, frames
from adapter.errors import UsageError
from adapter.models import LabResultRow
from adapter.store import open_store


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return demo.run(tmp_path_factory.mktemp("demo"), config.Settings()).store_url


@pytest.fixture(scope="module")
def cohort(url: str) -> frames.Cohort:
    return frames.open(url, stratifiers=["site"])


def test_facts_have_typed_columns(cohort: frames.Cohort, url: str) -> None:
    labs = cohort.facts("lab_result")
    with open_store(url, create=False) as store:
        rows = list(store.rows(LabResultRow))
    assert len(labs) == len(rows) > 0
    assert labs["resource_id"].tolist() == [row.resource_id for row in rows]
    assert labs["value_high"].tolist() == [float(row.value_high or 0) for row in rows]
    assert labs["date_earliest"].dt.date.tolist() == [row.date_earliest for row in rows]
    assert str(labs["value_low"].dtype) == "float64"


@pytest.mark.parametrize("table", frames.FACTS)
def test_every_fact_table_is_a_frame_also_without_rows(table: str, cohort: frames.Cohort) -> None:
    found = cohort.facts(table)
    assert {"site", "resource_id", "ordinal"} <= set(found.columns)
    assert str(found["ordinal"].dtype) == "Int64"
    assert str(found["site"].dtype) == "string"


def test_an_unknown_table_is_named_with_those_there_are(cohort: frames.Cohort) -> None:
    with pytest.raises(UsageError, match="no fact table") as refused:
        cohort.facts("patients")
    assert "lab_result" in (refused.value.hint or "")


def test_episodes_lead_to_the_figures(cohort: frames.Cohort) -> None:
    episodes = cohort.episodes()
    assert len(episodes) == 16
    assert (episodes["driver"] == "BRAF_V600E").sum() == 11
    assert (episodes["tg_prior_to_3m"] == "decrease").sum() == 11
    assert episodes["progressed"].sum() == 6
    assert episodes["rai_mbq"].isna().sum() == 1
    assert episodes["prior_rai_mbq"].agg(["min", "max"]).tolist() == [83 * 37, 700 * 37]
    assert str(episodes["finish"].dtype).startswith("datetime64")
    assert (episodes["drug_last_day"] > episodes["drug_first_day"]).all()
    assert cohort.dictionary()["column"].tolist() == list(episodes.columns)


def test_figures_are_tidy_and_say_why_one_is_missing(cohort: frames.Cohort) -> None:
    figures = cohort.figures()
    whole = figures[figures["stratifier"] == ""].set_index("name")
    assert whole.loc["rmst_192_days", "value"] == pytest.approx(169.98295454545453)
    assert whole["value"].isna().equals(whole["reason"].notna())
    braf = figures[(figures["stratifier"] == "driver") & (figures["stratum"] == "BRAF_V600E")]
    assert braf.set_index("name").loc["n_patients", "value"] == 11


def test_the_curve_is_that_of_the_figures(cohort: frames.Cohort) -> None:
    curve = cohort.kaplan_meier()
    assert curve["day"].iloc[0] == 0
    assert curve["survival"].iloc[0] == 1
    assert curve["survival"].iloc[-1] == pytest.approx(13 / 16 * 10 / 11 * 9 / 10 * 8 / 9)
    by_driver = cohort.kaplan_meier("driver")
    assert set(by_driver["group"]) == {"BRAF_V600E", "NRAS_Q61R", "none_detected"}
    assert cohort.survival()["events"].sum() == 6
    assert cohort.survival("site")["censored"].sum() == 10
    with pytest.raises(UsageError, match="not split by 'sex'"):
        cohort.survival("sex")


def test_waterfall_and_spider_mark_bounds(cohort: frames.Cohort) -> None:
    bars = cohort.waterfall("tg")
    assert bars["percent"].is_monotonic_decreasing
    points = cohort.spider("tg")
    positive = points[points["value"] > 0]
    assert (10 ** positive["log10_value"] - positive["value"]).abs().max() < 1e-9
    assert points["below_limit"].any()
    assert cohort.waterfall("ct", "3m")["below_limit"].sum() == 0
    for refused in (lambda: cohort.waterfall("tsh"), lambda: cohort.waterfall("tg", "9m")):
        with pytest.raises(UsageError):
            refused()


def test_a_swimmer_has_drugs_iodine_follow_up_and_outcome(cohort: frames.Cohort) -> None:
    parts = cohort.swimmer()
    assert (parts["last_day"] >= parts["first_day"]).all()
    kinds = parts.groupby("kind").size()
    assert kinds["follow_up"] == 16
    assert kinds["outcome"] == 6
    assert parts.loc[parts["kind"] == "drug", "first_day"].max() < 0


def test_the_flow_ends_with_those_who_are_in(cohort: frames.Cohort) -> None:
    flow = cohort.flow()
    assert flow["left"].iloc[-1] == 16
    assert flow["left"].iloc[0] - flow["out"].sum() == 16


def test_table_one_is_tidy(cohort: frames.Cohort) -> None:
    table = cohort.table_one("driver")
    sex = table[(table["variable"] == "sex") & (table["group"] == "all")]
    assert sex["n"].sum() == 16
    age = table[(table["variable"] == "age_years") & (table["group"] == "all")]
    assert age["low"].item() == cohort.episodes()["age_years"].min()
    with pytest.raises(UsageError, match="no groups by"):
        cohort.table_one("shoe_size")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # R survdiff(Surv(follow_up_days, progressed) ~ driver, rho = 1), ~ arm; print(rmean = 192)
        ("fleming_harrington_early_driver_chi2", 3.29881247769),
        ("arm_logrank_chi2", 1.3268135475),
        ("rmst_192_arm_diff:MEKi", 150.2 - 179.0),
        ("rmst_192_arm_diff_se:MEKi", (9.287365896**2 + 20.808459818**2) ** 0.5),
    ],
)
def test_comparisons_are_those_of_r(name: str, value: float, cohort: frames.Cohort) -> None:
    assert cohort.figures().set_index("name").loc[name, "value"] == pytest.approx(value, rel=1e-9)


def test_the_standardised_difference_is_that_of_r(cohort: frames.Cohort) -> None:
    """(mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2), and quantile(age_years)."""
    tidy = cohort.table_one("arm")
    table = tidy[(tidy["variable"] == "age_years") & (tidy["group"] == "all")]
    assert table["smd"].item() == pytest.approx(0.2180710577, rel=1e-9)
    assert table[["q1", "median", "q3"]].to_numpy().tolist() == [[57.25, 64.5, 70.25]]


def test_rules_can_be_overridden(url: str) -> None:
    half = frames.open(url, settings=["tg_profile=half"]).figures().set_index("name")["value"]
    assert half["tg_prior_to_3m_decrease_n"].iloc[0] == 8


def test_an_empty_selection_gives_empty_frames_of_the_same_types(
    url: str, cohort: frames.Cohort
) -> None:
    nobody = frames.open(url, settings=['include_diagnoses=["MTC"]'])
    for name in ("episodes", "spider", "swimmer", "waterfall", "survival", "kaplan_meier"):
        empty, full = getattr(nobody, name)(), getattr(cohort, name)()
        assert empty.empty, name
        assert isinstance(empty, pd.DataFrame)
        pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
