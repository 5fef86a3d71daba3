"""Whatever is sent to the evaluation operations, the answer is a report or a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from adapter.api.evaluating.vocabulary import KINDS, TAKEN, UNSUPPORTED
from tests.lib import evaluations
from tests.lib.evaluations import EVALUATE, TYPE_LEVEL, WHOLE, client, demo_store

__all__ = ["demo_store"]

OF_CLIENTS = {400, 403, 404, 406, 413, 414, 415, 422, 501}
NAMES = (
    *("name", "valueString", "valueReference", "reference", "resource", "part"),
    *("resourceType", "member", "entity", "parameter", "id"),
)
texts = st.one_of(
    st.sampled_from(
        ["2019", "2022", "2021-02", "2021-02-30", "9999-12-31T23:59:59Z", "rai-uptake", *KINDS]
    ),
    st.sampled_from(["Patient/SYN-RAIR-03", "Group/synthetic-hospital", "tg_profile=rcv", "sex"]),
    st.text(max_size=20),
)
named = st.lists(st.tuples(st.sampled_from([*TAKEN, *UNSUPPORTED, "x"]), texts), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
fuzzed = settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.fixture(scope="module")
def asking(demo_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    limits = {"requests_per_minute": 1_000_000}
    chosen = evaluations.settings(tmp_path_factory.mktemp("fuzzed"), limits=limits, persist=False)
    with client(demo_store, chosen) as found:
        yield found


def answered(answer: Any) -> None:
    body = answer.json()
    if answer.status_code == 200:
        assert body["resourceType"] in {"MeasureReport", "Parameters"}
        return
    assert answer.status_code in OF_CLIENTS, answer.text
    assert body["resourceType"] == "OperationOutcome"
    assert body["issue"][0]["code"] not in {"exception", "unknown"}


@fuzzed
@given(path=st.sampled_from([WHOLE, TYPE_LEVEL, EVALUATE]), sent=named)
def test_any_parameters(asking: TestClient, path: str, sent: list[tuple[str, str]]):
    answered(asking.get(path, params=sent))


@fuzzed
@given(path=st.sampled_from([WHOLE, EVALUATE]), parameter=st.lists(values, max_size=4))
def test_any_body(asking: TestClient, path: str, parameter: list[Any]):
    body = {"resourceType": "Parameters", "parameter": parameter}
    headers = {"Content-Type": "application/fhir+json"}
    answered(asking.post(path, content=json.dumps(body), headers=headers))


@fuzzed
@given(sent=st.dictionaries(st.sampled_from(TAKEN), values, max_size=4))
def test_any_values(asking: TestClient, sent: dict[str, Any]):
    parameter = [
        {"name": name, ("resource" if isinstance(value, dict) else "valueString"): value}
        for name, value in sent.items()
    ]
    period = [{"name": f"period{end}", "valueString": "2021"} for end in ("Start", "End")]
    body = {"resourceType": "Parameters", "parameter": [*period, *parameter]}
    headers = {"Content-Type": "application/fhir+json"}
    answered(asking.post(WHOLE, content=json.dumps(body), headers=headers))
