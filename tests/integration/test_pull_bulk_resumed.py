"""A file that was cut goes on where it broke off, if the server can say that it is the same."""

from __future__ import annotations

import pytest
from aiohttp import web

from adapter.pull.export.transfer import OVERLAP
from tests.lib.fault.bulk_scenarios import (
    exporting,
    lines,
    observations,
)
from tests.lib.fault.bulk_site import served
from tests.lib.fault.replies import (
    NDJSON,
    Raw,
    head,
    reply,
)

NAME = "Observation.ndjson"
GET = f"GET /fhir/files/{NAME}"
MANY = observations(*range(2000))
MANY_IDS = sorted(f"obs-{number}" for number in range(2000))


def raw(body: bytes, headers: dict[str, str]) -> web.Response:
    return reply(body, 200, headers, NDJSON)


def resumable(body: bytes, keep: int, etag: str = '"v1"', later: str | None = None):
    """A file cut after so many bytes, then given by ranges if it is still of this version."""

    def first(request, server):
        headers = {"Content-Length": str(len(body)), "Accept-Ranges": "bytes", "ETag": etag}
        return Raw([head(200, headers), body[:keep]])

    def rest(request, server):
        asked = request.headers.get("Range")
        if asked is None or request.headers.get("If-Range") != (later or etag):
            return raw(body, {"ETag": later or etag})
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        stated = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return reply(body[start:], 206, {"Content-Range": stated, "ETag": etag}, NDJSON)

    return [first, rest]


def test_resumed_by_range(tmp_path):
    with served(tmp_path, exporting({NAME: resumable(MANY, len(MANY) // 2)})) as site:
        result = site.pull()
        assert site.rows(result) == MANY_IDS
        first, second = (seen.headers for seen in site.server.seen if seen.path.endswith(NAME))
        assert "range" not in first
        start = int(second["range"].removeprefix("bytes=").removesuffix("-"))
        assert 0 < start <= len(MANY) // 2 - OVERLAP
        assert second["if-range"] == '"v1"'


def test_resumed_after_a_429(tmp_path):
    """The server is too busy for the rest: it is asked again for the rest alone."""
    first, rest = resumable(MANY, len(MANY) // 2)
    busy = lambda request, server: reply(None, 429, {"Retry-After": "9"})  # noqa: E731
    with served(tmp_path, exporting({NAME: [first, busy, rest]})) as site:
        assert site.rows(site.pull()) == MANY_IDS
        assert 9 in site.clock.slept
        last = site.server.seen[site.when(GET, last=True)]
        assert last.headers["if-range"] == '"v1"'


def test_resumed_as_often_as_it_takes(tmp_path):
    """A long file may be cut more often than a short one is asked for."""
    body = observations(*range(30_000))
    step = len(body) // 9

    def piece(request, server):
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=")[:-1])
        headers = {"Content-Length": str(len(body) - start), "Accept-Ranges": "bytes"}
        headers["ETag"] = '"v1"'
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return Raw([head(206 if start else 200, headers), body[start : start + step]])

    with served(tmp_path, exporting({NAME: piece})) as site:
        result = site.pull()
        assert len(site.rows(result)) == 30_000
        assert site.asked()[GET] >= 9


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', ""])
def test_not_resumed(tmp_path, etag):
    """Another version, or none that is known: the file is begun anew."""
    answers = resumable(MANY, len(MANY) // 2, etag, later='"v2"')
    with served(tmp_path, exporting({NAME: [answers[0], answers[1], answers[1]]})) as site:
        assert site.rows(site.pull()) == MANY_IDS


def test_resumed_with_other_bytes(tmp_path):
    """The same ETag, other content: what came is not glued to what comes."""
    other = observations(*range(5000, 7000))
    answers = [resumable(MANY, len(MANY) // 2)[0], resumable(other, 0)[1], lines(other)]
    with served(tmp_path, exporting({NAME: answers})) as site:
        result = site.pull()
        assert site.rows(result) == [f"obs-{number}" for number in range(5000, 7000)]
