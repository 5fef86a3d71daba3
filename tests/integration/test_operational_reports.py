"""Stored reports on both engines: versions, bytes, pages, and writers at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.repository import ReportQuery, ReportRepository
from adapter.api.reports.snapshots import Paging
from adapter.api.reports.stored import Received, Stored
from adapter.api.reports.tables import (
    received,
    report,
    report_reference,
    report_token,
    snapshot,
    snapshot_entry,
)
from tests.lib.operational import REPORT, amend, count_of, migrated, with_count

SPAWN = multiprocessing.get_context("spawn")
SITE = "site"


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with migrated(store_url) as engine:
        yield engine


@pytest.fixture
def reports(engine: Engine) -> ReportRepository:
    return ReportRepository(engine)


def dated(day: str, **changes: Any) -> dict[str, Any]:
    return REPORT | {"date": day} | changes


def refused(status: int, code: str) -> Any:
    """The failure of this status and issue code."""
    return pytest.raises(FhirFailure, check=lambda f: (f.status, f.code) == (status, code))


def test_what_is_created_is_read(reports: ReportRepository) -> None:
    before = datetime.now(UTC)
    stored = reports.create(REPORT | {"id": "mine", "meta": {"profile": ["p"]}}, SITE)
    assert (stored.version, stored.deleted, stored.change) == (1, False, "created")
    assert before - timedelta(milliseconds=1) <= stored.updated <= datetime.now(UTC)
    meta = stored.resource["meta"]
    assert stored.resource["id"] == stored.id != "mine"
    assert meta == {"profile": ["p"], "versionId": "1", "lastUpdated": meta["lastUpdated"]}
    assert datetime.fromisoformat(meta["lastUpdated"]) == stored.updated
    found = reports.read(stored.id)
    assert (found.resource, found.updated) == (stored.resource, stored.updated)
    assert {**REPORT, "id": stored.id, "meta": meta} == found.resource


def test_an_update_makes_the_next_version_and_keeps_the_last(reports: ReportRepository) -> None:
    first = reports.create(REPORT, SITE)
    second = reports.update(first.id, dated("2026-11-24"), first.version, SITE)
    assert (second.version, second.change) == (2, "updated")
    assert reports.read(first.id).resource["date"] == "2026-11-24"
    assert reports.vread(first.id, 1).resource == first.resource
    assert reports.vread(first.id, 2).resource == second.resource
    with refused(404, "not-found"):
        reports.vread(first.id, 3)


def test_an_update_may_create_under_the_client_s_id(reports: ReportRepository) -> None:
    stored = reports.update("site-2026.q3", REPORT, None, SITE)
    assert (stored.id, stored.version, stored.change) == ("site-2026.q3", 1, "created")
    assert stored.method == "PUT"


def test_equal_content_makes_no_version(reports: ReportRepository) -> None:
    first = reports.update("a", REPORT, None, SITE)
    stated = {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z"}
    again = reports.update("a", REPORT | {"id": "a", "meta": stated}, None, SITE)
    assert (again.version, again.change) == (1, "none")
    assert again.resource == first.resource
    assert reports.history("a").total == 1


def test_an_older_revision_is_refused(reports: ReportRepository) -> None:
    reports.update("a", dated("2026-11-24"), None, SITE)
    with refused(409, "conflict"):
        reports.update("a", dated("2026-11-23"), None, SITE)
    assert reports.update("a", dated("2026-11-24", status="error"), None, SITE).version == 2
    assert reports.update("a", dated("2026-11-25"), None, SITE).version == 3


@pytest.mark.parametrize("wanted", [1, 3])
def test_another_version_than_the_client_s_is_refused(
    reports: ReportRepository, wanted: int
) -> None:
    reports.update("a", REPORT, None, SITE)
    reports.update("a", dated("2026-11-24"), 1, SITE)
    with refused(412, "conflict"):
        reports.update("a", dated("2026-11-25"), wanted, SITE)
    with refused(412, "conflict"):
        reports.delete("a", SITE, wanted)
    with refused(412, "conflict"):
        reports.update("b", REPORT, 1, SITE)
    assert reports.read("a").version == 2


def test_a_deletion_is_a_version_and_the_history_stays(reports: ReportRepository) -> None:
    reports.update("a", REPORT, None, SITE)
    deletion = reports.delete("a", SITE)
    assert (deletion.version, deletion.deleted, deletion.change) == (2, True, "deleted")
    for read in (reports.read, lambda key: reports.vread(key, 2)):
        with refused(410, "deleted"):
            read("a")
    assert reports.vread("a", 1).resource["status"] == "complete"
    assert reports.search().total == 0
    assert reports.delete("a", SITE).change == "none"
    again = reports.update("a", REPORT, None, SITE)
    assert (again.version, again.change) == (3, "created")
    assert [(each.version, each.method) for each in reports.history("a").entries] == [
        (3, "PUT"),
        (2, "DELETE"),
        (1, "PUT"),
    ]


def test_what_never_was_is_not_found(reports: ReportRepository) -> None:
    for asked in (reports.read, reports.history, lambda key: reports.delete(key, SITE)):
        with refused(404, "not-found"):
            asked("none")


def test_only_who_sent_a_report_changes_it(reports: ReportRepository) -> None:
    reports.update("a", REPORT, None, SITE)
    with refused(403, "forbidden"):
        reports.update("a", dated("2026-11-24"), None, "another")
    with refused(403, "forbidden"):
        reports.delete("a", "another")
    reports.delete("a", SITE)
    with refused(403, "forbidden"):
        reports.update("a", REPORT, None, "another")


def test_the_exact_bytes_are_kept(reports: ReportRepository, engine: Engine) -> None:
    content = (
        b'{"resourceType": "MeasureReport",  "score": 1.50, "name": "\xc3\xa9\\u00e9"}\x00\xff'
    )
    sent = Received(content, "application/fhir+json; charset=utf-8")
    first = reports.create(REPORT, SITE, sent)
    second = reports.create(REPORT, SITE, sent)
    ours = reports.create(REPORT, SITE)
    assert reports.received(first.id, 1) == reports.received(second.id, 1) == sent
    assert reports.received(ours.id, 1) is None
    reports.update(first.id, dated("2026-11-24"), None, SITE, Received(b"{}", "a/b"))
    assert reports.received(first.id, 1) == sent
    assert reports.received(first.id, 2) == Received(b"{}", "a/b")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(received)).scalar() == 2


def test_a_deleted_report_leaves_nothing_to_search_by(
    reports: ReportRepository, engine: Engine
) -> None:
    reports.update("a", REPORT | {"identifier": [{"value": "v"}]}, None, SITE)
    reports.delete("a", SITE)
    with engine.connect() as connection:
        for table in (report_token, report_reference):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0


def test_several_changes_hold_together_or_not_at_all(reports: ReportRepository) -> None:
    reports.update("a", REPORT, None, SITE)
    with refused(404, "not-found"), reports.changing() as transaction:
        transaction.update("a", dated("2026-11-24"), None, SITE)
        transaction.create(REPORT, SITE)
        transaction.delete("none", None, SITE)
    assert reports.search().total == 1
    assert reports.read("a").version == 1


def all_pages(reports: ReportRepository, first: Any, owner: str) -> list[list[Stored]]:
    pages, page = [list(first.entries)], first
    while page.token:
        page = reports.later(page.token, owner).page
        pages.append(list(page.entries))
    return pages


@pytest.mark.parametrize(("count", "sizes"), [(2, [2, 2, 1]), (5, [5]), (6, [5]), (1, [1] * 5)])
def test_pages_hold_each_report_once(
    reports: ReportRepository, count: int, sizes: list[int]
) -> None:
    keys = {reports.create(REPORT, SITE).id for _ in range(5)}
    first = reports.search(paging=Paging(count, SITE))
    pages = all_pages(reports, first, SITE)
    assert [len(page) for page in pages] == sizes
    assert sorted(each.id for page in pages for each in page) == sorted(keys)
    assert first.total == 5


def test_pages_stay_as_they_were_while_others_write(reports: ReportRepository) -> None:
    keys = [reports.create(REPORT | {"date": f"2026-11-2{day}"}, SITE).id for day in range(6)]
    by_date = ReportQuery(order=(report.c.date_low.asc(),))
    first = reports.search(by_date, Paging(2, SITE, url="as it was asked"))
    reports.delete(keys[2], SITE)
    reports.update(keys[3], dated("2026-11-30", status="error"), None, SITE)
    reports.create(dated("2026-11-01"), SITE)
    pages = all_pages(reports, first, SITE)
    assert [each.id for page in pages for each in page] == keys
    assert {each.resource["status"] for page in pages for each in page} == {"complete"}
    assert reports.later(first.token, SITE).page.total == 6
    assert reports.later(first.token, SITE).url == "as it was asked"
    assert reports.search(by_date).total == 6


def test_a_page_is_for_who_searched(reports: ReportRepository) -> None:
    for _ in range(3):
        reports.create(REPORT, SITE)
    token = reports.search(paging=Paging(1, SITE)).token
    for wrong, owner in ((token, "another"), (token[1:] + "x", SITE), ("1", SITE), ("", SITE)):
        with refused(404, "not-found"):
            reports.later(wrong, owner)
    assert len(reports.later(token, SITE).page.entries) == 1


def test_pages_expire_and_are_cleared_away(reports: ReportRepository, engine: Engine) -> None:
    for _ in range(3):
        reports.create(REPORT, SITE)
    token = reports.search(paging=Paging(1, SITE, timedelta(0))).token
    with refused(410, "not-found"):
        reports.later(token, SITE)
    assert reports.search(paging=Paging(1, SITE)).token
    with engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar()
            for table in (snapshot, snapshot_entry)
        ]
    assert counts == [1, 3]
    with refused(404, "not-found"):
        reports.later(token, SITE)


def test_a_secret_token_is_not_in_the_database(reports: ReportRepository, engine: Engine) -> None:
    for _ in range(3):
        reports.create(REPORT, SITE)
    secret = reports.search(paging=Paging(1, SITE)).token.partition(".")[0]
    with engine.connect() as connection:
        assert secret not in str(connection.execute(select(snapshot)).all())


def test_the_history_of_all_is_newest_first(reports: ReportRepository) -> None:
    reports.update("a", REPORT, None, SITE)
    reports.update("b", REPORT, None, SITE)
    reports.update("a", dated("2026-11-24"), None, SITE)
    reports.delete("b", SITE)
    first = reports.history(paging=Paging(3, SITE))
    entries = [each for page in all_pages(reports, first, SITE) for each in page]
    assert sorted((each.id, each.version) for each in entries) == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2),
    ]  # fmt: skip
    moments = [each.updated for each in entries]
    assert moments == sorted(moments, reverse=True)


def test_careful_clients_at_once_lose_no_update(store_url: str, reports: ReportRepository) -> None:
    reports.update("a", with_count(0), None, SITE)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: amend(store_url, "a", 10), range(4)))
    found = reports.read("a")
    assert (count_of(found.resource), found.version) == (40, 41)


def test_careful_processes_at_once_lose_no_update(
    store_url: str, reports: ReportRepository
) -> None:
    reports.update("a", with_count(0), None, SITE)
    clients = [SPAWN.Process(target=amend, args=(store_url, "a", 15)) for _ in range(3)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert [client.exitcode for client in clients] == [0, 0, 0]
    assert count_of(reports.read("a").resource) == 45
    versions = [each.version for each in reports.history("a").entries]
    assert versions == list(range(46, 0, -1))


def test_careless_clients_at_once_make_a_version_each(reports: ReportRepository) -> None:
    def send(number: int) -> int:
        return reports.update("a", with_count(number), None, SITE).version

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(send, range(40)))
    assert sorted(versions) == list(range(1, 41))
    history = reports.history("a", Paging(100)).entries
    assert sorted(count_of(each.resource) for each in history) == list(range(40))
    moments = [each.updated for each in history]
    assert moments == sorted(moments, reverse=True)


def test_one_of_many_that_create_the_same_id_does(reports: ReportRepository) -> None:
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda _: reports.update("a", REPORT, None, SITE), range(24)))
    assert sorted(each.change for each in stored) == ["created"] + ["none"] * 23
    assert {each.version for each in stored} == {1}
