"""Small objects are asked for several at once, each once, and never more than a bound."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from adapter.inputs.ahead import AT_ONCE, SMALL, Ahead


class Store:
    """An object store that notes what it is asked for."""

    def __init__(self, objects: Mapping[str, bytes | Exception]) -> None:
        self.objects = objects
        self.asked: list[list[str]] = []

    def cat(self, paths: list[str], **_: object) -> dict[str, bytes | Exception]:
        self.asked.append(paths)
        return {path: self.objects[path] for path in paths if path in self.objects}


def test_each_is_asked_for_once_with_those_that_follow():
    names = [f"{n:03}" for n in range(2 * AT_ONCE + 1)]
    store = Store({name: name.encode() for name in names})
    ahead = Ahead(store, dict.fromkeys(names, 1))
    assert [ahead.content(name) for name in names] == [name.encode() for name in names]
    assert [len(each) for each in store.asked] == [AT_ONCE, AT_ONCE, 1]


def test_what_is_large_is_not_held():
    store = Store({"a": b"a", "c": b"c"})
    ahead = Ahead(store, {"a": 1, "b": SMALL + 1, "c": SMALL})
    assert [ahead.content(name) for name in "abc"] == [b"a", None, b"c"]
    assert store.asked == [["a", "c"]]


def test_one_that_fails_fails_alone():
    store = Store({"a": FileNotFoundError("a"), "b": b"b"})
    ahead = Ahead(store, {"a": 1, "b": 1})
    with pytest.raises(FileNotFoundError):
        ahead.content("a")
    assert ahead.content("b") == b"b"


def test_what_the_store_did_not_give_is_left_to_be_opened():
    ahead = Ahead(Store({}), {"[x]": 1})
    assert ahead.content("[x]") is None
    assert ahead.content("[x]") is None


def test_what_is_passed_over_does_not_stop_the_rest():
    names = [f"{n:03}" for n in range(3 * AT_ONCE)]
    store = Store(dict.fromkeys(names, b"x"))
    ahead = Ahead(store, dict.fromkeys(names, 1))
    assert ahead.content(names[0]) == b"x"
    assert ahead.content(names[-1]) is None
