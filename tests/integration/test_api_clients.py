"""Clients that nobody here wrote: they discover, authenticate, evaluate, read back and page."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lib.definitions import NODE_MODULES
from tests.lib.judges import fhirpath_base
from tests.lib.needs import missing, program
from tests.lib.registered import Registered, registered
from tests.lib.serving import reference_store, serving

MEASURE = "redifferentiation-outcomes"
PERIOD = {"periodStart": "2000-01-01", "periodEnd": "2100-01-01"}
ENROLLED = 16


@dataclass(frozen=True)
class Registry:
    """A running server that asks for tokens, and the client that it knows."""

    origin: str
    client: Registered

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One server for all clients."""
    folder = tmp_path_factory.mktemp("registry")
    client = registered(folder)
    with serving(reference_store(folder), client.settings) as origin:
        yield Registry(origin, client)


def _enrolled(report: dict[str, Any]) -> int:
    """The initial population of the report's first group."""
    populations = report["group"][0]["population"]
    found = [p for p in populations if p["code"]["coding"][0]["code"] == "initial-population"]
    return int(found[0]["count"])


def test_fhir_kit_client(registry: Registry):
    if not (NODE_MODULES / "fhir-kit-client").is_dir():
        missing("run `npm ci` in tests/judges first")
    asked = {
        "base": registry.base,
        "client": registry.client.id,
        "jwk": registry.client.private_jwk,
        "measure": MEASURE,
    }
    done = subprocess.run(
        [program("node"), "kit_client.mjs"],
        cwd=NODE_MODULES.parent,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fhirVersion"] == "4.0.1"
    assert found["refused"] == {"status": 401, "type": "OperationOutcome"}
    assert MEASURE in found["measures"]
    assert _enrolled(found["evaluated"]) == ENROLLED
    assert fhirpath_base(found["evaluated"]) == []
    assert found["read"]["group"] == found["evaluated"]["group"]
    assert found["versioned"] == found["read"]
    assert found["history"] == 1
    assert set(found["stored"]) <= set(found["pages"]["ids"])
    assert len(set(found["pages"]["ids"])) == found["pages"]["total"]
    assert found["pages"]["count"] == -(-found["pages"]["total"] // 2)


def test_fhirpy(registry: Registry):
    from fhirpy import SyncFHIRClient
    from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

    token = registry.client.token(registry.origin)
    client = SyncFHIRClient(registry.base, authorization=f"Bearer {token}")
    assert MEASURE in {each["id"] for each in client.resources("Measure").fetch_all()}
    measure = client.reference("Measure", MEASURE).to_resource()
    evaluated = measure.execute("$evaluate-measure", method="get", params=PERIOD)
    assert _enrolled(evaluated) == ENROLLED

    created = client.resource("MeasureReport", **_of_a_site(evaluated))
    created.save()
    read = client.reference("MeasureReport", created.id).to_resource()
    assert read["group"] == evaluated["group"]
    assert read["meta"]["versionId"] == "1"
    read["language"] = "en"
    read.save()
    assert read["meta"]["versionId"] == "2"
    reports = client.resources("MeasureReport")
    found = reports.search(measure=evaluated["measure"], status="complete").limit(1).fetch_all()
    assert created.id in {each["id"] for each in found}
    assert reports.search(_id=created.id).count() == 1
    read.delete()
    with pytest.raises(ResourceNotFound):
        client.reference("MeasureReport", created.id).to_resource()
    with pytest.raises(OperationOutcome):
        client.resource("MeasureReport", status="no such status").save()


def _of_a_site(report: dict[str, Any]) -> dict[str, Any]:
    """The report as a site would send it: without what the server states."""
    return {k: v for k, v in report.items() if k not in {"resourceType", "id"}} | {
        "meta": {k: v for k, v in report.get("meta", {}).items() if k == "profile"}
    }


def test_smart_on_fhir_fhirclient(registry: Registry):
    from fhirclient.client import FHIRClient
    from fhirclient.models.measure import Measure
    from fhirclient.models.measurereport import MeasureReport

    client = FHIRClient(settings={"app_id": registry.client.id, "api_base": registry.base})
    server = client.server
    assert server.capabilityStatement.fhirVersion == "4.0.1"
    server.session.headers["Authorization"] = f"Bearer {registry.client.token(registry.origin)}"
    measures = Measure.where(struct={"_count": "2"}).perform_resources_iter(server)
    measure = next(each for each in measures if each.id == MEASURE)
    asked = "&".join(f"{name}={value}" for name, value in PERIOD.items())
    raw = server.request_json(f"Measure/{measure.id}/$evaluate-measure?{asked}")
    report = MeasureReport(raw)
    assert report.group[0].population[0].count == ENROLLED
    created = MeasureReport(_of_a_site(raw)).create(server)
    assert MeasureReport.read(created["id"], server).as_json()["group"] == raw["group"]
