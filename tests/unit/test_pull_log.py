"""What a run tells: no patient, no token (G7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.pull.transport.log import RunLog, masked

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12)


class Noon:
    """Only the day's time is asked here."""

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/fhir/r4/Observation", "https://a.example/fhir/r4/Observation"),
        ("https://a.example/fhir/R4/metadata", "https://a.example/fhir/R4/metadata"),
        (
            "https://a.example:8443/r4/Patient?name=canary&_count=9&name=x",
            "https://a.example:8443/r4/Patient?name=…&_count=…",
        ),
        ("https://canary:canary@a.example/r4", "https://a.example/r4"),
        ("https://a.example/r4#canary", "https://a.example/r4"),
        (
            "https://a.example/.well-known/smart-configuration",
            "https://a.example/.well-known/smart-configuration",
        ),
        ("https://a.example/r4?canary value", "https://a.example/r4?…"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str):
    assert masked(url) == shown


@given(
    st.sampled_from(
        [
            "https://a.example/r4/Patient/{}",
            "https://a.example/r4/Patient/{}/$everything",
            "https://a.example/r4/Observation/{}/_history/1",
            "https://a.example/r4/Observation?patient=Patient/{}",
            "https://a.example/r4/Observation?patient:Patient.name={}",
            "https://a.example/r4?_getpages={}&x",
            "https://{}:x@a.example/r4/Patient",
            "https://a.example/r4/Patient#{}",
            "https://a.example/files/{}0123456789abcdef0123456789abcdef/1.ndjson",
            "Patient/{}",
        ]
    ),
    WORDS,
)
def test_no_id_and_no_value_is_shown(pattern: str, word: str):
    url = pattern.format(quote(f"Z{word}"))
    assert f"Z{word}" not in masked(url)
    assert masked(url) == masked(url)


@given(st.text(max_size=80))
def test_anything_is_masked(text: str):
    assert isinstance(masked(text), str)


def test_ids_can_be_told_apart():
    first, second = (masked(f"https://a.example/r4/Patient/{i}") for i in "ab")
    assert first != second


def test_events_are_counted_and_handed_on():
    told: list[dict[str, Any]] = []
    log = RunLog(Noon(), told.append)
    log.event("waiting", url="https://a.example/r4/Patient/canary", seconds=2.0)
    log.event("waiting", status=429)
    assert log.counts == {"waiting": 2}
    assert told[0]["at"] == "2026-11-24T12:00:00+00:00"
    assert (told[0]["event"], told[0]["seconds"]) == ("waiting", 2.0)
    assert "canary" not in str(told)
    RunLog(Noon()).event("waiting")
