"""SANER's CSV of a report: read back by the guide's own steps it gives the report's figures."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import UsageError
from adapter.report.csv_table import csv_text
from adapter.report.forms import Form, ReportedLocation, render
from tests.lib.report_forms import RECEIVER, rendered, reports
from tests.lib.reports import MEASURE_IDS, Json, patched, reference_report

Rows = list[dict[str, str]]

ATTACKS = ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]


def read(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def code(element: Json) -> str:
    """The guide's column: the first code."""
    return str(element["code"]["coding"][0]["code"])


def cell(score: Json | None) -> str:
    return f"{score.get('comparator', '')}{score['value']}" if score else ""


def figures(group: Json, element: Json) -> dict[str, str]:
    """What the row of a group or stratum has to hold."""
    counts = {code(population): str(population["count"]) for population in element["population"]}
    return {code(group): cell(element.get("measureScore")), **counts}


@pytest.mark.parametrize("measure", MEASURE_IDS)
@pytest.mark.parametrize("cohort", ["strata", "no strata", "nobody", "one patient"])
def test_the_figures_of_the_report_are_read_back_from_it(measure, cohort):
    report = rendered(Form.SANER)[f"{measure}, {cohort}"]
    rows = read(csv_text(report))
    totals = [row for row in rows if not row.get("stratifier")]
    assert len(totals) == 1
    strata = {(row["stratifier"], row["stratum"]): row for row in rows[1:]}
    assert len(strata) == len(rows) - 1, "a pair of stratifier and stratum names one row"
    for group in report["group"]:
        stated = figures(group, group)
        assert {name: totals[0][name] for name in stated} == stated
        for stratifier in group.get("stratifier", ()):
            for stratum in stratifier["stratum"]:
                value = stratum["component"][0]["value"]
                name = value.get("coding", [{}])[0].get("code", value.get("text"))
                row = strata.pop((stratifier["id"], name))
                stated = figures(group, stratum)
                assert {column: row[column] for column in stated} == stated
                others = set(row) - set(stated) - FIXED
                assert {row[column] for column in others} <= {""}
    assert strata == {}


FIXED = {"subject", "reporter", "period-start", "period-end", "stratifier", "stratum"}


def test_the_first_columns_say_where_who_and_when():
    row = read(csv_text(rendered(Form.SANER)["rai-uptake, strata"]))[1]
    assert list(row)[:6] == [
        *("subject", "reporter", "period-start", "period-end", "stratifier", "stratum"),
    ]
    assert list(row.values())[:6] == [
        "4711",
        "Organization/example-hospital",
        "2019-12-01T00:00:00+00:00",
        "2022-11-30T23:59:59+00:00",
        "rai-uptake-by-driver",
        "BRAF_V600E",
    ]


def test_without_strata_there_are_no_columns_for_them():
    heads = csv_text(rendered(Form.SANER)["rai-uptake, no strata"]).splitlines()[0].split(",")
    assert not {"stratifier", "stratum"} & set(heads)


def test_a_median_that_is_not_reached_is_said_to_be_greater():
    assert read(csv_text(rendered(Form.SANER)["time-to-progression, strata"]))[0]["ttp"] == ">192"


def test_a_hidden_count_is_its_reason_and_never_zero():
    hidden = read(csv_text(rendered(Form.SANER)["one stratum hidden"]))
    assert [row["ttp-event"] for row in hidden] == ["6", "3", "masked", "1"]
    assert hidden[2]["ttp"] == ""
    withheld = read(csv_text(rendered(Form.SANER)["withheld"]))
    assert {value for name, value in withheld[0].items() if name not in FIXED} <= {"masked", ""}
    assert withheld[0]["ttp-initial-population"] == "masked"


def test_columns_are_chosen_renamed_and_ordered():
    report = rendered(Form.SANER)["time-to-progression, strata"]
    text = csv_text(report, ["urn:raiway:column|ttp-event$progressed", "stratum", "subject$site"])
    assert text.splitlines()[:3] == ["progressed,stratum,site", "6,,4711", "3,BRAF_V600E,4711"]


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no column ttp-evnt") as refused:
        csv_text(rendered(Form.SANER)["time-to-progression, strata"], ["ttp-evnt$x", "subject"])
    assert "ttp-event" in str(refused.value.hint)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_is_left_for_a_spreadsheet_to_calculate(attack):
    report = patched(
        reference_report("rai-uptake"),
        [
            {
                "op": "replace",
                "path": "/group/0/stratifier/0/stratum/0/component/0/value",
                "value": {"text": attack},
            },
            {"op": "replace", "path": "/reporter", "value": {"display": attack}},
        ],
    )
    saner = render(report, Form.SANER, replace(RECEIVER, location=ReportedLocation(attack)))
    text = csv_text(saner, [f"subject${attack}", "reporter", "stratum"])
    cells = [found for row in csv.reader(io.StringIO(text, newline="")) for found in row]
    assert cells.count(f"'{attack}") == 1 + 2 * 4 + 1
    assert not [found for found in cells if found.startswith(tuple(ATTACKS))]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_read_back_or_marked_as_text(value):
    saner = rendered(Form.SANER)["rai-uptake, nobody"]
    located = {**saner, "subject": ReportedLocation(value).element()}
    found = read(csv_text(located))[0]["subject"]
    assert found in {value, f"'{value}"}
    assert (found == value) is (value[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def test_a_number_below_zero_stays_a_number():
    step = {"op": "replace", "path": "/group/0/measureScore/value", "value": -0.5}
    saner = patched(rendered(Form.SANER)["time-to-progression, strata"], [step])
    assert read(csv_text(saner))[0]["ttp"] == ">-0.5"
    saner["group"][0]["measureScore"].pop("comparator")
    assert read(csv_text(saner))[0]["ttp"] == "-0.5"


def test_a_separator_or_quote_stays_within_its_cell():
    location = ReportedLocation('a,"b"\nc')
    saner = render(
        reports()["rai-uptake, nobody"], Form.SANER, replace(RECEIVER, location=location)
    )
    assert read(csv_text(saner))[0]["subject"] == 'a,"b"\nc'
