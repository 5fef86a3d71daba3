"""DuckDB's JSON reader with a narrow typed schema and SQL, written by hand for this task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import Answer, NotHere, Run
from benchmarks.contestants.extraction import patient_of
from benchmarks.contestants.lines import observation_files
from benchmarks.facts import (
    ALLELE_FRACTION,
    CURRENT,
    GENE,
    LOINC,
    P_HGVS,
    THYROGLOBULIN,
    VALUE_IN_TEXT,
    VARIANT,
    Thyroglobulin,
    Variant,
)

CONCEPT = 'STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[])'
QUANTITY = 'STRUCT("value" DOUBLE, comparator VARCHAR, code VARCHAR)'
SCHEMA = {
    "status": "VARCHAR",
    "code": CONCEPT,
    "subject": "STRUCT(reference VARCHAR)",
    "effectiveDateTime": "VARCHAR",
    "valueQuantity": QUANTITY,
    "valueString": "VARCHAR",
    "component": f"STRUCT(code {CONCEPT}, valueCodeableConcept {CONCEPT}, "
    f"valueQuantity {QUANTITY})[]",
}


def _listed(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _component(code: str) -> str:
    return (
        f"list_filter(component, lambda part: list_contains(list_transform(part.code.coding, "
        f"lambda each: each.code), '{code}'))"
    )


COLUMNS = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in SCHEMA.items()) + "}"
KEEP = f"""
CREATE OR REPLACE TEMP TABLE kept AS
SELECT *, list_transform(
    list_filter(code.coding, lambda each: each."system" = '{LOINC}'), lambda each: each.code
) AS codes
FROM read_json($1, format = 'newline_delimited', columns = {COLUMNS})
WHERE status IN ({_listed(CURRENT)})
  AND list_has_any(codes, [{_listed([*THYROGLOBULIN, VARIANT])}])
"""  # noqa: S608 - the texts are constants of this module
RESULTS = f"""
SELECT subject.reference, effectiveDateTime[:10],
  coalesce(valueQuantity."value", regexp_extract(valueString, $1, 2)::DOUBLE),
  coalesce(valueQuantity.code, regexp_extract(valueString, $1, 3)),
  coalesce(valueQuantity.comparator, regexp_extract(valueString, $1, 1), '')
FROM kept WHERE list_has_any(codes, [{_listed(THYROGLOBULIN)}])
"""  # noqa: S608 - the same
VARIANTS = f"""
SELECT subject.reference, unnest({_component(GENE)}).valueCodeableConcept.coding[1].display,
  coalesce({_component(P_HGVS)}[1].valueCodeableConcept.coding[1].code, ''),
  {_component(ALLELE_FRACTION)}[1].valueQuantity."value"
    / CASE {_component(ALLELE_FRACTION)}[1].valueQuantity.code WHEN '%' THEN 100 ELSE 1 END
FROM kept WHERE list_contains(codes, '{VARIANT}')
"""  # noqa: S608 - the same


def prepare() -> Run:
    """Import DuckDB. Raises NotHere."""
    try:
        import duckdb
    except ImportError as error:
        raise NotHere(f"duckdb is not installed: {error}") from error

    def run(paths: Sequence[Path]) -> Answer:
        connection = duckdb.connect()
        connection.execute(KEEP, [[str(path) for path in observation_files(paths)]])
        results = connection.execute(RESULTS, [VALUE_IN_TEXT]).fetchall()
        variants = connection.execute(VARIANTS).fetchall()
        return Answer(
            [
                *(Thyroglobulin(patient_of(row[0]), *row[1:]) for row in results),
                *(Variant(patient_of(row[0]), *row[1:]) for row in variants),
            ]
        )

    return run
