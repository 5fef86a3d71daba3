"""The independent judges themselves: no false alarm, and no less caught than was measured."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib import judges
from tests.lib.needs import ROOT

LETTERS = {"fhirkit": "k", "pyfhircheck": "p", "fhirpath_base": "s", "deqm": "d", "ucum": "u"}
"""Judge → its letter in broken.json; b (fhir.resources) and n (npm fhir) are no judges of ours."""

FAULTS = [
    ("fhirkit", "a"),
    ("pyfhircheck", "a"),
    ("pyfhircheck", "b"),
    ("fhirpath_base", "a"),
    ("fhirpath_base", "b"),
    ("deqm", "a"),
    ("deqm", "b"),
    ("deqm", "d"),
    ("ucum", "b"),
]
"""The judges and the kinds of fault (first letter of a case's id) that they catch some of."""

CAUGHT_BESIDES = {
    "fhirpath_base": "a01 a02 a08 a09 a10 a15 a16 a17 a19 a23 b04 b11 b14",
    "deqm": "a05",
}
"""What our own FHIRPath programs catch beyond the letters in broken.json."""

UNEVALUATED = {"fhirpath_base": set(), "deqm": {"deqm-6"}}
"""Rules that some case leaves without an answer; deqm-6 where the score is a string."""

DEQM_RULES = json.loads((ROOT / "tests" / "judges" / "deqm_uv_summary.json").read_bytes())

Case = dict[str, Any]


@pytest.fixture(scope="session")
def folder(shared: Path) -> Path:
    """The examples and broken cases of the reference material."""
    return shared / "reference" / "measure-report"


@pytest.fixture(scope="session")
def cases(folder: Path) -> list[Case]:
    """The cases of broken.json, each with its patched resource."""
    return [
        {
            **case,
            "resource": patched(json.loads((folder / case["base"]).read_bytes()), case["patch"]),
        }
        for case in json.loads((folder / "broken.json").read_bytes())
    ]


@pytest.fixture(scope="session")
def report(folder: Path) -> dict[str, Any]:
    """A valid DEQM summary report that has every level of the resource."""
    return json.loads((folder / "time-to-progression.json").read_bytes())


def patched(document: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """The document after a JSON Patch (RFC 6902) of add, replace and remove."""
    for step in patch:
        *path, last = step["path"].split("/")[1:]
        at: Any = document
        for key in path:
            at = at[int(key) if isinstance(at, list) else key]
        if isinstance(at, list):
            last = len(at) if last == "-" else int(last)
        if step["op"] == "remove":
            del at[last]
        elif step["op"] == "add" and isinstance(at, list):
            at.insert(last, step["value"])
        else:
            at[last] = step["value"]
    return document


def caught(judge: str, chosen: list[Case]) -> dict[str, list[str]]:
    """Case id → complaints, of the cases that the judge rejects."""
    found = judges.complaints(judge, [case["resource"] for case in chosen])
    return {case["id"]: said for case, said in zip(chosen, found, strict=True) if said}


def test_all_judges_ask_deqm_where_its_profile_is_claimed(report: dict[str, Any]) -> None:
    assert judges.all_judges(report) == {judge: [] for judge in judges.JUDGES}
    plain = {key: value for key, value in report.items() if key != "meta"}
    assert judges.all_judges(plain) == {judge: [] for judge in judges.JUDGES if judge != "deqm"}


def test_a_judge_without_its_tool_skips_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert judges.available("ucum") == "the program node is not installed"
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="judge ucum: the program node"):
        judges.ucum({})
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="judge ucum: the program node"):
        judges.ucum({})


@pytest.mark.parametrize("judge", judges.JUDGES)
def test_no_valid_case_is_rejected(judge: str, cases: list[Case]) -> None:
    valid = [case for case in cases if case["valid"]]
    assert len(valid) == 7
    assert caught(judge, valid) == {}


@pytest.mark.parametrize(("judge", "kind"), FAULTS)
def test_faults_once_caught_are_caught(judge: str, kind: str, cases: list[Case]) -> None:
    chosen = [case for case in cases if case["id"].startswith(kind)]
    besides = set(CAUGHT_BESIDES.get(judge, "").split())
    wanted = {
        case["id"] for case in chosen if LETTERS[judge] in case["caught"] or case["id"] in besides
    }
    assert wanted
    assert wanted - caught(judge, chosen).keys() == set()


def test_no_fault_of_a_kind_that_is_not_run_was_caught(cases: list[Case]) -> None:
    run = set(FAULTS)
    left_out = {
        (judge, case["id"])
        for case in cases
        for judge, letter in LETTERS.items()
        if letter in case["caught"] and (judge, case["id"][0]) not in run
    }
    assert left_out == set()


@pytest.mark.parametrize("judge", judges.JUDGES)
def test_our_own_rules_are_no_matter_of_the_judges(judge: str, cases: list[Case]) -> None:
    own = [case for case in cases if case["id"].startswith("r")]
    assert len(own) == 11
    assert caught(judge, own) == {}


@pytest.mark.parametrize("judge", UNEVALUATED)
def test_unevaluated_rules_do_not_grow(judge: str, cases: list[Case]) -> None:
    found = judges.unevaluated(judge, [case["resource"] for case in cases])
    assert {key for keys in found for key in keys} <= UNEVALUATED[judge]


def test_each_deqm_invariant_can_fail(cases: list[Case]) -> None:
    said = [text for texts in caught("deqm", cases).values() for text in texts]
    keys = [rule["key"] for rule in DEQM_RULES["constraints"]]
    assert len(keys) == 10
    assert [key for key in keys if not any(f": {key}: " in text for text in said)] == []


def test_each_element_that_deqm_needs_is_missed(report: dict[str, Any]) -> None:
    needed = [rule for rule in DEQM_RULES["elements"] if rule.get("min")]
    assert len(needed) == 9
    broken = [without_element(report, rule["path"]) for rule in needed]
    wanted = [f".{rule['path'].split('.')[-1]}: at least 1 needed" for rule in needed]
    assert unnoticed(broken, wanted) == []


def test_each_extension_that_deqm_needs_is_missed(report: dict[str, Any]) -> None:
    needed = [rule for rule in DEQM_RULES["extensions"] if rule.get("min")]
    assert len(needed) == 5
    broken = [without_extension(report, rule["path"], rule["url"]) for rule in needed]
    wanted = [f".extension({rule['url']}): at least 1 needed" for rule in needed]
    assert unnoticed(broken, wanted) == []


def unnoticed(broken: list[dict[str, Any]], wanted: list[str]) -> list[str]:
    """The wanted ends of complaints that the DEQM judge does not have on the broken reports."""
    found = judges.complaints("deqm", broken)
    return [
        end
        for end, said in zip(wanted, found, strict=True)
        if not any(text.endswith(end) for text in said)
    ]


def without_element(report: dict[str, Any], path: str) -> dict[str, Any]:
    """The report without every element at a path of the definitions."""
    broken = copy.deepcopy(report)
    *parents, name = path.split(".")[1:]
    for parent in elements(broken, parents):
        parent.pop(name, None)
    return broken


def without_extension(report: dict[str, Any], path: str, url: str) -> dict[str, Any]:
    """The report without the extension of every element at a path of the definitions."""
    broken = copy.deepcopy(report)
    for element in elements(broken, path.split(".")[1:]):
        kept = [one for one in element["extension"] if one["url"] != url]
        element["extension"] = kept
    return broken


def elements(root: dict[str, Any], names: list[str]) -> Iterator[dict[str, Any]]:
    """The objects below the root that these names lead to."""
    if not names:
        yield root
        return
    found = root.get(names[0], [])
    for child in found if isinstance(found, list) else [found]:
        yield from elements(child, names[1:])
