"""`raiway submit` against a registry that fails for a while, loses its answer, or refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapter.config import Settings
from adapter.errors import GateFailed, Unreachable
from adapter.pull.auth import keyring
from adapter.pull.auth.keys import SigningKey, new_key
from adapter.registry_settings import RegistrySettings
from adapter.submit.record import read_record
from adapter.submit.report import outgoing
from adapter.submit.sending import NotLetIn, Refused
from adapter.submit.submission import Submission
from adapter.trust.provenance import token_of
from adapter.trust.release import opened, verify
from tests.lib.pooling import Row, site_reports
from tests.lib.trust import TTP, bytes_of

(REPORT,) = site_reports(TTP, [[Row("NRAS_Q61R", 40, True, 3)]])
LOST = 0
"""In place of a status: the connection is closed without an answer."""


class Registry(ThreadingHTTPServer):
    """Answers with these statuses in turn; keeps what came."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = statuses
        self.came: list[tuple[str, bytes, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/fhir"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_PUT(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, body, self.headers["X-Provenance"]))
        status = self.server.statuses.pop(0)
        if status == LOST:
            self.close_connection = True
            return
        issue = {"severity": "error", "code": "processing", "diagnostics": "as it is asked to"}
        told = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
        self.send_response(status)
        for name, text in (("Content-Type", "application/fhir+json"), ("ETag", 'W/"1"'),
                           ("Content-Length", str(len(told))), ("Retry-After", "0")):  # fmt: skip
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def registry(*statuses: int) -> Iterator[Registry]:
    with Registry(list(statuses)) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()


@pytest.fixture
def key() -> SigningKey:
    return new_key("ES384")


@pytest.fixture
def settings(tmp_path: Path, key: SigningKey) -> Settings:
    file = keyring.keep(key, "registry", tmp_path / "keys")
    (tmp_path / "report.json").write_bytes(bytes_of(REPORT))
    record = tmp_path / "raiway-releases.json"
    return Settings(registry=RegistrySettings(private_key=str(file), releases=record))


def submission(settings: Settings, url: str, name: str = "report.json") -> Submission:
    file = settings.registry.releases.with_name(name)
    return Submission(settings, url, outgoing(file, settings, exact=True))


def test_it_asks_again_until_the_registry_answers(settings: Settings, key: SigningKey):
    with registry(503, 429, LOST, 201) as there:
        receipt = submission(settings, there.url).submit()
    assert (receipt["status"], receipt["etag"]) == (201, 'W/"1"')
    assert len(set(there.came)) == 1, "it is the same request each time"
    assert len(there.came) == 4
    path, body, provenance = there.came[0]
    assert path == f"/fhir/MeasureReport/{REPORT['id']}"
    assert body == bytes_of(REPORT)
    verify(opened(token_of(provenance), body), body, key.key)


def test_what_was_lost_is_sent_again_as_it_was(settings: Settings):
    with registry(400) as there, pytest.raises(Refused):
        submission(settings, there.url).submit()
    assert read_record(settings.registry.releases).entries == (), "what is refused is no link"
    with registry(*[LOST] * 5) as there:
        with pytest.raises(Unreachable):
            submission(settings, there.url).submit()
        (first,) = set(there.came)
        there.statuses += [200]
        receipt = submission(settings, there.url).submit()
        assert there.came[-1] == first
    assert receipt["release"]["number"] == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotLetIn), (403, NotLetIn), (409, Refused), (422, Refused)]
)
def test_what_the_registry_refuses_leaves_no_link_and_no_receipt(
    settings: Settings, status: int, kind: type[Exception]
):
    with registry(status) as there, pytest.raises(kind, match="as it is asked to"):
        submission(settings, there.url).submit()
    folder = settings.registry.releases.parent
    assert read_record(settings.registry.releases).entries == ()
    assert not (folder / "report.json.receipt.json").exists()


def test_each_release_names_the_one_before_it(settings: Settings):
    folder = settings.registry.releases.parent
    corrected = {**REPORT, "date": "2026-12-01T12:00:00+00:00"}
    (folder / "corrected.json").write_bytes(bytes_of(corrected))
    with registry(201, 200) as there:
        first = submission(settings, there.url).submit()["release"]
        second = submission(settings, there.url, "corrected.json").submit()["release"]
        claims = opened(token_of(there.came[1][2]), there.came[1][1]).claims
    assert (claims.number, claims.revision, claims.previous) == (2, 2, first["hash"])
    assert second["hash"] != first["hash"]


def test_each_registry_has_a_chain_of_its_own(settings: Settings):
    with registry(201) as one, registry(201) as other:
        for there in (one, other):
            assert submission(settings, there.url).submit()["release"]["number"] == 1


def test_after_the_key_changed_the_same_report_is_signed_anew(settings: Settings):
    fresh = new_key("ES384")
    file = keyring.keep(fresh, "registry", settings.registry.releases.parent / "keys")
    with registry(201, 200) as there:
        submission(settings, there.url).submit()
        changed = settings.registry.model_copy(update={"signing_key": str(file)})
        later = settings.model_copy(update={"registry": changed})
        again = submission(later, there.url).submit()["release"]
        came = there.came[1]
    assert (again["number"], again["revision"]) == (2, 2)
    verify(opened(token_of(came[2]), came[1]), came[1], fresh.key)


def test_a_report_that_fails_its_own_checks_does_not_leave(settings: Settings):
    broken = json.loads(bytes_of(REPORT))
    broken["group"][0]["population"][0]["count"] += 1
    file = settings.registry.releases.with_name("report.json")
    file.write_bytes(bytes_of(broken))
    with pytest.raises(GateFailed, match="fails its own checks"):
        outgoing(file, settings, exact=True)
