"""What a line must be before it is kept."""

from __future__ import annotations

import json

import pytest

from adapter.pull.checks import Checked, Refused, checked

PATIENT = {"resourceType": "Patient", "id": "p-1"}


def reason(raw: bytes, expected: str | None = None) -> str:
    found = checked(raw, expected)
    assert isinstance(found, Refused), "was not refused"
    assert found.raw == raw
    return found.reason


def kept(content: object, expected: str | None = None) -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = checked(raw, expected)
    assert isinstance(found, Checked), found
    return found.raw


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "blank"),
        (b" \t", "blank"),
        (b"null", "JSON, but no object"),
        (b"[]", "JSON, but no object"),
        (b'{"resourceType":', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b"\n <!DOCTYPE html>", "an HTML or XML page, not JSON"),
        (b"\x1f\x8b\x08\x00", "compressed, not JSON"),
        (b'\xef\xbb\xbf{"resourceType":"Patient","id":"p"}', "a byte order mark before the JSON"),
        (b'{"resourceType":"Patient","id":"\xe9"}', "not UTF-8"),
        (b"{}", "no resourceType"),
        (b'{"resourceType":7}', "no resourceType"),
        (b'{"resourceType":[]}', "no resourceType"),
        (b'{"resourceType":"Patient","id":["p"]}', "an id that is not well-formed"),
        (b'{"resourceType":"Pateint","id":"p"}', "a resourceType that FHIR R4 does not have"),
        (b'{"resourceType":"../x","id":"p"}', "a resourceType that FHIR R4 does not have"),
        (b'{"resourceType":"Patient"}', "no id"),
        (b'{"resourceType":"Patient","id":null}', "no id"),
        (b'{"resourceType":"Patient","id":7}', "an id that is not well-formed"),
        (b'{"resourceType":"Patient","id":"a/b"}', "an id that is not well-formed"),
        (b'{"resourceType":"Patient","id":"a\\n"}', "an id that is not well-formed"),
        (b'{"resourceType":"Patient","id":"%s"}' % (b"a" * 65), "an id that is not well-formed"),
    ],
)
def test_refused(raw, why):
    assert reason(raw) == why


@pytest.mark.parametrize("brackets", [b"[]", b'{"a":}'])
def test_too_deep(brackets):
    opening, closing = brackets[:-1], brackets[-1:]
    deep = opening * 100_000 + b"1" + closing * 100_000
    raw = b'{"resourceType":"Patient","id":"p","a":' + deep + b"}"
    assert reason(raw) == "nested more than 1024 deep"


def test_expected():
    assert reason(json.dumps(PATIENT).encode(), "Observation") == (
        "a Patient where Observation was expected"
    )
    assert kept(PATIENT, "Patient") == kept(PATIENT, None)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"extension": [{"url": None}]}, "Patient.extension[0].url"),
        ({"extension": [None]}, "Patient.extension[0]"),
        ({"active": None}, "Patient.active"),
        ({"name": [{"given": [None, "A"]}]}, "Patient.name[0].given[0]"),
        ({"name": [{"given": [None, "A"], "_given": [None, None]}]}, "Patient.name[0]._given[0]"),
        ({"name": [{"given": [None], "_given": [{"extension": [None]}]}]},
         "Patient.name[0]._given[0].extension[0]"),
    ],
)  # fmt: skip
def test_null(more, path):
    assert reason(json.dumps(PATIENT | more).encode()) == f"null at {path}"


def test_null_as_a_place_holder():
    """http://hl7.org/fhir/R4/json.html#primitive"""
    name = {"given": [None, "A"], "_given": [{"extension": [{"url": "urn:x"}]}, None]}
    kept(PATIENT | {"name": [name], "text": {"div": "null"}})


def test_what_needs_no_id():
    for name in ("Bundle", "OperationOutcome", "Parameters"):
        kept({"resourceType": name})


def test_kept_as_sent():
    raw = b'{"resourceType":"Patient","id":"p","multipleBirthInteger":1.10,"x":"\\u00e9 \xc3\xa9"}'
    assert kept(b" " + raw + b"\r") == raw


def test_one_line():
    pretty = json.dumps(PATIENT, indent=2).replace("\n", "\r\n").encode()
    line = kept(pretty)
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == PATIENT
