"""Whatever comes as a report is stored as it is, or refused with issues: never an exception."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.api.reports import indexing
from adapter.api.reports.accepting import problems
from tests.lib.report_clients import report
from tests.lib.reports import measures

MEASURES = {measure.canonical.partition("|")[0]: measure for measure in measures().values()}
NAMES = [
    "resourceType", "extension", "url", "valueString", "valueCode", "code", "coding", "system",
    "population", "count", "_count", "measureScore", "value", "stratifier", "stratum", "component",
    "contained", "reference", "identifier", "reporter", "subject", "id", "text", "div", "data",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    st.sampled_from(["", "summary", "individual", "2026", "urn:x", "#survival-all", "E", "1 2 x"]),
    st.text(max_size=5),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    ),
    max_leaves=5,
)


@cache
def places() -> list[tuple[Any, ...]]:
    """The path of every element of a report."""
    return list(_places(report(), ()))


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, member in members:
        yield (*path, name)
        yield from _places(member, (*path, name))


GONE = "gone"
changes = st.lists(
    st.tuples(st.deferred(lambda: st.sampled_from(places())), st.just(GONE) | anything),
    min_size=1,
    max_size=3,
)


def changed(made: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
    """A whole report in which elements are something else, or not there."""
    whole = copy.deepcopy(report())
    for path, value in made:
        within: Any = whole
        try:
            for name in path[:-1]:
                within = within[name]
            if value == GONE:
                del within[path[-1]]
            else:
                within[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken it away
    return whole


@given(changes)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_report_is_refused_or_can_be_searched_by(made: list[Any]) -> None:
    sent = changed(made)
    before = copy.deepcopy(sent)
    issues = problems(sent, MEASURES)
    assert sent == before
    assert all(issue["expression"] and issue["diagnostics"] for issue in issues)
    if not issues:
        indexing.columns(sent)
        indexing.tokens(sent)
        indexing.references(sent)


def test_an_unchanged_report_has_no_problem() -> None:
    assert problems(report(), MEASURES) == []
