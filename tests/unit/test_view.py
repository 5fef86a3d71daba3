"""ViewDefinitions beyond the official cases: exact numbers, memberOf, hospital data, refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import EvaluationFailed, ResourceError, ViewDefinitionError
from adapter.mapping.fhirpath import compile_path
from adapter.mapping.view import View

ANALYTE = "https://example.org/ValueSet/analyte"
LOINC = "http://loinc.org"
TG = {"system": LOINC, "code": "3013-0"}
OTHER = {"system": LOINC, "code": "2345-7"}


class Members:
    """One value set, of one code."""

    def knows(self, url: str) -> bool:
        return url == ANALYTE

    def contains(self, url: str, system: str | None, code: str) -> bool:
        return f"{system or ''}|{code}" in self.tokens(url)

    def tokens(self, url: str) -> frozenset[str]:
        return frozenset({"|3013-0", f"{LOINC}|3013-0"} if self.knows(url) else ())


def observation(**elements: object) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o1", **elements}


def view(*paths: str, **more: object) -> dict[str, Any]:
    """A view of Observation whose columns a, b, … have these paths."""
    columns = [{"name": name, "path": path} for name, path in zip("abcdef", paths, strict=False)]
    return {"resource": "Observation", "select": [{"column": columns}], **more}


def value(path: str, resource: Mapping[str, Any]) -> object:
    """What a column of this path holds in the one row."""
    (row,) = View.load(view(path), Members()).rows(resource)
    return row["a"]


# Numbers


@pytest.mark.parametrize("text", ["12.40", "0.10", "1E+3", "0.1000000000000000055511151231257827"])
def test_a_decimal_passes_through_as_written(text: str) -> None:
    amount = json.loads(text, parse_float=Decimal)
    resource = observation(valueQuantity={"value": amount})
    assert str(value("value.ofType(Quantity).value", resource)) == text


def test_nothing_becomes_a_binary_float() -> None:
    resource = observation(valueQuantity={"value": 12.4, "unit": "ng/mL"})
    whole, number, tenfold = (
        value(path, resource)
        for path in (
            "value.ofType(Quantity)",
            "value.ofType(Quantity).value",
            "value.ofType(Quantity).value * 10",
        )
    )
    assert whole == {"value": Decimal("12.4"), "unit": "ng/mL"}
    assert (number, tenfold) == (Decimal("12.4"), Decimal("124.0"))
    assert {type(number), type(tenfold)} == {Decimal}


# What real resources hold


def test_an_element_of_foreach_keeps_its_type() -> None:
    stated = {
        "resource": "Observation",
        "select": [
            {
                "forEach": "component",
                "column": [
                    {"name": "amount", "path": "value.ofType(Quantity).value"},
                    {"name": "text", "path": "value.ofType(string)"},
                ],
            }
        ],
    }
    resource = observation(component=[{"valueQuantity": {"value": 3}}, {"valueString": "low"}])
    assert View.load(stated).rows(resource) == [
        {"amount": 3, "text": None},
        {"amount": None, "text": "low"},
    ]


def test_types_have_their_parents() -> None:
    resource = observation(component=[{"id": "c"}], extension=[{"url": "u", "valueCode": "x"}])
    assert value("component.ofType(BackboneElement).id", resource) == "c"
    assert value("extension.value.ofType(string)", resource) == "x"


def test_an_extension_beside_a_value_hides_nothing() -> None:
    absent = {"extension": [{"url": "https://example.org/e", "valueCode": "x"}]}
    resource = observation(status="final", _status=absent, _issued=absent)
    assert value("status = 'final'", resource) is True
    assert value("status", resource) == "final"
    assert value("issued", resource) is None


def test_a_gap_in_a_primitive_array_is_no_value() -> None:
    given = {"given": ["Ann", None], "_given": [None, {"extension": [{"url": "u"}]}]}
    patient = {"resourceType": "Patient", "name": [given]}
    stated = view("name.given", resource="Patient")
    assert View.load(stated).rows(patient) == [{"a": "Ann"}]


def test_extension_finds_every_one_of_its_url() -> None:
    extensions = [{"url": "u", "valueCode": "a"}, {"url": "v"}, {"url": "u", "valueCode": "b"}]
    path = compile_path("extension('u').value.ofType(code)")
    assert path(observation(extension=extensions)) == ["a", "b"]


def test_a_criterion_that_is_false_selects_nothing() -> None:
    components = [
        {"id": "yes", "valueBoolean": True},
        {"id": "no", "valueBoolean": False},
        {"id": "none", "_valueBoolean": {"extension": [{"url": "u"}]}},
    ]
    resource = observation(component=components)
    assert value("component.where(value.ofType(boolean)).id", resource) == "yes"
    assert value("component.skip(1).exists(value.ofType(boolean))", resource) is False


def test_this_is_the_outer_element_again_after_where() -> None:
    resource = observation(status="final", code={"text": "final", "coding": [TG]})
    assert value("code.where(coding.exists(code = '3013-0')).text.contains(status)", resource)


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("Patient/p1", "p1"),
        ("Patient/p1/_history/2", "p1"),
        ("https://fhir.example.org/r4/Patient/p1", "p1"),
        ("Group/p1", None),
        ("#p1", None),
        ("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", None),
    ],
)
def test_reference_key(reference: str, key: str | None) -> None:
    resource = observation(subject={"reference": reference})
    assert value("subject.getReferenceKey(Patient)", resource) == key


def test_a_logical_reference_has_no_key() -> None:
    assert value("subject.getReferenceKey()", observation(subject={"display": "Ann"})) is None


# memberOf


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("code", True),
        ("code.coding.first()", False),
        ("code.coding.last()", True),
        ("code.coding.last().code", True),
        ("method", False),
        ("category", True),
        ("bodySite", None),
    ],
)
def test_member_of(path: str, expected: bool | None) -> None:
    bare = {"coding": [{"code": "3013-0"}]}
    resource = observation(code={"coding": [OTHER, TG]}, method={"text": "3013-0"}, category=[bare])
    assert value(f"{path}.memberOf('{ANALYTE}')", resource) is expected


def test_member_of_takes_a_constant() -> None:
    constant = [{"name": "analyte", "valueCanonical": ANALYTE}]
    stated = view("id", constant=constant, where=[{"path": "code.memberOf(%analyte)"}])
    loaded = View.load(stated, Members())
    assert loaded.rows(observation(code={"coding": [TG]})) == [{"a": "o1"}]
    assert loaded.rows(observation(code={"coding": [OTHER]})) == []
    assert loaded.rows(observation()) == []


def test_member_of_needs_a_value_set_that_there_is() -> None:
    with pytest.raises(ViewDefinitionError, match=r"no value set https://example\.org/other"):
        View.load(view("code.memberOf('https://example.org/other')"), Members())
    with pytest.raises(ViewDefinitionError, match="no value set"):
        View.load(view(f"code.memberOf('{ANALYTE}')"))
    with pytest.raises(ViewDefinitionError, match="needs the url"):
        View.load(view("code.memberOf(status)"), Members())


# The processing algorithm


def test_the_null_row_is_null_even_where_a_path_is_not() -> None:
    nested = {"column": [{"name": "d", "path": "'literal'"}, {"name": "e", "path": "%rowIndex"}]}
    select = {
        "forEachOrNull": "component",
        "column": [{"name": "c", "path": "'literal'"}],
        "select": [nested, {"forEach": "extension", "column": [{"name": "f", "path": "url"}]}],
    }
    rows = View.load({"resource": "Observation", "select": [select]}).rows(observation())
    assert rows == [{"c": None, "d": None, "e": 0, "f": None}]


def test_columns_say_what_they_hold() -> None:
    columns = [
        {"name": "id", "path": "id", "type": "id"},
        {"name": "codes", "path": "code.coding.code", "type": "code", "collection": True},
    ]
    loaded = View.load({"resource": "Observation", "name": "v", "select": [{"column": columns}]})
    assert loaded.name == "v"
    assert [(column.name, column.type, column.collection) for column in loaded.columns] == [
        ("id", "id", False),
        ("codes", "code", True),
    ]
    assert loaded.rows({"resourceType": "Patient", "id": "p"}) == []


@pytest.mark.parametrize(
    ("kind", "constant", "path"),
    [
        ("valueDate", "2020-03-01", "effective.ofType(dateTime) > %c"),
        ("valueDateTime", "2020-03-02T10:00:00Z", "effective.ofType(dateTime) = %c"),
        ("valueDecimal", 12.4, "value.ofType(Quantity).value = %c"),
    ],
)
def test_constants_are_literals_of_their_type(kind: str, constant: object, path: str) -> None:
    stated = view(path, constant=[{"name": "c", kind: constant}])
    resource = observation(
        effectiveDateTime="2020-03-02T11:00:00+01:00", valueQuantity={"value": Decimal("12.40")}
    )
    assert View.load(stated).rows(resource) == [{"a": True}]


# Boundaries beyond the official cases


@pytest.mark.parametrize(
    ("element", "stated", "low", "high"),
    [
        ("effectiveDateTime", "2020", "2020-01-01T00:00:00.000+14:00",
         "2020-12-31T23:59:59.999-12:00"),
        ("effectiveDateTime", "2020-02", "2020-02-01T00:00:00.000+14:00",
         "2020-02-29T23:59:59.999-12:00"),
        ("effectiveDateTime", "2020-02-03T04:05:06Z", "2020-02-03T04:05:06.000Z",
         "2020-02-03T04:05:06.999Z"),
        ("effectiveInstant", "2020-02-03T04:05:06.7+02:00", "2020-02-03T04:05:06.700+02:00",
         "2020-02-03T04:05:06.799+02:00"),
        ("valueInteger", 12, Decimal("11.5"), Decimal("12.5")),
    ],
)  # fmt: skip
def test_boundaries(element: str, stated: object, low: object, high: object) -> None:
    name = "effective" if element.startswith("effective") else "value"
    kind = {"effectiveDateTime": "dateTime", "effectiveInstant": "instant"}.get(element, "integer")
    resource = observation(**{element: stated})
    assert value(f"{name}.ofType({kind}).lowBoundary()", resource) == low
    assert value(f"{name}.ofType({kind}).highBoundary()", resource) == high


def test_the_boundary_of_a_decimal_has_eight_places_or_more() -> None:
    assert [str(bound) for bound in compile_path("1.587.lowBoundary()")({})] == ["1.58650000"]
    assert [str(bound) for bound in compile_path("0.12345678.highBoundary()")({})] == [
        "0.123456785"
    ]


# Refusals


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a b", "no FHIRPath"),
        ("code..text", "no FHIRPath"),
        ("code.where(", "no FHIRPath"),
        ("status =", "no FHIRPath"),
        ("'open", "no FHIRPath"),
        ("", "missing"),
        ("code.lenght()", "no function lenght"),
        ("code.first(1)", "does not take 1 arguments"),
        ("value.ofType(quantity)", "no type 'quantity'"),
        ("value is Quantitty", "no type 'Quantitty'"),
        ("subject.getReferenceKey('Patient')", "no type"),
        ("effective.ofType(dateTime) > today()", "more than the resource"),
        ("code.trace('x')", "more than the resource"),
        ("status = %final", "%final is not defined"),
        ("status = %'final'", "not defined"),
    ],
)
def test_a_wrong_path_is_refused_when_the_view_is_loaded(path: str, message: str) -> None:
    with pytest.raises(ViewDefinitionError, match=message):
        View.load(view(path))


COLUMN = {"name": "a", "path": "id"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wher": []}, "unknown key: wher"),
        ({"resourceType": "Measure"}, "not ViewDefinition"),
        ({"resource": "Observations"}, "no resource type"),
        ({"name": "my-view"}, "letters, digits"),
        ({"select": []}, "missing or empty"),
        ({"select": {}}, "no list of objects"),
        ({"select": [{"column": []}]}, "no columns"),
        ({"select": [{"column": [COLUMN], "collumn": []}]}, "unknown key: collumn"),
        ({"select": [{"column": [COLUMN]}, {"column": [COLUMN]}]}, "already defined: a"),
        ({"select": [{"column": [COLUMN], "unionAll": [{"column": [COLUMN]}]}]}, "already defined"),
        ({"select": [{"forEach": "component", "repeat": ["x"], "column": [COLUMN]}]}, "both"),
        ({"select": [{"repeat": "component", "column": [COLUMN]}]}, "list of paths"),
        ({"select": [{"column": [{"path": "id"}]}]}, "name is missing"),
        ({"select": [{"column": [{"name": "a"}]}]}, "path is missing"),
        ({"select": [{"column": [{**COLUMN, "name": "_a"}]}]}, "letters, digits"),
        ({"select": [{"column": [{**COLUMN, "collection": "true"}]}]}, "no boolean"),
        ({"where": [{"path": "status"}]}, "is a code, not a boolean"),
        ({"where": [{"path": "Observation.code.text"}]}, "is a string, not a boolean"),
        ({"constant": [{"name": "c", "valueString": "x", "valueCode": "x"}]}, "one value"),
        ({"constant": [{"name": "c", "valueQuantity": {}}]}, "unknown key: valueQuantity"),
        ({"constant": [{"name": "c", "valueDate": "1.3.2020"}]}, "no valueDate"),
        ({"constant": [{"name": "c", "valueInteger": "1"}]}, "no valueInteger"),
        ({"constant": [{"name": "c", "valueInteger": 1}] * 2}, "already defined"),
        ({"constant": [{"name": "rowIndex", "valueInteger": 1}]}, "already defined"),
    ],
)
def test_a_wrong_definition_is_refused(change: Mapping[str, object], message: str) -> None:
    with pytest.raises(ViewDefinitionError, match=message):
        View.load({**view("id"), **change})


def test_unionall_branches_have_the_same_types() -> None:
    branches = [{"column": [{**COLUMN, "type": kind}]} for kind in ("id", "integer")]
    with pytest.raises(ViewDefinitionError, match="different columns"):
        View.load({"resource": "Observation", "select": [{"unionAll": branches}]})


def test_fhir_keys_and_extensions_are_welcome() -> None:
    stated = view("id", url="u", title="t", status="active", meta={}, fhirVersion=["4.0.1"])
    stated["select"][0]["extension"] = [{"url": "u"}]
    assert View.load(stated).rows(observation()) == [{"a": "o1"}]


# Resources that do not fit


@pytest.mark.parametrize(
    "change",
    [
        {"select": [{"column": [{"name": "a", "path": "component.id"}]}]},
        {"where": [{"path": "component.id"}]},
        {"where": [{"path": "component.where(id = 'Secret').id"}]},
        {"where": [{"path": "status > 1"}]},
        {"where": [{"path": f"component.code.memberOf('{ANALYTE}')"}]},
        {"select": [{"repeat": ["$this"], "column": [COLUMN]}]},
    ],
)
def test_a_resource_that_does_not_fit_is_a_matter_of_that_resource(
    change: Mapping[str, object],
) -> None:
    loaded = View.load({**view("id", name="v"), **change}, Members())
    component = [{"id": name, "code": {"coding": [TG]}} for name in ("Secret", "Hidden")]

    with pytest.raises(EvaluationFailed) as failed:
        loaded.rows(observation(status="Secret", component=component))

    assert isinstance(failed.value, ViewDefinitionError)
    assert isinstance(failed.value, ResourceError)
    assert failed.value.exit_code == ResourceError.exit_code
    assert failed.value.where == "Observation as v"
    assert "Secret" not in str(failed.value).replace("'Secret'", "")
    # fhirpathpy's own message would name the value in every traceback.
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    assert loaded.rows({"resourceType": "Patient"}) == []


def test_a_resource_nested_beyond_reason_is_refused() -> None:
    extension: dict[str, Any] = {"url": "u"}
    for _ in range(3000):
        extension = {"url": "u", "extension": [extension]}
    nested = observation(extension=[extension])
    for path in ("extension", "extension.descendants()"):
        with pytest.raises(EvaluationFailed, match="nested too deeply"):
            View.load(view(path)).rows(nested)
    # What a compiled path does not reach is in nobody's way.
    assert View.load(view("id")).rows(nested) == [{"a": "o1"}]
