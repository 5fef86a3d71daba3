"""`raiway evaluate` in the forms of receivers: what it writes, and what it refuses beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich.style  # noqa: F401 - draws a random number when first imported
from typer.testing import CliRunner

from adapter import config, demo
from adapter.cli.app import application
from adapter.report.form_definition import form_definition
from adapter.report.forms import Form, form_problems

APP = application(["evaluate"])
LOCATION = ("--location", "urn:oid:1.2.3|4711")
DATE = ("--date", "2026-11-23T12:00:00+01:00")

Evaluate = Callable[..., Any]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a store with the synthetic cohort."""
    return demo.run(tmp_path_factory.mktemp("demo"), config.Settings()).store_url


@pytest.fixture
def evaluate(loaded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Runs `raiway evaluate` on the store, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *options: CliRunner().invoke(APP, ["evaluate", "--store", loaded, *options])


@pytest.mark.parametrize("form", Form)
def test_every_form_is_written(evaluate: Evaluate, form: Form) -> None:
    place = LOCATION if form in (Form.SANER, Form.MADX) else ()
    run = evaluate("rai-uptake", "--profile", form, *place)
    assert run.exit_code == 0, run.stderr
    report = json.loads(run.stdout)
    assert form_problems(report, form) == []
    profile = form_definition(form).profiles["summary"]
    assert report.get("meta", {}).get("profile", [""]) == [profile]


def test_the_form_is_deqm_uv_unless_another_is_asked_for(evaluate: Evaluate) -> None:
    assert evaluate(*DATE).stdout == evaluate("--profile", "deqm", *DATE).stdout


@pytest.mark.parametrize("form", [(), ("--format", "csv", *LOCATION)])
def test_with_a_stated_date_the_same_data_give_the_same_bytes(
    evaluate: Evaluate, form: tuple[str, ...]
) -> None:
    first = evaluate(*DATE, *form)
    assert first.exit_code == 0
    assert evaluate(*DATE, *form).stdout == first.stdout


def test_the_stated_date_is_the_reports(evaluate: Evaluate) -> None:
    assert json.loads(evaluate("rai-uptake", *DATE).stdout)["date"] == "2026-11-23T12:00:00+01:00"


def test_csv_is_saners_with_the_columns_asked_for(evaluate: Evaluate) -> None:
    run = evaluate(
        "rai-uptake", "--format", "csv", *LOCATION, "--column", "subject", "--column",
        "rai-uptake$share",
    )  # fmt: skip
    assert run.stdout.splitlines()[:2] == ["subject,share", "4711,0.9375"]


def test_the_days_of_one_site_are_in_its_zone(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "raiway.toml").write_text(
        '[[sites]]\nname = "synthetic-hospital"\nbase_url = "https://a.example/fhir"\n'
        'timezone = "America/New_York"\n'
    )
    run = evaluate("rai-uptake", "--site", "synthetic-hospital", "--profile", "saner", *LOCATION)
    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["period"]["start"].endswith("T00:00:00-05:00")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--profile", "saner"), "the form saner is about a location"),
        (("--format", "csv"), "the form saner is about a location"),
        (LOCATION, "the form deqm is about no location"),
        (("--profile", "saner", "--location", "urn:x|"), "no identifier"),
        (("--profile", "deqm", "--format", "table"), "--profile is a MeasureReport's"),
        (("--profile", "deqm", "--json"), "--profile is a MeasureReport's"),
        (("--profile", "madx", "--format", "csv", *LOCATION), "CSV has the form saner, not madx"),
        (("--column", "ttp"), "--column names a column of --format csv"),
        (("--format", "csv", *LOCATION, "--column", "nope"), "no column nope"),
        (("--date", "2026-11-23"), "no time zone"),
        (("--date", "today"), "--date today"),
        (("--profile", "hl7"), "hl7"),
    ],
)
def test_what_does_not_go_together_is_refused(
    evaluate: Evaluate, options: tuple[str, ...], said: str
) -> None:
    run = evaluate(*options)
    assert run.exit_code == 2
    assert 'MeasureReport"' not in run.stdout
    assert said in run.stderr
