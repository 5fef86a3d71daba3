"""A sound export that takes its time: for pulls that are killed, and servers that are restarted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from tests.lib.fault.content import Json, capability, deleted_bundle, manifest, ndjson, observation
from tests.lib.fault.replies import drip, reply
from tests.lib.fault.server import FaultServer, Scenario

NDJSON = "application/fhir+ndjson"


@dataclass
class SlowExport(Scenario):
    """An export of Observations in files; `lines` of each, the slow one piece by piece.

    polls: how often a job is not ready yet. deleted: references in its `deleted` file. restarts_at:
    the file at whose first request the server is restarted, and has lost its jobs.
    """

    files: int = 4
    lines: int = 50
    polls: int = 1
    slow: int = 0
    seconds: float = 0.0
    deleted: Sequence[str] = ()
    restarts_at: int = 0
    time: str = "2024-01-02T00:00:00Z"
    jobs: int = 0
    known: set[int] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Lose all jobs, as a server that was restarted."""
        self.known.clear()

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        self.asked[f"{request.method} {request.path}"] += 1
        match request.method, request.path.removeprefix("/fhir/").split("/"):
            case "GET", ["metadata"]:
                return reply(capability(("Observation",)))
            case (("GET" | "POST"), ["$export"]):
                self.jobs += 1
                self.known.add(self.jobs)
                return reply(None, 202, {"Content-Location": f"{server.base}/job/{self.jobs}"})
            case method, ["job", number, *rest]:
                return self._job(server, method, int(number), rest)
        return None

    def _job(
        self, server: FaultServer, method: str, job: int, rest: Sequence[str]
    ) -> web.StreamResponse | None:
        if job == 1 and rest == [str(self.restarts_at)]:
            self.forget()
        if job not in self.known:
            return reply({"resourceType": "OperationOutcome", "issue": []}, 404)
        match method, rest:
            case "GET", []:
                return self._status(server, job)
            case "DELETE", []:
                self.known.discard(job)
                return reply(None, 202)
            case "GET", ["gone"]:
                return reply(ndjson([deleted_bundle(*self.deleted)]), content_type=NDJSON)
            case "GET", [name]:
                return self._file(int(name))
        return None

    def content(self, number: int) -> list[Json]:
        """The resources of a file, counted from 1."""
        first = (number - 1) * self.lines
        return [observation(at) for at in range(first, first + self.lines)]

    def _status(self, server: FaultServer, job: int) -> web.Response:
        if self.asked[f"GET /fhir/job/{job}"] <= self.polls:
            return reply(None, 202, {"X-Progress": "12 %", "Retry-After": "1"})
        base = f"{server.base}/job/{job}"
        output = [
            {"type": "Observation", "url": f"{base}/{number}", "count": self.lines}
            for number in range(1, self.files + 1)
        ]
        gone = [{"type": "Bundle", "url": f"{base}/gone", "count": 1}] if self.deleted else []
        made = manifest(output, f"{server.base}/$export", time=self.time, deleted=gone)
        return reply(made, content_type="application/json")

    def _file(self, number: int) -> web.StreamResponse:
        body = ndjson(self.content(number))
        if number == self.slow:
            return drip(body, len(body) // 20 + 1, self.seconds)
        return reply(body, content_type=NDJSON)
