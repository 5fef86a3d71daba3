"""Wrong use: exit code 2, what was meant, and nothing on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.cli.app import application

app = application()

SITE_A = ["ingest", ".", "--site", "A"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a store to which site A sent an empty file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAIWAY_STORE__URL", raising=False)
    (tmp_path / "empty.ndjson").write_text("", encoding="utf-8")
    assert CliRunner().invoke(app, [*SITE_A, "--quiet"]).exit_code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--formt", "table"], "--format"),
        (["evalate"], "evaluate"),
        (["evaluate", "no-such-measure"], "redifferentiation-outcomes"),
        (["evaluate", "--stratify", "shoe-size"], "stratifiers:"),
        (["evaluate", "--site", "Z"], "sites in the store: A"),
        (["evaluate", "--study", "none"], "there are: ho-2013, leboulleux-2023, redifferentiation"),
        (["evaluate", "--set", "tg_profil=rcv"], "tg_profile"),
        (["evaluate", "--set", "tg_profile"], "say KEY=VALUE"),
        (["evaluate", "--set", "index_drug_classes=MEKi"], 'index_drug_classes=["MEKi"]'),
        (["evaluate", "rai-uptake", "--format", "table"], "the table shows the whole study"),
        (["evaluate", "--set", "tg_profile=guess"], "tg_profile"),
        (["evaluate", "--set", "horizon_days=0"], "horizon_days"),
        (["evaluate", "--set", "ct_increase_mm=nan"], "ct_increase_mm"),
        (["evaluate", "--set", "milestones=[-5]"], "milestones"),
        (["evaluate", "--period-start", "2021-02-30"], "--period-start"),
        (["evaluate", "--period-start", "2022-01-01", "--period-end", "2021-01-01"], "2022-01-01"),
        (["evaluate", "--out", "none/report.json"], "none/report.json"),
        (["evaluate", "--out", "."], "cannot be written"),
        (["evaluate", "--store", "mysql://host/db"], "postgresql+psycopg://"),
        (["evaluate", "--store", "nonsense"], "sqlite:///raiway.db"),
        (["evaluate", "--config", "none.toml"], "raiway init"),
        (["cohort", "--site", "Z"], "sites in the store: A"),
        (["cohort", "--explain", "p", "--site", "A", "--site", "B"], "one --site"),
        (["ingest", "--site", "A"], "--replay"),
        ([*SITE_A, "--replay"], "--replay"),
        (["ingest", "."], "--site"),
        (["ingest", ".", "--site", " "], "a site needs an id"),
        ([*SITE_A, "--timezone", "Mars/Olympus"], "America/New_York"),
        ([*SITE_A, "--map", "none.json"], "none.json"),
    ],
)
def test_wrong_use_is_exit_code_2(folder: Path, arguments: list[str], said: str):
    run = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    assert said in run.stderr
    assert {path.name for path in folder.iterdir()} == {"empty.ndjson", "raiway.db"}


def test_the_target_is_checked_before_anything_is_computed(folder: Path):
    run = CliRunner().invoke(app, ["evaluate", "--out", "none/r.json", "--store", "nonsense"])
    assert run.exit_code == 2
    assert "no such folder" in run.stderr


def test_json_beats_the_table_and_says_so(folder: Path):
    run = CliRunner().invoke(app, ["evaluate", "rai-uptake", "--format", "table", "--json"])
    assert run.exit_code == 0
    assert "figures" in json.loads(run.stdout)
    assert "--json gives the figures, not a table" in run.stderr


def test_an_error_under_json_is_an_object(folder: Path):
    run = CliRunner().invoke(app, ["cohort", "--site", "Z", "--json"])
    assert json.loads(run.stdout)["error"]["what"] == "no data of site Z"


def test_a_placeholder_for_the_reporter_is_told_once(folder: Path):
    said = "reporter is a placeholder: set [report] reporter"
    assert CliRunner().invoke(app, ["evaluate"]).stderr.count(said) == 1
    own = {"RAIWAY_REPORT__REPORTER": "Organization/own"}
    assert said not in CliRunner().invoke(app, ["evaluate"], env=own).stderr
    assert said not in CliRunner().invoke(app, ["evaluate", "--format", "figures"]).stderr


def test_help_names_the_exit_codes_and_how_lists_are_set():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert "5 partial (something was quarantined)" in shown
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"}).stdout
    assert 'index_drug_classes=["MEKi"]' in " ".join(shown.split())
