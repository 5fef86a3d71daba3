"""The files of a Bulk Data export: the scenarios of `pull.md` 2.2 by their names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from aiohttp import web

from adapter.ingest import How
from adapter.models import LabResultRow
from adapter.store import open_store
from tests.lib.fault.authority import Authority, new_key, unauthorized
from tests.lib.fault.bulk_scenarios import (
    KICKOFF,
    LEAVE,
    STATUS,
    TIME,
    accepted,
    always,
    entry,
    exporting,
    lines,
    listed,
    listing,
    observations,
    patients,
)
from tests.lib.fault.bulk_site import served
from tests.lib.fault.content import deleted_bundle, manifest, ndjson, observation
from tests.lib.fault.replies import (
    NDJSON,
    cut,
    gzipped,
    login_page,
    operation_outcome,
    reply,
)
from tests.lib.fault.server import FaultServer
from tests.lib.ingests import ingested
from tests.lib.landings import dies

NAME = "Observation.ndjson"
GET = f"GET /fhir/files/{NAME}"
FIVE = observations(0, 1, 2, 3, 4)
FIVE_IDS = [f"obs-{number}" for number in range(5)]
MANY_IDS = sorted(f"obs-{number}" for number in range(2000))


def failed(result, resource_type="Observation") -> str:
    """Why the type is not whole."""
    return result.outcome.of(resource_type).failed or ""


def raw(body: bytes, headers: dict[str, str]) -> web.Response:
    return reply(body, 200, headers, NDJSON)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_cut(tmp_path, framing):
    """cut-length, cut-chunked."""
    shown: list[list[str]] = []

    def again(request, server):
        files = (tmp_path / "landing" / "A").glob("20*/*")
        shown.append(sorted(file.name for file in files if file.name.startswith("Observation")))
        return raw(FIVE, {})

    broken = lambda request, server: cut(FIVE, len(FIVE) // 2, framing)  # noqa: E731
    with served(tmp_path, exporting({NAME: [broken, again]})) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        (names,) = shown
        assert [name.endswith(".part") for name in names] == [True]


def test_cut_for_ever(tmp_path):
    """Files that the network does not bring leave the run open, for the next process to go on."""
    whole = False

    def answer(request, server):
        return raw(FIVE, {}) if whole else cut(FIVE, len(FIVE) // 2, reset=True)

    files = {NAME: answer, "Patient.ndjson": patients(0)}
    with served(tmp_path, exporting(files)) as site:
        first = site.pull(types=["Patient", "Observation"])
        assert first.exit_code == 5
        assert not first.outcome.finished
        assert "broke off" in failed(first)
        assert site.rows(first) == []
        assert site.asked()[LEAVE] == 0
        whole = True
        second = site.pull(types=["Patient", "Observation"])
        assert second.path == first.path
        assert second.exit_code == 0
        assert site.rows(second) == FIVE_IDS
        assert site.rows(second, "Patient") == ["pat-0"]
        assert site.asked()["GET /fhir/files/Patient.ndjson"] == 1
        assert site.asked()[KICKOFF] == 1


def test_cut_close(tmp_path):
    half = FIVE[: len(FIVE) - 40]
    broken = lambda request, server: cut(FIVE, len(half), "close")  # noqa: E731
    with served(tmp_path, exporting({NAME: [broken, lines(FIVE)]})) as site:
        assert site.rows(site.pull()) == FIVE_IDS
    with served(tmp_path / "2", exporting({NAME: broken})) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "ends within a line" in failed(result)
        assert site.rows(result) == []
        assert site.asked()[GET] == 2


def test_bad_line(tmp_path):
    body = observations(0, 1) + b'{"resourceType":"Observation","id":"obs-2",\n' + observations(3)
    with served(tmp_path, exporting({NAME: body})) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert site.rows(result) == ["obs-0", "obs-1", "obs-3"]
        assert site.quarantine(result) == ["not JSON"]
        assert failed(result) == ""
        assert site.watermark() == TIME


def test_wrong_type(tmp_path):
    with served(tmp_path, exporting({NAME: FIVE + patients(7)})) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert site.rows(result) == FIVE_IDS
        assert site.rows(result, "Patient") == []
        assert site.quarantine(result) == ["a Patient where Observation was expected"]


def test_subsetted(tmp_path):
    """A part of a resource would take the place of the whole one (B5)."""
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}
    part = observation(7, meta={"tag": [{**tag, "code": "SUBSETTED"}]})
    named = observation(8, note=[{"text": 'is "SUBSETTED"'}])
    with served(tmp_path, exporting({NAME: FIVE + ndjson([part, named])})) as site:
        result = site.pull()
        assert site.rows(result) == [*FIVE_IDS, "obs-8"]
        assert site.quarantine(result) == ["only a part of its elements (SUBSETTED)"]


def test_nothing_but_bad_lines(tmp_path):
    with served(tmp_path, exporting({NAME: b"Observation;2024-01-01;3.5\n" * 1000})) as site:
        result = site.pull()
        assert re.search(r"10\d of 10\d lines were refused", failed(result))
        assert len(site.quarantine(result)) < 110


def test_outcome_file(tmp_path):
    body = ndjson([operation_outcome("processing", "Export failed")])
    with served(tmp_path, exporting({NAME: body, "Patient.ndjson": patients(0)})) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 5
        assert "an OperationOutcome among the data: error processing" in failed(result)
        assert site.rows(result) == []
        assert site.watermark() is None
        assert site.watermark("Patient") == TIME
        assert site.asked()[GET] == 1


@pytest.mark.parametrize("pretty", [False, True])
def test_html_file(tmp_path, pretty):
    text = b"\n<html>\n  <body>\n  Please log in\n  </body>\n</html>\n"
    page = lines(text) if pretty else lambda request, server: login_page()
    with served(tmp_path, exporting({NAME: page})) as site:
        result = site.pull()
        assert result.exit_code == 5
        assert "HTML" in failed(result)
        assert site.rows(result) == []
        assert site.asked()[GET] == 2
    with served(tmp_path / "2", exporting({NAME: [page, lines(FIVE)]})) as site:
        assert site.rows(site.pull()) == FIVE_IDS


def test_401_file(tmp_path):
    """A token that is refused is renewed, and what broke off goes on."""
    key = new_key()
    authority = Authority("raiway", [key])
    file = tmp_path / "key.pem"
    file.write_bytes(key.as_pem(private=True))
    file.chmod(0o600)

    def guarded(request, server):
        if not refusals:
            authority.revoke()
            refusals.append(request.headers["Authorization"])
        return raw(FIVE, {}) if authority.accepts(request) else unauthorized()

    refusals: list[str] = []
    smart = {"auth": "smart", "client_id": "raiway", "private_key": str(file), "kid": "key-1"}
    with served(tmp_path, exporting({NAME: guarded}, authority=authority)) as site:
        result = site.pull(**smart)
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        assert len(authority.issued) == 2
        assert site.asked()[GET] == 2


def test_401_file_for_ever(tmp_path):
    """A fixed token has no successor."""
    with served(tmp_path, exporting({NAME: always(None, 401)})) as site:
        result = site.pull()
        assert "401" in failed(result)
        assert site.asked()[GET] == 1


def test_404_file(tmp_path):
    with served(
        tmp_path, exporting({NAME: always(None, 404), "Patient.ndjson": patients(0)})
    ) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 5
        assert "404" in failed(result)
        assert site.rows(result, "Patient") == ["pat-0"]
        assert site.asked()[STATUS] == 2
        assert site.asked()[GET] == 2
        assert site.asked()["GET /fhir/files/Patient.ndjson"] == 1


@pytest.mark.parametrize("signed", [False, True])
def test_410_file(tmp_path, signed):
    """New URLs in the manifest; what is here already is not fetched again under its new name."""

    def make(turn: str):
        def made(server: FaultServer):
            output = [entry(server, f"Observation.{number}.ndjson") for number in (1, 2)]
            if signed:
                for each in output:
                    each["url"] += f"?sig={turn}"
            elif turn == "b":
                output = [entry(server, f"Observation.{number}.ndjson") for number in (3, 4)]
            return manifest(output, f"{server.base}/$export", token=not signed)

        return made

    def second(request, server):
        gone = not signed or request.query["sig"] == "a"
        return reply(None, 403 if signed else 410) if gone else raw(observations(5), {})

    files = {"Observation.1.ndjson": FIVE, "Observation.2.ndjson": second}
    if not signed:
        files["Observation.4.ndjson"] = lines(observations(5))
    script = exporting(files, status=[listing(make("a")), listing(make("b"))])
    with served(tmp_path, script) as site:
        result = site.pull(limits={"concurrency": 1})
        assert result.exit_code == 0
        assert site.rows(result) == [*FIVE_IDS, "obs-5"]
        assert site.asked()["GET /fhir/files/Observation.1.ndjson"] == 1
        assert site.asked()[STATUS] == 2


def test_bom_crlf(tmp_path):
    body = b"\xef\xbb\xbf" + FIVE.replace(b"\n", b"\r\n\r\n \r\n")
    with served(tmp_path, exporting({NAME: body})) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == FIVE_IDS
        (file,) = result.path.glob("Observation.*.ndjson")
        assert b"\r" not in file.read_bytes()


@pytest.mark.parametrize("end", [b"", b" ", b"\r"])
def test_no_final_newline(tmp_path, end):
    with served(tmp_path, exporting({NAME: FIVE[:-1] + end})) as site:
        assert site.rows(site.pull()) == FIVE_IDS


@pytest.mark.parametrize("header", [True, False])
def test_gzip(tmp_path, header):
    """gzip, gzip-raw."""
    packed = lambda request, server: gzipped(FIVE, header=header)  # noqa: E731
    with served(tmp_path, exporting({NAME: packed})) as site:
        assert site.rows(site.pull()) == FIVE_IDS
        assert site.first(f"/fhir/files/{NAME}").headers["accept-encoding"] == "gzip"


def test_content_type(tmp_path):
    """Servers call NDJSON many things."""
    plain = lambda request, server: reply(FIVE, content_type="text/plain")  # noqa: E731
    with served(tmp_path, exporting({NAME: plain})) as site:
        assert site.rows(site.pull()) == FIVE_IDS


def test_many_files(tmp_path, monkeypatch):
    # What this is about is the network; eight thousand waits for the disk are not.
    monkeypatch.setattr(os, "fsync", lambda number: None)
    names = [f"Observation.{number}.ndjson" for number in range(2000)]
    answers: Counter[str] = Counter()

    class Busy:
        """Every seventh answer is 429."""

        def __init__(self, number: int) -> None:
            self.number = number

        def __call__(self, request, server):
            answers["all"] += 1
            if answers["all"] % 7 == 0:
                return reply(None, 429, {"Retry-After": "1"})
            return raw(observations(self.number), {})

    files = {name: Busy(number) for number, name in enumerate(names)}
    with served(tmp_path, exporting(files)) as site:
        result = site.pull()
        assert result.exit_code == 0
        assert site.rows(result) == MANY_IDS
        log = (result.path / "log.ndjson").read_text()
        assert '"concurrency":1' in log


ALONE = r"""
import pathlib, re, sys
from tests.lib.fault.bulk_site import Site
from types import SimpleNamespace

folder, base = pathlib.Path(sys.argv[1]), sys.argv[2]
result = Site(folder, SimpleNamespace(base=base)).pull()
peak = int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
print(result.exit_code, peak // 1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the memory")
@pytest.mark.parametrize("megabytes", [20, 70])
def test_line(tmp_path, megabytes):
    """line-20mb, line-70mb: in a process of its own, whose memory is looked at."""
    attachment = {"contentType": "text/plain", "data": "QUJD" * (megabytes * 250_000)}
    long = observation(7, extension=[{"url": "urn:x", "valueAttachment": attachment}])
    body = observations(0) + ndjson([long]) + observations(1)
    with served(tmp_path, exporting({NAME: body})) as site:
        site.folder.mkdir()
        ran = subprocess.run(
            [sys.executable, "-c", ALONE, str(tmp_path), site.server.base],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        code, peak = map(int, ran.stdout.split())
        (path,) = (site.folder / "A").glob("20*")
        files = list(path.glob("Observation.*.ndjson"))
        found = [
            json.loads(line)["id"] for file in files for line in file.read_bytes().splitlines()
        ]
        if megabytes < 64:
            assert (code, found) == (0, ["obs-0", "obs-7", "obs-1"])
        else:
            assert (code, found) == (5, ["obs-0", "obs-1"])
            (kept,) = (path / "quarantine.ndjson").read_text().splitlines()
            assert "a line longer than 64,000,000 bytes" in kept
            assert len(kept) < 10_000
        assert peak < 220, f"{peak} MB"


def test_duplicate_lines(tmp_path):
    """Each line twice: the store has one row of each."""
    files = {NAME: FIVE + FIVE, "Patient.ndjson": patients(*range(5)) * 2}
    with served(tmp_path, exporting(files)) as site:
        result = site.pull(types=["Patient", "Observation"])
        assert result.exit_code == 0
    url = f"sqlite:///{tmp_path / 'store.db'}"
    ingested(url, sorted(result.path.glob("[A-Z]*.ndjson")), How(workers=1))
    with open_store(url, create=False) as store:
        assert sorted(row.resource_id for row in store.rows(LabResultRow)) == FIVE_IDS


@pytest.mark.parametrize("after", range(2, 60, 4))
def test_killed(tmp_path, after):
    """Killed at any step on the disk, and run again: the same rows, each once (B27)."""
    files = {
        f"Observation.{number}.ndjson": observations(number, number + 10) for number in range(4)
    }
    script = exporting(files, kickoff=[accepted()], status=[listing(listed(*files))])
    with served(tmp_path, script) as site:
        dies(lambda: site.pull(limits={"concurrency": 1}), after)
        result = site.pull(limits={"concurrency": 1})
        assert site.rows(result) == sorted(f"obs-{n}" for n in (0, 1, 2, 3, 10, 11, 12, 13))
        assert result.exit_code == 0
        assert site.watermark() == TIME
        # Only a kick-off whose answer could not be kept is sent twice.
        assert site.asked()[KICKOFF] == 1 or after < 20


NAMED = "Canarysurname"


def test_canaries(tmp_path):
    """What a server says of a patient, wherever it says it, stands in no log of ours (G7)."""
    said = operation_outcome("processing", f"{NAMED}, MRN 00012345, could not be read")
    broken = f'{{"resourceType":"Observation","id":"{NAMED}",\n'.encode()
    strange = ndjson([{"resourceType": NAMED, "id": NAMED}, {"resourceType": "Patient"}])
    without = ndjson([observation(0, id=None, note=[{"text": NAMED}])])
    files = {
        NAME: FIVE + broken + strange + without,
        "error.ndjson": ndjson([said]),
        "deleted.ndjson": ndjson([deleted_bundle(f"Observation/{NAMED}")]) + broken,
    }

    def make(server):
        url = f"{server.base}/files/"
        more = {
            "error": [{"type": "OperationOutcome", "url": f"{url}error.ndjson"}],
            "deleted": [{"type": "Bundle", "url": f"{url}deleted.ndjson"}],
            NAMED: NAMED,
        }
        output = [entry(server, NAME), {"type": NAMED, "url": f"{url}{NAMED}"}]
        return manifest(output, f"{server.base}/$export", **more)

    refused = always(operation_outcome("invalid", f"_typeFilter of {NAMED}"), 400)
    busy = always(said, 202, {"X-Progress": f"exporting {NAMED} 10%", "Retry-After": "7200"})
    passing = always(operation_outcome("transient", f"{NAMED} is being read"), 503)
    script = exporting(files, kickoff=[refused, accepted()], status=[busy, passing, listing(make)])
    key = tmp_path / "id.key"
    key.write_text(hashlib.sha256(b"canaries").hexdigest())
    key.chmod(0o600)
    with served(tmp_path, script) as site:
        privacy = {"mode": "limited", "id_key": str(key)}
        result = site.pull(privacy=privacy, type_filter=["Observation?status=final"])
        assert result.exit_code == 5
        assert len(site.rows(result)) == 5
        assert len(site.quarantine(result)) == 5
        assert len(site.tombstones(result)) == 1
        written = [file for file in result.path.rglob("*") if file.is_file()]
        assert not [file.name for file in written if NAMED in file.read_text()]
        reasons = [each.failed or "" for each in result.outcome.types.values()]
        assert NAMED not in "".join([*reasons, str(site.told), site.notes(result)])
        assert "00012345" not in "".join(reasons)
