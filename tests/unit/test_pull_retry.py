"""When a request is repeated, and after how long: laws, without a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.pull.transport.retry import (
    Attempts,
    Kind,
    Policy,
    all_issues_transient,
    is_transient,
    pause,
    retry_after,
    server_time,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RANDOM = st.integers(0, 2**32).map(Random)
SECONDS = st.one_of(st.none(), st.floats(0, 1e9))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 2 ", 2),
        ("1.5", 1.5),
        ("0", 0),
        ("-5", 0),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120),
        ("Tue, 24 Nov 2026 12:02:00 -0000", 120),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("Tuesday, 24-Nov-26 12:02:00 GMT", 120),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None):
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_any_header_is_read_or_left(value: str):
    found = retry_after(value, NOW)
    assert found is None or found >= 0


@given(st.integers(0, 10**7))
def test_a_date_says_what_seconds_say(seconds: int):
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(date, NOW) == retry_after(str(seconds), NOW) == seconds


@given(st.integers(1, 10_000), SECONDS, RANDOM)
def test_a_pause_is_within_its_bounds(attempt: int, asked: float | None, random: Random):
    policy = Policy(most=600)
    found = pause(policy, attempt, asked, random)
    assert 0 < found.seconds <= (policy.cap if asked is None else policy.most)
    if asked is not None:
        assert found.seconds >= policy.least
        assert found.seconds == min(max(asked, 1), 600)
    assert found.clamped == (asked is not None and asked > 600)


@given(st.integers(1, 40), RANDOM)
def test_back_off_grows_with_jitter_in_the_upper_half(attempt: int, random: Random):
    policy = Policy()
    step = min(policy.cap, policy.base * 2 ** (attempt - 1))
    assert step / 2 <= pause(policy, attempt, None, random).seconds <= step


def test_jitter_spreads():
    random = Random(7)
    waits = {pause(Policy(), 3, None, random).seconds for _ in range(50)}
    assert len(waits) == 50


@given(st.lists(st.sampled_from(Kind), min_size=60, max_size=60), RANDOM)
def test_attempts_end(kinds: list[Kind], random: Random):
    policy = Policy()
    attempts = Attempts(policy, random)
    pauses = [attempts.pause(kind, None) for kind in kinds]
    assert pauses.count(None) > 0
    for kind in Kind:
        granted = sum(p is not None for p, k in zip(pauses, kinds, strict=True) if k is kind)
        assert granted < policy.throttled
    failures = [p for p, k in zip(pauses, kinds, strict=True) if k is not Kind.THROTTLED]
    assert sum(p is not None for p in failures) < policy.attempts


def test_429s_are_counted_apart_from_failures():
    attempts = Attempts(Policy(attempts=2, throttled=9), Random(1))
    for _ in range(8):
        assert attempts.pause(Kind.THROTTLED, 5) is not None
    assert attempts.pause(Kind.FAILED, None) is not None
    assert attempts.pause(Kind.FAILED, None) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_statuses_that_pass(status: int):
    assert is_transient(status, None)


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 404, 410, 422, 501, 505])
def test_statuses_that_stay(status: int):
    assert not is_transient(status, None)


def outcome(*codes: str) -> dict[str, object]:
    return {"resourceType": "OperationOutcome", "issue": [{"code": code} for code in codes]}


@pytest.mark.parametrize(
    ("document", "passes"),
    [
        (outcome("transient"), True),
        (outcome("transient", "throttled", "lock-error"), True),
        (outcome("transient", "not-found"), False),
        (outcome("invalid"), False),
        (outcome(), False),
        (None, False),
        ({"resourceType": "Bundle", "issue": [{"code": "transient"}]}, False),
        ({"resourceType": "OperationOutcome", "issue": "transient"}, False),
        ({"resourceType": "OperationOutcome", "issue": ["transient"]}, False),
    ],
)
def test_an_outcome_passes_if_all_its_issues_do(document: dict | None, passes: bool):
    assert all_issues_transient(document) is passes
    assert is_transient(400, document) is passes
    assert not is_transient(200, document)


@pytest.mark.parametrize("value", ["", "yesterday", "Tue, 99 Nov 2026 12:02:00 GMT"])
def test_a_date_that_cannot_be_read(value: str):
    assert server_time({"date": value}) is None
    assert server_time({}) is None


def test_a_date_in_another_zone():
    assert server_time({"date": "Tue, 24 Nov 2026 07:00:00 -0500"}) == NOW
