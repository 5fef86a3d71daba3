"""Forests and the funnel of a report: the numbers of the estimators, and only what may be seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Any

import pytest

from adapter import config, demo
from adapter.html_report import aggregate_report, patient_report
from adapter.html_report.between_sites import sites_section
from adapter.html_report.page import Page, Plot
from adapter.store import open_store
from analytics.aggregate import aggregate, header
from analytics.course import PatientFacts
from analytics.heterogeneity import Effect, heterogeneity
from analytics.proportion import clopper_pearson
from analytics.restricted_mean import restricted_mean
from analytics.time_to_event import exit_table
from tests.lib.cohorts import Facts, enrolled, evaluation, grown

SITES = ("northern", "southern", "eastern", "western", "inland")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[PatientFacts]:
    """The facts of the sixteen patients who are in the study."""
    url = demo.run(tmp_path_factory.mktemp("demo"), config.Settings()).store_url
    with open_store(url, create=False) as store:
        return enrolled(list(store.patients()))


@pytest.fixture(scope="module")
def one_site(found: Sequence[PatientFacts]) -> Page:
    facts = Facts(found)
    return patient_report(facts, evaluation(facts))


def plots(page: Page) -> dict[str, Plot]:
    return {plot.name: plot for plot in page.plots}


def by_group(plot: Plot) -> dict[Any, Any]:
    return {row["group"]: row for row in plot.data["shares"]}


def test_objective_response_is_that_of_evaluate(found: Sequence[PatientFacts], one_site: Page):
    figures = evaluation(Facts(found)).figures()
    shares = by_group(plots(one_site)["response-by-group"])
    whole = shares["all patients"]
    assert whole["n"] == figures["objective_response_n"]
    assert whole["percent"] == figures["objective_response_pct"]
    assert whole["low"] == figures["objective_response_cp95_low"]
    assert whole["high"] == figures["objective_response_cp95_high"]
    assert shares["BRAF V600E"]["patients"] + shares["NRAS Q61R"]["patients"] + 1 == 16
    assert shares["trametinib"]["variable"] == "Regimen"


def test_subgroups_of_a_variable_add_up_to_all(one_site: Page):
    rows = plots(one_site)["response-by-group"].data["shares"]
    variables = {row["variable"] for row in rows} - {""}
    assert variables == {"Driver", "Regimen", "Histology", "Sex"}
    for variable in variables:
        parts = [row for row in rows if row["variable"] == variable]
        for name in ("patients", "n"):
            assert sum(int(row[name] or 0) for row in parts) == rows[0][name]


def test_hazard_ratios_are_those_of_the_model(found: Sequence[PatientFacts], one_site: Page):
    figures = evaluation(Facts(found)).figures()
    plot = plots(one_site)["drivers-compared"]
    for row in plot.data["ratios"]:
        log = figures[f"cox_driver_loghr:{row['driver']}"]
        assert log is not None
        assert row["ratio"] == pytest.approx(exp(log))
    # The limit of the smallest group lies beyond the axis.
    assert "104.85" in plot.svg
    assert "p = 0.147" in plot.caption


def test_one_site_has_nothing_between_sites(found: Sequence[PatientFacts], one_site: Page):
    assert sites_section(evaluation(Facts(found))) is None
    assert not {"sites-forest", "sites-funnel"} & plots(one_site).keys()
    assert "Site" not in {row["variable"] for row in
                          plots(one_site)["response-by-group"].data["shares"]}  # fmt: skip


@pytest.mark.parametrize("n", [2, 5])
def test_sites_are_compared_by_their_restricted_means(found: Sequence[PatientFacts], n: int):
    held = evaluation(grown(found, 100, SITES[:n]))
    section = sites_section(held)
    assert section
    drawn = {plot.name: plot for plot in section.plots}
    # Two sites make no funnel, and foretell no third.
    assert list(drawn) == ["sites-forest", "sites-funnel"][: 1 if n == 2 else 2]
    cells = aggregate(held.courses, held.study, header(held.study, ["site"]))
    means = {
        site: restricted_mean(exit_table(cells.stratum("site", site)), 192) for site in SITES[:n]
    }
    effects = [Effect(site, mean.mean, mean.se**2) for site, mean in means.items()]
    expected = heterogeneity(effects)
    data = drawn["sites-forest"].data
    assert {row["label"]: row["estimate"] for row in data["sites"]} == {
        site: mean.mean for site, mean in means.items()
    }
    pooled = {row["label"]: row for row in data["pooled"]}
    assert pooled["random effects"]["estimate"] == pytest.approx(expected.random.estimate)
    assert pooled["fixed effect"]["i2"] == pytest.approx(expected.i2)
    assert (pooled["fixed effect"]["prediction_low"] is None) == (n == 2)
    assert f"{n} sites: Q " in drawn["sites-forest"].caption
    for site in SITES[:n]:
        assert f">{site}</text>" in drawn["sites-forest"].svg


def test_an_aggregate_draws_what_a_policy_lets_out_and_names_the_rest(
    found: Sequence[PatientFacts],
):
    held = evaluation(grown(found, 500, SITES))
    page = aggregate_report(held, "registry")
    plot = plots(page)["response-by-group"]
    assert plot.title == "Decrease of target lesions by subgroup"
    drawn = by_group(plot)
    cells = {"all patients": held.aggregate,
             "BRAF V600E": held.aggregate.stratum("driver", "BRAF_V600E")}  # fmt: skip
    assert drawn.keys() == cells.keys()
    for group, row in drawn.items():
        patients = cells[group].count("patients", "all")
        n = cells[group].count("ct_prior_to_6m", "decrease")
        low, high = clopper_pearson(n, patients)
        assert (row["patients"], row["n"]) == (patients, n)
        assert (row["low"], row["high"]) == (100 * low, 100 * high)
    assert "Not drawn, since a count is hidden: NRAS Q61R, not identified" in plot.caption
    # What is drawn stands in the counts of the page; what is hidden there is nowhere in the plot.
    assert "NRAS" not in plot.svg
    shown = next(section for section in page.sections if section.name == "counts")
    table = next(t for t in shown.tables if t.title == "Sum of target diameters, prior to 6m")
    assert table.rows[0][:3] == ("decrease", "188", "157")


def test_no_aggregate_compares_sites(found: Sequence[PatientFacts]):
    held = evaluation(grown(found, 500, SITES))
    for policy in ("registry", "public", "secure-sum"):
        page = aggregate_report(held, policy)
        assert not {"sites-forest", "sites-funnel"} & plots(page).keys()
        assert not any(site in plot.svg for plot in page.plots for site in SITES)


def test_an_aggregate_with_response_by_recist_draws_it(found: Sequence[PatientFacts]):
    held = evaluation(Facts(found))
    plot = plots(aggregate_report(held, "secure-sum"))["response-by-group"]
    assert plot.title == "Objective response by subgroup"
    assert by_group(plot)["all patients"]["n"] == held.figures()["objective_response_n"]
    assert by_group(plot)["NRAS Q61R"]["patients"] == 4
