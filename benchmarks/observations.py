"""The Observations of the benchmark's hospital, as pools of templates to draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks import catalogue
from benchmarks.catalogue import Analyte
from benchmarks.facts import ALLELE_FRACTION as FRACTION
from benchmarks.facts import GENE, LOINC, P_HGVS, VARIANT
from benchmarks.pools import Pool, pool
from benchmarks.templates import (
    LOCAL_TESTS,
    Element,
    Finding,
    Result,
    Template,
    blood_pressure,
    code_of_test,
    coding,
    concept,
    hl7,
    judged,
    measured,
    observation,
    quantity,
    template,
)

VALUES = 48
"""Different values of each analyte."""
ESCAPED = (b'"3013-0"', b'"\\u0033013-0"')
"""The same JSON string, written by senders that escape what need not be escaped."""


def irrelevant(rng: random.Random) -> Pool:
    """Routine laboratory, vital signs, words; 4 in 1,000 hold a wanted code where it means
    something else."""
    return pool(_routine(rng))


def relevant(rng: random.Random) -> Pool:
    """Thyroglobulin and its antibody to variants as 3 to 1."""
    return pool(_wanted(rng))


def _routine(rng: random.Random) -> Iterator[tuple[float, Template]]:
    kinds = (("laboratory", catalogue.LABORATORY), ("vital-signs", catalogue.VITAL_SIGNS))
    for kind, analytes in kinds:
        for analyte in analytes:
            for _ in range(VALUES):
                value = _value(rng, analyte)
                yield analyte.weight / VALUES, template(measured(kind, analyte, value))
    for _ in range(VALUES):
        pressure = blood_pressure(rng.randrange(90, 180), rng.randrange(50, 105))
        yield catalogue.BLOOD_PRESSURE_WEIGHT / VALUES, template(pressure)
    for code, display, texts, weight in catalogue.TEXTS:
        for text in texts:
            said = observation("laboratory", code_of_test(code, display), valueString=text)
            yield weight / len(texts), template(said)
    decoys = list(_decoys())
    # Of a total of about 1,150.
    yield from ((4.6 / len(decoys), template(decoy)) for decoy in decoys)


def _value(rng: random.Random, analyte: Analyte) -> float:
    """Mostly within the reference range, with tails on both sides."""
    middle, spread = (analyte.low + analyte.high) / 2, (analyte.high - analyte.low) / 2.5
    drawn = max(rng.gauss(middle, spread), analyte.low / 3)
    return round(drawn, analyte.digits) if analyte.digits else int(drawn)


def _decoys() -> Iterator[Element]:
    """A wanted code's digits in another code system, in an identifier or in words."""
    potassium = next(each for each in catalogue.LABORATORY if each.code == "2823-3")
    elsewhere = measured("laboratory", potassium, 4.1)
    for wanted in ("3013-0", VARIANT, "96460-1"):
        other = concept(
            coding("urn:oid:1.2.840.114350.1.13.999.9.1", wanted, "POTASSIUM, WHOLE BLOOD"),
            coding(LOINC, "6298-4", "Potassium [Moles/volume] in Blood"),
            text="POTASSIUM, WHOLE BLOOD",
        )
        yield {**elsewhere, "code": other}
        note = f"Add-on of {wanted} asked for by phone; not enough material."
        yield {**elsewhere, "note": [{"text": note}]}
        filler = {**elsewhere["identifier"][0], "value": wanted}
        yield {**elsewhere, "identifier": [filler]}
    comment = concept(coding(LOCAL_TESTS, "99017", "ENDO COMMENT"), text="ENDO COMMENT")
    text = "Thyroglobulin (LOINC 3013-0) is measured on Tuesdays only."
    yield observation("laboratory", comment, valueString=text)
    word = "BRAF 69548-6 see the report of molecular pathology; thyroglobulin to follow"
    yield {**elsewhere, "note": [{"text": word}]}


def _wanted(rng: random.Random) -> Iterator[tuple[float, Template]]:
    yield from _results(rng)
    for _ in range(VALUES):
        value = round(rng.expovariate(1 / 2.0), 1)
        yield 8 / VALUES, template(measured("laboratory", catalogue.ANTIBODY, value))
    for _ in range(4 * VALUES):
        yield 18 / (4 * VALUES), _present(rng)
    for _ in range(VALUES):
        yield 6 / VALUES, _absent(rng)


def _results(rng: random.Random) -> Iterator[tuple[float, Template]]:
    """Thyroglobulin: numbers, a quarter below the assay's limit, some in words, some withdrawn."""
    share = 68 / (4 * VALUES)
    for step in range(4 * VALUES):
        code = "96460-1" if step % 16 == 0 else "3013-0"
        unit = "ug/L" if step % 3 == 0 else "ng/mL"
        below = step % 4 == 1
        value = 0.1 if below else round(rng.lognormvariate(1.5, 2.0), 1) + 0.1
        result = Result(round(value, 1), unit, "<" if below else "")
        made = _result(code, result, in_words=step % 20 == 5)
        if step % 100 == 51:
            withdrawn = template({**made, "status": "entered-in-error"})
            yield share, withdrawn
        elif step % 60 == 7:
            escaped = template(made, result)
            yield share, escaped._replace(line=escaped.line.replace(*ESCAPED))
        else:
            status = "corrected" if step % 40 == 3 else "final"
            yield share, template({**made, "status": status}, result)


def _result(code: str, result: Result, *, in_words: bool) -> Element:
    analyte = Analyte(code, catalogue.THYROGLOBULIN_NAMES[code], result.unit, 1.6, 50, 1, 1)
    stated: Element = quantity(result.value, result.unit)
    if result.comparator:
        stated = {"value": result.value, "comparator": result.comparator, **stated}
    words = f"{result.comparator}{result.value} {result.unit}"
    value = {"valueString": words} if in_words else {"valueQuantity": stated}
    return observation(
        "laboratory",
        code_of_test(code, analyte.display, "THYROGLOBULIN"),
        **value,
        **judged(analyte, result.value),
        method={"text": "Chemiluminescence immunoassay"},
    )


def _present(rng: random.Random) -> Template:
    gene = rng.choice(list(catalogue.GENES))
    change = rng.choice(catalogue.GENES[gene][1])
    percent = rng.randrange(20, 600) / 10
    in_percent = rng.random() < 0.5
    fraction = round(percent / 100, 4)
    stated = quantity(percent, "%") if in_percent else quantity(fraction, "1")
    parts = [
        _gene(gene),
        _component(P_HGVS, "Amino acid change (pHGVS)", "http://varnomen.hgvs.org", change),
        {
            "code": concept(
                coding(LOINC, FRACTION, "Sample variant allelic frequency [NFr]"),
                text="Allelic frequency",
            ),
            "valueQuantity": stated,
        },
    ]
    return template(
        _variant("LA9633-4", "Present", parts), None, (Finding(gene, change, fraction),)
    )


def _absent(rng: random.Random) -> Template:
    genes = rng.sample(list(catalogue.GENES), rng.randrange(1, 4))
    made = _variant("LA9634-2", "Absent", [_gene(gene) for gene in genes])
    return template(made, None, tuple(Finding(gene, "", None) for gene in genes))


def _variant(code: str, display: str, parts: list[Element]) -> Element:
    return observation(
        "laboratory",
        code_of_test(VARIANT, "Genetic variant assessment", "GENETIC VARIANT"),
        category=[
            hl7("observation-category", "laboratory", "Laboratory"),
            hl7("v2-0074", "GE", "Genetics"),
        ],
        valueCodeableConcept=concept(coding(LOINC, code, display), text=display),
        method=concept(coding(LOINC, "LA26398-0", "Sequencing"), text="Sequencing"),
        component=parts,
    )


def _gene(symbol: str) -> Element:
    part = _component(
        GENE, "Gene studied [ID]", "http://www.genenames.org", catalogue.GENES[symbol][0]
    )
    part["valueCodeableConcept"]["coding"][0]["display"] = symbol
    part["valueCodeableConcept"]["text"] = symbol
    return part


def _component(code: str, name: str, system: str, value: str) -> Element:
    return {
        "code": concept(coding(LOINC, code, name), text=name),
        "valueCodeableConcept": concept(coding(system, value, value), text=value),
    }
