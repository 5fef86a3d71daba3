"""What is remembered of elements that recur changes no fact: a mapper that has seen other
resources maps each as one that has seen none."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter import definitions
from adapter.errors import ResourceError
from adapter.mapping.resource import Mapper

LOINC, HGNC, UCUM = "http://loinc.org", "http://www.genenames.org", "http://unitsofmeasure.org"


def concept(system: str, code: str, text: str = "") -> dict[str, Any]:
    stated: dict[str, Any] = {"coding": [{"system": system, "code": code, "display": text}]}
    return {**stated, "text": text} if text else stated


def component(code: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"code": concept(LOINC, code), "valueCodeableConcept": value}


def mapper() -> Mapper:
    return Mapper(definitions.load(), "s", ZoneInfo("America/Jamaica"))


SEEN_ALL = mapper()

# Values that differ in little: 1, 1.0 and "1"; a text instead of an object; nothing.
ELEMENTS: dict[str, list[Any]] = {
    "status": ["final", "amended", "cancelled", " final", None],
    "code": [
        concept(LOINC, "3013-0", "Thyroglobulin"),
        concept(LOINC, "69548-6", "Genetic variant assessment"),
        concept("urn:local", "7", "Thyroglobulin"),
        {"text": "Tumor Mutational Burden"},
        {"coding": [{"system": LOINC}, {"code": "3013-0"}]},
        {"coding": ["3013-0"]},
    ],
    "valueQuantity": [
        {"value": value, "unit": unit, "code": unit, "system": UCUM}
        for value in (1, Decimal("1.0"), Decimal("1.00"), "1", -1)
        for unit in ("ng/mL", "ug/L", "furlong")
    ],
    "valueCodeableConcept": [concept(LOINC, "LA9633-4", "Present"), concept(LOINC, "LA9634-2")],
    "valueString": ["<0.2 ng/mL", "BRAF V600E detected", ""],
    "referenceRange": [
        [{"high": {"value": high, "code": "ng/mL"}}] for high in (50, Decimal("50.0"), None)
    ],
    "interpretation": [[concept("http://hl7.org/fhir/v2/0078", "L")], [{"text": "High"}], "H"],
    "method": [{"text": "ECLIA"}, concept("urn:local", "ICMA")],
    "performer": [[{"reference": "Organization/a"}], [{"reference": "Organization/b"}]],
    "effectiveDateTime": ["2021-06-18T06:00:00-05:00", "2021-06-18", "2021-06", "2021-13"],
    "effectivePeriod": [{"start": "2021-06-18"}, {"start": "2020"}],
    "issued": ["2021-06-18T14:00:30-05:00", "2022-01-01T00:00:00Z"],
    "component": [
        [component("48018-6", concept(HGNC, "HGNC:1097", "BRAF"))],
        [component("48018-6", concept(HGNC, "HGNC:1097", "TERT")), {"code": {"text": "x"}}],
        [
            component("48018-6", concept(HGNC, "HGNC:1097", "BRAF")),
            component("48005-3", concept("http://varnomen.hgvs.org", "p.Val600Glu")),
        ],
        [{"code": "48018-6"}],
    ],
    "note": [[{"text": "BRAF V600E"}], [{"text": "none"}]],
}


@st.composite
def observations(draw: Callable[..., Any]) -> dict[str, Any]:
    """An Observation of some of these elements."""
    stated = {"resourceType": "Observation", "id": "a", "subject": {"reference": "Patient/p"}}
    names = draw(st.sets(st.sampled_from(sorted(ELEMENTS.keys() - {"code", "status"}))))
    chosen = {name: draw(st.sampled_from(ELEMENTS[name])) for name in sorted(names)}
    code, status = (draw(st.sampled_from(ELEMENTS[name])) for name in ("code", "status"))
    return deepcopy({**stated, **chosen, "code": code, "status": status})


def said(by: Mapper, resource: dict[str, Any]) -> object:
    try:
        return by.map(resource, "x:1")
    except ResourceError as error:
        return error.what, error.where
    except Exception as error:
        return type(error)


@settings(max_examples=150, deadline=None)
@given(st.lists(observations(), min_size=1, max_size=4))
def test_what_was_seen_before_changes_no_fact(resources: list[dict[str, Any]]) -> None:
    for resource in resources:
        sent = deepcopy(resource)
        assert repr(said(SEEN_ALL, resource)) == repr(said(mapper(), resource))
        assert resource == sent
