"""The parameters of evaluation: periods, names of both vocabularies, and what is refused."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from adapter.api.evaluating import asked
from adapter.api.evaluating.given import Given
from adapter.api.evaluating.period import first_day, last_day, whole_months
from adapter.api.evaluating.prefer import preferences
from adapter.api.evaluating.vocabulary import check_names, kind_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.principal import Principal
from adapter.config import Settings
from adapter.definitions import load

UTC = ZoneInfo("UTC")
JAMAICA = ZoneInfo("America/Jamaica")
STUDY = load().study("redifferentiation")
BASE = "https://raiway.example/fhir/Measure"


def given(**values: object) -> Given:
    found = {name: tuple(v) if isinstance(v, list) else (v,) for name, v in values.items()}
    return Given(found)


def refused(failure: pytest.ExceptionInfo[FhirFailure]) -> tuple[int, str, tuple[str, ...]]:
    return failure.value.status, failure.value.code, failure.value.expression


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2014", date(2014, 1, 1), date(2014, 12, 31)),
        ("2014-02", date(2014, 2, 1), date(2014, 2, 28)),
        ("2016-02", date(2016, 2, 1), date(2016, 2, 29)),
        ("2014-12", date(2014, 12, 1), date(2014, 12, 31)),
        ("2014-05-06", date(2014, 5, 6), date(2014, 5, 6)),
        ("2014-05-06T23:30:00Z", date(2014, 5, 6), date(2014, 5, 6)),
        ("2014-05-06T23:30:00-05:00", date(2014, 5, 7), date(2014, 5, 7)),
        ("2014-05-06T23:59:59.999999999Z", date(2014, 5, 6), date(2014, 5, 6)),
        ("2014-05-06T23:30", date(2014, 5, 6), date(2014, 5, 6)),
    ],
)
def test_a_date_stands_for_its_first_and_its_last_instant(text: str, first: date, last: date):
    assert first_day(text, UTC) == first
    assert last_day(text, UTC) == last


def test_an_instant_lies_on_its_day_in_the_zone():
    assert first_day("2014-05-07T03:00:00Z", JAMAICA) == date(2014, 5, 6)
    assert first_day("2014-05-07T03:00:00Z", UTC) == date(2014, 5, 7)


@pytest.mark.parametrize(
    "text",
    ["", "14", "2014-13", "2014-00", "2014-02-30", "2014-1", "20140101", "2014-05-06T25:00Z",
     "2014-W05", "0000", "today", "2014-05-06 10:00", "٢٠١٤", "2014-05-06T10:00:00+99:99",
     "9999-12-31T23:59:59-12:00"],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str):
    for day in (first_day, last_day):
        with pytest.raises(ValueError, match=r"."):
            day(text, UTC)


@pytest.mark.parametrize("text", ["2014-02-30", "Infinity"])
def test_a_wrong_period_names_its_parameter_and_not_its_value(text: str):
    with pytest.raises(FhirFailure) as failure:
        asked.period_asked(given(periodStart="2014", periodEnd=text), UTC)
    assert refused(failure) == (400, "invalid", ("http.periodEnd",))
    assert text not in failure.value.text


@pytest.mark.parametrize("missing", ["periodStart", "periodEnd"])
def test_both_ends_are_required(missing: str):
    ends = {name: "2014" for name in ("periodStart", "periodEnd") if name != missing}
    with pytest.raises(FhirFailure) as failure:
        asked.period_asked(given(**ends), UTC)
    assert refused(failure) == (400, "required", (f"http.{missing}",))


def test_a_period_does_not_end_before_it_starts():
    with pytest.raises(FhirFailure) as failure:
        asked.period_asked(given(periodStart="2015", periodEnd="2014"), UTC)
    assert refused(failure) == (400, "invalid", ("http.periodEnd",))
    start, end = asked.period_asked(given(periodStart="2014-03-01", periodEnd="2014-03-01"), UTC)
    assert start == end


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("subject", "individual"),  # R4
        ("subject-list", "subject-list"),
        ("population", "summary"),
        ("individual", "individual"),  # DEQM UV
        ("summary", "summary"),
        ("patient", "individual"),  # STU3
        ("patient-list", "subject-list"),
    ],
)
def test_report_types_of_three_vocabularies(name: str, kind: str):
    assert kind_of(given(reportType=name), names_a_subject=False) == kind
    assert kind_of(given(reportType=name), names_a_subject=True) == kind


def test_without_a_type_a_subject_makes_it_individual():
    assert kind_of(given(), names_a_subject=True) == "individual"
    assert kind_of(given(), names_a_subject=False) == "summary"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("data-collection", 501, "not-supported"), ("everything", 400, "invalid")],
)
def test_other_report_types(name: str, status: int, code: str):
    with pytest.raises(FhirFailure) as failure:
        kind_of(given(reportType=name), names_a_subject=False)
    assert refused(failure) == (status, code, ("http.reportType",))


@pytest.mark.parametrize("name", ["lastReceivedOn", "manifest", "nonsense", "PeriodStart"])
def test_what_cannot_be_heeded_is_refused(name: str):
    with pytest.raises(FhirFailure) as failure:
        check_names(given(**{name: "2020"}))
    assert refused(failure) == (400, "not-supported", (f"http.{name}",))


@pytest.mark.parametrize(
    "text",
    [f"{BASE}/rai-uptake", f"{BASE}/rai-uptake|0.1.0", "Measure/rai-uptake", "rai-uptake"],
)
@pytest.mark.parametrize("name", ["measure", "measureUrl", "measureId"])
def test_a_measure_by_any_of_its_names(name: str, text: str):
    (found,) = asked.measures_asked(given(**{name: text}), Settings(), "")
    assert found.id == "rai-uptake"


def test_several_measures_keep_their_order_and_stand_once():
    urls = [f"{BASE}/rai-uptake", f"{BASE}/molecular-profile", "rai-uptake"]
    found = asked.measures_asked(given(measureUrl=urls), Settings(), "")
    assert [each.id for each in found] == ["rai-uptake", "molecular-profile"]


@pytest.mark.parametrize("text", [f"{BASE}/rai-uptake|9.9", "Measure/other", f"{BASE}/other"])
def test_a_measure_that_is_not_there(text: str):
    with pytest.raises(FhirFailure) as failure:
        asked.measures_asked(given(measure=text), Settings(), "")
    assert refused(failure) == (404, "not-found", ("http.measure",))


def test_a_measure_must_be_named_and_only_that_of_the_url():
    with pytest.raises(FhirFailure) as failure:
        asked.measures_asked(given(), Settings(), "")
    assert refused(failure) == (400, "required", ("http.measure",))
    with pytest.raises(FhirFailure) as failure:
        asked.measures_asked(given(measure="molecular-profile"), Settings(), "rai-uptake")
    assert refused(failure) == (400, "invalid", ("http.measure",))
    (found,) = asked.measures_asked(given(measure="rai-uptake"), Settings(), "rai-uptake")
    assert found.id == "rai-uptake"


def test_overrides_as_on_the_command_line_and_as_a_resource():
    resource = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "tg_profile", "valueCode": "rcv"},
            {"name": "horizon_days", "valueInteger": 96},
        ],
    }
    by_resource = asked.study_asked(given(parameters=resource), STUDY)
    by_text = asked.study_asked(given(parameters=["tg_profile=rcv", "horizon_days=96"]), STUDY)
    assert by_resource.fingerprint == by_text.fingerprint != STUDY.fingerprint
    assert by_text.horizon_days == 96
    assert asked.study_asked(given(), STUDY).fingerprint == STUDY.fingerprint


@pytest.mark.parametrize(
    "values",
    [
        ["no_such_key=1"],
        ["tg_profile"],
        ["tg_profile=unheard-of"],
        [{"resourceType": "Bundle", "type": "collection"}],
        [{"resourceType": "Parameters", "parameter": [{"name": "tg_profile"}]}],
        [{"resourceType": "Parameters", "parameter": [{"name": "a", "valuePeriod": {}}]}],
    ],
)
def test_wrong_overrides(values: list[object]):
    with pytest.raises(FhirFailure) as failure:
        asked.study_asked(given(parameters=values), STUDY)
    assert failure.value.status == 400


@pytest.mark.parametrize(
    ("name", "text", "reporter"),
    [
        ("practitioner", "Practitioner/7", "Practitioner/7"),
        ("practitioner", "7", "Practitioner/7"),
        ("provider", "Organization/a-b.c", "Organization/a-b.c"),
        ("provider", "PractitionerRole/1", "PractitionerRole/1"),
        ("providerResource", {"resourceType": "Organization", "id": "o"}, "Organization/o"),
    ],
)
def test_by_whom(name: str, text: object, reporter: str):
    assert asked.reporter_asked(given(**{name: text})) == reporter
    assert asked.reporter_asked(given()) == ""


@pytest.mark.parametrize(
    ("values", "expression"),
    [
        ({"provider": "Patient/1"}, "http.provider"),
        ({"provider": "Practitioner/../1"}, "http.provider"),
        ({"provider": ["Practitioner/1", "Practitioner/2"]}, "http.provider"),
        ({"providerResource": {"resourceType": "Patient", "id": "1"}}, "http.providerResource"),
        ({"providerResource": {"resourceType": "Organization"}}, "http.providerResource"),
        (
            {"provider": "Organization/1", "providerResource": {"resourceType": "Organization"}},
            "http.providerResource",
        ),
    ],
)
def test_who_cannot_report(values: dict[str, object], expression: str):
    with pytest.raises(FhirFailure) as failure:
        asked.reporter_asked(given(**values))
    assert refused(failure) == (400, "invalid", (expression,))


def test_stratifiers_are_those_of_the_aggregate():
    assert asked.stratifiers_asked(given(stratifier=["sex", "arm"])) == ("sex", "arm")
    with pytest.raises(FhirFailure) as failure:
        asked.stratifiers_asked(given(stratifier="blood_group"))
    assert refused(failure) == (400, "invalid", ("http.stratifier",))


@pytest.mark.parametrize(
    ("values", "end", "refusal"),
    [
        ({"parameters": "tg_profile=rcv"}, date(2020, 12, 31), "http.parameters"),
        ({"stratifier": "sex"}, date(2020, 12, 31), "http.stratifier"),
        ({}, date(2020, 12, 30), "http.periodStart"),
        ({}, date(2020, 12, 31), None),
    ],
)
def test_under_a_policy_questions_that_differ_by_little_are_refused(
    values: dict[str, object], end: date, refusal: str | None
):
    start = date(2020, 1, 1)
    registry = Principal("r", "client", ("system/*.rs",), "registry", patient_level=False)
    inside = Principal("i", "client", ("system/*.rs",), "none", patient_level=False)
    asked.refuse_differencing(given(**values), inside, start, end)
    if refusal is None:
        asked.refuse_differencing(given(**values), registry, start, end)
        return
    with pytest.raises(FhirFailure) as failure:
        asked.refuse_differencing(given(**values), registry, start, end)
    assert refused(failure) == (403, "forbidden", (refusal,))


def test_whole_months():
    assert whole_months(date(2020, 2, 1), date(2020, 2, 29))
    assert not whole_months(date(2020, 2, 1), date(2020, 2, 28))
    assert not whole_months(date(2020, 2, 2), date(2020, 2, 29))


def test_a_parameter_in_a_body_is_named_by_its_path():
    with pytest.raises(FhirFailure) as failure:
        Given({"measure": ("a", "b")}, in_body=True).one("measure")
    assert failure.value.expression == ("Parameters.parameter.where(name='measure')",)
    with pytest.raises(FhirFailure) as failure:
        Given({"measure": ({"resourceType": "Measure"},)}).one("measure")
    assert failure.value.status == 400


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], {}),
        (["respond-async"], {"respond-async": ""}),
        (
            ["respond-async, return=minimal", 'handling="strict"'],
            {"respond-async": "", "return": "minimal", "handling": "strict"},
        ),
        (["return=minimal; foo=bar", "return=representation"], {"return": "minimal", "foo": "bar"}),
        ([" , ;"], {}),
    ],
)
def test_preferences(headers: list[str], found: dict[str, str]):
    assert preferences(headers) == found
