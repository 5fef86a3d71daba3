"""fhir4ds-v2 (AGPL: measured, never a dependency) on the question of `benchmarks.evaluate`.

`python benchmarks/evaluate_peer.py FOLDER` in the peer's environment; one JSON object on standard
output. DuckDB reads the NDJSON itself, which is many times faster than the peer's own loader.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import fhir4ds

LIBRARY = Path(__file__).with_name("thyroid_response.cql")
COLUMNS = {
    "initial": "Initial Population",
    "denominator": "Denominator",
    "numerator": "Numerator",
    "sex": "Sex",
}
_LOAD = """
CREATE OR REPLACE TABLE resources AS SELECT
    json->>'id' AS id, json->>'resourceType' AS resourceType, json AS resource,
    coalesce(split_part(json->>'$.subject.reference', '/', 2), json->>'id') AS patient_ref
FROM read_ndjson_objects($1)
"""


def main() -> None:
    """Load, evaluate, count."""
    connection = fhir4ds.create_connection()
    # It defines what the SQL of a measure calls.
    fhir4ds.FHIRDataLoader(connection)
    began = time.perf_counter()
    connection.execute(_LOAD, [sorted(map(str, Path(sys.argv[1]).glob("*.ndjson")))])
    loaded, used = time.perf_counter(), sum(os.times()[:4])
    rows = fhir4ds.evaluate_measure(str(LIBRARY), connection, output_columns=COLUMNS)
    enrolled, responders = Counter[str](), Counter[str]()
    for row in rows.itertuples(index=False):
        sex = row.sex if isinstance(row.sex, str) else row.sex[0]
        enrolled[sex] += bool(row.denominator)
        responders[sex] += bool(row.numerator)
    print(
        json.dumps(
            {
                "load": loaded - began,
                "evaluate": time.perf_counter() - loaded,
                "cpu": sum(os.times()[:4]) - used,
                "patients": len(rows),
                "enrolled": enrolled,
                "responders": responders,
            }
        )
    )


if __name__ == "__main__":
    main()
