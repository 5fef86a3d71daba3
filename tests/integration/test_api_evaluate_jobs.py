"""Evaluation in the background: kick-off, poll, cancel, expiry, limits, and several processes."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from starlette.testclient import TestClient

from adapter.api.evaluating import evaluator as evaluator_module
from adapter.api.evaluating import results as results_module
from adapter.api.evaluating.cache import ResultCache
from adapter.api.evaluating.evaluator import Evaluator, first_made
from adapter.api.evaluating.jobs import STALE_SECONDS, Ended, Jobs
from adapter.api.evaluating.progress import Cancelled, Progress
from adapter.api.evaluating.runner import Runner, Task
from adapter.api.evaluating.storing import give_up
from adapter.api.evaluating.tables import job as job_table
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import migrate, operational_engine
from adapter.api.security.principal import Principal
from adapter.config import Settings
from adapter.errors import UsageError
from adapter.evaluate import evaluate
from adapter.fhir_r4 import validated
from adapter.server_settings import ServerSettings
from tests.lib.evaluations import (
    ASYNC,
    BASE,
    EVALUATE,
    PERIOD,
    REGISTRY,
    TYPE_LEVEL,
    WHOLE,
    asking_as,
    client,
    demo_store,
    issue,
    path_of,
    polled,
    settings,
)

__all__ = ["demo_store"]

ONE = {**PERIOD, "measure": "rai-uptake"}
SECONDS = 20.0


@pytest.fixture
def asking(demo_store: str, tmp_path: Path) -> Iterator[TestClient]:
    with client(demo_store, settings(tmp_path)) as found:
        yield found


def evaluator(asking: TestClient) -> Evaluator:
    assert isinstance(asking.app, FastAPI)
    found = asking.app.state.evaluator
    assert isinstance(found, Evaluator)
    return found


class Gate:
    """Holds every evaluation at its first patient until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)
        self.patients: list[int] = []
        self.ended: list[str] = []

    def around(self, called: Callable[..., Any]) -> Callable[..., Any]:
        def held(store: Any, study: Any, request: Any, told: Callable[[int], None]) -> Any:
            def gated(done: int) -> None:
                if done == 0:
                    self.entered.release()
                while not self.opened.wait(0.02):
                    told(done)
                self.patients.append(done)
                told(done)

            try:
                found = called(store, study, request, gated)
            except BaseException as error:
                self.ended.append(type(error).__name__)
                raise
            self.ended.append("")
            return found

        return held

    def wait(self) -> None:
        assert self.entered.acquire(timeout=SECONDS)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    found = Gate()
    monkeypatch.setattr(results_module, "evaluate", found.around(evaluate))
    yield found
    found.opened.set()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kicked_off(asking: TestClient, method: str = "GET", path: str = TYPE_LEVEL, **more: Any) -> str:
    answer = asking.request(method, path, params={**ONE, **more}, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    assert answer.content == b""
    return str(answer.headers["content-location"])


def test_the_result_is_that_of_a_synchronous_request(asking: TestClient):
    answer = polled(asking, kicked_off(asking))
    assert answer.status_code == 200
    bundle = answer.json()
    validated(bundle)
    assert bundle["type"] == "batch-response"
    (entry,) = bundle["entry"]
    assert entry["response"] == {"status": "200 OK"}
    assert entry["resource"] == asking.get(TYPE_LEVEL, params=ONE).json()
    assert parsedate_to_datetime(answer.headers["expires"]).timestamp() > time.time()


def test_several_measures_in_the_background(asking: TestClient):
    values = {**PERIOD, "measureUrl": [f"{BASE}/Measure/rai-uptake", "structural-response"]}
    started = asking.post(EVALUATE, params=values, headers=ASYNC)
    (entry,) = polled(asking, started.headers["content-location"]).json()["entry"]
    assert entry["resource"] == asking.get(EVALUATE, params=values).json()


def test_a_stored_report_is_pending_and_then_complete(asking: TestClient, gate: Gate):
    url = kicked_off(asking, "POST")
    gate.wait()
    (pending,) = _reports(asking)
    validated(pending)
    assert pending["status"] == "pending"
    assert pending["measure"].startswith(f"{BASE}/Measure/rai-uptake|")
    assert "group" not in pending
    gate.opened.set()
    (entry,) = polled(asking, url).json()["entry"]
    assert entry["response"]["status"] == "201 Created"
    (complete,) = _reports(asking)
    assert complete == entry["resource"]
    assert complete["status"] == "complete"
    assert complete["id"] == pending["id"]
    assert path_of(entry["response"]["location"]).endswith(f"{pending['id']}/_history/2")
    assert asking.get(path_of(entry["response"]["location"])).json() == complete


def _reports(asking: TestClient) -> list[dict[str, Any]]:
    found = asking.get("/fhir/MeasureReport").json().get("entry", [])
    return [entry["resource"] for entry in found]


def test_minimal_in_the_background(asking: TestClient):
    headers = {"Prefer": "respond-async, return=minimal"}
    started = asking.post(TYPE_LEVEL, params=ONE, headers=headers)
    (entry,) = polled(asking, started.headers["content-location"]).json()["entry"]
    assert "resource" not in entry
    assert asking.get(path_of(entry["response"]["location"])).status_code == 200


def test_cancelling_stops_the_work_between_two_patients(asking: TestClient, gate: Gate):
    url = kicked_off(asking, "POST")
    gate.wait()
    assert asking.get(path_of(url)).headers["x-progress"] == "running, 0 %"
    answer = asking.delete(path_of(url))
    assert (answer.status_code, answer.content) == (202, b"")
    until(lambda: bool(gate.ended))
    assert gate.ended == [Cancelled.__name__]
    assert gate.patients == []
    gone = asking.get(path_of(url))
    assert (gone.status_code, issue(gone)["code"]) == (404, "not-found")
    assert asking.delete(path_of(url)).status_code == 404
    (given_up,) = _reports(asking)
    assert given_up["status"] == "error"


def test_a_report_that_was_given_up_is_not_completed(asking: TestClient, gate: Gate):
    """As where a process that was held for dead goes on."""
    url = kicked_off(asking, "POST")
    gate.wait()
    (pending,) = _reports(asking)
    give_up(evaluator(asking).reports, pending["id"], "anonymous")
    gate.opened.set()
    assert polled(asking, url).status_code == 503
    assert [each["status"] for each in _reports(asking)] == ["error"]


def test_one_that_waits_can_be_cancelled_too(demo_store: str, tmp_path: Path, gate: Gate):
    limits = {"evaluations_at_once": 1}
    with client(demo_store, settings(tmp_path, limits=limits)) as asking:
        running = kicked_off(asking)
        gate.wait()
        waiting = kicked_off(asking, measure="structural-response")
        assert asking.get(path_of(waiting)).headers["x-progress"].startswith("waiting")
        assert asking.delete(path_of(waiting)).status_code == 202
        gate.opened.set()
        assert polled(asking, running).status_code == 200
        until(lambda: not evaluator(asking).runner._running)
        assert gate.ended == [""]


def test_too_many_waiting_are_throttled(demo_store: str, tmp_path: Path, gate: Gate):
    limits = {"evaluations_at_once": 1, "jobs_waiting": 1}
    with client(demo_store, settings(tmp_path, limits=limits)) as asking:
        kicked_off(asking)
        gate.wait()
        kicked_off(asking, measure="structural-response")
        refused = asking.post(
            TYPE_LEVEL, params={**ONE, "measure": "molecular-profile"}, headers=ASYNC
        )
        assert (refused.status_code, issue(refused)["code"]) == (429, "throttled")
        assert int(refused.headers["retry-after"]) > 0
        assert {each["status"] for each in _reports(asking)} == {"error"}
        gate.opened.set()


def test_too_many_at_once_are_put_off(
    demo_store: str, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(evaluator_module, "PATIENCE_SECONDS", 0.1)
    limits = {"evaluations_at_once": 1}
    with client(demo_store, settings(tmp_path, limits=limits)) as asking:
        kicked_off(asking)
        gate.wait()
        refused = asking.get(TYPE_LEVEL, params={**ONE, "measure": "molecular-profile"})
        assert (refused.status_code, issue(refused)["code"]) == (503, "transient")
        assert int(refused.headers["retry-after"]) > 0
        gate.opened.set()


def test_a_job_has_a_deadline(demo_store: str, tmp_path: Path, gate: Gate):
    limits = {"job_deadline": "1s"}
    with client(demo_store, settings(tmp_path, limits=limits)) as asking:
        answer = polled(asking, kicked_off(asking, "POST"))
        assert (answer.status_code, issue(answer)["code"]) == (503, "timeout")
        assert [each["status"] for each in _reports(asking)] == ["error"]


def test_a_job_that_fails_says_why_as_it_would_have_at_once(asking: TestClient):
    # The Measure asks for day 192, which this study does not follow up to.
    values = {"parameters": "horizon_days=96", "measure": "time-to-progression"}
    at_once = asking.get(TYPE_LEVEL, params={**ONE, **values})
    later = polled(asking, kicked_off(asking, "POST", **values))
    assert at_once.status_code == later.status_code == 400
    assert issue(at_once) == issue(later)
    assert [each["status"] for each in _reports(asking)] == ["error"]


def test_a_bug_in_a_job_is_a_500_without_its_text(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise KeyError("SYN-RAIR-03")

    monkeypatch.setattr(results_module, "evaluate", broken)
    answer = polled(asking, kicked_off(asking))
    assert (answer.status_code, issue(answer)["code"]) == (500, "exception")
    assert "SYN-RAIR-03" not in answer.text


def test_only_who_started_a_job_may_see_it(asking: TestClient):
    url = kicked_off(asking)
    assert polled(asking, url).status_code == 200
    with asking_as(asking, REGISTRY):
        assert asking.get(path_of(url)).status_code == 404
        assert asking.delete(path_of(url)).status_code == 404
        own = kicked_off(asking)
        assert polled(asking, own).status_code == 200
    assert asking.get(path_of(own)).status_code == 404
    assert asking.get(path_of(url)).status_code == 200


def test_a_result_can_be_forgotten_and_expires(asking: TestClient):
    forgotten, old = kicked_off(asking), kicked_off(asking)
    assert polled(asking, forgotten).status_code == polled(asking, old).status_code == 200
    assert asking.delete(path_of(forgotten)).status_code == 202
    assert asking.get(path_of(forgotten)).status_code == 404
    engine = evaluator(asking).context.engine
    long_ago = time.time() - 3700
    with engine.begin() as connection:
        connection.execute(update(job_table).values(ended=long_ago))
    assert asking.get(path_of(old)).status_code == 404
    kicked_off(asking)
    with engine.begin() as connection:
        assert len(list(connection.execute(select(job_table.c.id)))) == 1


def test_an_unknown_job(asking: TestClient):
    answer = asking.get("/fhir/$jobs/no-such-job")
    assert (answer.status_code, issue(answer)["code"]) == (404, "not-found")


def test_any_process_answers_and_may_cancel(demo_store: str, tmp_path: Path, gate: Gate):
    chosen = settings(tmp_path)
    with client(demo_store, chosen) as first, client(demo_store, chosen) as second:
        kept = kicked_off(first)
        gate.wait()
        lost = kicked_off(first, measure="structural-response")
        gate.wait()
        assert second.get(path_of(kept)).status_code == 202
        assert second.delete(path_of(lost)).status_code == 202
        # The first process hears of it with its next heartbeat.
        until(lambda: gate.ended == [Cancelled.__name__])
        gate.opened.set()
        assert polled(second, kept).status_code == 200


def test_the_job_of_a_dead_process_becomes_an_error(
    asking: TestClient, demo_store: str, tmp_path: Path
):
    """A second process takes a job and dies in the midst of it, without any clean-up."""
    spawned = multiprocessing.get_context("spawn")
    told, tell = spawned.Pipe(duplex=False)
    worker = spawned.Process(target=_take_and_hang, args=(demo_store, str(tmp_path), tell))
    worker.start()
    url = told.recv()
    assert asking.get(path_of(url)).status_code == 202
    worker.kill()
    worker.join()
    assert asking.get(path_of(url)).status_code == 202
    engine = evaluator(asking).context.engine
    with engine.begin() as connection:
        past = time.time() - STALE_SECONDS - 1
        connection.execute(update(job_table).values(heartbeat=past))
    answer = asking.get(path_of(url))
    assert (answer.status_code, issue(answer)["code"]) == (500, "incomplete")
    (report,) = _reports(asking)
    assert report["status"] == "error"


def _take_and_hang(store_url: str, folder: str, tell: Any) -> None:
    gate = Gate()
    vars(results_module)["evaluate"] = gate.around(evaluate)
    with client(store_url, settings(Path(folder))) as asking:
        url = kicked_off(asking, "POST")
        gate.wait()
        tell.send(url)
        time.sleep(SECONDS * 3)


def test_a_server_that_stops_says_so(demo_store: str, tmp_path: Path, gate: Gate):
    chosen = settings(tmp_path)
    with client(demo_store, chosen) as stopping:
        url = kicked_off(stopping, "POST")
        gate.wait()
    with client(demo_store, chosen) as asking:
        answer = asking.get(path_of(url))
        assert (answer.status_code, issue(answer)["code"]) == (503, "incomplete")
        assert [each["status"] for each in _reports(asking)] == ["error"]


# The same on both engines


@pytest.fixture
def engine(store_url: str, tmp_path: Path) -> Iterator[Engine]:
    database = store_url if store_url.startswith("postgresql") else f"sqlite:///{tmp_path}/jobs.db"
    found = operational_engine(Settings(server=ServerSettings(database=database)), store_url)
    migrate(found)
    yield found
    found.dispose()


def test_states_of_a_job(engine: Engine):
    now = [1000.0]
    jobs = Jobs(engine, kept=60, stale=10, now=lambda: now[0])
    key = jobs.add("me", "w1", 5)
    assert jobs.find(key, "me").state == "waiting"
    assert jobs.begin(key)
    assert not jobs.begin(key)
    now[0] += 9
    assert jobs.beat("w1", {key: 40}) == {key}
    now[0] += 9
    assert jobs.give_up_lost() == []
    assert jobs.find(key, "me").percent == 40
    assert jobs.end(key, Ended(200, result=b"{}"))
    assert not jobs.end(key, Ended(500))
    assert jobs.beat("w1", {key: 90}) == set()
    found = jobs.find(key, "me")
    assert (found.state, found.percent, found.result) == ("done", 40, b"{}")
    assert jobs.expires(found) == now[0] + 60
    now[0] += 61
    with pytest.raises(FhirFailure):
        jobs.find(key, "me")


def test_a_lost_job_is_given_to_one_caller_and_waits_no_more(engine: Engine):
    now = [1000.0]
    jobs = Jobs(engine, kept=60, stale=10, now=lambda: now[0])
    key = jobs.add("me", "dead", 1)
    with pytest.raises(FhirFailure) as failure:
        jobs.add("me", "w", 1)
    assert failure.value.status == 429
    now[0] += 11
    other = jobs.add("me", "w", 1)
    assert [row.id for row in jobs.give_up_lost()] == [key]
    assert jobs.give_up_lost() == []
    assert jobs.find(key, "me").state == "failed"
    assert jobs.find(other, "me").state == "waiting"
    # Were it not dead but slow, its end would come too late.
    assert not jobs.end(key, Ended(200, result=b"{}"))


def test_when_a_result_was_first_made_is_known_for_good(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    now = [1_700_000_000.7]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(evaluator_module, "REMEMBERED", 2)
    first = first_made(engine, "a")
    assert first.timestamp() == 1_700_000_000
    for key in ("b", "c", "d"):
        now[0] += 10
        assert first_made(engine, key) > first
    assert first_made(engine, "d").timestamp() == 1_700_000_030
    # No more than so many, and one that is new, are remembered.
    assert first_made(engine, "a").timestamp() == 1_700_000_030


# The cache, and how far a job is


def test_equal_questions_are_answered_by_one_evaluation_with_the_same_bytes(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch
):
    calls, lock = [], threading.Lock()

    def counted(*arguments: Any) -> Any:
        with lock:
            calls.append(1)
        time.sleep(0.2)
        return evaluate(*arguments)

    monkeypatch.setattr(results_module, "evaluate", counted)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(asking.get(WHOLE, params=PERIOD).content))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(calls) == 1


def test_another_process_gives_the_same_bytes(demo_store: str, tmp_path: Path):
    chosen = settings(tmp_path)
    with client(demo_store, chosen) as first, client(demo_store, chosen) as second:
        one = first.get(WHOLE, params=PERIOD).content
        time.sleep(1.1)
        assert second.get(WHOLE, params=PERIOD).content == one


def test_a_client_never_gets_what_was_made_for_another_policy(asking: TestClient):
    inside = asking.get(WHOLE, params=PERIOD).json()
    with asking_as(asking, REGISTRY):
        outside = asking.get(WHOLE, params=PERIOD).json()
    assert "count" in inside["group"][0]["population"][0]
    assert "count" not in outside["group"][0]["population"][0]
    other = Principal("other", "client", ("system/*.rs",), "none", patient_level=False)
    with asking_as(asking, other):
        assert asking.get(WHOLE, params=PERIOD).json() == inside


def test_the_cache_is_bounded_and_drops_what_nobody_asks_for():
    cache, made = ResultCache[bytes](10, len), []

    def compute(text: bytes, lasting: bool = True) -> Callable[[], tuple[bytes, bool]]:
        def computed() -> tuple[bytes, bool]:
            made.append(text)
            return text, lasting

        return computed

    for key in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(key, compute(key.encode() * 5)) == key.encode() * 5
    assert made == [b"aaaaa", b"bbbbb", b"ccccc", b"bbbbb"]
    for _ in range(2):
        cache.get("too large", compute(b"x" * 11))
        cache.get("fleeting", compute(b"y", lasting=False))
    assert made[4:] == [b"x" * 11, b"y"] * 2


def test_who_waits_for_a_computation_shares_its_failure_but_not_its_cancelling():
    cache, begun, go_on = ResultCache[bytes](1_000, len), threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def failing(error: Exception) -> Callable[[], tuple[bytes, bool]]:
        def computed() -> tuple[bytes, bool]:
            begun.set()
            assert go_on.wait(SECONDS)
            raise error

        return computed

    def first(error: Exception) -> None:
        with pytest.raises(type(error)):
            cache.get("key", failing(error))

    def second() -> None:
        try:
            answers.append(cache.get("key", lambda: (b"mine", True)))
        except UsageError as error:
            raised.append(error)

    for error, expected in ((UsageError("wrong"), 1), (Cancelled(), 1)):
        answers: list[bytes] = []
        begun.clear()
        go_on.clear()
        threads = [threading.Thread(target=first, args=(error,))]
        threads[0].start()
        assert begun.wait(SECONDS)
        threads.append(threading.Thread(target=second))
        threads[1].start()
        time.sleep(0.1)
        go_on.set()
        for thread in threads:
            thread.join(SECONDS)
        assert len(raised) == expected
    assert answers == [b"mine"]


def test_progress_is_told_in_steps_that_hide_how_many_there_are():
    progress = Progress()
    assert progress.percent == 0
    progress.expect(16)
    seen = []
    for done in range(17):
        progress.told(done)
        seen.append(progress.percent)
    assert sorted(set(seen)) == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    progress.told(3)
    assert progress.percent == 90
    progress.call_off()
    with pytest.raises(Cancelled):
        progress.told(17)


def test_a_runner_hears_from_the_table_that_a_job_was_called_off(engine: Engine):
    jobs = Jobs(engine, kept=60)
    runner = Runner(jobs, at_once=1, deadline=60, beat=0.02)
    begun, ended = threading.Event(), threading.Event()

    def work(progress: Progress) -> Ended:
        begun.set()
        while True:
            progress.told(0)
            time.sleep(0.01)

    key = jobs.add("me", runner.worker, 1)
    runner.start(key, Task(work, ended.set))
    assert begun.wait(SECONDS)
    jobs.cancel(key, "me")
    assert ended.wait(SECONDS)
    runner.stop()
