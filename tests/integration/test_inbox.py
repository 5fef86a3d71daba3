"""The registry's inbox: which signed reports are taken and pooled, and each attack refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from adapter.api.app import create_app
from adapter.api.evaluating.tables import release
from adapter.api.inbox.key_registry import read_key_registry
from adapter.api.inbox.tables import signed_release
from adapter.api.reports.tables import received
from adapter.config import Settings
from adapter.elements import extension_value
from adapter.errors import ConfigurationError
from adapter.fhir_r4 import validated
from adapter.pull.auth.keys import new_key
from adapter.registry_settings import TrustSettings
from adapter.server_settings import ServerSettings
from adapter.trust.provenance import token_of
from tests.integration.test_pool_routes import CANONICAL, km, parameters
from tests.lib.disclosed_reports import control
from tests.lib.pooling import site_reports
from tests.lib.r_pooling import expected, five_sites
from tests.lib.registered import registered
from tests.lib.serving import reference_store, serving
from tests.lib.trust import AUDIENCE, TTP, Signer, bytes_of, keys_file

Json = dict[str, Any]
JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return reference_store(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def sites() -> list[tuple[Signer, Json]]:
    """Five sites with a report each."""
    return [(Signer(), report) for report in site_reports(TTP, five_sites())]


class Inbox:
    """A registry that knows the sites' keys."""

    def __init__(self, store_url: str, folder: Path, sites: list[tuple[Signer, Json]]) -> None:
        self.folder, self.store_url = folder, store_url
        self.owners = {report["reporter"]["reference"]: signer.key for signer, report in sites}
        self.keys = keys_file(folder, self.owners)

    def client(self, **server: Any) -> TestClient:
        stated = {"database": f"sqlite:///{self.folder / 'server.db'}", **server}
        trust = TrustSettings(keys=str(self.keys), audience=AUDIENCE)
        chosen = Settings(server=ServerSettings(**stated), trust=trust)
        return TestClient(create_app(chosen, self.store_url), base_url="http://127.0.0.1:8000")

    def revoke(self, reporter: str, **lines: str) -> None:
        keys_file(self.folder, self.owners)
        text = self.keys.read_text()
        stated = "".join(f"{name} = {value}\n" for name, value in lines.items())
        name = f'reporter = "{reporter}"\n'
        assert name in text
        self.keys.write_text(text.replace(name, name + stated))


@pytest.fixture
def inbox(store_url: str, tmp_path: Path, sites: list[tuple[Signer, Json]]) -> Inbox:
    return Inbox(store_url, tmp_path, sites)


@pytest.fixture
def client(inbox: Inbox) -> Iterator[TestClient]:
    with inbox.client() as found:
        yield found


def put(client: TestClient, content: bytes, provenance: str, key: str = "") -> tuple[int, str]:
    """The status and what the OperationOutcome says."""
    at = key or json.loads(content)["id"]
    headers = {**JSON, "X-Provenance": provenance}
    answer = client.put(f"/fhir/MeasureReport/{at}", content=content, headers=headers)
    return answer.status_code, "; ".join(each["diagnostics"] for each in answer.json()["issue"])


def submitted(client: TestClient, signer: Signer, report: Json) -> None:
    status, said = put(client, bytes_of(report), signer.header(report))
    assert status == 201, said


def aggregate(client: TestClient, status: int = 200, **given: Any) -> Json:
    body = parameters(measure=CANONICAL, **given)
    answer = client.post("/fhir/MeasureReport/$aggregate", json=body, headers=JSON)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def reasons(outcome: Json) -> list[str]:
    return [each["diagnostics"] for each in outcome["issue"]]


def revised(report: Json) -> Json:
    """The site's correction: of other data, so under another id."""
    return {**report, "id": f"{report['id'][:-4]}beef", "date": "2026-12-01T12:00:00+00:00"}


def test_signed_reports_are_pooled_exactly(client: TestClient, sites: list[tuple[Signer, Json]]):
    for signer, report in sites:
        submitted(client, signer, report)
    pooled = aggregate(client)
    assert km(pooled, 183) == pytest.approx(expected()["km"]["surv"][1], abs=1e-6)


def test_the_receipt_says_what_was_checked_and_the_exact_bytes_are_kept(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    status, said = put(client, bytes_of(report), signer.header(report))
    assert status == 201
    for part in ("signature:", signer.key.kid, "release 1 of", signer.releases[0].hash,
                 "revision 1", "groups, 0 counts hidden"):  # fmt: skip
        assert part in said
    app: Any = client.app
    with app.state.context.engine.connect() as connection:
        row = connection.execute(
            select(signed_release, received.c.content).join(
                received, received.c.sha256 == signed_release.c.content
            )
        ).one()
    assert row[-1] == bytes_of(report)
    assert row.token == signer.releases[0].token


def test_the_same_release_again_changes_nothing(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    provenance = signer.header(report)
    assert put(client, bytes_of(report), provenance)[0] == 201
    status, said = put(client, bytes_of(report), provenance)
    assert (status, "here already" in said) == (200, True)
    history = client.get(f"/fhir/MeasureReport/{report['id']}/_history").json()
    assert history["total"] == 1


def test_a_correction_takes_the_place_of_what_it_corrects(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    submitted(client, signer, revised(report))
    pooled = aggregate(client)
    (told,) = (e for e in pooled["extension"] if e["url"].endswith("pooled-reports"))
    assert revised(report)["id"] in json.dumps(told)
    assert report["id"] not in json.dumps(told)
    refused = aggregate(client, 422, _id=report["id"])
    assert reasons(refused) == [
        f"MeasureReport/{report['id']}: it is revision 1, and revision 2 was taken [superseded]"
    ]


def test_the_provenance_is_read_by_the_hash_that_the_receipt_states(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    (release_,) = signer.releases
    found = client.get(f"/fhir/Provenance/{release_.hash}").json()
    validated(found)
    assert token_of(json.dumps(found)) == release_.token
    assert found["target"] == [{"reference": f"MeasureReport/{report['id']}"}]
    assert client.get("/fhir/Provenance/none").status_code == 404


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"target": [{"reference": "MeasureReport/other"}]}, "report"),
        ({"recorded": "yesterday"}, "form"),
        ({"shoe": 43}, "form"),
    ],
    ids=str,
)
def test_a_provenance_that_is_not_this_report_s_is_refused(
    client: TestClient, sites: list[tuple[Signer, Json]], changed: Json, rule: str
):
    signer, report = sites[0]
    other = json.dumps({**json.loads(signer.header(report)), **changed})
    status, said = put(client, bytes_of(report), other)
    assert (status, f"[{rule}]" in said) == (422, True)


# --- attacks on the way in


@pytest.mark.parametrize("place", [0, 1, 500, -2])
def test_an_altered_byte_is_refused(
    client: TestClient, sites: list[tuple[Signer, Json]], place: int
):
    signer, report = sites[0]
    content = bytes_of(report)
    altered = content[:place] + content[place : place + 1] + b" " + content[place + 1 :]
    key = report["id"]
    status, said = put(client, b" " + content, signer.header(report), key)
    assert (status, "[signature]" in said) == (422, True)
    status, said = put(client, altered, signer.header(report, number=1, previous=""), key)
    assert status in (400, 422), said
    assert client.get(f"/fhir/MeasureReport/{key}").status_code == 404


def test_a_count_changed_on_the_way_is_refused(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    provenance = signer.header(report)
    other = {**report, "date": "2026-11-24T12:00:00+00:00"}
    status, said = put(client, bytes_of(other), provenance)
    assert (status, "[signature]" in said) == (422, True)


def test_an_older_release_brought_back_changes_nothing(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    old = signer.header(report)
    assert put(client, bytes_of(report), old)[0] == 201
    newer = {**report, "date": "2026-12-01T12:00:00+00:00"}
    assert put(client, bytes_of(newer), signer.header(newer))[0] == 200
    status, said = put(client, bytes_of(report), old)
    assert (status, "here already" in said) == (200, True)
    assert client.get(f"/fhir/MeasureReport/{report['id']}").json()["date"] == newer["date"]
    (told,) = (e for e in aggregate(client)["extension"] if e["url"].endswith("pooled-reports"))
    assert report["id"] in json.dumps(told)


def test_old_bytes_signed_under_an_old_number_are_a_replay(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    submitted(client, signer, revised(report))
    forged = Signer(signer.key).header(report, signed=1)
    status, said = put(client, bytes_of(report), forged)
    assert (status, "[replay]" in said) == (409, True)


def test_a_report_for_another_registry_is_refused(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    header = signer.header(report, audience="https://other.example/fhir")
    status, said = put(client, bytes_of(report), header)
    assert (status, "[audience]" in said) == (422, True)


def test_a_key_signs_for_its_own_site_only(client: TestClient, sites: list[tuple[Signer, Json]]):
    thief, (_, report) = sites[1][0], sites[0]
    status, said = put(client, bytes_of(report), thief.header(report))
    assert (status, "[site]" in said) == (422, True)
    own = sites[1][1]["reporter"]["reference"]
    status, said = put(client, bytes_of(report), Signer(thief.key).header(report, site=own))
    assert (status, "[report]" in said) == (422, True), "nor another's report in its own name"


def test_an_unknown_key_and_a_known_name_for_it_are_refused(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    stranger = Signer()
    status, said = put(client, bytes_of(report), stranger.header(report))
    assert (status, "[key]" in said) == (422, True)
    named = Signer(replace(stranger.key, kid=signer.key.kid))
    status, said = put(client, bytes_of(report), named.header(report))
    assert (status, "[signature]" in said) == (422, True)


def test_a_claim_of_another_period_is_refused(client: TestClient, sites: list[tuple[Signer, Json]]):
    signer, report = sites[0]
    header = signer.header(report, report="00000000-0000-5000-8000-000000000000")
    status, said = put(client, bytes_of(report), header)
    assert (status, "[report]" in said) == (422, True)


def test_a_skipped_release_and_a_skipped_revision_are_refused(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    second = revised(report)
    lost = Signer(signer.key, list(signer.releases))
    lost.signed(report)
    status, said = put(client, bytes_of(second), lost.header(second))
    assert (status, "release 2 has not come" in said) == (409, True)
    jump = Signer(signer.key, list(signer.releases)).header(second, revision=3)
    status, said = put(client, bytes_of(second), jump)
    assert (status, "revision 2 was skipped" in said) == (409, True)
    assert put(client, bytes_of(second), signer.header(second))[0] == 201


def test_a_forked_chain_is_refused(client: TestClient, sites: list[tuple[Signer, Json]]):
    signer, report = sites[0]
    fork = Signer(signer.key)
    submitted(client, signer, report)
    other = {**revised(report), "period": {"start": "2018-01-01", "end": "2018-12-31"}}
    status, said = put(client, bytes_of(other), fork.header(other))
    assert (status, "a fork [replay]" in said) == (409, True)
    after = revised(report)
    status, said = put(client, bytes_of(after), fork.header(after))
    assert (status, "a fork [chain]" in said) == (409, True)


def test_a_signature_is_never_lost_in_silence(client: TestClient, sites: list[tuple[Signer, Json]]):
    signer, report = sites[0]
    headers = {**JSON, "X-Provenance": signer.header(report)}
    for method, path in (("POST", ""), ("PUT", "?_id=x")):
        answer = client.request(
            method, f"/fhir/MeasureReport{path}", content=bytes_of(report), headers=headers
        )
        assert answer.status_code == 400, answer.text
    for wrong in ("nothing", "{}"):
        assert put(client, bytes_of(report), wrong)[0] == 422


# --- keys in time


def test_a_revoked_key_pools_nothing_that_it_ever_signed(
    inbox: Inbox, client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    for each in sites[:2]:
        submitted(client, *each)
    aggregate(client)
    inbox.revoke(report["reporter"]["reference"], revoked="2026-01-01")
    refused = reasons(aggregate(client, 422))
    assert refused == [f"MeasureReport/{report['id']}: the key was revoked on 2026-01-01 [revoked]"]
    status, said = put(client, bytes_of(revised(report)), signer.header(revised(report)))
    assert (status, "[revoked]" in said) == (422, True)


def test_after_a_revocation_the_site_signs_the_same_anew(
    inbox: Inbox, client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    reporter = report["reporter"]["reference"]
    inbox.revoke(reporter, revoked="2026-01-01")
    fresh = new_key("ES384")
    jwks = inbox.folder / "fresh.jwks.json"
    jwks.write_text(json.dumps({"keys": [fresh.public]}))
    more = f'[[keys]]\nreporter = "{reporter}"\njwks = "{jwks.name}"\n'
    inbox.keys.write_text(inbox.keys.read_text() + more)
    renewed = Signer(fresh, signer.releases)
    status, said = put(client, bytes_of(report), renewed.header(report))
    assert (status, "revision 2" in said) == (200, True)
    assert aggregate(client)["resourceType"] == "MeasureReport"


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ({"from": "2020-01-01", "until": "2999-12-31"}, True),
        ({"from": "2999-01-01"}, False),
        ({"until": "2020-12-31"}, False),
    ],
    ids=str,
)
def test_a_key_has_its_time(
    inbox: Inbox,
    client: TestClient,
    sites: list[tuple[Signer, Json]],
    lines: dict[str, str],
    taken: bool,
):
    signer, report = sites[0]
    inbox.revoke(report["reporter"]["reference"], **lines)
    status, said = put(client, bytes_of(report), signer.header(report))
    assert (status == 201, "[validity]" in said) == (taken, not taken)
    if not taken:
        backdated = Signer(signer.key).header(report, signed=1_590_000_000)
        assert put(client, bytes_of(report), backdated)[0] == 422, "it comes today all the same"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no TOML at all [", "cannot be read"),
        ('[[keys]]\nreporter = "x"\n', "jwks"),
        ('[[keys]]\nreporter = "x"\njwks = "absent.json"\n', "cannot be read"),
        ('[[keys]]\nreporter = "x"\njwks = "key-0.jwks.json"\nshoe = 1\n', "shoe"),
        ('[[keys]]\nreporter = "x"\njwks = "key-0.jwks.json"\nkid = "other"\n', "no ES384 key"),
    ],
)
def test_a_file_of_keys_that_does_not_hold_together_is_named(inbox: Inbox, text: str, what: str):
    inbox.keys.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_key_registry(str(inbox.keys))
    assert what in str(error.value)


def test_a_key_is_one_site_s_and_private_keys_do_not_belong_there(inbox: Inbox):
    two = '[[keys]]\nreporter = "x"\njwks = "key-0.jwks.json"\n'
    inbox.keys.write_text(two + two.replace('"x"', '"y"'))
    with pytest.raises(ConfigurationError, match="is also that of x"):
        read_key_registry(str(inbox.keys))
    private = new_key("ES384")
    (inbox.folder / "key-0.jwks.json").write_text(
        json.dumps({"keys": [{**private.key.as_dict(private=True), "kid": private.kid}]})
    )
    inbox.keys.write_text(two)
    with pytest.raises(ConfigurationError, match="no JWKS of public keys"):
        read_key_registry(str(inbox.keys))


# --- what is pooled


def test_unsigned_reports_can_be_read_but_not_pooled(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    (signer, one), (_, two) = sites[:2]
    submitted(client, signer, one)
    answer = client.put(f"/fhir/MeasureReport/{two['id']}", content=bytes_of(two), headers=JSON)
    assert answer.status_code == 201
    assert client.get(f"/fhir/MeasureReport/{two['id']}").json()["group"] == two["group"]
    refused = reasons(aggregate(client, 422))
    assert refused == [f"MeasureReport/{two['id']}: it is not signed [unsigned]"]
    inline = reasons(aggregate(client, 422, measure_report=[one, two]))
    assert len(inline) == 2
    assert all("[unsigned]" in each for each in inline)
    assert aggregate(client, unsigned="true")["resourceType"] == "MeasureReport"


def test_a_signed_report_that_was_overwritten_without_a_signature_is_not_pooled(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    changed = {**report, "date": "2026-12-01T12:00:00+00:00"}
    at = f"/fhir/MeasureReport/{report['id']}"
    assert client.put(at, content=bytes_of(changed), headers=JSON).status_code == 200
    (reason,) = reasons(aggregate(client, 422))
    assert "not the one that was signed [unsigned]" in reason


def test_a_record_that_was_tampered_with_in_the_database_is_not_pooled(
    client: TestClient, sites: list[tuple[Signer, Json]]
):
    signer, report = sites[0]
    submitted(client, signer, report)
    app: Any = client.app
    with app.state.context.engine.begin() as connection:
        connection.execute(received.update().values(content=bytes_of(report) + b" "))
    (reason,) = reasons(aggregate(client, 422))
    assert "[signature]" in reason


# --- release discipline


def let_out(client: TestClient, days_ago: float) -> None:
    """Set the clock of what went out back."""
    app: Any = client.app
    with app.state.context.engine.begin() as connection:
        change = release.update().values(opened=release.c.opened - days_ago * 86_400)
        assert connection.execute(change).rowcount


def test_the_same_release_may_be_asked_for_again(inbox: Inbox, sites: list[tuple[Signer, Json]]):
    with inbox.client(policy="public") as client:
        for signer, report in sites:
            submitted(client, signer, report)
        assert control(aggregate(client))["mode"] == "rounded"
        assert control(aggregate(client))["mode"] == "rounded"


def test_all_sites_less_all_but_one_is_not_let_out(inbox: Inbox, sites: list[tuple[Signer, Json]]):
    """Six sites, then the five without the last: the difference would be that site."""
    sixth = site_reports(TTP, [*five_sites(), five_sites()[0]])[5]
    everybody = [*sites, (Signer(), sixth)]
    inbox.owners[sixth["reporter"]["reference"]] = everybody[-1][0].key
    keys_file(inbox.folder, inbox.owners)
    with inbox.client(policy="public") as client:
        for signer, report in everybody:
            submitted(client, signer, report)
        every = [report["id"] for _, report in everybody]
        assert control(aggregate(client, _id=every))["mode"] == "rounded"
        (soon,) = reasons(aggregate(client, 403, _id=every[:5]))
        assert "open at a time" in soon
        let_out(client, days_ago=1000)
        (later,) = reasons(aggregate(client, 403, _id=every[:5]))
        assert "differ by too few" in later


def test_last_quarter_s_release_less_this_one_s_is_not_let_out(
    inbox: Inbox, sites: list[tuple[Signer, Json]]
):
    """The same sites, one of which has corrected its data since."""
    with inbox.client(policy="public") as client:
        for signer, report in sites:
            submitted(client, signer, report)
        assert control(aggregate(client))["mode"] == "rounded"
        signer, report = sites[0]
        other = json.dumps(revised(report)).replace(fingerprint(report), "f" * 64)
        submitted(client, signer, json.loads(other))
        (reason,) = reasons(aggregate(client, 403))
        assert "open at a time" in reason


def fingerprint(report: Json) -> str:
    """Of the data that the report is of."""
    (version,) = (e for e in report["extension"] if e["url"].endswith("/data-version"))
    return str(extension_value(version, "fingerprint"))


def test_a_set_of_two_sites_is_withheld_and_tells_no_count(
    inbox: Inbox, sites: list[tuple[Signer, Json]]
):
    with inbox.client(policy="public") as client:
        for signer, report in sites[:2]:
            submitted(client, signer, report)
        pooled = aggregate(client)
        assert control(pooled)["mode"] == "withheld"
        assert '"count"' not in json.dumps(pooled)
        assert "measureScore" not in json.dumps(pooled)


def test_unsigned_is_refused_where_somebody_else_could_ask(
    inbox: Inbox, sites: list[tuple[Signer, Json]]
):
    known = registered(inbox.folder)
    database = f"sqlite:///{inbox.folder / 'server.db'}"
    server = known.settings.server.model_copy(update={"database": database})
    body = parameters(measure=CANONICAL, measure_report=[sites[0][1]], unsigned="true")
    with serving(inbox.store_url, known.settings.model_copy(update={"server": server})) as url:
        headers = {**JSON, "Authorization": f"Bearer {known.token(url)}"}
        answer = httpx2.post(f"{url}/fhir/MeasureReport/$aggregate", json=body, headers=headers)
    assert answer.status_code == 403, answer.text
