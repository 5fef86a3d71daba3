"""Numbers keep their digits, whatever a resource passes on its way to the landing folder."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from adapter.config import SiteSettings
from adapter.elements import PULLED
from adapter.pull.landing import exact
from adapter.pull.landing.border import Withheld, border_of
from adapter.pull.landing.deidentified import Deidentifying
from adapter.pull.landing.pulled import with_server_time
from adapter.site_settings import PrivacySettings

NUMBERS = [b"0.10", b"1E-7", b"123456789012345678901234567890", b"-0.000", b"0.1234567890123456789"]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_written_with_the_digits_they_came_with(number: bytes) -> None:
    line = b'{"a":[{"value":' + number + b"}]}"
    assert exact.read(exact.written(exact.read(line))) == exact.read(line)
    assert number in exact.written(exact.read(line)) or b"E" in number


@pytest.fixture(scope="module")
def border() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("A_ID_KEY", "".join(f"{n:02x}" for n in range(32)))
        privacy = PrivacySettings(id_key="env:A_ID_KEY")
        return border_of(SiteSettings(name="A", privacy=privacy), date(2026, 11, 23))


def test_the_border_keeps_the_digits(border: Deidentifying) -> None:
    raw = b"""{"resourceType":"Observation","id":"o","status":"final",
        "subject":{"reference":"Patient/p"},
        "code":{"coding":[{"system":"http://loinc.org","code":"3013-0"}]},
        "valueQuantity":{"value":0.10,"unit":"ng/mL",
            "system":"http://unitsofmeasure.org","code":"ng/mL"}}"""
    line = border.across(orjson.loads(raw), raw)
    assert isinstance(line, bytes)
    assert b"0.10" in line
    found = orjson.loads(line)
    assert found["id"] == border.name("Observation", "o")
    assert found["subject"]["reference"] == f"Patient/{border.name('Patient', 'p')}"


DEEP = '{"x":' + "[" * 600 + "]" * 600 + "}"


@pytest.mark.parametrize("meta", ["5", "[]", '{"extension":5}', '{"extension":[]}', DEEP])
def test_a_strange_meta_does_not_stop_the_servers_time(meta: str) -> None:
    line = f'{{"resourceType":"Observation","id":"o","meta":{meta}}}'.encode()
    written = with_server_time(orjson.loads(line), line, "2026-11-23T14:31:58Z")
    assert (written == line) if meta == DEEP else (PULLED.encode() in written)


@pytest.mark.parametrize("strange", [[], {"x": 1}, "text", 5, [[[]]], {"coding": {"code": 5}}])
@pytest.mark.parametrize("element", ["code", "subject", "valueQuantity", "meta", "contained"])
def test_nothing_that_a_sender_writes_stops_a_pull(
    border: Deidentifying, element: str, strange: Any
) -> None:
    resource = {"resourceType": "Observation", "id": "o1", element: strange}
    line = border.across(resource, orjson.dumps(resource))
    assert isinstance(line, bytes | Withheld)
    if isinstance(line, Withheld):
        assert "text" not in line.reason
    else:
        assert orjson.loads(line)["id"] != "o1"
