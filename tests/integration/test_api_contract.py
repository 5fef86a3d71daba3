"""Schemathesis, a tool of others, holds the server against its description: no 5xx, no surprise.

It makes requests from the description, right and wrong ones, and looks at the answers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.lib.needs import missing
from tests.lib.serving import reference_store, serving, settings

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SECONDS = 60
"""What it takes on a machine with nothing else to do."""
EXAMPLES = 4
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.mark.timeout(6 * SECONDS)
def test_the_server_keeps_what_it_describes(tmp_path: Path):
    if not SCHEMATHESIS.is_file():
        missing("schemathesis is not installed")
    many = {"requests_per_minute": 10_000_000, "tokens_per_minute": 10_000_000}
    with serving(reference_store(tmp_path), settings(limits=many)) as origin:
        done = subprocess.run(
            [SCHEMATHESIS, "run", f"{origin}/openapi.json", "--checks", ",".join(CHECKS),
             "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
             "--seed", "1", "--workers", "2", "--no-color", "--generation-database", "none"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=5 * SECONDS,
            check=False,
        )  # fmt: skip
        described = httpx2.get(f"{origin}/openapi.json").json()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    count = sum(len(methods) for methods in described["paths"].values())
    assert f"Tested: {count}" in done.stdout
