"""Crawls against the fault server: the scenarios of `pull.md` 2.2, block Search, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import ConfigurationError, Unreachable
from tests.lib.fault.authority import Authority, new_key, unauthorized
from tests.lib.fault.content import bundle, capability, observation
from tests.lib.fault.hospital import Hospital
from tests.lib.fault.replies import outcome, redirect, reply
from tests.lib.fault.search_scenarios import (
    FAILED,
    WHOLE,
    Paged,
    instead,
    observations,
    rows_of,
    with_issues,
)
from tests.lib.fault.server import address, fault_server
from tests.lib.pulls import crawled, quarantined

SIX = [f"obs-{i}" for i in range(6)]
PLAINLY_SEARCHED = capability(("Observation",), params=("_id", "_lastUpdated"))


@pytest.mark.parametrize("name", WHOLE)
def test_all_rows_come_once(name: str, tmp_path: Path):
    scenario = WHOLE[name]()
    with fault_server(scenario) as server:
        found = crawled(server, tmp_path)
    expected = 9 if name == "opaque" else 6
    assert found.ids() == [f"obs-{i}" for i in range(expected)]
    assert not found.failed
    assert found.outcome.types["Observation"].watermark
    assert not server.elsewhere


@pytest.mark.parametrize("name", FAILED)
def test_the_type_fails(name: str, tmp_path: Path):
    made, reason = FAILED[name]
    with fault_server(made()) as server:
        found = crawled(server, tmp_path)
    assert reason in found.failed["Observation"]
    assert found.outcome.partial
    assert found.outcome.types["Observation"].watermark is None
    assert found.ids() == []
    assert not list(found.path.glob("*.part"))
    assert not server.elsewhere


def test_next_other_host(tmp_path: Path):
    """The link to another host is not followed, and no token gets there."""
    scenario = Paged(link=lambda server, n: f"{server.other}/Observation?pg={n}")
    with fault_server(scenario) as server:
        found = crawled(server, tmp_path)
    assert "not among the allowed origins" in found.failed["Observation"]
    assert not server.elsewhere


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/fhir/Observation?pg=2",
        "http://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/computeMetadata/v1/",
    ],
)
def test_next_forbidden(link: str, tmp_path: Path):
    scenario = Paged(link=lambda server, n: link)
    with fault_server(scenario) as server:
        found = crawled(server, tmp_path)
    assert "points to" in found.failed["Observation"]
    assert "secret" not in found.failed["Observation"]
    assert scenario.asked == {1: 1}


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("listed", [True, False])
def test_redirect_other_host(status: int, listed: bool, tmp_path: Path):
    """A redirect to a listed origin is followed, without the token; to another one it is not."""
    token = tmp_path / "token"
    token.write_text("canary-token-31", encoding="utf-8")
    token.chmod(0o600)
    scenario = Elsewhere(status)
    with fault_server(scenario) as server:
        settings: dict[str, Any] = {"auth": "bearer", "token": str(token)}
        if listed:
            settings["extra_origins"] = (server.root("127.0.0.2"),)
        found = crawled(server, tmp_path / "landing", **settings)
    assert server.at("127.0.0.1")[-1].headers["authorization"] == "Bearer canary-token-31"
    assert found.ids() == (SIX if listed else [])
    assert bool(found.failed) is not listed
    assert [seen.headers.get("authorization") for seen in server.elsewhere] == [None] * listed


class Elsewhere(Paged):
    """Its second page lies on the other host, behind a redirect."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    async def answer(self, request, server):
        if request.query.get("pg") == "2" and address(request) == "127.0.0.1":
            return redirect(f"{server.other}/Observation?pg=2", self.status)
        return await super().answer(request, server)


@pytest.mark.parametrize("pages", [observations(6, 3), observations(6, 6)])
def test_total_short(pages: list, tmp_path: Path):
    """What the server counts and does not send is told with both counts."""
    with fault_server(Paged(pages, more={"total": 100})) as server:
        found = crawled(server, tmp_path)
    assert found.ids() == SIX
    assert "Observation: the server counts 100, but sent 6" in found.notes


class Unfiltered(Paged):
    """Gives its first page whatever it is asked by."""

    def number(self, request):
        return 1 if request.path == "/fhir/Observation" else None


def test_ignored_count(tmp_path: Path):
    """All rows at once whatever was asked, and no metadata: each once, with a warning for all."""
    with fault_server(Unfiltered(observations(600, 600), metadata=None)) as server:
        found = crawled(server, tmp_path)
    assert len(found.ids()) == len(set(found.ids())) == 600
    assert {
        "Observation: the server ignores _count",
        "Observation: rows came that were not asked for",
        "no metadata: HTTP 404",
    } <= set(found.notes)
    assert not found.failed


@pytest.mark.parametrize(
    "shown",
    [
        lambda request: str(request.url.without_query_params("_lastUpdated")),
        lambda request: str(request.url.with_query(None)),
    ],
)
def test_ignored_filter(shown: Any, tmp_path: Path):
    """`self` without the window: the type fails before a page of it is kept."""
    scenario = Paged()
    with fault_server(scenario) as server:
        crawled(server, tmp_path)
        scenario.shown = shown
        found = crawled(server, tmp_path)
    assert "ignores _lastUpdated" in found.failed["Observation"]
    assert found.ids() == []


def test_a_window_that_the_server_shows_is_taken(tmp_path: Path):
    """From the watermark less the overlap up to the server's time, W1 to W3."""
    hospital = Hospital(metadata=PLAINLY_SEARCHED)
    hospital.add(*rows_of(0, 1, 2))
    with fault_server(hospital) as server:
        hospital.date = "Mon, 01 Jan 2024 12:00:00 GMT"
        crawled(server, tmp_path)
        hospital.date = "Mon, 01 Jan 2024 18:00:00 GMT"
        hospital.add(observation(1, meta={"lastUpdated": "2024-01-01T11:58:00Z"}))
        hospital.add(observation(9, meta={"lastUpdated": "2024-01-01T17:00:00Z"}))
        found = crawled(server, tmp_path, overlap="1m")
    windows = [seen.query["_lastUpdated"] for seen in server.seen if "_lastUpdated" in seen.query]
    assert windows == [["ge2024-01-01T11:55:00Z", "lt2024-01-01T18:00:00Z"]]
    assert found.ids() == ["obs-1", "obs-9"]
    assert found.outcome.types["Observation"].watermark == "2024-01-01T18:00:00Z"


def test_stale_first(tmp_path: Path):
    """An old result set is asked for fresh; what it lacked comes by the overlap of the next run."""
    hospital = Hospital(metadata=PLAINLY_SEARCHED)
    hospital.date = "Mon, 01 Jan 2024 12:00:00 GMT"
    with fault_server(hospital) as server:
        crawled(server, tmp_path)
        hospital.add(observation(1, meta={"lastUpdated": "2024-01-01T11:59:00Z"}))
        found = crawled(server, tmp_path)
    assert found.ids() == ["obs-1"]
    searches = [seen for seen in server.seen if "Observation" in seen.path]
    assert {seen.headers["cache-control"] for seen in searches} == {"no-cache"}


def test_same_instant(tmp_path: Path):
    """1,000 rows of one lastUpdated: each once, also where it is the window's edge."""
    hospital = Hospital(metadata=PLAINLY_SEARCHED)
    edge = {"versionId": "1", "lastUpdated": "2024-01-01T11:55:00Z"}
    hospital.add(*(observation(i, meta=edge) for i in range(1000)))
    hospital.date = "Mon, 01 Jan 2024 11:55:00 GMT"
    with fault_server(hospital) as server:
        first = crawled(server, tmp_path)
        hospital.date = "Mon, 01 Jan 2024 12:00:00 GMT"
        second = crawled(server, tmp_path)
    for found in (first, second):
        assert len(found.ids()) == len(set(found.ids())) == 1000


def test_outcome_entry(tmp_path: Path):
    """What the server says is logged, and makes no row."""
    pages = [with_issues(rows) for rows in observations(6, 3)]
    with fault_server(Paged(pages)) as server:
        found = crawled(server, tmp_path)
    assert found.ids() == SIX
    said = "Observation: the server says: information informational: code is not indexed"
    assert found.notes.count(said) == 1


def test_401_once(tmp_path: Path):
    key = new_key()
    authority = Authority("raiway", [key], lifetime=300)
    file = tmp_path / "key.pem"
    file.write_bytes(key.as_pem(private=True))
    file.chmod(0o600)
    scenario = Expiring(authority)
    settings = {"auth": "smart", "client_id": "raiway", "private_key": str(file), "kid": "key-1"}
    with fault_server(scenario) as server:
        found = crawled(server, tmp_path / "landing", **settings)
    assert found.ids() == SIX
    assert len(authority.issued) == 2
    assert [seen.path for seen in server.seen].count("/fhir/Observation") == 3


class Expiring(Paged):
    """Its token ends before page 2."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.authority = authority

    async def answer(self, request, server):
        if (reply := await self.authority.answer(request, server)) is not None:
            return reply
        if request.query.get("pg") == "2" and len(self.authority.issued) == 1:
            return unauthorized()
        return await super().answer(request, server)


@pytest.mark.parametrize(
    ("name", "broken", "reason"),
    [
        ("no-id", {"id": None}, "no id"),
        ("null-element", {"extension": [{"url": None}]}, "null at Observation.extension[0].url"),
        ("wrong-type", {"resourceType": "Patient"}, "a Patient where Observation was expected"),
    ],
)
def test_a_bad_resource_is_kept_aside(name: str, broken: dict, reason: str, tmp_path: Path):
    """no-id, null-element: into quarantine with its reason; the rest goes on, and exit is 5."""
    bad = {k: v for k, v in observation(7, **broken).items() if v is not None}
    with fault_server(Paged([rows_of(0, 1), [observation(2), bad, *rows_of(3, 4, 5)]])) as server:
        found = crawled(server, tmp_path)
    assert found.ids() == SIX
    assert quarantined(found.path) == {reason: 1}
    assert found.outcome.partial
    assert not found.failed


def test_too_many_bad_resources_fail_the_type(tmp_path: Path):
    nameless = [
        {"resourceType": "Observation", "status": "final"} | {"note": i} for i in range(150)
    ]
    with fault_server(Paged([nameless, rows_of(0)])) as server:
        found = crawled(server, tmp_path)
    assert "150 of the resources sent cannot be read" in found.failed["Observation"]


def test_stu3(tmp_path: Path):
    """Another version of FHIR is refused before anything is searched."""
    scenario = Paged(metadata=capability(("Observation",), version="3.0.2"))
    with fault_server(scenario) as server, pytest.raises(ConfigurationError, match=r"3\.0\.2"):
        crawled(server, tmp_path)
    assert [seen.path for seen in server.seen] == ["/fhir/metadata"]


def test_a_server_that_grants_nothing_is_unauthorised(tmp_path: Path):
    scenario = Paged(always={1: instead(lambda: outcome("forbidden", "no scope", 403))})
    with fault_server(scenario) as server, pytest.raises(Unreachable, match="403") as refused:
        crawled(server, tmp_path)
    assert refused.value.exit_code == 4


def test_digits_stay_as_they_were_sent(tmp_path: Path):
    """Decimals are copied, not computed: 1.10, exponents, more digits than a float holds."""
    numbers = ["1.10", "0.1000000000000000055511151231257827", "1E-7", "100.0"]
    text = json.dumps(bundle([observation(i, valueQuantity={"value": f"N{i}"}) for i in range(4)]))
    for i, number in enumerate(numbers):
        text = text.replace(f'"N{i}"', number)
    printed = text.replace(", ", ",\r\n    ")
    page = instead(lambda: reply(printed))
    with fault_server(Paged([rows_of(0)], always={1: page})) as server:
        found = crawled(server, tmp_path)
    lines = (found.path / "Observation.00001.ndjson").read_text(encoding="utf-8").splitlines()
    assert [line.split('"value":')[1].split("}")[0].strip() for line in lines] == numbers
