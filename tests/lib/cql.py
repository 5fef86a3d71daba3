"""The Measures' CQL, compiled by @cqframework/cql and run by fqm-execution, both from npm."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from adapter.elements import extension_value
from tests.lib.definitions import NODE_MODULES
from tests.lib.needs import missing

Resource = dict[str, Any]
Counts = dict[str, dict[str, int]]

MAPPINGS = Path(__file__).parents[2] / "mappings"
SOURCE = MAPPINGS / "cql/RedifferentiationCounts.cql"
LIBRARY = "https://raiway.example/fhir/Library/redifferentiation-counts"
ALTERNATIVE = "http://hl7.org/fhir/StructureDefinition/cqf-alternativeExpression"
SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"
CQFM_SCORING = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-scoring"
R5_SCORING = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Measure.group.scoring"
_PROGRAMS = Path(__file__).parents[1] / "judges/cql"
_SECONDS = 240


def compiled(text: str) -> tuple[bytes, list[str]]:
    """The ELM of a CQL library, and the compiler's complaints."""
    run = _node("compile.mjs", text.encode())
    return run.stdout, run.stderr.decode().splitlines()


def recomputed(elm: bytes, patients: Sequence[Resource]) -> Counts:
    """Counts of the Measures' proportion groups over Bundles of patients: group -> code -> n."""
    library = {
        "resourceType": "Library",
        "id": "counts",
        "url": LIBRARY,
        "version": "0.1.0",
        "name": "RedifferentiationCounts",
        "status": "active",
        "content": [{"contentType": "application/elm+json", "data": _base64(elm)}],
    }
    document = {
        "measure": _measure(),
        "library": library,
        "valueSets": list(_value_sets()),
        "patients": patients,
    }
    run = _node("recompute.mjs", json.dumps(document).encode())
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    counts: Counts = json.loads(run.stdout)
    return counts


def bundles(exported: Iterable[Resource]) -> list[Resource]:
    """A Bundle for each patient, with the Medications that are nobody's."""
    of: dict[str, list[Resource]] = defaultdict(list)
    shared = []
    for resource in exported:
        if resource["resourceType"] == "Medication":
            shared.append(resource)
        if resource["resourceType"] == "Patient":
            of[resource["id"]].append(resource)
        subject = resource.get("subject") or resource.get("patient") or {}
        if reference := subject.get("reference", ""):
            of[reference.removeprefix("Patient/")].append(resource)
    return [_bundle([*found, *shared]) for found in of.values()]


def proportion_groups() -> list[Resource]:
    """The groups of all Measures that are scored as proportions, as the files state them."""
    files = sorted((MAPPINGS / "Measure").glob("*.json"))
    groups = [group for file in files for group in json.loads(file.read_text()).get("group", ())]
    return [group for group in groups if _scoring(group) == "proportion"]


def identifier(population: Resource) -> str:
    """The CQL definition that a population names."""
    expression = extension_value(population["criteria"], ALTERNATIVE) or {}
    return str(expression.get("expression", ""))


def _measure() -> Resource:
    """One Measure of all proportion groups, as fqm-execution takes it."""
    proportion = {"coding": [{"system": SCORING, "code": "proportion"}]}
    groups = [
        {
            "id": group["id"],
            "extension": [{"url": CQFM_SCORING, "valueCodeableConcept": proportion}],
            "population": [_population(each) for each in group["population"]],
        }
        for group in proportion_groups()
    ]
    return {
        "resourceType": "Measure",
        "id": "counts",
        "url": "https://raiway.example/fhir/Measure/counts",
        "status": "active",
        "library": [LIBRARY],
        "scoring": proportion,
        "group": groups,
    }


def _population(stated: Resource) -> Resource:
    criteria = {"language": "text/cql-identifier", "expression": identifier(stated)}
    return {"id": stated["id"], "code": stated["code"], "criteria": criteria}


def _scoring(group: Resource) -> str:
    concept = extension_value(group, R5_SCORING) or {"coding": [{}]}
    return str(concept["coding"][0].get("code", ""))


def _value_sets() -> Iterable[Resource]:
    """The value sets that the library names, expanded."""
    for line in SOURCE.read_text().splitlines():
        if line.startswith("valueset "):
            name = line.rstrip("'").rsplit("/", 1)[1]
            found = json.loads((MAPPINGS / f"ValueSet/{name}.json").read_text())
            contains = [
                {"system": include["system"], "code": concept["code"]}
                for include in found["compose"]["include"]
                for concept in include["concept"]
            ]
            yield {**found, "expansion": {"timestamp": "2026-11-25", "contains": contains}}


def _bundle(resources: Sequence[Resource]) -> Resource:
    entries = [_entry(each) for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _entry(resource: Resource) -> Resource:
    return {"fullUrl": f"{resource['resourceType']}/{resource['id']}", "resource": resource}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _node(program: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
    node = shutil.which("node")
    if not node or not (NODE_MODULES / "fqm-execution").is_dir():
        missing("CQL: Node or tests/judges/node_modules is not installed")
    command = [node or "node", str(_PROGRAMS / program)]
    return subprocess.run(
        command, input=content, capture_output=True, timeout=_SECONDS, check=False
    )
