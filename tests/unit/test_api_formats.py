"""Content types, conditional reads, HEAD, OPTIONS and gzip of the facade's answers."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tests.lib.api import JSON, XML, answering, client, issue_of, raising

REPORT = {
    "resourceType": "MeasureReport",
    "id": "a",
    "meta": {"versionId": "3", "lastUpdated": "2026-11-23T12:00:00.500+00:00"},
    "status": "complete",
    "type": "summary",
    "measure": "https://m.example/Measure/m",
    "date": "2026-11-23T12:00:00+00:00",
    "period": {"start": "2020-01-01", "end": "2020-12-31"},
}


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("*/*", "", "json"), ("", "", "json"), (JSON, "", "json"), (XML, "", "xml"),
        ("application/json", "", "json"), ("text/json", "", "json"), ("text/xml", "", "xml"),
        ("application/xml+fhir", "", "xml"), ("application/*", "", "json"),
        (f"{JSON};q=0.5, {XML}", "", "xml"), (f"{XML};q=0, */*;q=0.1", "", "json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "", "json"),
        (JSON, "_format=xml", "xml"), (XML, "_format=json", "json"),
        ("text/turtle", "_format=application/fhir%2Bxml", "xml"),
        ("", "_format=application/fhir+xml", "xml"),
        (f"{JSON}; fhirVersion=4.0", "", "json"), (f'{XML}; fhirVersion="4.0"', "", "xml"),
        ("", "_format=application/fhir+xml;fhirVersion=4.0", "xml"),
    ],
)  # fmt: skip
def test_the_format_is_the_one_that_is_asked_for(accept: str, query: str, kind: str) -> None:
    answer = answering(REPORT).get(f"/fhir/it?{query}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(f"application/fhir+{kind}; charset=utf-8")
    assert answer.content.startswith(b"{" if kind == "json" else b"<?xml")
    assert answer.headers["vary"] == "Accept"


def test_the_version_that_is_asked_for_is_named() -> None:
    answer = answering(REPORT).get("/fhir/it", headers={"Accept": f"{JSON}; fhirVersion=4.0"})
    assert answer.headers["content-type"].endswith("; fhirVersion=4.0")


@pytest.mark.parametrize(
    ("accept", "query", "where"),
    [
        ("text/turtle", "", "http.Accept"), (f"{JSON}; fhirVersion=5.0", "", "http.Accept"),
        (JSON, "_format=turtle", "http._format"), (f"{JSON};q=0", "", "http.Accept"),
    ],
)  # fmt: skip
def test_another_format_is_406(accept: str, query: str, where: str) -> None:
    answer = answering(REPORT).get(f"/fhir/it?{query}", headers={"Accept": accept})
    assert answer.status_code == 406
    assert issue_of(answer)["code"] == "not-supported"
    assert issue_of(answer)["expression"] == [where]


@pytest.mark.parametrize("query", ["_format=turtle", "_summary=some"])
def test_what_cannot_be_answered_is_not_done(query: str) -> None:
    done: list[str] = []

    def answer(request: Request) -> Response:
        done.append(request.url.path)
        return Response()

    assert raising(answer).get(f"/fhir/it?{query}").status_code in {400, 406}
    assert done == []


def test_json_keeps_the_offset_of_a_time() -> None:
    assert '"2026-11-23T12:00:00+00:00"' in answering(REPORT).get("/fhir/it").text


def test_pretty_is_indented() -> None:
    page = answering(REPORT)
    assert '\n  "id"' in page.get("/fhir/it?_pretty=true").text
    assert "\n  <id" in page.get("/fhir/it?_pretty=true&_format=xml").text


def test_a_version_has_its_validators() -> None:
    answer = answering(REPORT).get("/fhir/it")
    assert answer.headers["etag"] == 'W/"3"'
    assert answer.headers["last-modified"] == "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": 'W/"3"'}, 304), ({"If-None-Match": '"3"'}, 304),
        ({"If-None-Match": 'W/"1", W/"3"'}, 304), ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": 'W/"2"'}, 200),
        ({"If-Modified-Since": "Mon, 23 Nov 2026 12:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 23 Nov 2026 11:59:59 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": 'W/"2"', "If-Modified-Since": "Tue, 24 Nov 2026 12:00:00 GMT"}, 200),
    ],
)  # fmt: skip
def test_what_the_client_has_is_not_sent_again(headers: dict[str, str], status: int) -> None:
    answer = answering(REPORT).get("/fhir/it", headers=headers)
    assert answer.status_code == status
    assert answer.headers["etag"] == 'W/"3"'
    if status == 304:
        assert answer.content == b""


def test_head_answers_as_get_without_the_body() -> None:
    page = answering(REPORT)
    head, get = page.head("/fhir/it"), page.get("/fhir/it")
    assert head.content == b""
    assert head.headers == get.headers
    assert page.head("/fhir/nope").status_code == 404


def test_options_tells_the_methods() -> None:
    answer = client().options("/fhir/Measure/_search")
    assert answer.status_code == 204
    # `_search` may also be the id of a Measure.
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client().options("/fhir/nope").status_code == 404


def test_long_answers_are_sent_compressed() -> None:
    wanted = {"Accept-Encoding": "gzip"}
    long = client().get("/fhir/Measure/time-to-progression", headers=wanted)
    assert long.headers["content-encoding"] == "gzip"
    assert set(long.headers["vary"].split(", ")) == {"Accept", "Accept-Encoding"}
    assert int(long.headers["content-length"]) < len(long.content) / 3
    plain = client().get(
        "/fhir/Measure/time-to-progression", headers={"Accept-Encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    assert plain.content == long.content


def test_a_response_of_another_kind_is_left_alone() -> None:
    answer = raising(lambda _: Response("a,b\n", media_type="text/csv")).get("/fhir/it")
    assert answer.headers["content-type"].startswith("text/csv")
