"""The tables that workers share, on both engines, with several processes at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from adapter.api.operational.database import migrate, operational_engine, reading
from adapter.api.security import audit_events, nonces, server_keys
from adapter.api.security.audit_log import verify
from adapter.api.security.trail import Trail, newest_link
from adapter.config import Settings

WORKER = """
import sys
from datetime import timedelta
from pathlib import Path
from adapter.api.operational.database import operational_engine
from adapter.api.security.audit_events import Event
from adapter.api.security.trail import Trail
from adapter.api.security.nonces import Nonces
from adapter.api.security.server_keys import KeptKeys
from adapter.config import Settings

engine = operational_engine(Settings(), sys.argv[1])
trail = Trail(engine, Path(sys.argv[2]))
used = Nonces(engine)
for n in range(30):
    if used.use("client", f"jti-{n}", 4_000_000_000):
        print("first", n)
    trail.write(Event("client", "client", "R", "read", "Measure", "/fhir/Measure/{id}", 200, "0"))
print("kid", KeptKeys(engine, timedelta(days=30)).current().kid)
"""
WORKERS = 4


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    found = operational_engine(Settings(), store_url)
    migrate(found)
    yield found
    found.dispose()


def test_of_many_workers_one_uses_a_nonce_and_all_share_key_and_chain(
    engine: Engine, store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    command = [sys.executable, "-c", WORKER, store_url, str(file)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(WORKERS)]
    said = [process.communicate(timeout=120)[0].decode().splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * WORKERS
    first = sorted(line for lines in said for line in lines if line.startswith("first"))
    assert first == sorted(f"first {n}" for n in range(30))
    assert len({line for lines in said for line in lines if line.startswith("kid")}) == 1
    assert verify(file, newest_link(engine)) == 30 * WORKERS
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(audit_events.audit_event))
        assert rows.scalar() == 30 * WORKERS


def test_events_of_many_threads_are_all_written(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    trail = Trail(engine, file)

    def write(number: int) -> None:
        trail.write(
            audit_events.Event(
                f"client-{number}", "client", "R", "read", "Measure", "/fhir/Measure", 200, "0"
            )
        )

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(100)))
    agents = select(audit_events.audit_event.c.agent)
    with reading(engine) as connection:
        found = set(connection.execute(agents).scalars())
    assert found == {f"client-{number}" for number in range(100)}
    assert verify(file, newest_link(engine)) == 100


def test_a_nonce_is_forgotten_once_it_cannot_be_used(engine: Engine) -> None:
    used = nonces.Nonces(engine)
    assert used.use("client", "old", time.time() - 100)
    assert used.use("client", "new", time.time() + 100)
    assert used.is_used("client", "new")
    assert not used.is_used("client", "old")
    assert not used.use("client", "new", time.time() + 100)
    assert used.use("another", "new", time.time() + 100)


def test_keys_are_renewed_and_the_one_before_is_kept(engine: Engine) -> None:
    first = server_keys.KeptKeys(engine, timedelta(days=1)).current()
    renewing = server_keys.KeptKeys(engine, timedelta(0))
    second = renewing.current()
    another = server_keys.KeptKeys(engine, timedelta(days=1))
    assert another.current().kid == second.kid != first.kid
    assert another.find(first.kid) is not None
    renewing.current()
    renewed = server_keys.KeptKeys(engine, timedelta(days=1))
    assert renewed.find(first.kid) is None
    assert renewed.find(second.kid) is not None
