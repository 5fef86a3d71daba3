"""One report in each receiver's form: what each form adds, leaves out and refuses."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from adapter.elements import DATA_ABSENT_REASON, code_of, extension_value
from adapter.errors import GateFailed, UsageError
from adapter.report.check import check
from adapter.report.form_definition import form_definition
from adapter.report.forms import Form, Receiver, ReportedLocation, form_problems, render
from adapter.report.narrative import narrative
from adapter.report.writer import Reporter
from tests.lib.report_forms import MASKED, RECEIVER, WHOLE, rendered, reports, through_xml
from tests.lib.reports import (
    HEAD,
    MEASURE_IDS,
    Json,
    measures,
    patched,
    reference_cells,
    reference_report,
    reference_study,
    report_of,
)

UV = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
US = "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/extension-"
FORMS = tuple(Form)


def in_form(form: Form, measure: str = "time-to-progression") -> Json:
    return deepcopy(rendered(form)[f"{measure}, strata"])


def strata(report: Json) -> list[Json]:
    return [
        stratum
        for group in report["group"]
        for stratifier in group.get("stratifier", ())
        for stratum in stratifier["stratum"]
    ]


def urls(report: Json) -> str:
    return " ".join(re.findall(r'"url": "([^"]*)"', json.dumps(report)))


def counted(report: Json) -> list[tuple[int | None, ...]]:
    """Every group's and stratum's counts, in order."""
    return [
        tuple(population.get("count") for population in element["population"])
        for element in (*report["group"], *strata(report))
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_its_own_rules_and_the_reports_counts_and_identity(form):
    for name, report in reports().items():
        found = rendered(form)[name]
        assert form_problems(found, form) == [], name
        assert counted(found) == counted(report), name
        for kept in ("id", "identifier", "measure", "status", "reporter", "contained"):
            assert found.get(kept) == report.get(kept), name


@pytest.mark.parametrize("form", FORMS)
def test_rendering_changes_nothing_of_the_report_it_is_given(form):
    report = reference_report("time-to-progression")
    before = deepcopy(report)
    first = json.dumps(render(report, form, RECEIVER))
    assert report == before
    assert json.dumps(render(report, form, RECEIVER)) == first


def test_a_narrative_that_is_there_already_is_written_anew():
    told = in_form(Form.DEQM)
    assert render(told, Form.SANER, RECEIVER) == in_form(Form.SANER)
    stale = {**told, "text": {"status": "generated", "div": "<div>Jane Doe</div>"}}
    assert render(stale, Form.DEQM) == told


def test_the_deqm_form_is_the_report_with_its_narrative():
    found = in_form(Form.DEQM)
    assert found.pop("text")["status"] == "generated"
    assert found == reference_report("time-to-progression")


def test_the_base_form_claims_no_profile_and_has_no_guides_extension():
    found = in_form(Form.BASE)
    assert "meta" not in found
    assert "uv/deqm" not in urls(found)
    assert "group.linkId" in urls(found)


def test_deqm_stu5_has_the_same_extensions_under_its_own_urls():
    found, uv = in_form(Form.DEQM_US), in_form(Form.DEQM)
    assert "summary-measurereport-deqm" in found["meta"]["profile"][0]
    assert urls(found) == urls(uv).replace(UV, US)
    assert f"{US}measureScoring" in urls(found)


def test_saner_is_about_a_location_to_the_second():
    found = in_form(Form.SANER)
    assert found["subject"] == {
        "type": "Location",
        "identifier": {"system": "urn:oid:1.2.3", "value": "4711"},
        "display": "Thyroid Centre",
    }
    assert found["date"] == "2026-11-23T12:00:00+00:00"
    assert found["period"] == {
        "start": "2019-12-01T00:00:00+00:00",
        "end": "2022-11-30T23:59:59+00:00",
    }
    stratifier = found["group"][0]["stratifier"][0]
    assert code_of(stratifier["code"][0]) == "driver"
    assert all("component" in stratum and "value" not in stratum for stratum in strata(found))


def test_saner_days_are_those_of_the_sites_zone_and_z_is_written_out():
    report = reference_report("rai-uptake") | {"date": "2026-11-23T12:00:00Z"}
    receiver = replace(RECEIVER, zone=ZoneInfo("America/New_York"))
    found = render(report, Form.SANER, receiver)
    assert found["period"]["start"] == "2019-12-01T00:00:00-05:00"
    assert found["date"] == "2026-11-23T12:00:00+00:00"
    summer = render(report | {"period": {"start": "2020-06-01", "end": "2020-06-30"}}, Form.SANER,
                    receiver)  # fmt: skip
    assert summer["period"]["end"] == "2020-06-30T23:59:59-04:00"


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_saner_codes_are_unique_and_those_of_the_measure_follow(measure):
    found = in_form(Form.SANER, measure)
    first = [
        element["code"]["coding"][0]["code"]
        for group in found["group"]
        for element in (group, *group["population"])
    ]
    assert len(set(first)) == len(first)
    for group, asked in zip(found["group"], measures()[measure].groups, strict=True):
        assert group["code"]["coding"][1:] == asked.code["coding"]
        stated = [population["code"]["coding"][1:] for population in group["population"]]
        assert stated == [population.code["coding"] for population in asked.populations]


def test_madx_gives_each_stratum_a_value_a_count_where_the_group_only_counts():
    found = in_form(Form.MADX, "thyroglobulin-response")
    change = found["group"][0]["stratifier"][0]["stratum"][0]
    assert change["measureScore"] == {
        "value": 11, "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"
    }  # fmt: skip
    assert change["population"][0]["count"] == 11
    proportion = in_form(Form.MADX, "rai-uptake")["group"][0]["stratifier"][0]["stratum"][0]
    assert proportion["measureScore"]["value"] == 0.909091
    assert in_form(Form.MADX)["subject"]["identifier"]["value"] == "4711"


@pytest.mark.parametrize("form", [Form.BASE, Form.SANER, Form.MADX])
def test_without_the_groups_extensions_the_report_says_which_way_is_better(form):
    found = in_form(form)
    assert "groupImprovementNotation" not in urls(found)
    assert code_of(found["improvementNotation"]) == "increase"
    assert "improvementNotation" not in in_form(form, WHOLE), "its groups do not agree"


def test_madx_gives_no_value_where_there_is_none_and_hides_what_is_hidden():
    genes = rendered(Form.MADX)["molecular-profile, one patient"]
    hras = next(group for group in genes["group"] if group["id"] == "gene-hras")
    assert "measureScore" not in hras
    hidden = rendered(Form.MADX)["one stratum hidden"]["group"][0]["stratifier"][0]["stratum"]
    reasons = [
        extension_value(stratum["measureScore"].get("_value", {}), DATA_ABSENT_REASON)
        for stratum in hidden
    ]
    assert reasons == [None, "masked", None]
    assert hidden[1]["population"][3] == {
        **hidden[1]["population"][3],
        "_count": MASKED,
    }


@pytest.mark.parametrize("name", ["for a registry", "for the public"])
@pytest.mark.parametrize("form", FORMS)
def test_no_form_says_more_than_disclosure_control_lets_out(form, name):
    report, found = reports()[name], rendered(form)[name]
    hidden = [json.dumps(count).count('"masked"') for count in (report, found)]
    assert hidden[0] > 0
    assert hidden[1] >= hidden[0]
    known = [row for row in counted(found) if None not in row]
    assert known == [row for row in counted(report) if None not in row]
    for group, stated in zip(report["group"], found["group"], strict=True):
        assert stated.get("measureScore") == group.get("measureScore")
    for before, after in zip(strata(report), strata(found), strict=True):
        assert after.get("measureScore", {}).get("value") == (
            before.get("measureScore", {}).get("value")
        )


def test_madx_makes_no_score_of_the_counts_of_a_ratio():
    stratum = in_form(Form.MADX, "rai-uptake")["group"][0]["stratifier"][0]["stratum"][0]
    report = reference_report("rai-uptake")
    report["group"][0]["stratifier"][0]["stratum"][0].pop("measureScore")
    found = render(report, Form.MADX, RECEIVER)["group"][0]["stratifier"][0]["stratum"][0]
    assert len(stratum["population"]) == 3
    reason = extension_value(found["measureScore"]["_value"], DATA_ABSENT_REASON)
    assert reason == "not-applicable"
    assert "value" not in found["measureScore"]


PLANTED = [
    (Form.BASE, "/meta", {"profile": ["urn:x"]}, "the profile is not left out"),
    (Form.BASE, "/extension/0/url", f"{UV}measureScoring", "is no extension of this form"),
    (
        Form.BASE,
        "/group/0/stratifier/0/stratum/0/value",
        {"text": "x"},
        "a stratum has no components, or a value beside them",
    ),
    (Form.DEQM, "/meta/profile/0", "urn:x", "the profile is not"),
    (Form.DEQM, "/group/0/extension/1/url", "urn:x", "group ttp has no scoring"),
    (Form.DEQM, "/group/0/extension/2/url", "urn:x", "no direction of improvement"),
    (Form.DEQM_US, "/group/0/extension/1/url", f"{UV}measureScoring", "no extension of this form"),
    (Form.DEQM_US, "/group/0/extension/1/url", f"{UV}measureScoring", "group ttp has no scoring"),
    (Form.DEQM_US, "/subject", {"reference": "Group/1"}, "a summary has no subject"),
    (Form.DEQM_US, "/reporter/reference", "Practitioner/1", "Practitioner may not report"),
    (Form.SANER, "/subject", {"type": "Location"}, "the subject has no identifier"),
    (Form.SANER, "/subject/type", "Organization", "the subject is no Location"),
    (Form.SANER, "/date", "2026-11-23T12:00:00Z", "date is not to the second"),
    (Form.SANER, "/period/start", "2019-12-01", "start is not to the second"),
    (Form.SANER, "/evaluatedResource", [{"reference": "MeasureReport/1"}], "evaluatedResource"),
    (
        Form.SANER,
        "/group/0/population/0/code/coding/0/code",
        "ttp-event",
        "the code 'ttp-event' names 2 columns",
    ),
    (Form.SANER, "/group/0/code/coding/0/code", "stratum", "may have the code 'stratum'"),
    (Form.SANER, "/group/0/code", {}, "may have the code ''"),
    (Form.SANER, "/group/0/population/0/count", None, "has neither a count nor a reason"),
    (Form.SANER, "/group/0/population", [], "a group or stratum has no population"),
    (Form.SANER, "/group/0/stratifier/0/code", [], "a stratifier has no code"),
    (Form.SANER, "/group/0/stratifier/0/stratum/0/value", {"text": "x"}, "a stratum has a value"),
    (Form.MADX, "/subject", {}, "the subject is missing"),
    (Form.MADX, "/group/0/code", {"text": "ttp"}, "a group has no code"),
    (Form.MADX, "/group/0/population", [], "a group has no population"),
    (Form.MADX, "/group/0/population/0/count", None, "neither a count nor a reason"),
    (Form.MADX, "/group/0/stratifier/0/stratum", [], "a stratifier has no strata"),
    (Form.MADX, "/group/0/stratifier/0/stratum/0/component", [], "a stratum has no component"),
    (Form.MADX, "/group/0/stratifier/0/stratum/0/measureScore", {}, "neither a score nor a reason"),
    *((form, "/type", "data-collection", "has no type data-collection") for form in FORMS),
]


@pytest.mark.parametrize(("form", "path", "value", "seen"), PLANTED)
def test_what_breaks_a_form_is_seen(form, path, value, seen):
    step = {"op": "remove" if value is None else "replace", "path": path, "value": value}
    assert seen in "\n".join(form_problems(patched(in_form(form), [step]), form))


def test_a_report_that_comes_out_wrong_is_not_handed_out():
    report = reference_report("rai-uptake")
    report["group"][0]["population"][0].pop("count")
    with pytest.raises(GateFailed, match="neither a count nor a reason"):
        render(report, Form.MADX, RECEIVER)


@pytest.mark.parametrize("form", [Form.SANER, Form.MADX])
def test_a_form_about_a_location_needs_one(form):
    with pytest.raises(UsageError, match="is about a location") as refused:
        render(reference_report("rai-uptake"), form)
    assert "SYSTEM|VALUE" in str(refused.value.hint)


def test_a_reporter_or_subject_that_a_form_does_not_know_is_refused():
    study = reference_study()
    cells = reference_cells(study)
    person = replace(HEAD, reporter=Reporter("Someone", reference="Practitioner/1"))
    report = report_of("rai-uptake", cells, study, person)
    assert render(report, Form.DEQM)["reporter"]["reference"] == "Practitioner/1"
    with pytest.raises(UsageError, match="takes no report by a Practitioner"):
        render(report, Form.DEQM_US)
    group = replace(HEAD, subject={"reference": "Group/trial"})
    report = report_of("rai-uptake", cells, study, group)
    assert render(report, Form.BASE)["subject"] == {"reference": "Group/trial"}
    with pytest.raises(UsageError, match="no summary of a group"):
        render(report, Form.DEQM_US)


def test_an_identifier_alone_may_report_in_every_form():
    study = reference_study()
    head = replace(HEAD, reporter=Reporter("Hospital", system="urn:oid:1.2.3", value="42"))
    report = report_of("rai-uptake", reference_cells(study), study, head)
    for form in FORMS:
        assert render(report, form, RECEIVER)["reporter"]["identifier"]["value"] == "42"


def individual() -> Json:
    head = replace(
        HEAD,
        kind="individual",
        subject={"reference": "Patient/p1"},
        evaluated=({"reference": "Observation/o1"}, {"reference": "Procedure/p2"}),
    )
    study = reference_study()
    return report_of("time-to-progression", reference_cells(study), study, head)


def test_an_individual_report_names_its_patient_and_what_was_read():
    report = individual()
    assert report["type"] == "individual"
    assert report["meta"]["profile"] == [f"{UV}individualmeasurereport"]
    assert report["subject"] == {"reference": "Patient/p1"}
    assert report["evaluatedResource"][1] == {"reference": "Procedure/p2"}
    assert check(report, measures()["time-to-progression"]) == []
    assert not [found for found in report["contained"] if found["resourceType"] == "Observation"]
    control = next(found for found in report["extension"] if found["url"].endswith("control"))
    assert extension_value(control, "poolable") == "no"
    summary = reference_report("time-to-progression")
    assert "subject" not in summary
    assert "evaluatedResource" not in summary
    assert report["id"] != summary["id"]


def test_a_subject_list_is_a_report_of_its_own_kind():
    study = reference_study()
    head = replace(HEAD, kind="subject-list")
    report = report_of("rai-uptake", reference_cells(study), study, head)
    assert report["type"] == "subject-list"
    assert report["meta"]["profile"] == [f"{UV}subjectlistmeasurereport"]
    assert check(report, measures()["rai-uptake"]) == []


@pytest.mark.parametrize("form", [Form.BASE, Form.DEQM, Form.DEQM_US])
def test_an_individual_report_has_no_narrative(form):
    found = render(individual(), form)
    assert "text" not in found
    assert found["evaluatedResource"][0] == {"reference": "Observation/o1"}
    profile = form_definition(form).profiles["individual"]
    assert found.get("meta", {}).get("profile", [""]) == [profile]


@pytest.mark.parametrize("form", [Form.SANER, Form.MADX])
def test_no_report_of_one_patient_goes_to_public_health(form):
    with pytest.raises(UsageError, match="has no report of type individual"):
        render(individual(), form, RECEIVER)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "individual"}, "its subject"),
        ({"evaluated": ({"reference": "Observation/1"},)}, "no evaluated"),
    ],
)
def test_a_head_whose_parts_contradict_each_other_is_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        replace(HEAD, **change)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"type": "data-collection"}, "type is data-collection"),
        ({"subject": None}, "an individual report has no subject"),
        ({"meta": {"profile": [f"{UV}summarymeasurereport"]}}, "does not fit the profile"),
    ],
)
def test_a_kind_that_is_not_what_it_says_is_seen(change, seen):
    report = {name: value for name, value in {**individual(), **change}.items() if value}
    assert seen in "\n".join(check(report, measures()["time-to-progression"]))


ALLOWED = {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_the_narrative_is_safe_xhtml_of_the_reports_own_counts(measure):
    report = in_form(Form.DEQM, measure)
    div = ET.fromstring(report["text"]["div"])  # noqa: S314 - our own text
    names = {found.tag.removeprefix("{http://www.w3.org/1999/xhtml}") for found in div.iter()}
    assert names <= ALLOWED
    assert all(not found.attrib for found in div.iter())
    rows = [[cell.text for cell in row] for row in div.iter() if row.tag.endswith("}tr")][1:]
    assert len(rows) == len(report["group"]) + len(strata(report))
    said = " ".join(row[2] or "" for row in rows)
    assert [int(number) for number in re.findall(r"(?<= )\d+(?=,|$| )", f" {said}")] == [
        population["count"]
        for group in report["group"]
        for element in (
            group,
            *(s for stratifier in group.get("stratifier", ()) for s in stratifier["stratum"]),
        )
        for population in element["population"]
    ]
    assert check(report, measures()[measure]) == []


def test_the_narrative_shows_scores_with_their_units():
    said = in_form(Form.DEQM)["text"]["div"]
    assert "<td>time-to-progression</td><td>all</td>" in said
    assert "<td>&gt; 192 d</td>" in said
    assert "<td>0.875</td>" in said
    assert "<td>driver NRAS_Q61R</td>" in said


def test_a_text_of_the_data_cannot_leave_its_cell():
    report = reference_report("cohort-characteristics")
    report["reporter"]["display"] = "<b>A & B</b>"
    stratum = report["group"][0]["stratifier"][0]["stratum"][0]
    stratum["component"][0]["value"] = {"text": "<script>alert('x')</script>"}
    said = render(report, Form.BASE)["text"]["div"]
    assert "<script" not in said
    assert "&lt;script&gt;alert('x')&lt;/script&gt;" in said
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in said


def test_the_narrative_hides_what_the_report_hides():
    report = rendered(Form.DEQM)["withheld"]
    rows = re.findall(r"<tr><td>.*?</tr>", report["text"]["div"])
    assert rows
    assert not [row for row in rows if re.search(r" \d+[,<]", row)]
    assert all("masked" in row for row in rows)


def test_a_narrative_that_is_not_made_from_the_report_is_seen():
    measure = measures()["rai-uptake"]
    report = in_form(Form.DEQM, "rai-uptake")
    told = {**report, "text": {**report["text"], "div": "<div>Jane Doe</div>"}}
    assert check(told, measure) == ["the narrative is not the one made from the report"]
    other = patched(report, [{"op": "replace", "path": "/group/0/population/2/count", "value": 14}])
    assert "the narrative is not the one made from the report" in check(other, measure)
    inside = deepcopy(report)
    inside["contained"][0]["text"] = {"status": "generated", "div": "<div>Jane Doe</div>"}
    assert check(inside, measure) == ["div has no place in a summary"]


def test_a_narrative_is_written_for_what_lacks_everything():
    assert "nobody named" in narrative({"resourceType": "MeasureReport"})["div"]


XML_CASES = (
    "cohort-characteristics, strata",
    "rai-uptake, strata",
    "time-to-progression, nobody",
    "withheld",
    "one stratum hidden",
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_back_from_xml_as_it_was(form):
    for name in XML_CASES:
        report = rendered(form)[name]
        found = through_xml(report)
        for moments in (found, found["period"]):
            moments |= {
                key: datetime.fromisoformat(value).isoformat()
                for key, value in moments.items()
                if key in {"date", "start", "end"} and "T" in value
            }
        assert found == report, name


def test_location_and_receiver_have_defaults():
    assert Receiver().location is None
    assert ReportedLocation("1").element() == {"type": "Location", "identifier": {"value": "1"}}
