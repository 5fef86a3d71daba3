"""Scopes of SMART: what is granted of what is asked, and what a grant allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapter.api.security.scopes import EVERYTHING, allows, granted, is_scope

LETTERS = "cruds"
TYPES = ("*", "Measure", "MeasureReport", "AuditEvent")

letters = st.sets(st.sampled_from(LETTERS), min_size=1).map(
    lambda found: "".join(each for each in LETTERS if each in found)
)
scope = st.builds(
    "system/{}.{}".format,
    st.sampled_from(TYPES),
    letters | st.sampled_from(["read", "write", "*"]),
)
several = st.lists(scope, max_size=4)


@given(several, several)
def test_what_is_granted_is_what_both_allow(asked: list[str], registered: list[str]) -> None:
    got = granted(" ".join(asked), registered)
    for of in TYPES[1:]:
        for letter in LETTERS:
            both = allows(asked, of, letter) and allows(registered, of, letter)
            assert allows(got, of, letter) == both


@given(several)
def test_all_that_is_registered_is_granted_as_spelled(registered: list[str]) -> None:
    assert granted(" ".join(registered), [EVERYTHING]) == tuple(dict.fromkeys(registered))


def test_what_is_not_enforced_is_never_granted() -> None:
    asked = "system/MeasureReport.rs?status=final user/Measure.rs openid launch system/Measure.sr"
    assert granted(asked, [EVERYTHING]) == ()
    assert not is_scope("system/MeasureReport.rs?status=final")
    assert is_scope("system/MeasureReport.cu")


def test_a_wildcard_is_needed_for_all_types_at_once() -> None:
    assert not allows(["system/Measure.r", "system/MeasureReport.r"], "*", "r")
    assert allows([EVERYTHING], "*", "d")


def test_people_hold_the_same_scopes() -> None:
    assert allows(["user/*.rs"], "Measure", "r")
    assert not allows(["user/*.rs"], "Measure", "c")
