"""The task as two ViewDefinitions of SQL on FHIR, for the engines that run them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.contestants.extraction import as_fraction, from_text, patient_of
from benchmarks.facts import (
    ALLELE_FRACTION,
    CURRENT,
    GENE,
    LOINC,
    P_HGVS,
    THYROGLOBULIN,
    VARIANT,
    Thyroglobulin,
    Variant,
)

View = dict[str, Any]


def _coded(element: str, *codes: str) -> str:
    either = " or ".join(f"code = '{code}'" for code in codes)
    return f"{element}.coding.where(system = '{LOINC}' and ({either})).exists()"


def _view(name: str, codes: tuple[str, ...], selects: list[dict[str, Any]]) -> View:
    status = " or ".join(f"status = '{each}'" for each in CURRENT)
    return {
        "resourceType": "ViewDefinition",
        "url": f"https://hospital.example/fhir/ViewDefinition/{name}",
        "name": name,
        "status": "active",
        "resource": "Observation",
        "where": [{"path": _coded("code", *codes)}, {"path": status}],
        "select": selects,
    }


def _columns(**paths: str) -> list[dict[str, str]]:
    return [{"name": name, "path": path} for name, path in paths.items()]


def _component(code: str) -> str:
    return f"component.where({_coded('code', code)})"


RESULTS = _view(
    "thyroglobulin",
    THYROGLOBULIN,
    [
        {
            "column": _columns(
                patient="subject.reference",
                effective="effective.ofType(dateTime)",
                quantity="value.ofType(Quantity).value",
                unit="value.ofType(Quantity).code",
                comparator="value.ofType(Quantity).comparator",
                words="value.ofType(string)",
            )
        }
    ],
)
VARIANTS = _view(
    "variant",
    (VARIANT,),
    [
        {
            "column": _columns(
                patient="subject.reference",
                p_hgvs=f"{_component(P_HGVS)}.value.ofType(CodeableConcept).coding.code.first()",
                fraction=f"{_component(ALLELE_FRACTION)}.value.ofType(Quantity).value.first()",
                unit=f"{_component(ALLELE_FRACTION)}.value.ofType(Quantity).code.first()",
            )
        },
        {
            "forEach": f"{_component(GENE)}.value.ofType(CodeableConcept)",
            "column": _columns(gene="coding.display.first()"),
        },
    ],
)

Row = Mapping[str, Any]


def facts(results: Iterable[Row], variants: Iterable[Row]) -> Iterator[Thyroglobulin | Variant]:
    """The rows of the two views as the rows that are compared."""
    for row in results:
        patient, day = patient_of(row["patient"]), str(row["effective"])[:10]
        if row["quantity"] is None:
            yield Thyroglobulin(patient, day, *from_text(row["words"]))
        else:
            stated = (row["quantity"], row["unit"], row["comparator"] or "")
            yield Thyroglobulin(patient, day, *stated)
    for row in variants:
        number = None if row["fraction"] is None else float(row["fraction"])
        fraction = as_fraction(number, row["unit"] or "")
        yield Variant(patient_of(row["patient"]), row["gene"], row["p_hgvs"] or "", fraction)
