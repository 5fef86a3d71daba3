"""JSON and XML both ways, judged by the npm package fhir, which shares no code with ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.api.fhir.surface import DEFINITIONAL
from adapter.errors import InvalidResource
from adapter.fhir_xml import as_xml, from_xml
from tests.lib.api import JSON, XML, client
from tests.lib.definitions import NODE_MODULES
from tests.lib.needs import ROOT, SHARED, here, missing

TYPES = [offered.type for offered in DEFINITIONAL if offered.type != "ViewDefinition"]
HANDMADE: dict[str, Any] = {
    "resourceType": "MeasureReport",
    "id": "a",
    "meta": {"lastUpdated": "2026-11-23T12:00:00.120+00:00", "profile": ["urn:p"]},
    "language": "de",
    "_language": {"id": "l"},
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; ä<br/>b <b>c</b></p></div>',
    },
    "contained": [
        {
            "resourceType": "Observation",
            "id": "o",
            "status": "final",
            "code": {"text": "x"},
            "valueSampledData": {
                "origin": {"value": 0},
                "period": 86400000,
                "dimensions": 3,
                "data": "16 0 0 E",
            },
        }
    ],
    "extension": [
        {"url": "urn:b", "valueBoolean": False},
        {"url": "urn:d", "valueDecimal": -0.25},
        {"url": "urn:i", "valueInteger": -7},
        {"url": "urn:n", "extension": [{"url": "in", "valueTime": "12:00:00"}]},
        {"id": "e", "url": "urn:m", "valueMarkdown": '  two\nlines and "quotes" <&>'},
    ],
    "status": "complete",
    "type": "summary",
    "measure": "https://m.example/Measure/m|1",
    "date": "2026-11-23T12:00:00+00:00",
    "period": {"id": "p", "start": "2020-01", "end": "2020-12-31"},
    "group": [
        {
            "id": "g",
            "population": [
                {
                    "_count": {
                        "extension": [
                            {
                                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                                "valueCode": "masked",
                            },
                            {
                                "url": "https://raiway.example/fhir/StructureDefinition/suppressed-range",
                                "valueRange": {"low": {"value": 0}, "high": {"value": 19}},
                            },
                        ]
                    }
                },
                {"count": 0},
            ],
            "measureScore": {"value": 0.000001, "comparator": ">", "unit": "d"},
        }
    ],
}
SPARSE: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [
        {"given": ["A", None, "C"],
         "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "y"}]}, None]},
        {"_given": [{"id": "g"}]},
    ],
}  # fmt: skip
BUNDLE = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 1,
    "entry": [{"fullUrl": "urn:a", "resource": HANDMADE, "search": {"mode": "match"}}],
}


def resources() -> Iterator[Any]:
    """All that is served of R4's types."""
    for kind in TYPES:
        for file in sorted((ROOT / "mappings" / kind).glob("*.json")):
            yield pytest.param(json.loads(file.read_text("utf-8")), id=f"{kind}/{file.stem}")
    server = client()
    yield from (
        pytest.param(HANDMADE, id="by hand"),
        pytest.param(BUNDLE, id="searchset"),
        pytest.param(server.get("/fhir/metadata").json(), id="metadata"),
        pytest.param(server.get("/fhir/Measure?_count=3").json(), id="measures"),
        pytest.param(server.get("/fhir/nope").json(), id="outcome"),
    )


CASES = list(resources())
REPORTS = [
    pytest.param(json.loads(file.read_text("utf-8")), id=file.stem)
    for file in sorted((SHARED / "reference/measure-report").glob("*.json"))
    if file.stem != "broken"
]
EVERY = [case.values[0] for case in (*CASES, *REPORTS)]


def converted(given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the npm package makes of each of these."""
    if shutil.which("node") is None or not (NODE_MODULES / "fhir").is_dir():
        missing("run `npm ci` in tests/judges first")
    done = subprocess.run(
        ["node", "xml.mjs"],
        input="".join(json.dumps(item) + "\n" for item in given),
        capture_output=True,
        check=True,
        cwd=NODE_MODULES.parent,
        encoding="utf-8",
        timeout=120,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def compared(value: Any) -> Any:
    """A resource with all numbers as text: the npm package reads decimals as text."""
    if isinstance(value, dict):
        return {key: compared(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [compared(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return str(Decimal(str(value)).normalize())
    except ArithmeticError:
        return value


@pytest.mark.parametrize(
    "resource", [*CASES, *here(REPORTS, "../shared/reference/measure-report is not here")]
)
def test_xml_comes_back_as_the_json_that_it_was(resource: dict[str, Any]) -> None:
    assert from_xml(as_xml(resource)) == resource
    assert from_xml(as_xml(resource, pretty=True)) == resource


def test_our_xml_is_read_by_another_as_the_same_json() -> None:
    read = converted([{"xml": as_xml(resource).decode()} for resource in EVERY])
    for resource, found in zip(EVERY, read, strict=True):
        assert compared(found["json"]) == compared(resource)


def test_xml_of_another_is_read_by_us_as_the_same_json() -> None:
    written = converted([{"json": resource} for resource in EVERY])
    for resource, found in zip(EVERY, written, strict=True):
        assert from_xml(found["xml"].encode()) == resource


def test_values_that_only_some_of_a_list_have_stay_in_their_places() -> None:
    assert from_xml(as_xml(SPARSE)) == SPARSE


def test_ids_of_elements_are_attributes() -> None:
    text = as_xml(HANDMADE).decode()
    assert '<group id="g">' in text
    assert '<MeasureReport xmlns="http://hl7.org/fhir"><id value="a"/>' in text
    assert '<period id="p">' in text


def test_elements_stand_in_the_order_of_the_definition() -> None:
    shuffled = dict(reversed(HANDMADE.items()))
    assert as_xml(shuffled) == as_xml(HANDMADE)


@pytest.mark.parametrize("sent", [JSON, XML])
@pytest.mark.parametrize("wanted", [JSON, XML])
def test_a_resource_goes_through_the_server_both_ways(sent: str, wanted: str) -> None:
    body = json.dumps(HANDMADE).encode() if sent == JSON else as_xml(HANDMADE)
    headers = {"Content-Type": sent, "Accept": wanted}
    answer = client().post("/fhir/echo", content=body, headers=headers)
    found = answer.json() if wanted == JSON else from_xml(answer.content)
    assert found == HANDMADE


ENTITY = '<!DOCTYPE div [<!ENTITY a "b">]><div xmlns="http://www.w3.org/1999/xhtml">&a;</div>'


def xml(inner: str, kind: str = "Observation") -> bytes:
    return f'<{kind} xmlns="http://hl7.org/fhir">{inner}</{kind}>'.encode()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (xml("<valueInteger value='1.5'/>"), "integer"),
        (xml("<valueInteger value='01'/>"), "integer"),
        (xml("<valueInteger value='&#x661;'/>"), "integer"),
        (xml("<valueBoolean value='True'/>"), "boolean"),
        (xml("<valueQuantity><value value='NaN'/></valueQuantity>"), "decimal"),
        (xml("<status value='a'/><status value='b'/>"), "more than once"),
        (xml("<contained><Basic/><Basic/></contained>"), "one resource"),
        (xml("<status xmlns='urn:other' value='a'/>"), "namespace"),
        (xml("", "Observation.component"), "no resource type"),
        (xml("<status>final</status>"), "text outside"),
        (xml("<status value='final'/>final"), "text outside"),
        (xml("<status value='final' id='a' code='b'/>"), "no attribute code"),
        (xml("<code value='x'/>"), "no attribute value"),
        (b'<Basic xmlns="http://hl7.org/fhir" id="a"/>', "no attribute id"),
        (xml("<extension url='a'>" * 80 + "</extension>" * 80), "nested"),
        (b"\x00", "no XML"),
        (b"", "no XML"),
    ],
)
def test_xml_that_is_not_of_r4_is_refused(content: bytes, fault: str) -> None:
    with pytest.raises(InvalidResource, match=fault):
        from_xml(content)


def test_what_other_namespaces_say_is_no_part_of_the_resource() -> None:
    head = (
        b'<Basic xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xsi:schemaLocation="http://hl7.org/fhir basic.xsd">'
    )
    content = b"<?xml version='1.0'?><?style x?>" + head + b"<!-- c --><id value='a'/></Basic>"
    assert from_xml(content) == {"resourceType": "Basic", "id": "a"}


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Nope"},
        {"resourceType": "Basic", "nope": 1},
        {"resourceType": "Basic", "text": {"status": "generated", "div": "<div>"}},
        {"resourceType": "Basic", "text": {"status": "generated", "div": ENTITY}},
    ],
)
def test_json_that_is_not_of_r4_has_no_xml(resource: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        as_xml(resource)


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1
)
EXTENSIONS = st.one_of(
    st.builds(lambda text: {"url": "urn:s", "valueString": text}, TEXT),
    st.builds(lambda number: {"url": "urn:i", "valueInteger": number}, st.integers()),
    st.builds(
        lambda number: {"url": "urn:d", "valueDecimal": number},
        # Of no more digits than R4 asks for.
        st.floats(-1e12, 1e12),
    ),
    st.builds(lambda flag: {"url": "urn:b", "valueBoolean": flag}, st.booleans()),
)


@given(st.lists(EXTENSIONS, min_size=1, max_size=4))
@settings(max_examples=100)
def test_any_value_comes_back(extensions: list[dict[str, Any]]) -> None:
    resource = {"resourceType": "Basic", "extension": extensions, "code": {"text": "x"}}
    assert from_xml(as_xml(resource)) == resource
