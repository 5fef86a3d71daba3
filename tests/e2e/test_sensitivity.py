"""`raiway sensitivity` from outside, on the synthetic hospital."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from tests.lib.console import raiway
from tests.lib.needs import ROOT

Figures = dict[str, Any]


def test_the_shipped_variants_are_the_default(loaded: Path, figures: Figures) -> None:
    found = raiway("sensitivity", "--json", cwd=loaded).json
    reference = found["reference"]
    assert reference["figures"]["n_patients"] == 16
    assert reference["figures"]["rmst_{horizon_days}_days"] == figures["rmst_192_days"]
    assert len({each["hash"] for each in found["definitions"]}) == len(found["definitions"])
    rows = {each["name"]: each for each in found["definitions"]}
    # design.md: with the last drug day for the one untreated patient.
    untreated = rows["finish: drug day where no I-131"]["figures"]
    assert untreated["rmst_{horizon_days}_days"] == pytest.approx(170.295, abs=5e-4)
    assert untreated["rmst_{horizon_days}_se"] == pytest.approx(9.530, abs=5e-4)
    assert rows["index: therapeutic I-131"]["figures"]["followed_n"] == 15
    shorter = rows["horizon: 183 days"]
    assert shorter["differences"]["rmst_{horizon_days}_days"] is None  # another quantity
    assert shorter["differences"]["n_patients"] == 0
    # Of 16 patients 11 carry BRAF V600E.
    one_genotype = rows["in: BRAF V600E only"]
    assert (one_genotype["figures"]["n_patients"], len(one_genotype["moved_out"])) == (11, 5)
    assert {each["reason"] for each in one_genotype["moved_out"]} == {"driver_not_included"}
    assert one_genotype["study"]["include_drivers"] == ["BRAF_V600E"]


def test_a_row_is_what_evaluate_says_under_the_same_rules(loaded: Path) -> None:
    names = ("rmst_150_days", "tg_prior_to_3m_decrease_pct", "best_recist_n:PR")
    shown = [part for name in names for part in ("--figure", name)]
    settings = ("--set", "horizon_days=150", "--set", "tg_profile=half")
    (row,) = raiway("sensitivity", *settings, *shown, "--json", cwd=loaded).json["definitions"]
    whole = raiway("evaluate", *settings, "--json", cwd=loaded).json
    assert row["hash"] == whole["study"]["hash"]
    assert row["figures"] == {name: whole["figures"][name] for name in names}


def test_a_grid_as_table_and_csv(loaded: Path, tmp_path: Path) -> None:
    axes = ("--set", "tg_profile=abstract,half", "--set", "window_after_days=40,120")
    table = raiway("sensitivity", *axes, "--figure", "n_patients", cwd=loaded).stdout.splitlines()
    assert [line.split() for line in table[2:7]][1][2:] == [
        table[3].split()[2],
        "0",
        "(-16)",
        "0",
        "16",
    ]
    assert table[2].split()[0] == "reference"
    assert "SYN-" not in "".join(table)
    out = tmp_path / "grid.csv"
    raiway("sensitivity", *axes, "--format", "csv", "--out", out, cwd=loaded)
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [row["definition"] for row in rows] == [
        "reference",
        "tg_profile=abstract, window_after_days=40",
        "tg_profile=abstract, window_after_days=120",
        "tg_profile=half, window_after_days=40",
        "tg_profile=half, window_after_days=120",
    ]
    assert [row["moved_out"] for row in rows] == ["0", "16", "0", "16", "0"]
    assert rows[4]["tg_prior_to_3m_decrease_pct"] == "50.0"
    assert rows[4]["tg_prior_to_3m_decrease_pct:difference"] == "-18.75"
    assert rows[2]["hash"] == rows[0]["hash"]  # it changes nothing


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "tg_profil=rcv"), "tg_profil: no such key"),
        (("--set", "tg_profile=rcv,rvc"), "--set tg_profile=rvc"),
        (("--set", "tg_profile"), "no value"),
        (("--grid", "nowhere"), "no grid 'nowhere'"),
        (("--figure", "n_patient"), "did you mean n_patients"),
        (("--figure", "age_years_min"), "no figure of the aggregate"),
        (("--site", "Z"), "no data of site Z"),
        (("--study", "ho-2013", "--grid", "redifferentiation"), "for study redifferentiation"),
        (("--study", "weber-2022"), "no grid is shipped"),
        (("--set", f"horizon_days={','.join(map(str, range(1, 300)))}"), "299 definitions"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], said: str, loaded: Path) -> None:
    run = raiway("sensitivity", *arguments, cwd=loaded, expect=2)
    assert run.stdout == ""
    assert said in run.stderr


def test_the_worked_example_of_the_docs_is_true(loaded: Path) -> None:
    text = (ROOT / "docs" / "sensitivity.md").read_text(encoding="utf-8")
    shown = re.findall(
        r"^\| (.+?) \| (\d+) \| (\d+) \| ([\d.]+) \(([\d.]+)\) \| ([\d.]+) % \|$",
        text,
        re.MULTILINE,
    )
    assert len(shown) == 9
    found = raiway("sensitivity", "--json", cwd=loaded).json
    rows = {each["name"]: each["figures"] for each in (found["reference"], *found["definitions"])}
    for name, followed, progressed, mean, se, decrease in shown:
        figures = rows[name]
        assert figures["followed_n"] == int(followed), name
        assert figures["progressed_by_{horizon_days}_n"] == int(progressed), name
        stated = (float(mean), float(se), float(decrease))
        assert stated == pytest.approx(
            (
                figures["rmst_{horizon_days}_days"],
                figures["rmst_{horizon_days}_se"],
                figures["tg_prior_to_3m_decrease_pct"],
            ),
            abs=0.005001,
        ), name
