"""`raiway demo` stamps the quality gate: on its page, its figures and its MeasureReport."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lib.console import raiway


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo")
    raiway("demo", "--out", made / "out", cwd=made)
    return made / "out"


@pytest.fixture(scope="module")
def gate(folder: Path) -> str:
    """What `raiway check` comes to on the same store."""
    run = raiway("check", "--store", f"sqlite:///{folder / 'raiway.db'}", "--json", cwd=folder)
    rules = sum(each["state"] == "passed" for each in run.json["verdicts"])
    assert run.json["passed"]
    return f"passed: {rules} of {rules} rules hold"


def test_every_plot_of_the_page_has_the_gates_result(folder: Path, gate: str):
    page = (folder / "report.html").read_text(encoding="utf-8")
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert len(captions) == page.count("<figure ") > 0
    assert all(f"quality gate {gate}." in caption for caption in captions)
    assert f"<dt>quality gate</dt><dd>{gate}</dd>" in page


def test_the_figures_have_it(folder: Path, gate: str):
    stated = json.loads((folder / "figures.json").read_text(encoding="utf-8"))["quality"]
    assert stated == {"passed": True, "result": gate}


def test_the_measure_report_has_it_as_messages(folder: Path, gate: str):
    report = json.loads((folder / "measure-report.json").read_text(encoding="utf-8"))
    referred = [
        extension["valueReference"]["reference"]
        for extension in report["extension"]
        if extension["url"].endswith("/cqf-messages")
    ]
    contained = {f"#{each['id']}": each for each in report["contained"]}
    assert len(referred) == 1
    outcome = contained[referred[0]]
    assert outcome["resourceType"] == "OperationOutcome"
    assert [(issue["severity"], issue["diagnostics"]) for issue in outcome["issue"]] == [
        ("information", f"quality gate redifferentiation {gate}")
    ]
