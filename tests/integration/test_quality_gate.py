"""`raiway check`: a store's data against the rules, its exit code, and what it names."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapter import config, demo
from adapter.cli.app import application
from adapter.errors import DefinitionError
from adapter.evaluate import Request, evaluate
from adapter.quality.gate import Gate, check
from adapter.quality.outcome import issues
from adapter.quality.rules import own, shipped
from adapter.store import open_store

app = application()
STUDY = "redifferentiation"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: export and store."""
    folder = tmp_path_factory.mktemp("quality")
    demo.run(folder, config.Settings())
    return folder


def _said(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments], env={"COLUMNS": "200"})


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'raiway.db'}"


def _gate(url: str, *, today: date = date(2026, 11, 25)) -> Gate:
    from adapter import definitions

    rules = shipped(STUDY)
    assert rules is not None
    study = definitions.load().study(STUDY)
    with open_store(url, create=False) as store:
        figures = evaluate(store, study, Request()).estimates.overall
        return check(store, figures, rules, (), today)


def _spoilt(made: Path, folder: Path, change: Any) -> str:
    """A copy of the demo's store, with changed resources ingested over it as newer versions."""
    shutil.copy(made / "raiway.db", folder / "raiway.db")
    lines = []
    for file in (made / "export").glob("*.ndjson"):
        for line in file.read_text().splitlines():
            resource = json.loads(line)
            if (changed := change(resource)) is not None:
                changed["meta"]["lastUpdated"] = "2026-11-01T00:00:00Z"
                lines.append(json.dumps(changed))
    assert lines
    (folder / "changed.ndjson").write_text("\n".join(lines) + "\n")
    arguments = [
        "ingest",
        str(folder / "changed.ndjson"),
        "--site",
        "demo",
        "--store",
        _url(folder),
    ]
    run = CliRunner().invoke(app, [*arguments, "--timezone", "America/Jamaica"])
    assert run.exit_code == 0, run.stderr
    return _url(folder)


def _in_mci(resource: dict[str, Any]) -> dict[str, Any] | None:
    """MBq written where mCi were meant."""
    if (
        resource["resourceType"] != "MedicationAdministration"
        or "-rai-dose-3" not in resource["id"]
    ):
        return None
    dose = resource["dosage"]["dose"]
    dose["value"] = round(dose["value"] / 37)
    return resource


def test_the_reference_cohort_passes(made: Path):
    run = _said("--store", _url(made))
    assert run.exit_code == 0
    assert "activity-plausible" in run.stdout
    assert "quality gate passed" in run.stderr


def test_json_holds_every_rule(made: Path):
    told = json.loads(_said("--store", _url(made), "--json").stdout)
    rules = shipped(STUDY)
    assert rules is not None
    assert [each["rule"] for each in told["verdicts"]] == [rule.id for rule in rules.rules]
    assert told["passed"] is True
    sequenced = next(each for each in told["verdicts"] if each["rule"] == "tumour-sequenced")
    assert (sequenced["checked"], sequenced["failed"]) == (16, 0)
    assert not any("resources" in each for each in told["verdicts"])


def test_a_wrong_unit_fails_and_is_named(made: Path, tmp_path: Path):
    url = _spoilt(made, tmp_path, _in_mci)
    run = _said("--store", url)
    assert run.exit_code == 3
    assert "activity-plausible" in run.stderr
    assert "SYN-" not in run.stdout + run.stderr
    explained = _said("--store", url, "--explain", "activity-plausible", "--json")
    assert explained.exit_code == 3
    (verdict,) = json.loads(explained.stdout)["verdicts"]
    assert verdict["failed"] == len(verdict["resources"]) >= 5
    assert all(ref.startswith("MedicationAdministration/") for ref in verdict["resources"])


def test_a_date_in_the_future_fails(made: Path):
    (verdict,) = (
        each
        for each in _gate(_url(made), today=date(2021, 1, 1)).failed
        if each.rule.id == "not-in-the-future"
    )
    assert 0 < verdict.tally.failed < verdict.tally.checked


def test_quarantined_lines_fail(made: Path, tmp_path: Path):
    shutil.copy(made / "raiway.db", tmp_path / "raiway.db")
    bad = tmp_path / "bad.ndjson"
    bad.write_text("".join(f'{{"resourceType":"Observation","id":"{n}",\n' for n in range(40)))
    arguments = ["ingest", str(bad), "--site", "demo", "--store", _url(tmp_path)]
    assert CliRunner().invoke(app, [*arguments, "--timezone", "America/Jamaica"]).exit_code == 5
    gate = _gate(_url(tmp_path))
    assert [each.rule.id for each in gate.failed] == ["lines-readable"]
    assert not gate.passed


def test_issues_name_rules_and_no_resource(made: Path, tmp_path: Path):
    told = issues(_gate(_spoilt(made, tmp_path, _in_mci)))
    assert told[0]["severity"] == "error"
    assert "activity-plausible" in told[1]["details"]["text"]
    assert not re.search(r"SYN-|/", json.dumps(told[1:]))
    passed = issues(_gate(_url(made)))
    assert [each["severity"] for each in passed] == ["information"]


def test_a_study_without_rules_says_so(made: Path):
    run = _said("--store", _url(made), "--study", "ho-2013")
    assert run.exit_code == 2
    assert "--rules" in run.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "range"\ntable = "blood"\ncolumn = "x"\nunit = "1"', "no table 'blood'"),
        ('kind = "range"\ntable = "labs"\ncolumn = "x"\nunit = "1"', "no column 'x'"),
        ('kind = "order"\ntables = ["drugs"]\nnot_before = "begin"', "no column 'date'"),
        ('kind = "figure"', "say missing or present"),
        ('kind = "figur"\nmissing = ["x"]', "kind"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(tmp_path: Path, text: str, said: str):
    file = tmp_path / "rules.toml"
    head = 'id = "own"\nstudy = "redifferentiation"\ntitle = "own"\n\n[[rules]]\n'
    common = 'id = "r"\ncategory = "plausibility"\nseverity = "error"\ntitle = "t"\n'
    file.write_text(head + common + text + "\n")
    with pytest.raises(DefinitionError, match=re.escape(said)):
        own(file)


def test_rules_of_ones_own_are_taken(made: Path, tmp_path: Path):
    file = tmp_path / "rules.toml"
    file.write_text(
        'id = "own"\nstudy = "redifferentiation"\ntitle = "own"\n\n[[rules]]\nid = "women-only"\n'
        'category = "completeness"\nseverity = "warning"\ntitle = "women"\nkind = "figure"\n'
        'missing = ["sex_n:male"]\n'
    )
    run = _said("--store", _url(made), "--rules", str(file), "--json")
    assert run.exit_code == 0
    (verdict,) = json.loads(run.stdout)["verdicts"]
    assert (verdict["failed"], verdict["checked"], verdict["state"]) == (7, 16, "failed")
