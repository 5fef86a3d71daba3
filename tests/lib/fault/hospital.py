"""A small FHIR server that searches, reads and pages as it should, to crawl whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from tests.lib.fault.content import Json, bundle, capability
from tests.lib.fault.replies import outcome, reply
from tests.lib.fault.server import FaultServer, Scenario

PARAMS = ("_id", "_lastUpdated", "patient", "code")
_PREFIXES = {"ge": lambda a, b: a >= b, "lt": lambda a, b: a < b}


@dataclass
class Hospital(Scenario):
    """Holds `Type/id` -> resource.

    Attributes:
        metadata: its CapabilityStatement; None: all types that it holds, with PARAMS.
        most: rows of a page at most.
        history: what `[type]/_history` gives, as entries.
        date: the `Date` of its replies, None for the real one, '' for none.
        refuses: path or type -> the reply in place of a sound one, if any.
    """

    resources: dict[str, Json] = field(default_factory=dict)
    metadata: Json | None = None
    most: int = 50
    history: list[Json] = field(default_factory=list)
    date: str | None = None
    refuses: dict[str, Callable[[], web.Response | None]] = field(default_factory=dict)
    pages: dict[str, list[Json]] = field(default_factory=dict)

    def add(self, *resources: Json) -> None:
        """Hold these too, or their newer versions."""
        for each in resources:
            self.resources[f"{each['resourceType']}/{each['id']}"] = each

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        parts = request.path.removeprefix("/fhir/").split("/")
        made = self._made(request, parts, server)
        if made is not None and self.date is not None:
            made.headers["Date"] = self.date
        return made

    def _made(
        self, request: web.Request, parts: list[str], server: FaultServer
    ) -> web.Response | None:
        refused = self.refuses.get("/".join(parts)) or self.refuses.get(parts[0])
        if refused and (made := refused()) is not None:
            return made
        match parts:
            case ["metadata"]:
                return reply(self.metadata or capability(sorted(self.types()), params=PARAMS))
            case ["page", number]:
                return self._page(number, request, server)
            case [_, "_history"]:
                page = bundle([], self_url=str(request.url))
                return reply(page | {"type": "history", "entry": self.history})
            case [kind] | [kind, "_search"]:
                return self._searched(kind, request, server)
            case ["Patient", number, "$everything"]:
                return self._everything(number, request, server)
            case [_, _]:
                found = self.resources.get("/".join(parts))
                return reply(found) if found else outcome("not-found", "unknown", 404)
        return None

    def types(self) -> set[str]:
        """The types of which there is a resource."""
        return {name.partition("/")[0] for name in self.resources}

    def _searched(self, kind: str, request: web.Request, server: FaultServer) -> web.Response:
        asked = [*request.query.items()]
        if request.method == "POST":
            asked += parse_qsl(request._read_bytes.decode() if request._read_bytes else "")
        rows = [each for each in self.resources.values() if each["resourceType"] == kind]
        for name, value in asked:
            rows = [each for each in rows if _matches(each, name, value)]
        return self._first(rows, request, server)

    def _everything(self, number: str, request: web.Request, server: FaultServer) -> web.Response:
        rows = [
            each
            for name, each in self.resources.items()
            if name == f"Patient/{number}" or _patient(each) == number
        ]
        return self._first(rows, request, server)

    def _first(self, rows: list[Json], request: web.Request, server: FaultServer) -> web.Response:
        number = str(len(self.pages))
        self.pages[number] = rows
        return self._page(f"{number}-0-{len(rows)}", request, server, str(request.url))

    def _page(
        self, number: str, request: web.Request, server: FaultServer, shown: str | None = None
    ) -> web.Response:
        search, start, total = number.split("-")
        rows = self.pages[search]
        end = int(start) + self.most
        after = f"{server.base}/page/{search}-{end}-{total}" if end < len(rows) else None
        return reply(bundle(rows[int(start) : end], after, self_url=shown, total=int(total)))


def _matches(resource: Json, name: str, value: str) -> bool:
    values = value.split(",")
    match name:
        case "_id":
            return resource["id"] in values
        case "patient" | "subject":
            return _patient(resource) in values
        case "code":
            return any(token in values for token in _tokens(resource))
        case "_lastUpdated":
            return bool(_PREFIXES[value[:2]](resource["meta"]["lastUpdated"], value[2:]))
        case "_count" | "_sort" | "_type" | "_since" | "_elements":
            return True
        case _:
            raise AssertionError(f"a parameter that the server does not have: {name}")


def _patient(resource: Json) -> str | None:
    reference = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
    return reference.partition("/")[2] or None


def _tokens(resource: Json) -> Iterable[str]:
    for coding in resource.get("code", {}).get("coding", ()):
        yield f"{coding['system']}|{coding['code']}"
