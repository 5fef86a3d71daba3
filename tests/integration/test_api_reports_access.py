"""Who may see and change which stored reports: policies, single patients, scopes, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest
from fastapi import Request
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.reports.repository import ReportRepository
from adapter.api.security.admission import Admission
from adapter.api.security.principal import Principal
from adapter.server_settings import Policy
from tests.lib.report_clients import BASE, found, issues, link, report, reports_client

CONTROL = "https://raiway.example/fhir/StructureDefinition/disclosure-control"
MODES = ("none", "secure-share", "masked-cells", "rounded", "withheld")
ALL = ("system/MeasureReport.cruds",)
PEOPLE = {
    "site": Principal("site", "client", ALL, "public", patient_level=False),
    "other": Principal("other", "client", ALL, "public", patient_level=False),
    "ward": Principal("ward", "user", ALL, "none", patient_level=True),
    "reader": Principal("reader", "client", ("system/MeasureReport.rs",), "none", True),
    "sender": Principal("sender", "client", ("system/MeasureReport.cu",), "public", False),
    **{
        policy: Principal(policy, "client", ALL, policy, patient_level=False)
        for policy in get_args(Policy)
    },
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    def principal(_: Admission, request: Request) -> Principal:
        return PEOPLE[request.headers["x-who"]]

    monkeypatch.setattr(Admission, "principal", principal)
    with reports_client(f"sqlite:///{tmp_path / 'store.db'}") as client:
        client.headers["x-who"] = "site"
        yield client


Ask = Callable[..., httpx2.Response]


def as_(client: TestClient, who: str) -> Ask:
    """A call as this client: method, URL and what httpx takes."""

    def ask(method: str, url: str, **rest: Any) -> Any:
        return client.request(method, url, headers={"x-who": who}, **rest)

    return ask


def stored(client: TestClient, key: str, mode: str = "rounded", kind: str = "summary") -> None:
    """A report of the site's with this disclosure mode, as the repository keeps it."""
    context: ApiContext = client.app.state.context  # type: ignore[attr-defined]  # FastAPI's
    control = {"url": CONTROL, "extension": [{"url": "mode", "valueCode": mode}]}
    whole = report(id=key, type=kind, extension=[control])
    ReportRepository(context.engine).update(key, whole, None, "site")


@pytest.mark.parametrize(
    ("policy", "modes"),
    [
        ("none", MODES),
        ("secure-sum", MODES[1:]),
        ("registry", MODES[2:]),
        ("public", MODES[3:]),
        ("site", MODES),
    ],
)
def test_a_client_sees_what_hides_as_much_as_its_policy(
    client: TestClient, policy: str, modes: tuple[str, ...]
) -> None:
    for mode in MODES:
        stored(client, mode, mode)
    ask = as_(client, policy)
    assert set(found(ask("GET", "MeasureReport"))) == set(modes)
    assert ask("GET", "MeasureReport?_summary=count").json()["total"] == len(modes)
    assert ask("GET", "MeasureReport/_history").json()["total"] == len(modes)
    for mode in MODES:
        status = 200 if mode in modes else 404
        for url in ("", "/_history", "/_history/1"):
            assert ask("GET", f"MeasureReport/{mode}{url}").status_code == status, (mode, url)


def test_a_report_that_says_nothing_of_disclosure_is_taken_to_hide_nothing(
    client: TestClient,
) -> None:
    context: ApiContext = client.app.state.context  # type: ignore[attr-defined]  # FastAPI's
    ReportRepository(context.engine).update("a", report(id="a", extension=[]), None, "site")
    assert found(as_(client, "public")("GET", "MeasureReport")) == []
    assert found(as_(client, "ward")("GET", "MeasureReport")) == ["a"]


def test_single_patients_are_for_who_may_see_them(client: TestClient) -> None:
    stored(client, "all", "none")
    stored(client, "one", "none", "individual")
    stored(client, "list", "none", "subject-list")
    everything = as_(client, "ward")
    assert sorted(found(everything("GET", "MeasureReport"))) == ["all", "list", "one"]
    summaries = as_(client, "none")
    assert found(summaries("GET", "MeasureReport")) == ["all"]
    assert summaries("GET", "MeasureReport/one").status_code == 404


def test_who_may_not_have_single_patients_may_not_send_them(client: TestClient) -> None:
    sent = report(type="individual", subject={"reference": "Patient/1"})
    sent["meta"] = {}
    refused = as_(client, "site")("POST", "MeasureReport", json=sent)
    assert (refused.status_code, issues(refused)) == (403, [("forbidden", "MeasureReport.type")])
    told = as_(client, "ward")("POST", "MeasureReport", json=sent)
    assert told.status_code == 422  # it says less than its Measure asks for
    assert found(as_(client, "ward")("GET", "MeasureReport")) == []


def test_only_who_sent_a_report_changes_it(client: TestClient) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    other = as_(client, "other")
    amended = report(id="a", date="2027-01-01T12:00:00+00:00")
    for refused in (
        other("PUT", "MeasureReport/a", json=amended),
        other("DELETE", "MeasureReport/a"),
    ):
        assert (refused.status_code, issues(refused)) == (403, [("forbidden", "")])
    assert client.put("MeasureReport/a", json=amended).status_code == 200


def test_a_condition_matches_only_what_the_client_may_see(client: TestClient) -> None:
    condition = "identifier=urn:x|1"
    sent = report(identifier=[{"system": "urn:x", "value": "1"}])
    assert client.put(f"MeasureReport?{condition}", json=sent).status_code == 201
    other = as_(client, "other")("PUT", f"MeasureReport?{condition}", json=sent)
    assert other.status_code == 201
    assert client.put(f"MeasureReport?{condition}", json=sent).status_code == 200


def test_a_page_is_for_who_searched(client: TestClient) -> None:
    for key in "ab":
        stored(client, key)
    url = link(client.get("MeasureReport?_count=1").json(), "next")
    assert as_(client, "other")("GET", url).status_code == 404
    assert len(found(client.get(url))) == 1


@pytest.mark.parametrize(
    ("who", "method", "url", "status"),
    [
        ("reader", "GET", "MeasureReport", 200),
        ("reader", "GET", "MeasureReport/a", 200),
        ("reader", "POST", "MeasureReport", 403),
        ("reader", "PUT", "MeasureReport/b", 403),
        ("reader", "DELETE", "MeasureReport/a", 403),
        ("reader", "POST", "MeasureReport/$validate", 403),
        ("sender", "GET", "MeasureReport", 403),
        ("sender", "GET", "MeasureReport/a", 403),
        ("sender", "GET", "MeasureReport/_history", 403),
        ("sender", "POST", "MeasureReport", 201),
        ("sender", "PUT", "MeasureReport/b", 201),
        ("sender", "DELETE", "MeasureReport/a", 403),
        ("sender", "POST", "MeasureReport/$validate", 200),
    ],
)
def test_scopes_decide_alone_and_within_a_bundle(
    client: TestClient, who: str, method: str, url: str, status: int
) -> None:
    stored(client, "a")
    sent = report(id="b") if method in ("PUT", "POST") else None
    assert as_(client, who)(method, url, json=sent).status_code == status
    if url == "MeasureReport/_history":
        return
    stored(client, "a")
    entry = {"request": {"method": method, "url": url}, **({"resource": sent} if sent else {})}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = as_(client, who)("POST", BASE, json=bundle).json()
    # What was created alone is there already.
    expected = {"201": {"201", "200"}}.get(str(status), {str(status)})
    assert answer["entry"][0]["response"]["status"] in expected
    whole = as_(client, who)("POST", BASE, json=bundle | {"type": "transaction"})
    assert (whole.status_code == 403) == (status == 403)
