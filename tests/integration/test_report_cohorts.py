"""The report of cohorts of any size, and what an aggregate one of many patients keeps to itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapter import config, demo
from adapter.html_report import aggregate_report, html, patient_report, write_figures
from adapter.html_report.names import LISTED
from adapter.html_report.patient_plots import MOST_BARS
from adapter.store import open_store
from adapter.table_one_text import printed
from analytics.course import DateSpan, Death, Fact, FactRef, PatientFacts
from analytics.table_one import table_one
from tests.lib.cohorts import Facts, enrolled, evaluation, grown

NO_VALUES = re.compile(r"[^<>]*\b(?:undefined|NaN|nan|None|null)\b[^<>]*")
SITES = tuple(f"planted-site-{place}" for place in range(8))
PLANTED = re.compile(r"planted|key-\d{5}", re.IGNORECASE)
DAY = re.compile(r"(19|20)\d\d-\d\d-\d\d")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[PatientFacts]:
    """The facts of the sixteen patients who are in the study."""
    url = demo.run(tmp_path_factory.mktemp("demo"), config.Settings()).store_url
    with open_store(url, create=False) as store:
        return enrolled(list(store.patients()))


def page(facts: Facts) -> str:
    return html(patient_report(facts, evaluation(facts)))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 16])
def test_a_cohort_of_any_size_is_drawn(found: Sequence[PatientFacts], n: int):
    text = page(grown(found, n) if n else Facts([]))
    assert NO_VALUES.findall(text) == []
    assert (text.count("<figure") == 0) == (n == 0)
    assert text.count('<section id="patient-') == n
    assert (f", {n} patients" in text) if n else ("No patient is in the study." in text)


@pytest.mark.parametrize(
    "lacking",
    ["labs", "imaging", "variants", "drugs", "rai", "dosimetry", "visits", "statuses", "persons"],
)
def test_a_cohort_without_one_kind_of_fact_is_drawn(found: Sequence[PatientFacts], lacking: str):
    assert lacking in {each.name for each in fields(PatientFacts)}
    text = page(Facts([replace(each, **{lacking: ()}) for each in found]))
    assert NO_VALUES.findall(text) == []
    assert "<h1>" in text


def test_one_driver_is_drawn_once(found: Sequence[PatientFacts]):
    everybody = evaluation(Facts(found))
    alike = {
        course.patient_key
        for course in everybody.courses
        for episode in course.episodes
        if episode.profile.driver == "BRAF_V600E"
    }
    text = page(Facts([each for each in found if each.patient_key in alike]))
    assert '<figure id="km">' in text
    assert '<figure id="km-driver">' not in text


def test_many_patients_are_cut_and_the_page_says_so(found: Sequence[PatientFacts]):
    text = page(grown(found, 500))
    assert len(text.encode()) < 1_200_000
    assert text.count('<section id="patient-') == LISTED
    # Both spiders, the swimmer, the oncoprint and the list itself.
    assert text.count(f"Shown: the first {LISTED} of 500 patients") == 5
    assert f" bars of {469} patients: each bar is one patient in 3" in text
    bars = re.search(r'<figure id="waterfall-tg">.*?</svg>', text, re.DOTALL)
    assert bars
    assert 100 < bars[0].count('aria-roledescription="bar"') <= MOST_BARS
    links = set(re.findall(r'href="#([^"]*)"', text))
    assert links <= set(re.findall(r'\bid="([^"]+)"', text))
    assert "" not in links


def test_a_death_has_its_step_and_its_row(found: Sequence[PatientFacts]):
    first = evaluation(Facts(found)).courses[0].episodes[0]
    died = DateSpan.of(first.finish + timedelta(days=20))
    death = Death(ref=FactRef("Patient", "x"), date=died, cause_cancer=False)
    text = page(
        Facts(
            [
                replace(each, deaths=(death,)) if each.patient_key == first.patient_key else each
                for each in found
            ]
        )
    )
    incidence = re.search(r'<figure id="incidence">.*?</figure>', text, re.DOTALL)
    assert incidence
    assert 'href="#step-death-20"' in incidence[0]
    assert 'aria-label="death, day 20: 1 patient, 6 %"' in incidence[0]
    row = re.search(r'<tr id="step-death-20">.*?</tr>', text)
    assert row
    assert row[0].count("<a href=") == 1
    # Of the curve to progression the death is no step.
    assert "step-all_patients-20" not in text


def planted(found: Sequence[PatientFacts]) -> Facts:
    """500 patients at 8 sites whose references and texts carry names."""
    held = grown(found, 500, SITES).held
    return Facts([_named(each, place) for place, each in enumerate(held)])


def _named(facts: PatientFacts, place: int) -> PatientFacts:
    ref = FactRef("Observation", f"planted-smith-{place}")
    lists = {
        each.name: tuple(
            replace(one, ref=replace(ref, ordinal=number))
            for number, one in enumerate(getattr(facts, each.name))
        )
        for each in fields(facts)
        if isinstance(getattr(facts, each.name), tuple)
        and all(isinstance(one, Fact) for one in getattr(facts, each.name))
    }
    lists["variants"] = tuple(replace(each, label="Planted, Jane") for each in lists["variants"])
    lists["labs"] = tuple(replace(each, assay="planted assay") for each in lists["labs"])
    return replace(facts, **lists)


def test_an_aggregate_of_many_names_nobody_and_no_day(found: Sequence[PatientFacts]):
    facts = planted(found)
    held = evaluation(facts)
    inside = html(patient_report(facts, held))
    assert PLANTED.search(inside), "the names are in what the page is made of"
    text = html(aggregate_report(held, "registry"))
    assert "Withheld" not in text
    assert '<figure id="bounds">' in text
    assert not PLANTED.search(text)
    assert not DAY.search(text)
    assert "patient-P" not in text
    moving = html(aggregate_report(held, "registry"), interactive=True)
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', moving, re.DOTALL)
    assert len(specs) == 3
    assert not any(PLANTED.search(spec) or DAY.search(spec) for spec in specs)


def test_an_aggregate_has_no_step_of_a_curve(found: Sequence[PatientFacts]):
    held = evaluation(planted(found))
    text = html(aggregate_report(held, "registry"))
    steps = {
        episode.follow_up.days
        for course in held.courses
        for episode in course.episodes
        if episode.follow_up.event
    }
    table = re.search(r"<summary>Free of progression, by day</summary>(.*?)</table>", text, re.S)
    assert table
    days = {int(day) for day in re.findall(r"</th><td>(\d+)</td>", table[1])}
    assert days == {0, 96, 192}
    assert steps - days
    # A curve on the screen is a path: its corners are those days and no others.
    bounds = re.search(r'<figure id="bounds">.*?</svg>', text, re.DOTALL)
    assert bounds
    curves = re.findall(r'aria-hidden="true"><path d="(M[^"]+)"', bounds[0])
    places = {float(x) for path in curves for x in re.findall(r"[ML](-?[\d.]+),", path)}
    assert {place for place in places if 0 <= place <= 640} == {0.0, 320.0, 640.0}


def test_a_file_of_its_own_for_each_figure(found: Sequence[PatientFacts], tmp_path: Path):
    facts = planted(found)
    written = write_figures(aggregate_report(evaluation(facts), "registry"), tmp_path / "figures")
    plots = ("bounds", "response-by-group")
    names = [f"{plot}.{kind}" for plot in plots for kind in ("svg", "png", "json")]
    assert [path.name for path in written] == [*names, "tables.json", "figures.json"]
    for path in written:
        said = path.read_bytes().decode("utf-8", "replace")
        assert not PLANTED.search(said), path.name
        assert not DAY.search(said), path.name


def test_no_table_prints_a_code(found: Sequence[PatientFacts]):
    held = evaluation(Facts(found))
    table = printed(table_one(held.courses, held.study, "driver"), held.study)
    assert table.columns[2].startswith("BRAF V600E (n = ")
    said = {row[0].strip() for row in table.rows}
    assert {"Black or African American", "papillary carcinoma", "dabrafenib + trametinib"} <= said
    assert not any("_" in text or "PTC" in text for text in said)
    page = aggregate_report(held, "secure-sum")
    counts = next(section for section in page.sections if section.name == "counts")
    cells = [cell for table in counts.tables for row in table.rows for cell in row]
    heads = [head for table in counts.tables for head in (table.title, *table.columns)]
    assert "Black or African American" in cells
    assert not any("_" in text for text in (*cells, *heads))
