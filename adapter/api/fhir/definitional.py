"""Read and search of what lies under `mappings/`: measures, terminology, views, our definitions.

    GET /fhir/Measure/time-to-progression
    GET /fhir/ValueSet?name=tmb

Canonicals are those of the setting `report.base`. What is served does not change while a server
runs: an ETag is the hash of the content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter import artifacts, mapping_files
from adapter.api.context import context_of
from adapter.api.fhir import matching, search
from adapter.api.fhir.bundles import searchset
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.forms import form_fields
from adapter.api.fhir.reply import reply
from adapter.api.fhir.surface import DEFINITIONAL, Offered
from adapter.api.security.principal import permitted
from adapter.elements import Json
from adapter.measures.load import CANONICAL_BASE

router = APIRouter(tags=["definitions"], default_response_class=Response)


@dataclass(frozen=True, slots=True)
class Served:
    """A resource, and the hash of its content as an entity tag."""

    resource: Json
    etag: str


@lru_cache(maxsize=4)
def definitions(base: str) -> Mapping[str, Mapping[str, Served]]:
    """Type → id → what is served, with canonicals under `base`. Raises DefinitionError."""
    return {offered.type: _of_type(offered.type, base) for offered in DEFINITIONAL}


def _of_type(kind: str, base: str) -> dict[str, Served]:
    found = {}
    for file in artifacts.listing(mapping_files.root() / kind, ".json"):
        text = json.dumps(artifacts.read_json(file), ensure_ascii=False)
        text = text.replace(CANONICAL_BASE, base)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        resource = json.loads(text)
        found[str(resource["id"])] = Served(resource, f'W/"{digest}"')
    return found


def _served(request: Request, kind: str) -> Mapping[str, Served]:
    return definitions(context_of(request).settings.report.base.rstrip("/"))[kind]


def _reading(offered: Offered) -> Callable[..., Response]:
    def read(
        request: Request,
        id: str,  # noqa: A002 - the path's own word
    ) -> Response:
        found = _served(request, offered.type).get(id)
        if found is None:
            text = f"there is no {offered.type} of this id"
            raise FhirFailure(404, "not-found", text, expression=[f"{offered.type}.id"])
        return reply(request, found.resource, headers={"ETag": found.etag})

    return read


def _searching(offered: Offered) -> Callable[..., Response]:
    def search_type(
        request: Request,
        fields: Annotated[list[tuple[str, str]], Depends(form_fields)],
    ) -> Response:
        query = search.parsed(request, offered.by_name, fields)
        return reply(request, _page(request, offered, query))

    return search_type


def _page(request: Request, offered: Offered, query: search.Query) -> Json:
    served = [item.resource for item in _served(request, offered.type).values()]
    found = matching.found(served, query, now=datetime.now(UTC))
    start = _start(query.page)
    end = start + query.count
    page: list[Json] = [] if query.only_total else found[start:end]
    if told := search.ignored_outcome(query):
        page = [*page, told]
    more = end < len(found) and not query.only_total
    next_url = search.self_url(request, query, _page=str(end)) if more else ""
    links = {"self": search.self_url(request, query)}
    if start:
        before = str(start - query.count) if start > query.count else ""
        links["previous"] = search.self_url(request, query, _page=before)
    return searchset(request, page, len(found), next_url, links)


def _start(page: str) -> int:
    if page and not (page.isascii() and page.isdigit() and len(page) < 10):
        raise FhirFailure(400, "invalid", "no such page", expression=["http._page"])
    return int(page or 0)


def _add_routes(offered: Offered) -> None:
    path, words = f"/{offered.type}", offered.documentation
    reading = [Depends(permitted(offered.type, "r"))]
    searching = [Depends(permitted(offered.type, "s"))]
    searched = _searching(offered)
    router.get(path, summary=words, name=f"search {offered.type}", dependencies=searching)(searched)
    router.post(
        f"{path}/_search", summary=words, name=f"form search {offered.type}", dependencies=searching
    )(searched)
    router.get(f"{path}/{{id}}", summary=words, name=f"read {offered.type}", dependencies=reading)(
        _reading(offered)
    )


for _offered in DEFINITIONAL:
    _add_routes(_offered)
