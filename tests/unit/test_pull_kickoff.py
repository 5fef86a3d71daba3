"""How an export is asked for, and what of `_typeFilter` can be applied here."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapter.errors import ConfigurationError
from adapter.pull.export.filters import filters
from adapter.pull.export.kickoff import ExportRequest
from tests.lib.fault.content import observation
from tests.lib.fault.replies import operation_outcome

BASE = "https://fhir.example/r4/"
ASKED = ExportRequest(
    types=("Observation",),
    filters=("Observation?status=final",),
    since="2026-01-01T00:00:00+01:00",
)


def test_levels():
    assert ExportRequest().url(BASE) == "https://fhir.example/r4/$export"
    assert ExportRequest("patient").url(BASE) == "https://fhir.example/r4/Patient/$export"
    group = ExportRequest("group", "a/b")
    assert group.url(BASE) == "https://fhir.example/r4/Group/a%2Fb/$export"


def test_instants_are_encoded():
    assert "_since=2026-01-01T00%3A00%3A00%2B01%3A00" in ASKED.url(BASE)
    asked = dict(parse_qsl(urlsplit(ASKED.url(BASE)).query))
    assert asked["_since"] == ASKED.since
    assert "_outputFormat" not in asked


def test_body():
    body = json.loads(ExportRequest(types=("A", "B"), patients=("1", "2")).body())
    patients = [each for each in body["parameter"] if each["name"] == "patient"]
    assert [each["valueReference"]["reference"] for each in patients] == ["Patient/1", "Patient/2"]
    assert ExportRequest(patients=("1",)).by_post
    assert not ASKED.by_post


@pytest.mark.parametrize(
    ("code", "text", "dropped"),
    [
        ("invalid", "Bad _typeFilter", "_typeFilter"),
        ("not-supported", "_since", "_since"),
        ("invalid", "Unknown parameter: _type", "_type"),
        ("invalid", "_type holds Foo, which is no type", None),
        ("invalid", "_since lies in the future", None),
        ("not-supported", "_elements", None),
        ("exception", "no such operation", None),
    ],
)
def test_parameters_that_are_not_taken(code, text, dropped):
    assert ASKED.to_drop(operation_outcome(code, text)) == dropped


def test_dropped_once():
    outcome = operation_outcome("not-supported", "_typeFilter is not supported")
    without = ASKED.without("_typeFilter")
    assert without.filters == ()
    assert without.to_drop(outcome) is None
    assert ASKED.without("_since").since is None
    assert ASKED.without("_type").types == ()


@pytest.mark.parametrize("body", [None, [], {"issue": 7}, {"issue": [None, {"details": []}]}])
def test_refusals_without_an_outcome(body):
    assert ASKED.to_drop(body) is None


@pytest.mark.parametrize(
    "query", ["Observation", "status=final", "Observation?_sort=date", "Observation?a=b&_include=*",
              "Observation?_elements=id"]
)  # fmt: skip
def test_filters_that_cannot_be(query):
    with pytest.raises(ConfigurationError):
        ExportRequest(filters=(query,))


def test_a_group_needs_its_id():
    with pytest.raises(ConfigurationError, match="group"):
        ExportRequest("group")


LAB = "http://terminology.hl7.org/CodeSystem/observation-category"
LOINC = "http://loinc.org"


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("Observation?status=final", True),
        ("Observation?status=amended,final", True),
        ("Observation?status=amended", False),
        ("Observation?code=3013-0", True),
        ("Observation?code=http%3A%2F%2Floinc.org|3013-0", True),
        (f"Observation?code={LOINC}|3013-0", True),
        (f"Observation?code={LOINC}|", True),
        ("Observation?code=urn:other|3013-0", False),
        ("Observation?code=|3013-0", False),
        ("Observation?status=final&code=3013-0", True),
        ("Observation?status=final&code=2345-7", False),
        (f"Observation?category={LAB}|laboratory", True),
        ("Observation?category=vital-signs", False),
        ("Observation?_id=obs-1,obs-2", True),
        ("Observation?_id=obs-2", False),
        # Of another type, or not to be judged here.
        ("Condition?code=x", True),
        ("Observation?date=ge2030-01-01", True),
        ("Observation?code:not=3013-0", True),
    ],
)
def test_filters(query, keeps):
    made = observation(1, category=[{"coding": [{"system": LAB, "code": "laboratory"}]}])
    assert filters([query]).keeps(made) is keeps


def test_filters_are_alternatives():
    either = filters(["Observation?status=amended", "Observation?code=3013-0"])
    assert either.keeps(observation(1))
    assert not either.keeps(observation(1, code={"text": "3013-0"}))
    assert filters(["Observation?date=ge2030&_id=x"]).unjudged == ("Observation?date",)
