"""Addresses, standard input and pipes as inputs."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # it has no stubs
import httpx2
import pytest

from adapter.errors import RaiwayError, Unreachable, UsageError
from adapter.inputs.opened import opened
from adapter.inputs.web import remote
from tests.lib.archives import OTHER, PATIENT, tarred, written, zipped, zstd
from tests.lib.inputs import places, places_in, temporary
from tests.lib.web import Answer, Web, web_server

__all__ = ["temporary"]

SECRET = "X-Amz-Signature=s3cr3t"  # noqa: S105  # it is none
BUNDLE = b'{\n "resourceType": "Bundle",\n "entry": [{"resource": %s}]\n}' % PATIENT.strip()


@pytest.fixture
def web() -> Iterator[Web]:
    """A server on this machine."""
    with web_server() as server:
        yield server


def refused(address: str, why: str, kind: type[RaiwayError] = UsageError) -> RaiwayError:
    with pytest.raises(kind, match=why) as error:
        places_in(address)
    told = f"{error.value} {error.value.hint} {error.value.__cause__}"
    assert "s3cr3t" not in told
    return error.value


# https.


@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstd])
def test_a_file_of_a_server(packed, web: Web):
    web.answers["/x.ndjson"] = Answer(packed(PATIENT + OTHER))
    assert places_in(f"{web.base}/x.ndjson") == [
        f"{web.base}/x.ndjson:1",
        f"{web.base}/x.ndjson:2",
    ]


def test_an_archive_of_a_server(web: Web):
    web.answers["/e.zip"] = Answer(zipped({"a.ndjson": PATIENT}))
    assert places_in(f"{web.base}/e.zip") == [f"{web.base}/e.zip!a.ndjson:1"]


def test_a_server_that_compresses_unasked(web: Web):
    body, headers = gzip.compress(PATIENT), {"Content-Encoding": "gzip"}
    web.answers["/x.ndjson"] = Answer(body, headers=headers)
    assert places_in(f"{web.base}/x.ndjson") == [f"{web.base}/x.ndjson:1"]
    assert web.asked[0][1]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (PATIENT + OTHER, [":1", ":2"]),
        (PATIENT, [":1"]),
        (PATIENT.strip(), [""]),
        (BUNDLE, ["#entry[0]"]),
        (zipped({"a.ndjson": PATIENT}), ["!a.ndjson:1"]),
        (tarred({"a.ndjson": PATIENT}), ["!a.ndjson:1"]),
        (tarred({"a.ndjson": PATIENT}, "w:gz"), ["!a.ndjson:1"]),
    ],
    ids=["lines", "line", "document", "bundle", "zip", "tar", "tar.gz"],
)
def test_without_an_ending_the_first_bytes_tell_the_kind(body: bytes, places: list[str], web: Web):
    web.answers["/download"] = Answer(body)
    address = f"{web.base}/download"
    assert places_in(address) == [f"{address}{place}" for place in places]


def test_a_signed_address_is_nowhere_but_in_the_request(web: Web):
    web.answers["/x.ndjson"] = Answer(PATIENT, headers={"ETag": '"1"'})
    with opened([f"{web.base}/x.ndjson?{SECRET}"]) as inputs:
        (file,) = inputs.paths
        told = [*places(inputs), inputs.key(file), inputs.named([]), *inputs.state(file)]
    assert web.asked[0][0] == f"/x.ndjson?{SECRET}"
    assert "authorization" not in web.asked[0][1]
    assert not any("s3cr3t" in each for each in told)
    assert inputs.recalled(inputs.key(file), inputs.state(file)) is None


def test_two_signed_addresses_of_one_path_are_told_apart(web: Web):
    web.answers["/x.ndjson"] = Answer(PATIENT)
    with opened([f"{web.base}/x.ndjson?{n}" for n in range(2)]) as inputs:
        assert places(inputs) == [f"{web.base}/x.ndjson:1", f"{web.base}/x.ndjson (2):1"]
        assert len({inputs.key(file) for file in inputs.paths}) == 2


@pytest.mark.parametrize(
    ("answer", "why", "kind"),
    [
        (Answer(status=404), "nothing lies here", UsageError),
        (Answer(status=403), "access is denied", Unreachable),
        (Answer(status=500), "answers with status 500", Unreachable),
        (Answer(PATIENT, headers={"Content-Encoding": "br"}), "encoded in a way", Unreachable),
        (Answer(b"<html>log in</html>"), "HTML or XML", UsageError),
        (Answer(PATIENT * 1000, cut=500), "RemoteProtocolError", Unreachable),
        (Answer(gzip.compress(bytes(64 << 20))), "more than 200 times", UsageError),
        (Answer(status=302, headers={"Location": "/x.ndjson"}), "more than 3 red", Unreachable),
        (Answer(status=302, headers={"Location": "http://h.example/"}), "without TLS", UsageError),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), "file URL", UsageError),
    ],
    ids=["404", "403", "500", "br", "html", "cut", "bomb", "loop", "http", "file"],
)
def test_faults_of_a_server(answer: Answer, why: str, kind: type[RaiwayError], web: Web):
    web.answers["/x.ndjson"] = answer
    error = refused(f"{web.base}/x.ndjson?{SECRET}", why, kind)
    assert error.where == f"{web.base}/x.ndjson"


def test_a_redirect_is_followed(web: Web):
    web.answers["/a"] = Answer(status=307, headers={"Location": "/b.ndjson"})
    web.answers["/b.ndjson"] = Answer(PATIENT)
    assert places_in(f"{web.base}/a") == [f"{web.base}/a:1"]


def test_a_redirect_does_not_lead_to_this_machine():
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "h.example"
        return httpx2.Response(302, headers={"Location": "https://127.0.0.1/x.ndjson"})

    found = remote("https://h.example/x.ndjson", httpx2.MockTransport(answer))
    with pytest.raises(Unreachable, match="redirected to this machine"), found.open():
        pass


def test_a_server_that_is_not_there():
    with web_server() as gone:
        address = f"{gone.base}/x.ndjson"
    refused(address, "ConnectError", Unreachable)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://h.example/x.ndjson", "without TLS"),
        ("https://u:s3cr3t@h.example/x.ndjson", "a user or a password"),
        ("s3://k:s3cr3t@bucket/x.ndjson", "a user or a password"),
        ("ftp://h.example/x.ndjson", "not a kind of address"),
        ("simplecache::s3://bucket/x.ndjson", "no such file"),
        ("zip://x.ndjson::s3://bucket/x.zip", "not a kind of address"),
        ("github://x:y@main/x.ndjson", "not a kind of address"),
    ],
)
def test_addresses_that_are_not_asked(address: str, why: str):
    refused(address, why)


@pytest.mark.parametrize(
    ("scheme", "package"), [("gs", "gcsfs"), ("abfs", "adlfs"), ("abfss", "adlfs"), ("az", "adlfs")]
)
def test_a_missing_package_is_named(scheme: str, package: str):
    error = refused(f"{scheme}://bucket/x.ndjson", "a package that is not installed")
    assert error.hint == f"pip install {package}"


@pytest.mark.parametrize("module", ["botocore.session", "s3fs"])
def test_the_extra_for_s3_is_named(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setitem(sys.modules, module, None)
    # What was found once would be found again.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    error = refused("s3://bucket/x.ndjson", "a package that is not installed")
    assert error.hint == "pip install 'raiway[s3]'"


# fsspec.


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """An object store in memory."""
    system = fsspec.filesystem("memory")
    yield system
    for path in system.ls("/", detail=False):
        system.rm(path, recursive=True)


def test_a_prefix_is_a_folder(memory):
    files = {
        "a.ndjson": PATIENT,
        "deep/b.ndjson.gz": gzip.compress(PATIENT),
        "deep/c.zip": zipped({"c.ndjson": PATIENT}),
        "deep/log.ndjson": b"{}",
        "manifest.json": b"{}",
        "scan.dcm": b"x",
    }
    for name, content in files.items():
        memory.pipe(f"/exports/{name}", content)
    with opened(["memory://exports"]) as inputs:
        assert places(inputs) == [
            "memory://exports/a.ndjson:1",
            "memory://exports/deep/b.ndjson.gz:1",
            "memory://exports/deep/c.zip!c.ndjson:1",
        ]
        assert inputs.passed_over == 1
    assert places_in("memory://exports/deep/*.gz") == ["memory://exports/deep/b.ndjson.gz:1"]
    assert places_in("memory://exports/a.ndjson") == ["memory://exports/a.ndjson:1"]


def test_the_scheme_may_be_in_capitals(memory):
    memory.pipe("/exports/a.ndjson", PATIENT)
    assert places_in("MEMORY://exports/a.ndjson") == ["memory://exports/a.ndjson:1"]


def test_what_is_not_there(memory):
    refused("memory://none/x.ndjson", "nothing lies here")
    refused("memory://none/*.ndjson", "nothing lies here")


def test_an_object_with_a_strange_name(memory):
    memory.pipe("/e/a?b#c \x1b.ndjson", PATIENT)
    assert places_in("memory://e") == ["memory://e/a?b#c \ufffd.ndjson:1"]


def test_a_file_address_is_a_path(tmp_path: Path):
    path = written(tmp_path / "a b.ndjson", PATIENT)
    with opened([path.as_uri()]) as inputs:
        assert inputs.paths == [path]
    assert "%20" in path.as_uri()


# Standard input and pipes.


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (PATIENT + OTHER, [":1", ":2"]),
        (b"\xef\xbb\xbf" + PATIENT + OTHER, [":1", ":2"]),
        (gzip.compress(PATIENT + OTHER), [":1", ":2"]),
        (BUNDLE, ["#entry[0]"]),
        (tarred({"a.ndjson": PATIENT}, "w:gz"), ["!a.ndjson:1"]),
    ],
    ids=["lines", "bom", "gzip", "bundle", "tar.gz"],
)
def test_standard_input(body: bytes, places: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert places_in("-") == [f"stdin{place}" for place in places]


def test_where_nothing_comes_on_standard_input_something_went_wrong(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    refused("-", "empty")


def test_a_long_first_line_is_no_reason_to_read_all(monkeypatch: pytest.MonkeyPatch):
    long = b'{"resourceType":"Patient","id":"1","x":"%s"}\n' % (b"x" * (3 << 20))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(long + OTHER)))
    assert places_in("-") == ["stdin:1", "stdin:2"]


def test_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[PATIENT + OTHER])
    writer.start()
    assert places_in(pipe) == ["pipe:1", "pipe:2"]
    writer.join()
