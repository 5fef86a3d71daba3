"""Nothing of a patient and no secret is told by a pull, however it fails (G7).

Fifty canaries stand where servers put patients: in resources, ids, links, names of files, errors
and headers; a token and a key stand where ours are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.lib.console import Run, raiway
from tests.lib.fault.content import Json, bundle, capability, manifest, ndjson, observation
from tests.lib.fault.replies import login_page, operation_outcome, reply
from tests.lib.fault.server import FaultServer, Script, fault_server

CANARIES = [f"Kanarie{number:02}vogel" for number in range(50)]
TOKEN = "canary-token-9d3e"  # noqa: S105 - synthetic
ID_KEY = "c7" * 8 + "".join(f"{n:02x}" for n in range(24))
SECRETS = {"RAIWAY_A_TOKEN": TOKEN, "RAIWAY_ID_KEY": ID_KEY}

TOML = """
[[sites]]
name = "A"
base_url = "{base}"
auth = "bearer"
token = "env:RAIWAY_A_TOKEN"
mode = "{mode}"
export_level = "system"
types = ["Patient", "Observation"]
[sites.limits]
retry_after_max = "1s"
[sites.privacy]
id_key = "env:RAIWAY_ID_KEY"
"""


def people(count: int) -> list[Json]:
    """Patients with canaries in all places."""
    return [
        {
            "resourceType": "Patient",
            "id": name,
            "text": {"status": "generated", "div": f"<div>{name}</div>"},
            "identifier": [{"value": name}],
            "name": [{"family": name, "given": [name]}],
            "telecom": [{"value": f"mailto:{name}@example.org"}],
            "address": [{"line": [name], "city": "Kingston"}],
            "contact": [{"name": {"text": name}}],
        }
        for name in CANARIES[:count]
    ]


def records(count: int) -> list[Json]:
    """Observations of theirs."""
    return [
        observation(
            number,
            id=f"{name}-o",
            subject={"reference": f"Patient/{name}", "display": name},
            note=[{"text": name}],
        )
        for number, name in enumerate(CANARIES[:count])
    ]


def about(name: str, status: int) -> web.Response:
    """An error that names a patient, in its body and its headers."""
    body = operation_outcome("processing", f"Patient {name}, born 1974-05-23")
    headers = {"Location": f"/fhir/Patient/{name}", "X-Request-Id": name, "ETag": f'W/"{name}"'}
    return reply(body, status, headers)


def search() -> Script:
    """Pages whose links name patients; the second search is refused in its middle."""
    names = iter(CANARIES[40:])

    def page(rows: list[Json]) -> Callable[..., web.Response]:
        def answer(request: web.Request, server: FaultServer) -> web.Response:
            link = f"{server.base}/next/{next(names)}?name={next(names)}"
            entries = [*rows, operation_outcome("informational", f"of {CANARIES[41]}", "warning")]
            broken = [{"resourceType": "Observation", "subject": {"display": CANARIES[42]}}]
            return reply(bundle([*entries, *broken], link, self_url=str(request.url)))

        return answer

    class Search(Script):
        def __init__(self, answers: dict[str, Any]) -> None:
            super().__init__(answers)
            self.nexts = [True, False]

        async def answer(self, request: web.Request, server: FaultServer) -> Any:
            if "/next/" not in request.path:
                return await super().answer(request, server)
            # The first search ends well, the second is refused.
            return about(CANARIES[49], 403) if self.nexts.pop() else reply(bundle([]))

    params = ("_id", "_lastUpdated")
    return Search(
        {
            "GET /fhir/metadata": lambda *_: reply(capability(params=params)),
            "GET /fhir/Patient": page(people(30)),
            "GET /fhir/Observation": page(records(30)),
        }
    )


def export() -> Script:
    """An export whose files fail, each in its own way."""

    def status(request: web.Request, server: FaultServer) -> web.Response:
        files = [
            {"type": "Patient", "url": f"{server.base}/files/{CANARIES[43]}?sig={CANARIES[44]}"},
            {"type": "Observation", "url": f"{server.base}/files/o"},
            {"type": "Observation", "url": f"{server.base}/files/html"},
        ]
        errors = [{"type": "OperationOutcome", "url": f"{server.base}/files/errors"}]
        made = manifest(files, f"{server.base}/$export?patient={CANARIES[45]}", error=errors)
        return reply(made, content_type="application/json")

    broken = b'{"resourceType":"Observation","id":"x","note":"%s"\n' % CANARIES[46].encode()
    return Script(
        {
            "GET /fhir/metadata": lambda *_: reply(capability()),
            "GET /fhir/$export": lambda _, server: reply(
                None, 202, {"Content-Location": f"{server.base}/job/{CANARIES[47]}"}
            ),
            f"GET /fhir/job/{CANARIES[47]}": status,
            f"DELETE /fhir/job/{CANARIES[47]}": lambda *_: about(CANARIES[48], 500),
            f"GET /fhir/files/{CANARIES[43]}": lambda *_: about(CANARIES[49], 404),
            "GET /fhir/files/o": lambda *_: reply(ndjson(records(40)) + broken),
            "GET /fhir/files/html": lambda *_: login_page(),
            "GET /fhir/files/errors": lambda *_: reply(
                ndjson([operation_outcome("processing", f"no Patient/{CANARIES[40]}")])
            ),
        }
    )


@pytest.mark.parametrize(("mode", "scenario"), [("crawl", search), ("bulk", export)])
def test_nothing_tells_of_a_patient(tmp_path: Path, mode: str, scenario: Callable[[], Script]):
    with fault_server(scenario()) as server:
        (tmp_path / "raiway.toml").write_text(TOML.format(base=server.base, mode=mode))
        run = raiway("pull", "A", "-v", "--json", cwd=tmp_path, expect=5, **SECRETS)
        sent = [seen for seen in server.seen if seen.headers.get("authorization")]
    assert f"Bearer {TOKEN}" in {seen.headers["authorization"] for seen in sent}
    written = files(tmp_path / "landing")
    # The run did take, without its canaries, what it must not tell.
    assert any(name[0].isupper() for name in written)
    assert told(run, written) == {}


def files(folder: Path) -> dict[str, str]:
    """Name -> text of all files, but for the private state, which is for the owner's eyes."""
    found = [each for each in folder.rglob("*") if each.is_file() and ".state" not in each.parts]
    return {each.name: each.read_text(encoding="utf-8") for each in found}


def told(run: Run, written: dict[str, str]) -> dict[str, list[str]]:
    """Place -> canaries that it tells of."""
    places = {"stdout": run.stdout, "stderr": run.stderr, **written, "names": " ".join(written)}
    hidden = [*CANARIES, TOKEN, ID_KEY, "1974-05-23"]
    found = {name: [each for each in hidden if each in text] for name, text in places.items()}
    return {name: canaries for name, canaries in found.items() if canaries}
