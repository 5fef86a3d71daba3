"""Results by key: the last few, each computed once, a failure not kept."""

from __future__ import annotations

import threading
import time

import pytest

from adapter.api.evaluating.cache import ResultCache


def test_a_value_is_computed_once_and_the_oldest_dropped():
    kept, made = ResultCache[str](2), list[str]()

    def value(key: str) -> str:
        def computed() -> tuple[str, bool]:
            made.append(key)
            return key.upper(), True

        return kept.get(key, computed)

    assert [value(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]


def test_who_asks_for_one_that_is_being_computed_waits_and_others_do_not():
    kept, started, go = ResultCache[int](4), threading.Event(), threading.Event()
    results: list[int] = []

    def slow() -> tuple[int, bool]:
        started.set()
        assert go.wait(10)
        return 1, True

    threads = [
        threading.Thread(target=lambda: results.append(kept.get("slow", slow))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    assert started.wait(10)
    assert kept.get("other", lambda: (2, True)) == 2
    time.sleep(0.05)
    assert results == []
    go.set()
    for thread in threads:
        thread.join(10)
    assert results == [1, 1, 1]


def test_a_failure_is_told_and_tried_again():
    kept = ResultCache[int](2)

    def failing() -> tuple[int, bool]:
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        kept.get("a", failing)
    assert kept.get("a", lambda: (3, True)) == 3
