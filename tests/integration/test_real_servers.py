"""From real servers of other makers to the figures: pulled, loaded, evaluated."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ruamel.yaml import YAML

from tests.lib.console import Run, raiway
from tests.lib.needs import ROOT
from tests.lib.servers import loading, sekmet
from tests.lib.servers.loading import GROUP
from tests.lib.servers.sekmet import CLIENTS, KID, SmartServer

ZONE = "America/Jamaica"
IDENTIFIED = 'mode = "identified"'
LEVELS = {"system": {}, "patient": {}, "group": {"group": GROUP}}


def test_a_crawl_gives_the_figures_in_both_stores(
    real_base: str, shared: Path, tmp_path: Path, both_urls: tuple[str, str]
):
    # Pages so short that most patients' results take several: HAPI's next is a `_getpages`.
    (tmp_path / "short.toml").write_text("count = 20\n", encoding="utf-8")
    configure(tmp_path, real_base, mode="crawl", server="short.toml")
    types = pulled(tmp_path)
    # Of the patients that a search of diagnoses finds, not of the hospital.
    assert (types["Patient"]["rows"], types["Observation"]["rows"]) == (18, 814)
    for url in both_urls:
        raiway("ingest", latest(tmp_path), "--site", "A", "--store", url, cwd=tmp_path)
        run = raiway("evaluate", "--format", "figures", "--store", url, cwd=tmp_path)
        assert missed(run.figures, shared) == {}


@pytest.mark.parametrize("level", LEVELS)
def test_an_export_gives_the_figures(
    real_base: str, hospital: Path, shared: Path, tmp_path: Path, level: str
):
    configure(tmp_path, real_base, mode="bulk", export_level=level, **LEVELS[level])
    types = pulled(tmp_path)
    assert rows(latest(tmp_path)) == {
        name: number for name, number in rows(hospital).items() if name in types
    }
    assert missed(figures(tmp_path), shared) == {}


@pytest.mark.parametrize("mode", ["crawl", "bulk"])
def test_a_deletion_on_the_server_reaches_the_store(real_base: str, tmp_path: Path, mode: str):
    # Neither server lists deletions in an export: both have histories, which are asked.
    configure(tmp_path, real_base, mode=mode, export_level="system")
    pulled(tmp_path)
    before = figures(tmp_path)
    gone = f"{real_base}/Observation/{unreferenced(tmp_path)}"
    resource = httpx2.get(gone).content
    assert httpx2.delete(gone).status_code in {200, 204}
    try:
        types = pulled(tmp_path)
    finally:
        kind = {"Content-Type": "application/fhir+json"}
        assert httpx2.put(gone, content=resource, headers=kind).status_code in {200, 201}
    assert {name: each["deleted"] for name, each in types.items() if each["deleted"]} == {
        "Observation": 1
    }
    after = figures(tmp_path)
    assert after != before
    # It is back on the server, so it is back in the store.
    pulled(tmp_path)
    assert figures(tmp_path) == before


@pytest.mark.parametrize(("mode", "alg"), [("crawl", "ES384"), ("bulk", "RS384")])
def test_tokens_of_three_seconds_do(
    sekmet_smart: SmartServer, shared: Path, tmp_path: Path, mode: str, alg: str
):
    # So many pages that a crawl outlives its first tokens on a fast machine too.
    (tmp_path / "short.toml").write_text("count = 1\n", encoding="utf-8")
    configure(
        tmp_path,
        sekmet_smart.base,
        server="short.toml",
        mode=mode,
        auth="smart",
        alg=alg,
        client_id=CLIENTS[alg],
        kid=KID,
        private_key=str(sekmet_smart.private_keys[alg]),
        scope="system/*.rs",
        export_level="system",
    )
    pulled(tmp_path)
    events = Counter(each["event"] for each in log(latest(tmp_path)))
    assert events["token"] > 1
    assert missed(figures(tmp_path), shared) == {}


def test_what_is_deidentified_gives_the_same_figures(
    sekmet_base: str, shared: Path, tmp_path: Path
):
    # By group, so that Medications are asked for by the ids that no file has.
    raiway("deidentify", "--new-key", "id.key", cwd=tmp_path)
    privacy = 'mode = "limited"\nid_key = "id.key"'
    configure(tmp_path, sekmet_base, privacy, mode="bulk", export_level="group", group=GROUP)
    assert pulled(tmp_path)["Medication"]["rows"] == 1
    assert missed(figures(tmp_path), shared) == {}
    kept = [*latest(tmp_path).iterdir(), tmp_path / "raiway.db"]
    assert [path.name for path in kept if b"SYN-" in path.read_bytes()] == []


def test_the_two_hospitals_of_the_compose_file(shared: Path, tmp_path: Path):
    # Docker is not needed for what the services run, nor for the settings that they are given.
    compose = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    settings = compose["configs"]["hospitals"]["content"]
    with ExitStack() as running:
        for stated in compose["services"]["fill"]["command"]:
            folder = tmp_path / stated.rpartition(":")[2].replace("/", "-")
            folder.mkdir()
            base = running.enter_context(sekmet.open_server(folder))
            settings = settings.replace(stated, base)
        settings = settings.replace("/data/landing", str(tmp_path / "landing"))
        (tmp_path / "raiway.toml").write_text(settings, encoding="utf-8")
        loading.main(re.findall(r'base_url = "(.+)"', settings))
        raiway("pull", cwd=tmp_path)
    for name in ("A", "B"):
        raiway("ingest", tmp_path / "landing" / name, "--site", name, cwd=tmp_path)
    run = raiway("evaluate", "--format", "figures", cwd=tmp_path)
    assert missed(run.figures, shared) == {}


def configure(folder: Path, base: str, privacy: str = IDENTIFIED, **site: str) -> None:
    """Write `raiway.toml` for one site, by default one that keeps everything."""
    keys = {"name": "A", "base_url": base, "timezone": ZONE, "auth": "none"} | site
    lines = [
        "[[sites]]",
        *(f"{key} = {json.dumps(value)}" for key, value in keys.items()),
        "[sites.limits]",
        'retry_after_max = "1s"',
        "[sites.privacy]",
        privacy,
    ]
    (folder / "raiway.toml").write_text("\n".join(lines), encoding="utf-8")


def pulled(folder: Path) -> dict[str, Any]:
    """Pull; what came of each type."""
    run: Run = raiway("pull", "A", "--json", cwd=folder)
    types: dict[str, Any] = run.json["sites"][0]["types"]
    assert [name for name, each in types.items() if each["failed"] or each["refused"]] == []
    return types


def latest(folder: Path) -> Path:
    """The newest run's folder."""
    return max((folder / "landing" / "A").glob("2*"))


def figures(folder: Path) -> dict[str, Any]:
    """The figures after the newest run was loaded."""
    raiway("ingest", latest(folder), "--site", "A", cwd=folder)
    return raiway("evaluate", "--format", "figures", cwd=folder).figures


def missed(found: dict[str, Any], shared: Path) -> dict[str, tuple[Any, Any]]:
    """Figure -> what it is and should be, of those that are not as in the reference."""
    reference = json.loads((shared / "reference/expectations.json").read_text(encoding="utf-8"))
    expected = reference["expectations"]
    assert len(expected) == 75
    return {
        each["name"]: (found.get(each["name"]), each["value"])
        for each in expected
        if found.get(each["name"]) is None
        or abs(found[each["name"]] - each["value"]) > each["tolerance"]
    }


def rows(folder: Path) -> Counter[str]:
    """Resource type -> lines of its files."""
    return Counter(
        path.name.split(".")[0]
        for path in folder.glob("[A-Z]*.ndjson")
        for _ in path.read_bytes().splitlines()
    )


def unreferenced(folder: Path) -> str:
    """The id of a thyroglobulin of the cohort to which nothing else refers."""
    text = b"\n".join(path.read_bytes() for path in latest(folder).glob("[A-Z]*.ndjson")).decode()
    ids = [
        json.loads(line)["id"]
        for line in text.splitlines()
        if '"3013-0"' in line and '"Patient/SYN-RAIR-01"' in line
    ]
    return next(each for each in ids if f"Observation/{each}" not in text)


def log(folder: Path) -> list[dict[str, Any]]:
    """The events of a run."""
    lines = (folder / "log.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
