"""A sound export of resources that are full of names: for what may not be found afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from tests.lib.fault.content import Json, capability, manifest, ndjson
from tests.lib.fault.replies import reply
from tests.lib.fault.server import FaultServer, Scenario

NDJSON = "application/fhir+ndjson"


@dataclass
class ExportOf(Scenario):
    """A system export of these resources, a file for each type."""

    resources: Mapping[str, Sequence[Json]] = field(default_factory=dict)

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        match request.method, request.path.removeprefix("/fhir/").split("/"):
            case "GET", ["metadata"]:
                return reply(capability(tuple(self.resources)))
            case (("GET" | "POST"), ["$export"]):
                return reply(None, 202, {"Content-Location": f"{server.base}/job/1"})
            case "GET", ["job", "1"]:
                return reply(self._manifest(server.base), content_type="application/json")
            case "DELETE", ["job", "1"]:
                return reply(None, 202)
            case "GET", ["job", "1", name]:
                return reply(ndjson(self.resources[name]), content_type=NDJSON)
        return None

    def _manifest(self, base: str) -> Json:
        output = [
            {"type": name, "url": f"{base}/job/1/{name}", "count": len(found)}
            for name, found in self.resources.items()
        ]
        return manifest(output, f"{base}/$export")
