"""fhir4ds-v2, which turns ViewDefinitions into SQL for DuckDB. AGPL: measured, never used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import Answer, NotHere, Run
from benchmarks.contestants.lines import observation_files
from benchmarks.contestants.views import RESULTS, VARIANTS, facts


def prepare() -> Run:
    """Import fhir4ds, connect and write the SQL. Raises NotHere."""
    try:
        import fhir4ds
    except ImportError as error:
        raise NotHere(f"fhir4ds does not import: {error}") from error
    connection = fhir4ds.create_connection()
    # It wants a resourceType that is an address, or none.
    views = [{**view} for view in (RESULTS, VARIANTS)]
    for view in views:
        del view["resourceType"]
    queries = [fhir4ds.generate_view_sql(json.dumps(view)) for view in views]

    def run(paths: Sequence[Path]) -> Answer:
        files = [str(path) for path in observation_files(paths)]
        connection.execute(
            "CREATE TABLE resources AS SELECT json->>'id' AS id, 'Observation' AS resourceType, "
            "json->>'$.subject.reference' AS patient_ref, json AS resource "
            "FROM read_ndjson_objects($1)",
            [files],
        )
        rows = []
        for query in queries:
            found = connection.execute(query)
            names = [column[0] for column in found.description]
            rows.append([dict(zip(names, row, strict=True)) for row in found.fetchall()])
        return Answer(list(facts(*rows)))

    return run
