"""What a request's body may be, and what is said of one that may not."""

from __future__ import annotations

import json

import pytest

from tests.lib.api import JSON, XML, client, issue_of

MEGABYTE = 1 << 20


def nested(depth: int) -> bytes:
    resource: dict[str, object] = {"url": "urn:a", "valueString": "b"}
    for _ in range(depth - 1):
        resource = {"url": "urn:a", "extension": [resource]}
    return json.dumps({"resourceType": "Basic", "extension": [resource]}).encode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"resourceType":"Basic","id":"a"}'),
        ("application/json; charset=utf-8", b'{"resourceType":"Basic","id":"a"}'),
        (f"{JSON}; fhirVersion=4.0", b'{"resourceType":"Basic","id":"a"}'),
        ("", b'{"resourceType":"Basic","id":"a"}'),
        (XML, b'<Basic xmlns="http://hl7.org/fhir"><id value="a"/></Basic>'),
        ("text/xml", b'<Basic xmlns="http://hl7.org/fhir"><!-- c --><id value="a"/></Basic>'),
    ],
)
def test_json_and_xml_are_read(content_type: str, body: bytes) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client().post("/fhir/echo", content=body, headers=headers)
    assert answer.json() == {"resourceType": "Basic", "id": "a"}


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
SECRET = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        (JSON, b"", 400, "required"),
        (JSON, b"{", 400, "structure"),
        (JSON, b"\xff\xfe", 400, "structure"),
        (JSON, b"[]", 400, "structure"),
        (JSON, b"{}", 400, "structure"),
        (JSON, b'{"resourceType": 7}', 400, "structure"),
        (JSON, b"NaN", 400, "structure"),
        (XML, b"<", 400, "structure"),
        (XML, b"<Basic/>", 400, "structure"),
        (XML, b'<Basic xmlns="urn:other"/>', 400, "structure"),
        (XML, b'<Nope xmlns="http://hl7.org/fhir"/>', 400, "structure"),
        (XML, b'<Basic xmlns="http://hl7.org/fhir"><nope value="a"/></Basic>', 400, "structure"),
        (XML, BOMB + b'<Basic xmlns="http://hl7.org/fhir"><id value="&b;"/></Basic>',
         400, "structure"),
        (XML, SECRET + b'<Basic xmlns="http://hl7.org/fhir"><id value="&f;"/></Basic>',
         400, "structure"),
        ("text/turtle", b"a", 415, "not-supported"),
        ("text/plain", b"{}", 415, "not-supported"),
        (f"{JSON}; fhirVersion=5.0", b"{}", 415, "not-supported"),
    ],
)  # fmt: skip
def test_what_is_no_resource_is_refused(
    content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = client().post("/fhir/echo", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert issue_of(answer)["code"] == code
    assert "root:" not in answer.text


@pytest.mark.parametrize("content_type", [JSON, XML])
def test_a_body_above_the_limit_is_413(content_type: str) -> None:
    small = client(limits={"body_mb": 1})
    headers = {"Content-Type": content_type}
    answer = small.post("/fhir/echo", content=b" " * (MEGABYTE + 1), headers=headers)
    assert answer.status_code == 413
    assert issue_of(answer)["code"] == "too-long"


def test_nesting_is_bounded() -> None:
    deep = client(limits={"json_depth": 16})
    headers = {"Content-Type": JSON}
    assert deep.post("/fhir/echo", content=nested(6), headers=headers).status_code == 200
    answer = deep.post("/fhir/echo", content=nested(20), headers=headers)
    assert answer.status_code == 400
    assert issue_of(answer)["code"] == "too-costly"
