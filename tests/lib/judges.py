"""The independent judges of our FHIR resources: outside tools that share no code with ours.

Each function takes a resource and returns its complaints, none meaning that it passes. Where the
judge's tool is not installed the test is skipped with the reason, and fails in CI. The tools: the
Python packages fhirkit-rs and pyfhircheck, and what `npm ci` in tests/judges installs.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.lib.definitions import NODE_MODULES, split_definitions
from tests.lib.needs import missing

Resource = Mapping[str, Any]

DEQM_PROFILE = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-summarymeasurereport"
"""The profile that the judge `deqm` judges by."""

_NODE_SECONDS = 120
_FALSE_ALARMS = (
    # Fires on every element inside a repeating group.
    lambda message: message.startswith("Profile allows at most "),
    # It does not know the name under which extensions of a primitive element stand.
    lambda message: message.startswith("Unknown element ") and "._" in message,
)


@dataclass(frozen=True)
class Judge:
    """How a judge is run.

    Attributes:
        run: resources → complaints on each, in the same order.
        lacks: the reason why the judge cannot be run, or None.
    """

    run: Callable[[Sequence[Resource]], list[list[str]]]
    lacks: Callable[[], str | None]


def available(judge: str) -> str | None:
    """The reason why a judge cannot be run here, or None if it can."""
    return JUDGES[judge].lacks()


def complaints(judge: str, resources: Sequence[Resource]) -> list[list[str]]:
    """One judge's complaints on each of the resources; a Node judge runs once for all."""
    _need(judge)
    return JUDGES[judge].run(resources)


def unevaluated(judge: str, resources: Sequence[Resource]) -> list[list[str]]:
    """The keys of the rules that `fhirpath_base` or `deqm` cannot evaluate on each resource."""
    _need(judge)
    return [
        [rule["key"] for rule in v["unevaluated"]] for v in _run_node(_PROGRAMS[judge], resources)
    ]


def fhirkit(resource: Resource) -> list[str]:
    """Complaints of fhirkit-rs on structure and types of R4; it knows no bindings or invariants."""
    return complaints("fhirkit", [resource])[0]


def pyfhircheck(resource: Resource) -> list[str]:
    """Complaints of pyfhircheck, by the official R4 definitions; slow."""
    return complaints("pyfhircheck", [resource])[0]


def fhirpath_base(resource: Resource) -> list[str]:
    """Complaints by the R4 definitions: shape, cardinality, required bindings, invariants."""
    return complaints("fhirpath_base", [resource])[0]


def deqm(resource: Resource) -> list[str]:
    """Complaints on a MeasureReport by the DEQM UV 1.0.0 summary profile alone, claimed or not."""
    return complaints("deqm", [resource])[0]


def ucum(resource: Resource) -> list[str]:
    """Complaints on codes of the UCUM system that are none."""
    return complaints("ucum", [resource])[0]


def all_judges(resource: Resource) -> dict[str, list[str]]:
    """Judge → its complaints; `deqm` is asked only if meta.profile claims its profile."""
    claimed = DEQM_PROFILE in resource.get("meta", {}).get("profile", [])
    return {
        judge: complaints(judge, [resource])[0] for judge in JUDGES if judge != "deqm" or claimed
    }


def profile_complaints(form: str, resources: Sequence[Resource]) -> list[list[str]]:
    """Complaints by the profile of a form (deqm, deqm-us, saner, madx) on each MeasureReport."""
    if reason := _lacks_node():
        missing(f"judge of {form}: {reason}")
    verdicts = _run_node(("fhirpath_judge.mjs", form), resources)
    return [verdict["complaints"] for verdict in verdicts]


def _need(judge: str) -> None:
    if reason := available(judge):
        missing(f"judge {judge}: {reason}")


def _lacks_package(module: str) -> str | None:
    found = importlib.util.find_spec(module) is not None
    return None if found else f"the Python package of {module} is not installed"


def _lacks_node() -> str | None:
    if shutil.which("node") is None:
        return "the program node is not installed"
    if not (NODE_MODULES / ".package-lock.json").is_file():
        return "run `npm ci` in tests/judges first"
    return None


def _run_fhirkit(resources: Sequence[Resource]) -> list[list[str]]:
    from fhirkit import validate

    return [[str(issue) for issue in validate(dict(resource))] for resource in resources]


def _run_pyfhircheck(resources: Sequence[Resource]) -> list[list[str]]:
    # It prints every trace() of a rule.
    with contextlib.redirect_stdout(io.StringIO()):
        reports = [_pyfhircheck_validator().validate_resource(dict(r)) for r in resources]
    return [
        [
            f"{issue.path}: {issue.message}"
            for issue in report.issues
            if issue.severity == "error"
            and not any(is_one(issue.message) for is_one in _FALSE_ALARMS)
        ]
        for report in reports
    ]


@cache
def _pyfhircheck_validator() -> Any:
    from pyfhircheck import Validator
    from pyfhircheck.config import ValidatorConfig

    config = ValidatorConfig(
        local_package_paths=[str(split_definitions())],
        allow_unknown_extensions=True,
        error_on_unknown_profile=False,
    )
    return Validator(config)


_PROGRAMS = {
    "fhirpath_base": ("fhirpath_judge.mjs", "base"),
    "deqm": ("fhirpath_judge.mjs", "deqm"),
    "ucum": ("ucum_judge.mjs",),
}


def _node_judge(name: str) -> Judge:
    def run(resources: Sequence[Resource]) -> list[list[str]]:
        return [verdict["complaints"] for verdict in _run_node(_PROGRAMS[name], resources)]

    return Judge(run, _lacks_node)


def _run_node(program: Sequence[str], resources: Sequence[Resource]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", *program],
        input="".join(json.dumps(resource) + "\n" for resource in resources),
        capture_output=True,
        check=False,
        cwd=NODE_MODULES.parent,
        encoding="utf-8",
        timeout=_NODE_SECONDS,
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(verdicts) != len(resources):
        raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}")
    return verdicts


def _lacks_pyfhircheck() -> str | None:
    # Its definitions come from npm.
    return _lacks_package("pyfhircheck") or _lacks_node()


JUDGES: dict[str, Judge] = {
    "fhirkit": Judge(_run_fhirkit, lambda: _lacks_package("fhirkit")),
    "pyfhircheck": Judge(_run_pyfhircheck, _lacks_pyfhircheck),
    "fhirpath_base": _node_judge("fhirpath_base"),
    "deqm": _node_judge("deqm"),
    "ucum": _node_judge("ucum"),
}
"""The judges by name."""
