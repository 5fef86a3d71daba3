"""What tables call variables and categories: displays, never codes, whatever the study."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from adapter.called import category_name, variable_name
from adapter.definitions import load
from analytics.disclosure.policy import Policy
from analytics.eligibility import ATTRITION
from analytics.study import Study
from analytics.table_one import CATEGORICAL, NUMBERS

STUDIES = sorted(load().studies)


@pytest.fixture(scope="module")
def study() -> Study:
    return load().study("redifferentiation")


@pytest.mark.parametrize(
    ("variable", "category", "name"),
    [
        ("race", "african_american", "Black or African American"),
        ("histology", "PTC", "papillary carcinoma"),
        ("driver", "none_detected", "not identified"),
        ("regimen", "dabrafenib+trametinib", "dabrafenib + trametinib"),
        ("arm", "BRAFi+MEKi", "BRAF inhibitor + MEK inhibitor"),
        ("recist_6m", "PD", "progressive disease"),
        ("tg_prior_to_3m", "not_evaluable", "not evaluable"),
        ("prior_rai_mci", "above_600", "above 600 mCi"),
        # What nobody named is printed as it came.
        ("site", "site_a", "site_a"),
        ("mutation", "CHEK 2", "CHEK 2"),
        ("mutation", "p.V600E", "p.V600E"),
    ],
)
def test_a_category_is_called_as_people_call_it(
    study: Study, variable: str, category: str, name: str
):
    assert category_name(variable, category, study) == name


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("tg_prior_to_3m", "Thyroglobulin, prior to 3m"),
        ("recist_6m", "Response (RECIST) at 6m"),
        # A member of a family that has a name of its own.
        ("tg_prior_ng_ml", "Thyroglobulin before the drugs, ng/mL"),
    ],
)
def test_a_variable_is_called_as_people_call_it(variable: str, name: str):
    assert variable_name(variable) == name


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_has_names_for_what_it_can_give(name: str):
    study = load().study(name)
    codes = {
        "race": study.race_labels.values(),
        "ethnicity": study.ethnicity_labels.values(),
        "histology": study.include_diagnoses,
        "driver": [driver.code for driver in study.driver_classes],
        "arm": ["+".join(driver.arm) or "no_arm" for driver in study.driver_classes],
        "attrition": ATTRITION,
        "finish_rule": study.finish_rules,
        "pdl1": ("positive", "negative", "not_tested"),
        "uptake": ("present", "absent", "not_assessed"),
        "best_recist": ("CR", "PR", "SD", "PD", "NE"),
        "observation_ended": ("horizon", "last_contact", "no_follow_up", "next_course", "death"),
    }
    for variable, categories in codes.items():
        for category in categories:
            called = category_name(variable, category, study)
            assert "_" not in called
            # Drivers are called as the study calls them; no other acronym is left.
            assert called != category or category.islower() or variable == "driver", category


def test_every_variable_of_table_one_and_of_the_policies_has_a_name():
    counts = {name for policy in load().policies.values() for name in _counted(policy)}
    for variable in {*CATEGORICAL, *NUMBERS, *counts}:
        assert variable_name(variable) != variable


def _counted(policy: Policy) -> list[str]:
    return [name.replace("*", "prior_to_3m") for name in policy.counts]


def test_no_code_is_there_twice():
    system = json.loads((files("mappings") / "CodeSystem/variable.json").read_text("utf-8"))
    codes = [each["code"] for top in system["concept"] for each in (top, *top.get("concept", ()))]
    assert len(codes) == len(set(codes))
    assert all(each["code"].startswith(f"{top['code']}.") for top in system["concept"]
               for each in top.get("concept", ()))  # fmt: skip
