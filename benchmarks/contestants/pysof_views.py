"""pysof, the SQL-on-FHIR engine of the Helios server, in Rust."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import Answer, NotHere, Run
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.contestants.views import RESULTS, VARIANTS, facts


def prepare() -> Run:
    """Import pysof. Raises NotHere, also where only its Python part can be loaded."""
    try:
        # The package hides that its library cannot be loaded, and answers nothing then.
        import pysof._pysof
    except ImportError as error:
        raise NotHere(f"pysof does not import: {error}") from error
    import pysof

    def run(paths: Sequence[Path]) -> Answer:
        entries = b",".join(
            b'{"resource":' + line + b"}" for line in lines(observation_files(paths))
        )
        bundle = b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"
        rows = [
            json.loads(pysof.run_view_definition(json.dumps(view), bundle, "json"))
            for view in (RESULTS, VARIANTS)
        ]
        return Answer(list(facts(*rows)))

    return run
