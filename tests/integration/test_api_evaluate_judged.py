"""What evaluation gives over HTTP, before the independent judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib.evaluations import (
    ASYNC,
    BASE,
    EVALUATE,
    PERIOD,
    REGISTRY,
    TYPE_LEVEL,
    WHOLE,
    asking_as,
    client,
    demo_store,
    path_of,
    polled,
    settings,
)
from tests.lib.judges import JUDGES, complaints

__all__ = ["demo_store"]

Json = dict[str, Any]
SLOW = "pyfhircheck"
ONE = {**PERIOD, "measure": "rai-uptake"}
SUBJECT = "Patient/SYN-RAIR-03"


@pytest.fixture(scope="module")
def answers(demo_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Json]]:
    """Answers of every kind, by name."""
    url = f"{BASE}/Measure/rai-uptake"
    with client(demo_store, settings(tmp_path_factory.mktemp("judged"))) as asking:
        found = {
            "summary": asking.get(TYPE_LEVEL, params=ONE),
            "strata": asking.get(TYPE_LEVEL, params={**ONE, "stratifier": ["sex", "site"]}),
            "individual": asking.get(TYPE_LEVEL, params={**ONE, "subject": SUBJECT}),
            "whole individual": asking.get(WHOLE, params={**PERIOD, "subject": SUBJECT}),
            "list": asking.get(TYPE_LEVEL, params={**ONE, "reportType": "subject-list"}),
            "whole list": asking.get(WHOLE, params={**PERIOD, "reportType": "subject-list"}),
            "group": asking.get(
                TYPE_LEVEL,
                params={**ONE, "reportType": "subject-list", "subject": "Group/synthetic-hospital"},
            ),
            "evaluate": asking.get(
                EVALUATE,
                params={
                    **PERIOD,
                    "measureUrl": url,
                    "reportType": "individual",
                    "subject": SUBJECT,
                },
            ),
            "refused": asking.get(TYPE_LEVEL, params=PERIOD),
        }
        started = asking.post(TYPE_LEVEL, params=ONE, headers=ASYNC)
        found["background"] = polled(asking, started.headers["content-location"])
        location = found["background"].json()["entry"][0]["response"]["location"]
        pending = path_of(location).rpartition("/")[0]
        found["pending"] = asking.get(f"{pending}/1")
        with asking_as(asking, REGISTRY):
            found["withheld"] = asking.get(EVALUATE, params={**PERIOD, "measureUrl": url})
        yield {name: answer.json() for name, answer in found.items()}


@pytest.mark.parametrize("judge", sorted(set(JUDGES) - {SLOW, "deqm"}))
def test_no_judge_complains(answers: dict[str, Json], judge: str):
    found = complaints(judge, list(answers.values()))
    assert {name: said for name, said in zip(answers, found, strict=True) if said} == {}


def test_the_slow_judge_does_not_complain_of_the_small_ones(answers: dict[str, Json]):
    small = {name: each for name, each in answers.items() if not name.startswith("whole")}
    found = complaints(SLOW, list(small.values()))
    assert {name: said for name, said in zip(small, found, strict=True) if said} == {}
