"""R itself, asked again: the answers that the tests compare with are still what R gives.

Debian packages: r-base-core r-cran-survival r-cran-cmprsk r-cran-etm r-cran-jsonlite.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.lib.needs import missing, program
from tests.lib.r_estimates import COHORT, EXPECTED, SCRIPT

PACKAGES = ("survival", "cmprsk", "etm", "jsonlite")


@pytest.fixture(scope="module")
def rscript() -> str:
    """The path of Rscript, with every package that the script loads."""
    path = program("Rscript")
    names = ", ".join(f'"{package}"' for package in PACKAGES)
    probe = f"quit(status = !all(c({names}) %in% rownames(installed.packages())))"
    if subprocess.run([path, "-e", probe], capture_output=True, check=False, timeout=60).returncode:
        missing(f"an R package is not installed, one of {', '.join(PACKAGES)}")
    return path


def test_r_gives_what_was_stored(rscript: str) -> None:
    asked = subprocess.run(
        [rscript, str(SCRIPT)],
        input=COHORT.read_bytes(), capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr.decode()
    fresh, stored = json.loads(asked.stdout), json.loads(EXPECTED.read_bytes())
    # another version of R may answer alike; what it answers is what counts
    assert fresh.pop("versions").keys() == stored.pop("versions").keys()
    assert leaves(fresh).keys() == leaves(stored).keys()
    found = leaves(fresh)
    for name, value in leaves(stored).items():
        agreed = value if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)
        assert found[name] == agreed, name


def leaves(tree: Any, path: str = "") -> dict[str, float | None]:
    """The numbers of the answer by their path in it."""
    if not isinstance(tree, dict | list):
        return {path: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {
        name: value for key, part in items for name, value in leaves(part, f"{path}/{key}").items()
    }
