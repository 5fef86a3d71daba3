"""A server that answers searches slowly, a patient at a time: for crawls that are killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from tests.lib.fault.content import Json, bundle, capability, observation, patient
from tests.lib.fault.replies import reply
from tests.lib.fault.server import FaultServer, Scenario

TYPES = ("Patient", "Condition", "Observation")


@dataclass
class SlowSearch(Scenario):
    """Patients with a thyroid cancer and ten Observations each, a page after `seconds`."""

    patients: int = 60
    seconds: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        kind = request.path.removeprefix("/fhir/")
        self.asked[kind] += 1
        if kind == "metadata":
            params = ("_id", "_lastUpdated", "patient", "code")
            return reply(capability(TYPES, params=params, export=False))
        if kind not in TYPES:
            return None
        who = self._asked_for(request)
        if who is not None:
            await asyncio.sleep(self.seconds)
        found = self.rows(kind, range(self.patients) if who is None else who)
        return reply(bundle(found, base=server.base, self_url=f"{server.root()}{request.raw_path}"))

    def rows(self, kind: str, who: range | list[int]) -> list[Json]:
        """The resources of a type of some patients, by number."""
        match kind:
            case "Patient":
                return [patient(at) for at in who]
            case "Condition":
                return [_cancer(at) for at in who]
            case _:
                return [_observation(at, number) for at in who for number in range(10)]

    def _asked_for(self, request: web.Request) -> list[int] | None:
        """The numbers of the patients that are asked for; None for all."""
        stated = request.query.get("patient") or request.query.get("_id")
        if stated is None:
            return None
        names = [each.removeprefix("Patient/") for each in stated.split(",")]
        return [int(each.removeprefix("pat-")) for each in names]


def _observation(at: int, number: int) -> Json:
    return observation(10 * at + number, subject={"reference": f"Patient/pat-{at}"})


def _cancer(at: int) -> Json:
    code = {"system": "http://snomed.info/sct", "code": "363478007"}
    return {
        "resourceType": "Condition",
        "id": f"con-{at}",
        "meta": {"lastUpdated": "2024-01-01T00:00:00Z"},
        "code": {"coding": [code]},
        "subject": {"reference": f"Patient/pat-{at}"},
    }
