"""From a hospital's keys to a pooled report: the commands, and a server that asks who it is."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lib.console import Run, raiway
from tests.lib.serving import Command, command

Json = dict[str, Any]
SITES = ("a", "b")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Network:
    """Two hospitals and a registry, each in a folder."""

    root: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    @property
    def registry(self) -> Path:
        return self.root / "registry"

    def site(self, name: str) -> Path:
        return self.root / name

    def submit(self, name: str, *more: object, expect: int = 0) -> Run:
        told = ("submit", "report.json", "--exact", *more)
        return raiway(*told, cwd=self.site(name), expect=expect)

    def trust(self, *names: str, more: str = "") -> None:
        lines = [
            f'[[keys]]\nreporter = "Organization/{name}"\njwks = "{name}.jwks.json"\n{more}'
            for name in names
        ]
        (self.registry / "trust.toml").write_text("\n".join(lines))

    def by_mail(self, name: str) -> Path:
        """The site's report with its signature, in the registry's folder."""
        for suffix in ("", ".provenance.json"):
            here = self.registry / f"{name}.json{suffix}"
            shutil.copy(self.site(name) / f"report.json{suffix}", here)
        return self.registry / f"{name}.json"


SITE = """\
[report]
reporter = "Organization/{name}"
[registry]
url = "{url}"
client_id = "{name}"
private_key = "{key}"
"""
REGISTRY = """\
[trust]
keys = "trust.toml"
audience = "{url}"
[server]
authentication = "required"
"""
CLIENT = """\
[[server.clients]]
id = "{name}"
jwks_file = "{name}.jwks.json"
scopes = ["system/MeasureReport.cruds"]
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, loaded: Path) -> Network:
    found = Network(tmp_path_factory.mktemp("network"), free_port())
    found.registry.mkdir()
    text = REGISTRY.format(url=found.url)
    for name in SITES:
        site = found.site(name)
        site.mkdir()
        raiway("keys", "registry", "--new", cwd=site)
        (key,) = (site / "keys").glob("*.pem")
        stated = SITE.format(name=name, url=found.url, key=key.relative_to(site))
        (site / "raiway.toml").write_text(stated)
        store = f"sqlite:///{loaded / 'raiway.db'}"
        raiway("evaluate", "time-to-progression", "--store", store, "--out", "report.json",
               cwd=site)  # fmt: skip
        shutil.copy(site / "keys" / "registry.jwks.json", found.registry / f"{name}.jwks.json")
        text += CLIENT.format(name=name)
    shutil.copy(loaded / "raiway.db", found.registry / "raiway.db")
    (found.registry / "raiway.toml").write_text(text)
    found.trust(*SITES)
    return found


@pytest.fixture
def server(network: Network) -> Iterator[Command]:
    with command("--port", network.port, cwd=network.registry) as running:
        yield running


def test_two_hospitals_submit_and_the_registry_pools_what_they_signed(
    network: Network, server: Command
):
    for name in SITES:
        run = network.submit(name, "--json")
        receipt = run.json
        assert receipt["status"] == 201
        assert receipt["release"]["number"] == receipt["release"]["revision"] == 1
        assert any(
            "signature: it fits" in each["diagnostics"] for each in receipt["outcome"]["issue"]
        )
        kept = json.loads((network.site(name) / "report.json.receipt.json").read_text())
        assert kept == receipt
        again = network.submit(name, "--json").json
        assert (again["status"], again["release"]) == (200, receipt["release"])
    files = [network.by_mail(name).name for name in SITES]
    pooled = raiway("pool", *files, "--json", cwd=network.registry).json
    assert pooled["sites"]["n"] == 2
    assert pooled["figures"]["n_patients"] == 32
    assert pooled["poolable"] == "exact"
    _attacks(network)


def _attacks(network: Network) -> None:
    """On files that came by mail, against what the registry has on record."""
    report, good = network.registry / "a.json", (network.registry / "a.json").read_bytes()
    other = "b.json"

    report.write_bytes(good.replace(b'"count": 16', b'"count": 15', 1))
    assert report.read_bytes() != good
    run = raiway("pool", "a.json", other, cwd=network.registry, expect=3)
    assert "1 of 2 reports may not be pooled: a.json: " in run.stderr
    assert "[signature]" in run.stderr
    report.write_bytes(good)

    signature = network.registry / "a.json.provenance.json"
    text = signature.read_text()
    signature.unlink()
    run = raiway("pool", "a.json", other, cwd=network.registry, expect=3)
    assert "a.json: no a.json.provenance.json beside it [unsigned]" in run.stderr
    run = raiway("pool", "a.json", other, "--unsigned", "--json", cwd=network.registry)
    assert "no signature is checked" in run.stderr
    assert run.json["sites"]["n"] == 2
    signature.write_text(text)

    network.trust(*SITES, more="revoked = 2026-01-01\n")
    run = raiway("pool", "a.json", other, cwd=network.registry, expect=3)
    assert run.stderr.count("[revoked]") == 2
    network.trust("b")
    run = raiway("pool", "a.json", other, cwd=network.registry, expect=3)
    assert "a.json: the key is registered for nobody [key]" in run.stderr
    network.trust(*SITES)

    run = raiway("pool", "a.json", other, "--for", "public", cwd=network.registry)
    assert '"count"' not in run.stdout, "two sites are withheld"


def test_a_correction_is_the_next_revision_and_the_old_file_is_not_pooled(
    network: Network, server: Command
):
    network.submit("a")
    old = network.by_mail("a").rename(network.registry / "old.json")
    (network.registry / "a.json.provenance.json").rename(
        network.registry / "old.json.provenance.json"
    )
    path = network.site("a") / "report.json"
    report = json.loads(path.read_text())
    path.write_text(json.dumps(report | {"date": "2099-12-01T12:00:00+00:00"}))
    receipt = network.submit("a", "--json").json
    assert receipt["release"]["revision"] == 2
    run = raiway("pool", old.name, cwd=network.registry, expect=3)
    assert "old.json: it is revision 1, and revision 2 was taken [superseded]" in run.stderr
    raiway("pool", network.by_mail("a").name, "--json", cwd=network.registry)


def test_a_dry_run_shows_the_very_bytes_and_sends_and_writes_nothing(network: Network):
    before = sorted(path.name for path in network.site("b").iterdir())
    run = network.submit("b", "--dry-run")
    assert run.stdout.encode() == (network.site("b") / "report.json").read_bytes()
    assert f"PUT {network.url}/MeasureReport/" in run.stderr
    assert "X-Provenance: " in run.stderr
    assert "nothing was sent" in run.stderr
    shown = network.submit("b", "--dry-run", "--json").json
    assert shown["body"] == run.stdout
    assert sorted(path.name for path in network.site("b").iterdir()) == before


def test_what_did_not_pass_a_policy_leaves_only_when_that_is_said(network: Network):
    run = raiway("submit", "report.json", cwd=network.site("b"), expect=3)
    assert "has not passed the gate" in run.stderr


def test_a_lost_answer_does_not_fork_the_chain(network: Network, tmp_path: Path):
    """The registry is down: the release waits, and no other is signed before it is answered."""
    site = tmp_path / "site"
    shutil.copytree(network.site("b"), site)
    (site / "raiway-releases.json").unlink(missing_ok=True)
    port = free_port()
    told = ("submit", "report.json", "--exact", "--to", f"http://127.0.0.1:{port}/fhir")
    run = raiway(*told, "--json", cwd=site, expect=4)
    assert run.json["error"]["exit_code"] == 4
    record = json.loads((site / "raiway-releases.json").read_text())
    (waiting,) = record["releases"]
    assert waiting["state"] == "sent"
    report = json.loads((site / "report.json").read_text())
    (site / "other.json").write_text(json.dumps(report | {"date": "2099-12-01T12:00:00+00:00"}))
    run = raiway("submit", "other.json", *told[2:], cwd=site, expect=3)
    assert "release 1 was sent, and the registry has not answered" in run.stderr
    assert json.loads((site / "raiway-releases.json").read_text()) == record


def test_a_registry_that_does_not_know_us_is_exit_code_4(
    network: Network, server: Command, tmp_path: Path
):
    site = tmp_path / "stranger"
    shutil.copytree(network.site("b"), site)
    (site / "raiway-releases.json").unlink(missing_ok=True)
    toml = site / "raiway.toml"
    toml.write_text(toml.read_text().replace('client_id = "b"', 'client_id = "nobody"'))
    run = raiway("submit", "report.json", "--exact", cwd=site, expect=4)
    assert "PRIVATE KEY" not in run.stderr
    record = json.loads((site / "raiway-releases.json").read_text())
    assert [each["state"] for each in record["releases"]] == ["sent"], "it goes on from there"


def test_a_site_too_small_to_be_told_submits_that_it_withholds(
    network: Network, server: Command, loaded: Path
):
    """16 patients are below the registry's policy: silence would not tell that from no answer."""
    site, store = network.site("b"), f"sqlite:///{loaded / 'raiway.db'}"
    told = ("evaluate", "time-to-progression", "--store", store, "--policy", "registry")
    raiway(*told, "--out", "gated.json", cwd=site)
    receipt = raiway("submit", "gated.json", "--json", cwd=site).json
    assert receipt["status"] == 201
    said = " ".join(each["diagnostics"] for each in receipt["outcome"]["issue"])
    assert ", 0 counts hidden" not in said


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        ("no JSON", 2, "is no JSON"),
        ('{"resourceType": "Patient"}', 2, "holds no MeasureReport"),
        ('{"resourceType": "MeasureReport"}', 2, "names no measure"),
    ],
)
def test_what_is_no_report_is_named(network: Network, content: str, code: int, what: str):
    (network.site("b") / "wrong.json").write_text(content)
    run = raiway("submit", "wrong.json", cwd=network.site("b"), expect=code)
    assert what in run.stderr
