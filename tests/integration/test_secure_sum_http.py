"""The secure sum over HTTP: two servers, from the announcement to the report and the audit."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapter.api.app import create_app
from adapter.config import Settings
from adapter.errors import ConfigurationError, Unreachable
from adapter.pooling.exact import pooled_estimates
from adapter.pooling.pool import pool
from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.audit import audited
from adapter.pooling.secure.keys import own_keys, read_directory
from adapter.pooling.secure.messages import public
from adapter.pooling.secure.plan import opening_rules, policy_version
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.sending import Peer
from adapter.pooling.secure.share import Sent, random_bytes
from adapter.registry_settings import RegistrySettings
from adapter.server_settings import SecureSumSettings, ServerSettings
from adapter.store import open_store
from analytics.estimate import estimate
from tests.lib.pooling import DRIVERS, Row, aggregate_of, site_reports
from tests.lib.registered import registered as member
from tests.lib.secure_sum import TTP, Network, Server
from tests.lib.secured import registered
from tests.lib.serving import serving

Json = dict[str, Any]
NAME = "2026-q1"
URL = f"/secure-sum/rounds/{NAME}"
PATIENTS = [
    Row(driver, 20 * n + 1, event=n % 2 == 0) for n, driver in enumerate((*DRIVERS, *DRIVERS))
]
ORIGIN = "http://127.0.0.1:8000"


def file_of(folder: Path, name: str, keys: Server) -> str:
    content = {
        "signing": keys.signing.as_dict(private=True),
        "sealing": keys.sealing.as_dict(private=True),
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return str(path)


def directory_of(folder: Path, network: Network) -> Path:
    known = network.directory
    servers = {
        role: {"signing": public(keys.signing), "sealing": public(keys.sealing)}
        for role, keys in (("registry", known.registry), ("trustee", known.trustee))
    }
    sites = {"sites": {name: public(key) for name, key in known.sites.items()}}
    path = folder / "directory.json"
    path.write_text(json.dumps(servers | sites))
    return path


@dataclass
class Both:
    """The two servers of one network, and what is sent to them."""

    network: Network
    registry: TestClient
    trustee: TestClient
    announced: rounds.Announcement
    token: str

    @property
    def servers(self) -> dict[str, TestClient]:
        return {"registry": self.registry, "trustee": self.trustee}

    def sent(self, site: str, patients: list[Row], revision: int = 1) -> Sent:
        seed = secrets.token_bytes(random_bytes(self.network.layout))
        table = self.network.table(patients)
        return self.network.sent(site, table, self.announced, seed, revision)

    def send(self, sites: int, patients: list[Row] = PATIENTS) -> None:
        for site in list(self.network.sites)[:sites]:
            sent = self.sent(site, patients)
            for role, client in self.servers.items():
                answer = client.post(f"{URL}/shares", content=getattr(sent, role))
                assert answer.status_code == 200, answer.text
                assert answer.json()["body"]["site"] == site

    def agree(self) -> None:
        lists = {
            role: client.post(f"{URL}/list").json()["message"]
            for role, client in self.servers.items()
        }
        one = self.registry.put(f"{URL}/list", content=lists["trustee"]).json()["list"]
        assert self.trustee.put(f"{URL}/list", content=lists["registry"]).json()["list"] == one

    def open(self) -> None:
        opening = self.trustee.post(f"{URL}/opening").json()["message"]
        receipt = self.registry.put(f"{URL}/opening", content=opening).json()["message"]
        assert self.trustee.put(f"{URL}/receipt", content=receipt).status_code == 200


def client_for(role: str, folder: Path, network: Network, **server: Any) -> TestClient:
    own = folder / role
    own.mkdir()
    url = f"sqlite:///{own / 'raiway.db'}"
    with open_store(url, create=True):
        pass
    stated = SecureSumSettings(
        role=role,
        directory=directory_of(folder, network),
        keys=file_of(own, "keys", network.keys(role)),
        folder=own / "rounds",
    )
    app = create_app(Settings(server=ServerSettings(secure_sum=stated, **server)), url)
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)


@pytest.fixture
def network() -> Network:
    return Network(5)


@pytest.fixture
def both(tmp_path: Path, network: Network) -> Iterator[Both]:
    closes = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = rounds.Asked(NAME, "2021-12-01", "2022-11-30", closes, policy_version())
    found = rounds.announcement(asked, network.layout, network.directory)
    token = rounds.announced(found, network.registry.signing)
    with (
        client_for("registry", tmp_path, network) as registry,
        client_for("trustee", tmp_path, network) as trustee,
    ):
        made = Both(network, registry, trustee, found, token)
        for client in made.servers.values():
            assert client.put(URL, content=token).status_code == 200
        yield made


def refused(answer: Any, status: int, rule: str) -> None:
    assert answer.status_code == status, answer.text
    (issue,) = answer.json()["issue"]
    assert issue["diagnostics"].endswith(f"[{rule}]")


def test_the_report_is_that_of_all_rows(both: Both):
    sites = [PATIENTS, PATIENTS[:3], PATIENTS[2:7], PATIENTS[1:], PATIENTS[4:]]
    for site, patients in zip(both.network.sites, sites, strict=True):
        sent = both.sent(site, patients)
        for role, client in both.servers.items():
            taken = client.post(f"{URL}/shares", content=getattr(sent, role))
            assert taken.status_code == 200
    both.agree()
    both.open()
    report = both.registry.get(f"{URL}/report")
    assert report.status_code == 200
    found = pooled_estimates(pool([report.json()], both.network.measure)).overall
    rows = [row for patients in sites for row in patients]
    expected = estimate(aggregate_of(rows, both.network.study), both.network.study).overall
    for name in ("n_patients", "rmst_192_days", "km_192", "logrank_driver_chi2", "ttp_median"):
        assert found[name] == pytest.approx(expected[name], abs=1e-12)
    named = json.dumps(report.json())
    assert all(site in named for site in both.network.sites)


def test_an_auditor_rechecks_both_transcripts(both: Both):
    both.send(5)
    both.agree()
    both.open()
    shown = {role: client.get(URL).json() for role, client in both.servers.items()}
    directory = both.network.directory
    assert audited(shown["registry"], shown["trustee"], directory, opening_rules()) == []
    assert "shares" not in shown["registry"]
    shown["trustee"]["log"].pop(2)
    assert audited(shown["registry"], shown["trustee"], directory, opening_rules())


def test_steps_taken_again_change_nothing(both: Both):
    both.send(5)
    for _ in range(2):
        both.agree()
        both.open()
    logs = [client.get(URL).json()["log"] for client in both.servers.values()]
    assert [entry["event"] for entry in logs[0]] == [entry["event"] for entry in logs[1]]
    assert len(logs[0]) == 10


def test_four_sites_are_not_opened(both: Both):
    both.send(4)
    for client in both.servers.values():
        refused(client.post(f"{URL}/list"), 409, "order")
    empty = both.sent("Organization/site-4", [])
    for role, client in both.servers.items():
        client.post(f"{URL}/shares", content=getattr(empty, role))
    both.agree()
    refused(both.trustee.post(f"{URL}/opening"), 422, "sites")
    refused(both.registry.get(f"{URL}/report"), 409, "order")


def test_what_is_no_share_of_the_round_is_refused_and_on_record(both: Both):
    sent = both.sent("Organization/site-0", PATIENTS)
    shares = f"{URL}/shares"
    refused(both.registry.post(shares, content=sent.trustee), 422, "recipient")
    refused(both.registry.post(shares, content="no message"), 422, "form")
    refused(both.registry.post(shares, content=sent.registry[:-9] + "AAAAAAAAA"), 422, "signature")
    assert both.registry.post(shares, content=b"\xff").status_code == 400
    assert both.registry.post(shares, content=sent.registry).status_code == 200
    other = both.sent("Organization/site-0", PATIENTS)
    refused(both.registry.post(shares, content=other.registry), 409, "duplicate")
    refusals = [e["body"] for e in both.registry.get(URL).json()["log"] if e["event"] == "refused"]
    assert refusals == [
        {"rule": "recipient", "site": "Organization/site-0"},
        {"rule": "duplicate", "site": "Organization/site-0"},
    ]


def test_each_step_is_of_its_server(both: Both):
    refused(both.registry.post(f"{URL}/opening"), 409, "order")
    refused(both.trustee.put(f"{URL}/opening", content="x"), 409, "order")
    refused(both.registry.put(f"{URL}/receipt", content="x"), 409, "order")
    refused(both.trustee.get(f"{URL}/report"), 409, "order")


def test_a_name_is_of_one_round(both: Both):
    later = replace(both.announced, end="2022-12-31")
    token = rounds.announced(later, both.network.registry.signing)
    refused(both.trustee.put(URL, content=token), 409, "round")
    refused(both.trustee.put(f"{URL}-b", content=token), 409, "round")
    assert both.trustee.put(URL, content=both.token).status_code == 200
    assert both.trustee.get(f"{URL}-c").status_code == 404
    assert both.trustee.get("/secure-sum/rounds/openings").status_code == 404


def test_the_registry_announces_only_what_it_can_add(both: Both):
    other = replace(both.announced, round="r", study_sha256="0" * 64)
    token = rounds.announced(other, both.network.registry.signing)
    refused(both.registry.put("/secure-sum/rounds/r", content=token), 422, "layout")


def test_what_a_server_keeps_holds_no_share_in_plain(both: Both, tmp_path: Path):
    both.send(5)
    kept = json.loads((tmp_path / "registry" / "rounds" / f"{NAME}.json").read_text())
    for message in kept["shares"]:
        assert message.count(".") == 2
    assert str(both.network.registry.sealing.as_dict(private=True)["d"]) not in json.dumps(kept)


def test_a_client_without_policy_none_gets_what_its_policy_lets_out(tmp_path: Path):
    network = Network(5)
    closes = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = rounds.Asked(NAME, "2021-12-01", "2022-11-30", closes, policy_version())
    found = rounds.announcement(asked, network.layout, network.directory)
    token = rounds.announced(found, network.registry.signing)
    registry = client_for("registry", tmp_path, network, policy="public")
    both = Both(network, registry, client_for("trustee", tmp_path, network), found, token)
    for client in both.servers.values():
        client.put(URL, content=token)
    both.send(5)
    both.agree()
    both.open()
    report = registry.get(f"{URL}/report")
    assert report.status_code == 200
    text = report.text
    assert "Organization/site-0" not in text
    assert '"withheld"' in text
    assert '"count":' not in text


def test_without_a_token_nothing_is_given(tmp_path: Path, network: Network):
    stated = {"authentication": "required", "clients": (registered(tmp_path),)}
    client = client_for("trustee", tmp_path, network, **stated)
    for method, path in (
        ("GET", ""), ("PUT", ""), ("POST", "/shares"), ("POST", "/list"), ("PUT", "/list"),
        ("POST", "/opening"), ("PUT", "/opening"), ("PUT", "/receipt"), ("GET", "/report"),
    ):  # fmt: skip
        assert client.request(method, f"{URL}{path}").status_code == 401, (method, path)


@pytest.mark.parametrize(("policy", "shown"), [("none", True), ("public", False)])
def test_a_member_is_let_in_by_its_key(tmp_path: Path, network: Network, policy: str, shown: bool):
    """Over a socket, with SMART Backend Services, as `raiway secure-sum` asks."""
    known = member(tmp_path, policy=policy)
    pem = tmp_path / "member.pem"
    pem.write_bytes(known.key.as_pem(private=True))
    pem.chmod(0o600)
    url = f"sqlite:///{tmp_path / 'raiway.db'}"
    with open_store(url, create=True):
        pass
    stated = SecureSumSettings(
        role="trustee",
        directory=directory_of(tmp_path, network),
        keys=file_of(tmp_path, "keys", network.trustee),
        folder=tmp_path / "rounds",
    )
    server = known.settings.server.model_copy(update={"secure_sum": stated})
    announced = network.announced(NAME)
    token = rounds.announced(announced, network.registry.signing)
    own = RegistrySettings(client_id=known.id, private_key=str(pem), kid=str(known.key.kid))
    with serving(url, known.settings.model_copy(update={"server": server})) as origin:
        peer = Peer(origin, own)
        peer.ask("PUT", NAME, "", token)
        found = peer.ask("GET", NAME)
        assert found["announcement"] == token
        assert ("log" in found) == shown
        with pytest.raises(SecureSumRefused) as told:
            peer.ask("POST", NAME, "opening")
        assert told.value.rule == "order"
        with pytest.raises(Unreachable, match="404"):
            peer.ask("GET", "no-round")
        with pytest.raises(Unreachable):
            Peer(origin, RegistrySettings()).ask("GET", NAME)


def test_a_server_without_a_role_has_no_such_routes(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'raiway.db'}"
    with open_store(url, create=True):
        pass
    client = TestClient(create_app(Settings(), url), base_url=ORIGIN)
    assert client.get(URL).status_code == 404


def test_the_keys_must_be_those_of_the_role(tmp_path: Path, network: Network):
    network.registry, network.trustee = network.trustee, network.registry
    with pytest.raises(ConfigurationError, match="not those of the registry"):
        client_for("registry", tmp_path, network)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "signing key"),
        ('{"registry": {"signing": {"kty": "OKP", "crv": "X25519", "x": "AA"}}}', "key"),
    ],
)
def test_a_directory_that_does_not_hold_is_told(tmp_path: Path, content: str, said: str):
    path = tmp_path / "directory.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_directory(path)


def test_a_sites_keys_cannot_serve(network: Network):
    key = next(iter(network.sites.values())).as_dict(private=True)
    own = own_keys(json.dumps({"signing": key}), "keys")
    with pytest.raises(ConfigurationError, match="a site's"):
        own.seal()
    assert str(key["d"]) not in repr(own)


def test_the_report_of_a_plain_pool_has_the_same_numbers(both: Both):
    both.send(5)
    both.agree()
    both.open()
    network = both.network
    summed = pool([both.registry.get(f"{URL}/report").json()], network.measure)
    plain = pool(site_reports(TTP, [PATIENTS] * 5, network.study), network.measure)
    assert {c: r for c, r in summed.cells.items() if r.low} == {
        c: r for c, r in plain.cells.items() if r.low
    }
