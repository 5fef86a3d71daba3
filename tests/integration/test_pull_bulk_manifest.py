"""The manifest of a Bulk Data export: the scenarios of `pull.md` 2.2 by their names."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lib.fault.bulk_scenarios import (
    LEAVE,
    STATUS,
    TIME,
    at_other_host,
    entry,
    exporting,
    lines,
    listed,
    listing,
    observations,
    patients,
    url,
)
from tests.lib.fault.bulk_site import served
from tests.lib.fault.content import deleted_bundle, manifest, ndjson
from tests.lib.fault.replies import operation_outcome, reply
from tests.lib.fault.server import OTHER_HOST

FIVE = observations(0, 1, 2, 3, 4)
FIVE_IDS = [f"obs-{number}" for number in range(5)]
FILE = {"Observation.ndjson": FIVE}


def failed(result, resource_type="Observation") -> str:
    """Why the type is not whole."""
    return result.outcome.of(resource_type).failed or ""


def of(*output, **more):
    """A manifest of these entries, made when the server is known."""

    def make(server):
        entries = [each(server) if callable(each) else each for each in output]
        made = {name: each(server) if callable(each) else each for name, each in more.items()}
        return manifest(entries, f"{server.base}/$export", **{"time": TIME, **made})

    return make


def file(name, **more):
    """The entry of a file."""
    return lambda server: entry(server, name, **more)


def test_file_other_host(tmp_path):
    def elsewhere(server):
        return {"type": "Observation", "url": url(server, "Observation.2.ndjson", OTHER_HOST)}

    with served(tmp_path, exporting(FILE, of(file("Observation.ndjson"), elsewhere))) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "allowed origins" in failed(result)
        assert site.rows(result) == FIVE_IDS
        assert site.watermark() is None
        assert site.asked()[LEAVE] == 0


def test_file_other_host_listed(tmp_path):
    def elsewhere(server):
        return {"type": "Observation", "url": url(server, "Observation.ndjson", OTHER_HOST)}

    script = exporting({}, of(elsewhere), **{at_other_host("Observation.ndjson"): lines(FIVE)})
    with served(tmp_path, script, elsewhere=True) as site:
        assert site.rows(site.pull(extra_origins=[site.server.root(OTHER_HOST)])) == FIVE_IDS
        assert [
            seen.headers.get("authorization") is not None for seen in site.server.elsewhere
        ] == [True]


def test_no_token(tmp_path):
    """A signed URL at a host that is listed, and one at the server itself: neither sees a token."""

    def signed(server):
        return {
            "type": "Observation",
            "url": url(server, "Observation.2.ndjson", OTHER_HOST) + "?sig=abc%2Bd",
        }

    make = of(file("Observation.ndjson"), signed, token=False)
    more = {at_other_host("Observation.2.ndjson"): lines(observations(9))}
    with served(tmp_path, exporting(FILE, make, **more), elsewhere=True) as site:
        result = site.pull(extra_origins=[site.server.root(OTHER_HOST)])
        assert site.rows(result) == [*FIVE_IDS, "obs-9"]
        files = [seen for seen in site.server.seen if "/files/" in seen.path]
        assert [seen.headers.get("authorization") for seen in files] == [None, None]
        assert site.server.elsewhere[0].url.endswith("?sig=abc%2Bd")


def test_no_token_on_one_page(tmp_path):
    """What a page says of the token holds for its own files."""

    def link(server):
        return [{"relation": "next", "url": f"{server.base}/status/1/2"}]

    first = of(file("Observation.ndjson"), link=link)
    second = of(file("Observation.2.ndjson"), token=False)
    files = {**FILE, "Observation.2.ndjson": observations(8)}
    script = exporting(files, first, **{"GET /fhir/status/1/2": listing(second)})
    with served(tmp_path, script) as site:
        assert site.rows(site.pull()) == [*FIVE_IDS, "obs-8"]
        assert "authorization" in site.first("/fhir/files/Observation.ndjson").headers
        assert "authorization" not in site.first("/fhir/files/Observation.2.ndjson").headers


NAMES = ["../../PWNED", "Obs\0ervation", "CON", "/var/tmp/PWNED", "Observation/..", 7, ""]  # noqa: S108


@pytest.mark.parametrize("named", NAMES)
def test_traversal(tmp_path, named):
    def bad(server):
        return {"type": named, "url": url(server, "Observation.2.ndjson")}

    with served(tmp_path, exporting(FILE, of(file("Observation.ndjson"), bad))) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert site.rows(result) == FIVE_IDS
        assert "1 files that cannot be read" in failed(result)
        written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
        assert {name.partition("/")[0] for name in written} == {"landing", "token"}
        assert not any("PWNED" in name or "CON" in name for name in written)
        assert not Path("/var/tmp/PWNED").exists()  # noqa: S108 - what must not be made
        assert "PWNED" not in site.notes(result)


def test_manifest_pages(tmp_path):
    files = {**FILE, "Observation.2.ndjson": observations(8)}

    def link(server):
        return [{"relation": "next", "url": f"{server.base}/status/1/2"}]

    first = of(file("Observation.ndjson"), link=link)
    second = of(file("Observation.2.ndjson"), time="2024-01-01T23:59:00Z")
    waits = [lambda request, server: reply(None, 202), listing(second)]
    with served(tmp_path, exporting(files, first, **{"GET /fhir/status/1/2": waits})) as site:
        result = site.pull()
        assert site.rows(result) == [*FIVE_IDS, "obs-8"]
        # The earlier of the two: whatever changed after it is asked for next time.
        assert site.watermark() == "2024-01-01T23:59:00Z"


def test_manifest_loop(tmp_path):
    def link(server):
        return [{"relation": "next", "url": f"{server.base}/status/1"}]

    with served(tmp_path, exporting(FILE, of(file("Observation.ndjson"), link=link))) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "do not end" in failed(result)
        assert site.asked()[STATUS] == 1


def test_same_url(tmp_path):
    twice = of(file("Observation.ndjson"), file("Observation.ndjson"))
    with served(tmp_path, exporting(FILE, twice)) as site:
        assert site.rows(site.pull()) == FIVE_IDS
        assert site.asked()["GET /fhir/files/Observation.ndjson"] == 1


ISSUE = operation_outcome("processing", "Observation could not be read")
HARMLESS = operation_outcome("informational", "_elements was ignored", "information")


def test_error_file(tmp_path):
    files = {**FILE, "Patient.ndjson": patients(0), "error.ndjson": ndjson([HARMLESS, ISSUE])}
    make = of(
        file("Observation.ndjson"),
        file("Patient.ndjson"),
        error=lambda server: [{"type": "OperationOutcome", "url": url(server, "error.ndjson")}],
    )
    with served(tmp_path, exporting(files, make)) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 5
        assert site.rows(result) == FIVE_IDS
        assert "the server reports: error processing" in failed(result)
        # The issue names the type that it is about.
        assert site.watermark() is None
        assert site.watermark("Patient") == TIME


def test_error_file_harmless(tmp_path):
    files = {**FILE, "error.ndjson": ndjson([HARMLESS])}
    errors = lambda server: [{"type": "OperationOutcome", "url": url(server, "error.ndjson")}]  # noqa: E731
    with served(tmp_path, exporting(files, of(file("Observation.ndjson"), error=errors))) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert "information informational" in site.notes(result)


def deletions(server):
    """The manifest's `deleted`."""
    return [{"type": "Bundle", "url": url(server, "deleted.ndjson")}]


def test_deleted(tmp_path):
    gone = ndjson([deleted_bundle("Observation/obs-7", "Observation/obs-8", "Device/d-1")])
    make = of(file("Observation.ndjson"), deleted=deletions)
    with served(tmp_path, exporting({**FILE, "deleted.ndjson": gone}, make)) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        # Of a type that is not pulled nothing is kept.
        assert site.tombstones(result) == ["Observation/obs-7", "Observation/obs-8"]
        assert result.outcome.of("Observation").deleted == 2


def test_deleted_and_output(tmp_path):
    gone = ndjson([deleted_bundle("Observation/obs-2", "Observation/obs-8")])
    make = of(file("Observation.ndjson"), deleted=deletions)
    with served(tmp_path, exporting({**FILE, "deleted.ndjson": gone}, make)) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "among the deleted" in failed(result)
        assert site.rows(result) == ["obs-0", "obs-1", "obs-3", "obs-4"]
        assert site.tombstones(result) == ["Observation/obs-8"]
        assert site.watermark() is None


@pytest.mark.parametrize("more", [0, 1, -1])
def test_count(tmp_path, more):
    make = of(file("Observation.ndjson", count=5 + more))
    with served(tmp_path, exporting(FILE, make)) as site:
        result = site.pull()
        asked = site.asked()["GET /fhir/files/Observation.ndjson"]
        if more:
            assert result.exit_code == 5
            assert f"5 lines came where the manifest counts {5 + more}" in failed(result)
            assert site.rows(result) == []
            assert asked == 2
        else:
            assert result.exit_code == 0
            assert site.rows(result) == FIVE_IDS
            assert asked == 1
            assert ("Observation", 5, 5) in site.told


@pytest.mark.parametrize("stated", [None, "yesterday", "2024-01-02T00:00:00"])
def test_no_time(tmp_path, stated):
    with served(tmp_path, exporting(FILE, of(file("Observation.ndjson"), time=stated))) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "transactionTime" in failed(result)
        assert site.watermark() is None


def test_future_time(tmp_path):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    with served(tmp_path, exporting(FILE, of(file("Observation.ndjson"), time=tomorrow))) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        assert "warning: transactionTime lies in the future" in site.notes(result)
        assert site.watermark() is None


def test_v4_manifest(tmp_path):
    def make(server):
        return {
            "manifestType": "bulk-export",
            "transactionTime": TIME,
            "outputFormat": "application/fhir+ndjson",
            "requiresAccessToken": True,
            "output": [entry(server, "Observation.ndjson", extension=[{"url": "urn:x"}])],
            "deleted": deletions(server),
            "outcome": [{"type": "OperationOutcome", "url": url(server, "outcome.ndjson")}],
            "extension": [{"url": "urn:y", "valueString": "z"}],
        }

    files = {
        **FILE,
        "outcome.ndjson": ndjson([HARMLESS]),
        "deleted.ndjson": ndjson([deleted_bundle("Observation/obs-7")]),
    }
    with served(tmp_path, exporting(files, make)) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        assert site.tombstones(result) == ["Observation/obs-7"]
        assert "information informational" in site.notes(result)


def header(number):
    """The beginning of a patient's block (version 3)."""
    reference = {"name": "header", "valueReference": {"reference": f"Patient/pat-{number}"}}
    return {"resourceType": "Parameters", "parameter": [reference]}


def test_organized(tmp_path):
    first = ndjson([header(0)]) + patients(0) + observations(0, 10) + ndjson([header(1)])
    more = observations(1, 11) + ndjson([{"resourceType": "Device", "id": "not-asked-for"}])

    def make(server):
        begins = {"url": url(server, "1.ndjson"), "continuesInFile": url(server, "2.ndjson")}
        output = [begins, {"url": url(server, "3.ndjson"), "count": 2}]
        return manifest(output, f"{server.base}/$export", outputOrganizedBy="Patient")

    files = {"1.ndjson": first, "2.ndjson": more, "3.ndjson": ndjson([header(2)]) + patients(2)}
    with served(tmp_path, exporting(files, make)) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 0
        assert site.rows(result) == ["obs-0", "obs-1", "obs-10", "obs-11"]
        assert site.rows(result, "Patient") == ["pat-0", "pat-2"]
        assert site.rows(result, "Device") == site.rows(result, "Parameters") == []


def test_empty_output(tmp_path):
    script = exporting(
        FILE, status=[listing(listed(*FILE)), listing(of(time="2024-02-01T00:00:00Z"))]
    )
    with served(tmp_path, script) as site:
        site.pull()
        second = site.pull()
        assert "warning: nothing came of Observation" in site.notes(second)
        assert site.watermark() == TIME


@pytest.mark.parametrize(
    "body", [{}, [], {"output": []}, {"resourceType": "Bundle", "output": []}, "<html>", "{"]
)
def test_no_manifest(tmp_path, body):
    text = body if isinstance(body, str) else json.dumps(body)
    script = exporting(FILE, status=lambda request, server: reply(text))
    with served(tmp_path, script) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert failed(result)
        assert site.asked()[LEAVE] == 0


def test_types_that_nobody_asked_for(tmp_path):
    """A server that ignores `_type`: what is not pulled is not even fetched."""
    with served(tmp_path, exporting(FILE, listed("Observation.ndjson", "Device.ndjson"))) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
