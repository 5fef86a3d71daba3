"""`raiway keys` and `raiway doctor`, from no key at all to a server that lets us in."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import ECKey

from tests.lib.console import Run, raiway
from tests.lib.fault.authority import Authority, unauthorized
from tests.lib.fault.content import capability
from tests.lib.fault.replies import reply
from tests.lib.fault.server import FaultServer, Script, fault_server

METADATA = "GET /fhir/metadata"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}


def statement(**more: Any):
    def answer(request: web.Request, server: FaultServer) -> web.Response:
        return reply(capability(("Patient", "Group"), **more))

    return answer


def configure(folder: Path, server: FaultServer, **more: str) -> None:
    stated = {"name": "A", "base_url": server.base, "group": "g", **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in stated.items()]
    lines += ["[sites.privacy]", 'mode = "identified"']
    (folder / "raiway.toml").write_text("\n".join(["[[sites]]", *lines]), encoding="utf-8")


def of_sites(run: Run) -> dict[str, tuple[str, bool, str]]:
    """What the doctor says of sites, without their URL."""
    return {
        check["name"]: (
            check["found"].partition("  ")[2] or check["found"],
            check["ok"],
            check["hint"],
        )
        for check in run.json["checks"]
        if check["name"].startswith("site")
    }


def test_from_a_new_key_to_a_server_that_lets_us_in(tmp_path: Path):
    made = raiway("keys", "A", "--new", cwd=tmp_path)
    (file,) = (tmp_path / "keys").glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    jwks = made.json
    assert json.loads((tmp_path / "keys/A.jwks.json").read_text()) == jwks
    (public,) = jwks["keys"]
    assert not PRIVATE & public.keys()
    secret = str(ECKey.import_key(file.read_bytes()).as_dict(private=True)["d"])
    for text in (made.stdout, made.stderr):
        assert "PRIVATE KEY" not in text
        assert secret not in text
    assert "register keys/A.jwks.json with site A" in made.stderr
    assert f'private_key = "keys/{file.name}"' in made.stderr
    assert raiway("keys", "A", "--quiet", cwd=tmp_path).json == jwks
    held = Authority("raiway-a", [ECKey.import_key(public)])
    with fault_server(Script({METADATA: statement()}, held)) as server:
        configure(tmp_path, server, client_id="raiway-a", private_key=f"keys/{file.name}")
        seen = of_sites(raiway("doctor", "--json", cwd=tmp_path))
    assert seen == {
        "site A": ("R4 4.0.1, Fault server", True, ""),
        "site A token": ("ES384, 300 s, scopes system/*.rs", True, ""),
        "site A $export": ("system, Patient, Group", True, ""),
        "site A pull": (seen["site A pull"][0], True, ""),
        "sites": ("1 of 1 ready to pull from", True, ""),
    }


def test_a_key_is_changed_without_a_gap(tmp_path: Path):
    old = raiway("keys", "A", "--new", cwd=tmp_path).json["keys"]
    both = raiway("keys", "A", "--new", "--alg", "RS384", cwd=tmp_path).json["keys"]
    assert [key["alg"] for key in both] == ["RS384", "ES384"]
    assert both[1:] == old
    for file in (tmp_path / "keys").glob("A.ES384.*.pem"):
        file.unlink()
    assert raiway("keys", "A", cwd=tmp_path).json["keys"] == both[:1]


def test_a_site_without_a_key(tmp_path: Path):
    run = raiway("keys", "A", cwd=tmp_path, expect=2)
    assert run.stdout == ""
    assert "raiway keys A --new makes one" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_the_site_does_not_hold(tmp_path: Path):
    raiway("keys", "A", "--new", "--to", tmp_path / "elsewhere", cwd=tmp_path)
    (file,) = (tmp_path / "elsewhere").glob("*.pem")
    held = Authority("raiway-a", [ECKey.generate_key("P-384", {"kid": "k1"})])
    with fault_server(Script({METADATA: statement()}, held)) as server:
        configure(tmp_path, server, client_id="raiway-a", private_key=str(file))
        run = raiway("doctor", cwd=tmp_path, expect=4)
    assert re.search(r"site A token +FAIL  400 invalid_client", run.stdout)
    assert "-> site A token: does the site hold this key" in run.stdout
    assert "0 of 1 ready to pull from" in run.stdout


@pytest.mark.parametrize(
    ("mode", "export", "found", "hinted"),
    [
        ("bulk", True, "system, Patient, Group", False),
        ("bulk", False, "not advertised", True),
        ("crawl", True, None, False),
    ],
)
def test_an_open_server(tmp_path: Path, mode: str, export: bool, found: str | None, hinted: bool):
    with fault_server(Script({METADATA: statement(export=export)})) as server:
        configure(tmp_path, server, auth="none", mode=mode)
        seen = of_sites(raiway("doctor", "--json", cwd=tmp_path))
    assert seen["site A token"] == ("none needed", True, "")
    said, ok, hint = seen.get("site A $export", (None, True, ""))
    assert (said, ok, bool(hint)) == (found, True, hinted)


def test_a_server_that_refuses_a_token(tmp_path: Path):
    def guarded(request: web.Request, server: FaultServer) -> web.Response:
        return (
            unauthorized() if "Authorization" in request.headers else statement()(request, server)
        )

    with fault_server(Script({METADATA: guarded})) as server:
        configure(tmp_path, server, auth="bearer", token="env:RAIWAY_A_TOKEN")  # noqa: S106 - a variable's name
        secret = {"RAIWAY_A_TOKEN": "canary-token"}
        run = raiway("doctor", "--json", cwd=tmp_path, expect=4, **secret)
    assert of_sites(run)["site A token"][0].startswith("the server refuses us (status 401)")
    assert "canary-token" not in run.stdout + run.stderr


def test_another_fhir_version_and_a_server_that_is_not_there(tmp_path: Path):
    with fault_server(Script({METADATA: statement(version="3.0.2")})) as server:
        configure(tmp_path, server, auth="none")
        run = raiway("doctor", "--json", cwd=tmp_path, expect=2)
        assert "the server speaks FHIR 3.0.2, not R4" in of_sites(run)["site A"][0]
        server.stop()
        run = raiway("doctor", "--json", cwd=tmp_path, expect=4)
        assert of_sites(run)["site A"][0].startswith("GET: cannot connect")
        offline = of_sites(raiway("doctor", "--json", "--offline", cwd=tmp_path))
        assert [(name, ok) for name, (_, ok, _) in offline.items()] == [("site A pull", True)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('group = "g"', 'group = ""', "an export of a group needs the group's id"),
        ('mode = "identified"', 'mode = "limited"', "needs a key for ids"),
        ('group = "g"', 'types = ["Pateint"]\ngroup = "g"', "FHIR R4 has no Pateint"),
        ("[[sites]]", '[landing]\nfolder = "/dev/null"\n[[sites]]', "cannot be written"),
    ],
)
def test_what_a_pull_would_stop_at(tmp_path: Path, before: str, after: str, told: str):
    """A server that lets us in is not all that a pull needs."""
    with fault_server(Script({METADATA: statement()})) as server:
        configure(tmp_path, server, auth="none")
        file = tmp_path / "raiway.toml"
        file.write_text(file.read_text().replace(before, after))
        seen = of_sites(raiway("doctor", "--json", cwd=tmp_path, expect=2))
    found, ok, _ = seen["site A pull"]
    assert (told in found, ok) == (True, False)
    assert seen["sites"] == ("0 of 1 ready to pull from", False, "")


def test_a_server_without_a_statement_is_a_warning(tmp_path: Path):
    with fault_server(Script({METADATA: lambda request, server: reply("no", 404)})) as server:
        configure(tmp_path, server, auth="none")
        found, ok, hint = of_sites(raiway("doctor", "--json", cwd=tmp_path))["site A"]
    assert (found, ok) == ("metadata: status 404", True)
    assert "is base_url the FHIR base" in hint


def test_what_a_terminal_obeys_is_not_shown_of_a_server(tmp_path: Path):
    shown = {**capability(("Patient", "Group")), "software": {"name": "Fault\x1b[2J server"}}
    with fault_server(Script({METADATA: lambda request, server: reply(shown)})) as server:
        configure(tmp_path, server, auth="none")
        assert "\x1b" not in raiway("doctor", cwd=tmp_path).stdout


def test_a_site_that_is_not_in_the_settings_is_said(tmp_path: Path):
    assert "site A is not in raiway.toml yet" in raiway("keys", "A", "--new", cwd=tmp_path).stderr
