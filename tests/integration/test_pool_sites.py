"""From patients' facts to the pooled report: sites evaluate apart, then all are added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from adapter import config, demo
from adapter.evaluate import Evaluation
from adapter.pooling.made import report_of_sites
from adapter.pooling.pool import pool
from adapter.report.check import check
from adapter.report.disclosed import disclosed_report
from adapter.report.evaluation import checked_report, measure
from adapter.server_settings import Policy
from adapter.store import open_store
from analytics.course import PatientFacts
from tests.lib.cohorts import Facts, enrolled, evaluation, grown
from tests.lib.disclosed_reports import control

Json = dict[str, Any]
WHOLE = "redifferentiation-outcomes"
POLICIES: tuple[Policy, ...] = ("secure-sum", "registry", "public")
SITES = tuple(f"site-{place}" for place in range(6))
PRINTED_MEANS = {"rai-activity-mci", "rai-activity-gbq", "prior-activity-mci", "prior-activity-gbq"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[PatientFacts]:
    """The facts of the sixteen patients who are in the study."""
    url = demo.run(tmp_path_factory.mktemp("demo"), config.Settings()).store_url
    with open_store(url, create=False) as store:
        return enrolled(list(store.patients()))


def settings(name: str = "registry") -> config.Settings:
    return config.Settings(report=config.ReportSettings(reporter=f"Organization/{name}"))


def disclosed(of: Evaluation, policy: Policy, name: str = WHOLE) -> Json:
    report = disclosed_report(of, measure(name, settings()), settings(), policy)
    return dict(json.loads(json.dumps(report)))


def test_sites_that_evaluate_apart_are_pooled_to_the_evaluation_of_all(
    found: Sequence[PatientFacts],
):
    whole = grown(found, 60, SITES)
    reports = []
    for site in SITES:
        own = Facts([facts for facts in whole.held if facts.site == site])
        asked = measure(WHOLE, settings())
        report = disclosed_report(evaluation(own), asked, settings(site), "none")
        reports.append(json.loads(json.dumps(report)))
    pooled = report_of_sites(pool(reports, measure(WHOLE, settings())), settings())
    expected = checked_report(evaluation(whole), measure(WHOLE, settings()), settings())
    for group, stated in zip(pooled["group"], expected["group"], strict=True):
        score, true = group.pop("measureScore", {}), stated.pop("measureScore", {})
        assert group == stated
        if group["id"] in PRINTED_MEANS:
            assert score["value"] == pytest.approx(true["value"], abs=2e-6)
        elif group["id"] != "drug-days":
            assert score == true, group["id"]


@pytest.mark.parametrize("policy", ["registry", "public"])
def test_the_sixteen_are_withheld(found: Sequence[PatientFacts], policy: Policy):
    report = disclosed(evaluation(Facts(list(found))), policy)
    assert control(report)["mode"] == "withheld"
    assert '"count":' not in json.dumps(report)


def test_inside_the_site_nothing_is_hidden(found: Sequence[PatientFacts]):
    report = disclosed(evaluation(Facts(list(found))), "none")
    assert control(report)["mode"] == "none"
    assert report["group"][0]["population"][0]["count"] == 16


def test_many_patients_of_several_sites_are_reported_under_every_policy(
    found: Sequence[PatientFacts],
):
    of = evaluation(grown(found, 180, SITES))
    modes = {policy: disclosed(of, policy) for policy in POLICIES}
    assert {policy: control(report)["mode"] for policy, report in modes.items()} == {
        "secure-sum": "secure-share",
        "registry": "masked-cells",
        "public": "rounded",
    }
    for report in modes.values():
        assert check(report, measure(WHOLE, settings())) == []
        assert not any(site in json.dumps(report) for site in SITES)


def test_one_site_alone_is_not_published(found: Sequence[PatientFacts]):
    report = disclosed(evaluation(grown(found, 180)), "public")
    assert control(report)["mode"] == "withheld"
