"""Kick-off and polling of Bulk Data exports: the scenarios of `pull.md` 2.2 by their names."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from email.utils import format_datetime

import pytest

from adapter.errors import ConfigurationError, Unreachable
from tests.lib.fault.bulk_scenarios import (
    KICKOFF,
    LEAVE,
    METADATA,
    STATUS,
    TIME,
    accepted,
    always,
    exporting,
    group,
    listed,
    listing,
    observations,
    patients,
    waiting,
)
from tests.lib.fault.bulk_site import TOKEN, served
from tests.lib.fault.content import capability, observation
from tests.lib.fault.replies import login_page, operation_outcome, outcome, reply
from tests.lib.fault.server import Script

FIVE = observations(0, 1, 2, 3, 4)
FIVE_IDS = [f"obs-{number}" for number in range(5)]
FILE = {"Observation.ndjson": FIVE}
BUSY = always(None, 429, {"Retry-After": "2"})


def test_plain(tmp_path):
    files = {"Observation.ndjson": FIVE, "Patient.ndjson": patients(0, 1)}
    script = exporting(files, status=[waiting(), listing(listed(*files))])
    with served(tmp_path, script) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        assert site.rows(result, "Patient") == ["pat-0", "pat-1"]
        assert site.watermark() == site.watermark("Patient") == TIME
        kickoff = site.first("/fhir/$export")
        assert kickoff.headers["prefer"] == "respond-async"
        assert kickoff.headers["accept"] == "application/fhir+json"
        assert kickoff.query == {"_type": ["Patient,Observation"]}
        assert site.first("/fhir/status/1").headers["accept"] == "application/json"
        assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in site.server.seen)
        assert ("export", 10, 100) in site.told
        assert ("Observation", 5, None) in site.told
        assert site.server.seen[-1].method == "DELETE"
        assert script.unasked == []


def test_stu3(tmp_path):
    older = {"GET /fhir/metadata": always(capability(version="3.0.2"))}
    with (
        served(tmp_path, Script(older)) as site,
        pytest.raises(ConfigurationError, match=r"3\.0\.2"),
    ):
        site.pull()


def test_kickoff_429(tmp_path):
    # More often than the client asks again by itself: another export may run for hours.
    script = exporting(FILE, kickoff=[*[BUSY] * 25, accepted()])
    with served(tmp_path, script) as site:
        result = site.pull()
        assert site.rows(result) == FIVE_IDS
        assert "another export runs" in site.notes(result)
        assert sum(site.clock.slept) >= 24 * 2
        assert script.unasked == []


def test_kickoff_location_missing(tmp_path):
    """kickoff-location, its first half."""
    script = Script({**METADATA, KICKOFF: always(None, 202)})
    with served(tmp_path, script) as site, pytest.raises(Unreachable, match="Content-Location"):
        site.pull()


def test_kickoff_location_relative(tmp_path):
    relative = always(None, 202, {"Content-Location": "/fhir/status/1"})
    with served(tmp_path, exporting(FILE, kickoff=relative)) as site:
        assert site.rows(site.pull()) == FIVE_IDS


def test_kickoff_location_elsewhere(tmp_path):
    def elsewhere(request, server):
        return reply(None, 202, {"Content-Location": f"{server.other}/status/1"})

    with served(tmp_path, Script({**METADATA, KICKOFF: elsewhere})) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "allowed origins" in (result.outcome.of("Observation").failed or "")


def test_kickoff_refused(tmp_path):
    said = outcome("forbidden", "Insufficient scope for this Operation", 403)
    script = Script({**METADATA, KICKOFF: lambda request, server: said})
    with served(tmp_path, script) as site, pytest.raises(Unreachable, match=r"403 .*forbidden"):
        site.pull()


def test_kickoff_by_post_alone(tmp_path):
    # Version 4 has no GET.
    posted = {"POST /fhir/$export": accepted()}
    script = exporting(FILE, kickoff=always(None, 405), **posted)
    with served(tmp_path, script) as site:
        assert site.rows(site.pull(types=["Observation", "Patient"])) == FIVE_IDS
        body = json.loads(site.first("/fhir/$export", "POST").body)
        assert body["resourceType"] == "Parameters"
        assert body["parameter"] == [{"name": "_type", "valueString": "Patient,Observation"}]


@pytest.mark.parametrize("style", ["comma", "repeat"])
def test_list_style(tmp_path, style):
    with served(tmp_path, exporting({**FILE, "Patient.ndjson": patients(0)})) as site:
        queries = ["Observation?status=final,amended", "Observation?code=http://loinc.org|3013-0"]
        result = site.pull(types=["Patient", "Observation"], list_style=style, type_filter=queries)
        assert site.rows(result) == FIVE_IDS
        kickoff = site.first("/fhir/$export")
        both = ["Patient,Observation"] if style == "comma" else ["Patient", "Observation"]
        assert kickoff.query["_type"] == both
        # Commas within a filter are not those between two.
        filters = re.findall(r"_typeFilter=([^&]*)", kickoff.url)
        assert len(filters) == (1 if style == "comma" else 2)
        assert filters[0].partition(",")[0] == "Observation%3Fstatus%3Dfinal%2Camended"


def test_since(tmp_path):
    with served(tmp_path, exporting(FILE)) as site:
        first = site.pull()
        second = site.pull()
        assert first.path != second.path
        kickoffs = [seen for seen in site.server.seen if seen.path.endswith("$export")]
        assert "_since" not in kickoffs[0].query
        # The watermark less the overlap.
        assert kickoffs[1].query["_since"] == ["2024-01-01T23:55:00Z"]


def test_param_refused(tmp_path):
    refused = outcome("not-supported", "_typeFilter is not supported", 400)
    script = exporting(
        {
            "Observation.ndjson": FIVE
            + (json.dumps(observation(9, status="cancelled")) + "\n").encode()
        },
        kickoff=[lambda request, server: refused, accepted()],
    )
    with served(tmp_path, script) as site:
        result = site.pull(type_filter=["Observation?status=final"])
        kickoffs = [seen for seen in site.server.seen if seen.path.endswith("$export")]
        assert [sorted(seen.query) for seen in kickoffs] == [["_type", "_typeFilter"], ["_type"]]
        assert site.rows(result) == FIVE_IDS
        assert "warning: the server does not take _typeFilter" in site.notes(result)
        assert result.exit_code == 0


@pytest.mark.parametrize("status", [404, 500])
def test_group_missing(tmp_path, status):
    missing = always(operation_outcome("not-found", "Resource Group is unknown"), status)
    script = Script({**METADATA, "GET /fhir/Group/thyroid": missing})
    with (
        served(tmp_path, script) as site,
        pytest.raises(Unreachable, match=f"the group cannot be read: .*{status}"),
    ):
        site.pull(export_level="group", group="thyroid")


GROUP_KICKOFF = "GET /fhir/Group/thyroid/$export"


def _group_export(**answers) -> Script:
    """An export of the group, which another patient has joined before the second one."""
    second = listed("Observation.2.ndjson", time="2024-02-01T00:00:00Z")
    third = listed("Observation.3.ndjson", time="2024-02-01T00:01:00Z")
    return Script(
        {
            **METADATA,
            "GET /fhir/Group/thyroid": [always(group(0, 1)), always(group(0, 1, 2))],
            GROUP_KICKOFF: [accepted(1), accepted(2), accepted(3)],
            "POST /fhir/Group/thyroid/$export": accepted(3),
            STATUS: listing(listed("Observation.ndjson")),
            "GET /fhir/status/2": listing(second),
            "GET /fhir/status/3": listing(third),
            **{f"DELETE /fhir/status/{number}": always(None, 202) for number in (1, 2, 3)},
            "GET /fhir/files/Observation.ndjson": always(FIVE),
            "GET /fhir/files/Observation.2.ndjson": always(observations(11)),
            "GET /fhir/files/Observation.3.ndjson": always(observations(2, 12)),
            **answers,
        }
    )  # fmt: skip


def test_late_member(tmp_path):
    script = _group_export()
    with served(tmp_path, script) as site:
        site.pull(export_level="group", group="thyroid")
        second = site.pull(export_level="group", group="thyroid")
        assert site.rows(second) == ["obs-11", "obs-12", "obs-2"]
        body = json.loads(site.first("/fhir/Group/thyroid/$export", "POST").body)
        assert {"name": "patient", "valueReference": {"reference": "Patient/pat-2"}} in body[
            "parameter"
        ]
        assert "_since" not in str(body)
        # As of the export of what changed; the other is of one patient.
        assert site.watermark() == "2024-02-01T00:00:00Z"
        # The first export is gone from the server before the second one is asked for.
        order = [f"{seen.method} {seen.path}" for seen in site.server.seen]
        assert order.index("DELETE /fhir/status/2") < order.index(
            "POST /fhir/Group/thyroid/$export"
        )
        third = site.pull(export_level="group", group="thyroid")
        assert site.asked()["POST /fhir/Group/thyroid/$export"] == 1, third


def test_late_member_by_all(tmp_path):
    refused = always(operation_outcome("not-supported", "patient is not supported"), 400)
    script = _group_export(**{"POST /fhir/Group/thyroid/$export": refused})
    with served(tmp_path, script) as site:
        site.pull(export_level="group", group="thyroid")
        second = site.pull(export_level="group", group="thyroid")
        assert site.rows(second) == ["obs-11", "obs-12", "obs-2"]
        kickoffs = [
            seen for seen in site.server.seen if f"{seen.method} {seen.path}" == GROUP_KICKOFF
        ]
        assert ["_since" in seen.query for seen in kickoffs] == [False, True, False]
        assert "the whole group is exported" in site.notes(second)


def test_poll_429(tmp_path):
    done = listing(listed(*FILE))
    with served(tmp_path, exporting(FILE, status=[waiting(), BUSY, done])) as site:
        result = site.pull()
        assert site.rows(result) == FIVE_IDS
        assert 2 in site.clock.slept
        events = (result.path / "log.ndjson").read_text()
        assert '"event":"slower"' in events


def test_poll_transient(tmp_path):
    passing = outcome("transient", "Please wait", 500)
    script = exporting(FILE, status=[lambda request, server: passing, listing(listed(*FILE))])
    with served(tmp_path, script) as site:
        assert site.rows(site.pull()) == FIVE_IDS
        assert script.unasked == []


def test_poll_forbidden(tmp_path):
    refused = outcome("forbidden", "insufficient scope", 403)
    script = exporting(FILE, status=lambda request, server: refused)
    with served(tmp_path, script) as site:
        with pytest.raises(Unreachable) as found:
            site.pull()
        assert 'scope = "system/*.rs"' in found.value.hint


def test_poll_html(tmp_path):
    script = exporting(FILE, status=lambda request, server: login_page())
    with served(tmp_path, script) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "HTML" in (result.outcome.of("Observation").failed or "")
        assert site.watermark() is None
        # An export that gave nothing is not said to be done with.
        assert site.asked()[LEAVE] == 0


@pytest.mark.parametrize("dated", [False, True])
def test_poll_7200(tmp_path, dated):
    def slow(request, server):
        after = "7200"
        if dated:
            after = format_datetime(site.clock.now() + timedelta(hours=2), usegmt=True)
        return reply(None, 202, {"Retry-After": after})

    script = exporting(FILE, status=[slow, listing(listed(*FILE))])
    with served(tmp_path, script) as site:
        result = site.pull()
        assert site.rows(result) == FIVE_IDS
        assert max(site.clock.slept) == 600
        assert re.search(r"wait 7[12]\d\d s; asked again after 600 s", site.notes(result))


def test_poll_forever(tmp_path):
    ready = False

    def status(request, server):
        return listing(listed(*FILE))(request, server) if ready else reply(None, 202)

    with served(tmp_path, exporting(FILE, status=status)) as site:
        first = site.pull(limits={"deadline": "2h"})
        assert first.exit_code == 5
        assert not first.outcome.finished
        assert 7200 <= site.clock.monotonic() < 7300
        # Without Retry-After it backs off, from a second to a minute.
        assert site.clock.slept[0] <= 1 < max(site.clock.slept) <= 60
        # Another process goes on with the same export.
        ready = True
        second = site.pull(limits={"deadline": "2h"})
        assert second.path == first.path
        assert second.exit_code == 0
        assert site.rows(second) == FIVE_IDS
        assert site.asked()[KICKOFF] == 1


def test_poll_404(tmp_path):
    lost = [waiting(), always(operation_outcome("not-found", "Unknown job"), 404)]
    script = exporting(
        FILE,
        kickoff=[accepted(), accepted(2)],
        status=lost,
        **{
            "GET /fhir/status/2": listing(listed(*FILE)),
            "DELETE /fhir/status/2": always(None, 202),
        },
    )
    with served(tmp_path, script) as site:
        result = site.pull()
        assert site.rows(result) == FIVE_IDS
        assert site.asked()[KICKOFF] == 2
        assert "warning: the server does not know the export" in site.notes(result)
        assert site.asked()["DELETE /fhir/status/2"] == 1


def test_export_status(tmp_path):
    failed = operation_outcome("exception", "Internal Error")
    busy = always(None, 200, {"X-Export-Status": "202"})
    script = exporting(FILE, status=[busy, always(failed, 200, {"X-Export-Status": "500"})])
    with served(tmp_path, script) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "the export failed" in (result.outcome.of("Observation").failed or "")
        assert site.watermark() is None


def test_export_status_done(tmp_path):
    done = listing(listed(*FILE), {"X-Export-Status": "200"})
    busy = always(None, 200, {"X-Export-Status": "202"})
    with served(tmp_path, exporting(FILE, status=[busy, done])) as site:
        assert site.rows(site.pull()) == FIVE_IDS


def test_partial_manifest(tmp_path):
    files = {"Observation.ndjson": FIVE, "Observation.2.ndjson": observations(7)}

    def partly(request, server):
        return reply(listed("Observation.ndjson")(server), 202, {"Retry-After": "1"})

    script = exporting(files, status=[partly, listing(listed(*files))])
    with served(tmp_path, script) as site:
        result = site.pull()
        assert site.rows(result) == [*FIVE_IDS, "obs-7"]
        # What is listed early is fetched before the export is asked for again, and once.
        order = [f"{seen.method} {seen.path}" for seen in site.server.seen]
        assert order.index("GET /fhir/files/Observation.ndjson") < len(order) - 1 - order[
            ::-1
        ].index(STATUS)
        assert site.asked()["GET /fhir/files/Observation.ndjson"] == 1


def test_delete_refused(tmp_path):
    with served(tmp_path, exporting(FILE, leave=always(None, 500))) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.watermark() == TIME
        assert "an export was not deleted on the server" in (result.path / "log.ndjson").read_text()


def test_given_up(tmp_path):
    """What was not whole is deleted on the server before another export is asked for: many allow
    one at a time."""
    script = exporting(
        {"Observation.ndjson": [lambda request, server: login_page()] * 2 + [always(FIVE)]},
        kickoff=[accepted(), accepted(2)],
        **{
            "GET /fhir/status/2": listing(listed("Observation.ndjson")),
            "DELETE /fhir/status/2": always(None, 202),
        },
    )
    with served(tmp_path, script) as site:
        assert site.pull().exit_code == 5
        assert site.asked()[LEAVE] == 0
        second = site.pull()
        assert second.exit_code == 0
        assert site.rows(second) == FIVE_IDS
        assert site.asked()[LEAVE] == 1
        assert site.when(KICKOFF) < site.when(LEAVE) < site.when(KICKOFF, last=True)


def test_cancelled(tmp_path):
    """Whoever interrupts a pull ends the export on the server, too."""
    script = exporting(FILE, status=always(None, 202))
    with served(tmp_path, script) as site:

        async def interrupted() -> None:
            pull = asyncio.ensure_future(site.pulling())
            while not site.asked()[STATUS]:
                await asyncio.sleep(0.01)
            pull.cancel()
            await pull

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted())
        assert site.asked()[LEAVE] == 1
