"""A server that exports in bulk, and what can go wrong with it: the scenarios of `pull.md` 2.2."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.lib.fault.content import Json, capability, manifest, observation, patient
from tests.lib.fault.replies import NDJSON, reply
from tests.lib.fault.server import OTHER_HOST, Answer, FaultServer, Scenario, Script

KICKOFF = "GET /fhir/$export"
STATUS = "GET /fhir/status/1"
LEAVE = "DELETE /fhir/status/1"
TIME = "2024-01-02T00:00:00Z"

Files = Mapping[str, bytes | Answer | Sequence[Answer]]
MakeManifest = Callable[[FaultServer], Json]


def accepted(number: int = 1) -> Answer:
    """202 with the status URL of an export."""

    def answer(request: web.Request, server: FaultServer) -> web.StreamResponse:
        return reply(None, 202, {"Content-Location": f"{server.base}/status/{number}"})

    return answer


def always(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """The same reply whoever asks."""
    return lambda request, server: reply(body, status, headers)


def waiting(headers: Mapping[str, str] | None = None) -> Answer:
    """202: the export is under way."""
    return always(None, 202, {"Retry-After": "1", "X-Progress": "10 % done", **(headers or {})})


METADATA: dict[str, Answer] = {"GET /fhir/metadata": always(capability())}
"""Every pull begins with it."""


def listing(make: MakeManifest, headers: Mapping[str, str] | None = None) -> Answer:
    """200 with the manifest."""
    return lambda request, server: reply(make(server), 200, headers, "application/json")


def lines(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """A sound file."""
    return lambda request, server: reply(body, 200, headers, NDJSON)


def url(server: FaultServer, name: str, host: str | None = None) -> str:
    """The URL of a file; of the other host's if one is named."""
    return f"{server.other if host else server.base}/files/{name}"


def entry(server: FaultServer, name: str, **more: Any) -> Json:
    """A manifest's entry for the file `Type.ndjson`, `Type.2.ndjson`, …"""
    return {"type": name.partition(".")[0], "url": url(server, name), **more}


def listed(*names: str, **more: Any) -> MakeManifest:
    """A manifest of files by their names. more: of `content.manifest`."""

    def make(server: FaultServer) -> Json:
        output = [entry(server, name) for name in names]
        return manifest(output, f"{server.base}/$export", **{"time": TIME, **more})

    return make


def exporting(
    files: Files,
    make: MakeManifest | None = None,
    authority: Scenario | None = None,
    **answers: Answer | Sequence[Answer],
) -> Script:
    """An export of one poll. files: their content, or what is answered, by name.

    make: the manifest, default all files as output. answers: instead of the usual ones, `kickoff`,
    `status`, `leave`, or others by `METHOD /path`.
    """
    usual: dict[str, Answer | Sequence[Answer]] = {
        **METADATA,
        KICKOFF: answers.pop("kickoff", accepted()),
        STATUS: answers.pop("status", listing(make or listed(*files))),
        **{f"GET /fhir/files/{name}": _answers(given) for name, given in files.items()},
    }
    leave = answers.pop("leave", always(None, 202))
    return Script(usual | {LEAVE: leave} | answers, authority)


def _answers(given: bytes | Answer | Sequence[Answer]) -> Answer | Sequence[Answer]:
    return lines(given) if isinstance(given, bytes) else given


def at_other_host(name: str) -> str:
    """The key of a file of the other host."""
    return f"{OTHER_HOST} GET /fhir/files/{name}"


def observations(*numbers: int) -> bytes:
    """Lines of Observations."""
    return _ndjson(observation(number) for number in numbers)


def patients(*numbers: int) -> bytes:
    """Lines of Patients."""
    return _ndjson(patient(number) for number in numbers)


def _ndjson(resources: Iterator[Json]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in resources)


def group(*members: int) -> Json:
    """The Group `thyroid` with patients as its members."""
    entities = [{"entity": {"reference": f"Patient/pat-{number}"}} for number in members]
    return {"resourceType": "Group", "id": "thyroid", "type": "person", "member": entities}
