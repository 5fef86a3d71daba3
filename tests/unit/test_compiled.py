"""Paths as closures: what compiles, and that it finds what fhirpathpy finds."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from adapter.definitions import load
from adapter.errors import EvaluationFailed
from adapter.mapping.dispatch import Dispatch
from adapter.mapping.fhirpath import compile_path
from adapter.mapping.shadowed import without_shadowed
from adapter.mapping.view import View
from tests.lib.engines import outcome, pairs

LOINC = "http://loinc.org"
ANALYTE = "https://raiway.example/fhir/ValueSet/lab-analyte"
TG = {"system": LOINC, "code": "3013-0"}
ABSENT = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}


def observation(**elements: object) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o1", **elements}


def component(*codings: object, **elements: object) -> dict[str, Any]:
    return {"code": {"coding": list(codings)}, **elements}


def test_every_shipped_path_compiles() -> None:
    views = [view for found in load().views.values() for view in found]
    assert [path.text for view in views for path in view.paths if not path.compiled] == []
    assert all(view.compiled for view in views)
    assert len(views) >= 18


@pytest.mark.parametrize(
    "path",
    [
        "value",  # a choice without its type
        "value.ofType(Element)",
        "extension.value.ofType(Element)",
        "contained.id",
        "Patient.id",
        "code.text.length",
        "status & 1",
        "status = code.text",
        "status = ('final' | 'amended')",
        "value.ofType(Quantity) = 1",
        "status ~ 'final'",
        "code.coding contains 'x'",
        "status = 'x' xor status = 'y'",
        "value.ofType(Quantity).value + 1",
        "code.coding[0]",
        "code.coding.last()",
        "code.coding.iif(true, code)",
        "code.ofType(Coding)",
        "component.where($this.id = 'x')",
        "Observation.where(status = 'final')",
        "iif(true, code, status)",
        "iif(true, status, issued).ofType(code)",
        "code.getResourceKey()",
        "effective.ofType(dateTime) = @2020",
        "%context.status",
        "%rowIndex",
    ],
)
def test_other_paths_are_left_to_fhirpathpy(path: str) -> None:
    assert not compile_path(path, focus="Observation").compiled
    assert compile_path(path).closure is None


RESOURCE = observation(
    status="final",
    _issued=ABSENT,
    code={"coding": [TG, {"code": "x", "_system": "urn:local"}], "text": "Tg"},
    subject={"reference": "Patient/p1"},
    performer=[{"reference": "Organization/a"}, {"reference": "#b"}, {"display": "c"}],
    effectivePeriod={"start": "2020"},
    valueQuantity={"value": Decimal("1.10"), "_unit": ABSENT},
    valueString="never with a Quantity",
    component=[
        component(TG, TG, valueString="one"),
        component({"system": [LOINC], "code": "3013-0"}, valueBoolean=False),
        component({"system": [LOINC, LOINC], "code": "3013-0"}, valueString="two systems"),
        component({"system": LOINC}, valueInteger=1),
        component(),
        component({"system": LOINC, "code": {"value": "3013-0"}}, _valueBoolean=ABSENT),
        None,
        [component(TG)],
    ],
    interpretation=[None, {"coding": [{"code": "H"}]}],
    note=[{"text": "a"}, {"text": ["b", "c"]}, {"text": []}],
    extension=[{"url": "urn:x", "valueAge": {"value": 1}}, {"url": "urn:y", "valueCode": "z"}],
)
TG_COMPONENT = f"component.where(code.coding.exists(system = '{LOINC}' and code = '3013-0'))"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # Names
        ("status", ["final"]),
        ("Observation.status", ["final"]),
        ("issued", []),
        ("issued.exists()", [True]),
        ("category.exists()", [False]),
        ("note.text", ["a", "b", "c"]),
        ("status.extension", []),
        ("interpretation.coding.code", ["H"]),
        ("unknown.element", []),
        # Choices of types
        ("value.ofType(Quantity).value", [Decimal("1.10")]),
        ("value.ofType(FHIR.Quantity).unit", []),
        ("value.ofType(Quantity).unit.exists()", [True]),
        ("value.ofType(string)", []),
        ("value.ofType(Coding).code", []),  # which it cannot be
        ("effective.ofType(Period).start", ["2020"]),
        ("component.value.ofType(string)", ["one", "two systems"]),
        ("component.value.ofType(boolean)", [False]),
        ("extension.value.ofType(Quantity).value", [1]),
        ("extension.value.ofType(string)", ["z"]),
        ("value is Quantity", [True]),
        ("value is string", [False]),
        ("component.where(id = 'x').value is string", []),
        ("extension.value is code", "failed"),
        ("status is code", [True]),
        ("status.ofType(string)", ["final"]),
        ("note.text is string", "failed"),
        # first, select, iif
        ("note.text.first()", ["a"]),
        ("interpretation.first().exists()", [True]),
        ("category.first()", []),
        ("code.coding.select(system & '|' & code)", [f"{LOINC}|3013-0", "urn:local|x"]),
        ("code.coding.select(display & '|')", ["|", "|"]),
        ("status & 'x' & '-' & code.text & '.'", ["finalx-Tg."]),
        ("note.text & ''", "failed"),
        ("value.ofType(Quantity).unit & ''", "failed"),
        ("iif(status = 'final', code.text, status)", ["Tg"]),
        ("iif(status = 'draft', code.text)", []),
        ("iif(status, code.text, id)", ["o1"]),
        # Comparison and logic
        ("status = 'final'", [True]),
        ("'final' = status", [True]),
        ("status != 'final'", [False]),
        ("status != 'draft'", [True]),
        ("category = 'x'", []),
        ("note.text = 'a'", [False]),
        ("issued = 'x'", [False]),
        ("value.ofType(Quantity).value = 1.1", [True]),
        ("status in ('draft' | 'final')", [True]),
        ("category.text in ('draft' | 'final')", []),
        ("note.text in ('a' | 'b')", "failed"),
        ("category.exists() and status = 'x'", [False]),
        ("status = 'final' and category.text = 'x'", []),
        ("status = 'draft' and category.text = 'x'", [False]),
        ("status = 'final' or category.text = 'x'", [True]),
        ("status = 'draft' or category.text = 'x'", []),
        ("status = 'final' or note.text in ('a' | 'b')", "failed"),
        ("status = 'draft' and status", "failed"),
        ("(status = 'draft').not()", [True]),
        ("(category.text = 'x').not()", []),
        ("status.not()", [False]),
        ("note.text.not()", []),
        # where, exists
        (f"{TG_COMPONENT}.value.ofType(string)", ["one"]),
        (f"{TG_COMPONENT}.exists()", [True]),
        ("component.where(value.ofType(boolean)).code", []),
        ("component.where(value.ofType(integer)).value.ofType(integer)", [1]),
        ("component.where(code.coding.code).id", "failed"),
        ("component.exists(value.ofType(boolean))", [False]),
        ("component.where(value.ofType(boolean) = false).value.ofType(boolean).exists()", [True]),
        ("code.coding.exists(system = 'urn:local')", [True]),
        ("extension.where(url = 'urn:y').value.ofType(code)", ["z"]),
        # References and codes
        ("getResourceKey()", ["o1"]),
        ("Observation.getResourceKey()", ["o1"]),
        ("subject.getReferenceKey()", ["p1"]),
        ("subject.getReferenceKey(Patient)", ["p1"]),
        ("subject.getReferenceKey(Group)", []),
        ("performer.getReferenceKey()", ["a"]),
        (f"code.memberOf('{ANALYTE}')", [True]),
        (f"code.coding.first().memberOf('{ANALYTE}')", [True]),
        (f"code.coding.memberOf('{ANALYTE}')", "failed"),
        (f"status.memberOf('{ANALYTE}')", [False]),
        (f"bodySite.memberOf('{ANALYTE}')", []),
        # Literals
        ("'a'", ["a"]),
        ("1.50", [Decimal("1.50")]),
        ("'a' | 'b' | 'a'", ["a", "b"]),
        ("%loinc", [LOINC]),
    ],
)
def test_a_compiled_path_finds_what_fhirpathpy_finds(path: str, expected: object) -> None:
    terminology = load().terminology
    compiled = compile_path(path, membership=terminology, focus="Observation")
    judge = compile_path(path, membership=terminology)
    assert compiled.compiled
    assert outcome(lambda: judge(without_shadowed(RESOURCE))) == outcome(lambda: compiled(RESOURCE))
    if expected == "failed":
        with pytest.raises(EvaluationFailed, match="cannot be evaluated"):
            compiled(RESOURCE)
    else:
        assert repr(compiled(RESOURCE)) == repr(expected)


def column(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "path": path, "collection": True}


def test_columns_that_share_an_index_find_what_each_would_find() -> None:
    paths = {
        "texts": f"{TG_COMPONENT}.value.ofType(string)",
        "codes": f"{TG_COMPONENT}.code.coding.code",
        "other": TG_COMPONENT.replace("3013-0", "x") + ".id",
        "reversed": "component.where(code.coding.exists(code = '3013-0' and system = 'x')).id",
        "plain": "status",
    }
    stated = {
        "resource": "Observation",
        "select": [{"column": [column(name, path) for name, path in paths.items()]}],
    }
    (row,) = View.load(stated).rows(RESOURCE)
    assert row == {
        "texts": ["one"],
        "codes": ["3013-0", "3013-0", "3013-0"],
        "other": [],
        "reversed": [],
        "plain": ["final"],
    }
    assert View.load(stated, compiled=False).rows(RESOURCE) == [row]


MIXED = {
    "resource": "Observation",
    "select": [
        {
            "forEach": "component",
            "column": [
                column("text", "value.ofType(string)"),
                column("last", "code.coding.last().code"),
            ],
            "select": [
                {"forEachOrNull": "code.coding.last()", "column": [column("code", "code")]},
                {"forEachOrNull": "code.coding", "column": [column("row", "%rowIndex")]},
            ],
        }
    ],
}


def test_a_view_may_mix_both_engines() -> None:
    view = View.load(MIXED)
    assert {path.text: path.compiled for path in view.paths} == {
        "component": True,
        "value.ofType(string)": True,
        "code.coding.last().code": False,
        "code.coding.last()": False,
        "code": False,
        "code.coding": True,
        "%rowIndex": False,
    }
    sound = observation(component=[component(TG, {**TG, "_code": ABSENT}, valueString="one")])
    rows = view.rows(sound)
    assert rows == View.load(MIXED, compiled=False).rows(sound)
    assert [(row["text"], row["last"], row["code"], row["row"]) for row in rows] == [
        (["one"], ["3013-0"], ["3013-0"], [0]),
        (["one"], ["3013-0"], ["3013-0"], [1]),
    ]


# Which views are asked


def coded(name: str, path: str) -> View:
    stated = {"name": name, "resource": "Observation", "select": [{"column": [column("a", "id")]}]}
    return View.load({**stated, "where": [{"path": path}]}, load().terminology)


VIEWS = [
    coded("lab", f"code.memberOf('{ANALYTE}')"),
    coded("any", "status = 'final'"),
    coded("gene", f"code.memberOf('{ANALYTE.replace('lab-analyte', 'variant-assessment')}')"),
]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ({"coding": [TG]}, ["lab", "any"]),
        ({"coding": [{"code": "1"}, TG, {"display": "Tg"}]}, ["lab", "any"]),
        ({"coding": [TG, {"system": LOINC, "code": "69548-6"}]}, ["lab", "any", "gene"]),
        ({"coding": [{"system": LOINC, "code": "2345-7"}]}, ["any"]),
        ({"coding": []}, ["any"]),
        ({"text": "Tg"}, ["any"]),
        # Of another shape: what the views make of it, once for all that are alike.
        (None, ["any"]),
        ("3013-0", ["any"]),
        ([TG], ["lab", "any"]),
        ({"code": "3013-0"}, ["any"]),
        # Where a view fails, it is to say so.
        ({"coding": ["3013-0"]}, ["lab", "any", "gene"]),
    ],
)
def test_only_views_that_ask_for_the_code_are_asked(code: object, names: list[str]) -> None:
    resource = observation(code=code, status="final")
    asked = Dispatch(VIEWS).candidates(resource)
    assert [view.name for view, _ in asked] == names
    assert by_dispatch(Dispatch(VIEWS), resource) == by_views(VIEWS, resource)


def by_dispatch(dispatch: Dispatch, resource: dict[str, Any]) -> str:
    asked = dispatch.candidates(resource)
    return outcome(lambda: [row for _, rows in asked for row in rows(resource)])


def by_views(views: Sequence[View], resource: dict[str, Any]) -> str:
    return outcome(lambda: [row for view in views for row in view.rows(resource)])


ASKED = f"code.memberOf('{ANALYTE}')"


@pytest.mark.parametrize(
    "path",
    [
        "status = 'final'",
        "status in ('final' | 'amended')",
        "iif(status in ('draft' | 'final'), false, true)",
        "status.exists()",
        f"{ASKED}.not()",
        f"({ASKED} or status = 'draft').not()",
        f"{ASKED} or component.where({ASKED}).exists()",
        f"{ASKED} and component.where({ASKED}).exists().not()",
        f"category.where(memberOf('{ANALYTE}')).exists()",
        "effective.ofType(Period).exists()",
        "effective.ofType(dateTime).exists() = false and effective.ofType(Period).exists() = false",
        "issued.exists() and status = 'final'",
        "code.text = 'Tg' or hasMember.exists()",
        "value.ofType(boolean) = true",
    ],
)
def test_what_a_shape_decides_is_what_each_resource_would_say(path: str) -> None:
    views = [coded("asks", path)]
    dispatch = Dispatch(views)
    answers = {by_dispatch(dispatch, each) == by_views(views, each) for each in SHAPES}
    assert answers == {True}
    assert len({by_views(views, each) for each in SHAPES}) > 1


PARTS: dict[str, list[Any]] = {
    "status": ["final", "draft", ["final", "draft"], None, 1],
    "code": [{"coding": [TG]}, {"coding": []}, {"text": "Tg"}, [{"coding": [TG]}], "3013-0", None],
    "component": [[component(TG)], [component(), {}], [], [None], component(TG), None],
    "category": [[{"coding": [TG]}], [{"text": "x"}, "y"], []],
    "effectivePeriod": [{"start": "2020"}, {}, [], None],
    "effectiveDateTime": ["2020", [], ["2020", "2021"], None],
    "valueBoolean": [True, False, "true"],
    "_status": [ABSENT],
    "issued": ["2020", {}, []],
}
SHAPES = [
    observation(**{"status": "final", "code": {"coding": [TG]}, **one, **other})
    for first, second in combinations(PARTS, 2)
    for one in [{}, *({first: value} for value in PARTS[first])]
    for other in [{}, *({second: value} for value in PARTS[second])]
]


def test_views_that_ask_for_no_code_are_asked_about_every_resource() -> None:
    views = [coded("any", "category.text = 'lab'")]
    named = observation(category=[{"text": "lab"}])
    assert [view for view, _ in Dispatch(views).candidates(named)] == views


def test_views_of_an_element_that_is_not_there_are_not_asked() -> None:
    assert Dispatch([coded("any", "status = 'final'")]).candidates(observation()) == []


def test_a_list_in_a_list_is_no_coding() -> None:
    """The index of components takes one coding for the list of one, and no more."""
    code = {"system": "http://loinc.org", "code": "48018-6"}
    gene = {"coding": [{"system": "http://www.genenames.org", "code": "HGNC:1097"}]}
    for coding, genes in (([code], 1), (code, 1), ([[code]], 0)):
        resource = {
            "resourceType": "Observation",
            "id": "o",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "69548-6"}]},
            "component": [{"code": {"coding": coding}, "valueCodeableConcept": gene}],
        }
        for view, judge in pairs():
            if view.resource == "Observation" and view.name == "variant_result":
                (row,) = view.rows(resource)
                assert len(row["genes"]) == genes
                assert judge.rows(resource) == [row]
