"""Objects of an S3 store as inputs, over HTTP against a server that checks signatures."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs  # type: ignore[import-untyped]  # it has no stubs

from adapter.errors import Unreachable, UsageError
from adapter.inputs.opened import opened
from tests.lib.archives import OTHER, PATIENT, tarred, zipped
from tests.lib.inputs import places, places_in, temporary
from tests.lib.s3 import BUCKET, PAGE, Bucket, s3_server
from tests.lib.web import web_server

__all__ = ["temporary"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A server with one bucket."""
    with s3_server(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The variables of a reader, and every request checked."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    store.guard(on=False)
    yield monkeypatch
    s3fs.S3FileSystem.clear_instance_cache()


def test_an_object(store: Bucket):
    address = store.put("one/Patient.ndjson", PATIENT + OTHER)
    store.guard(on=True)
    assert places_in(address) == [f"{address}:1", f"{address}:2"]


def test_a_prefix_with_more_objects_than_a_page_lists(store: Bucket):
    names = [f"many/{n % 3}/{n:04}.json" for n in range(5 * PAGE + 5)]
    for name in names:
        store.put(name, PATIENT.strip())
    assert store.client.list_objects_v2(Bucket=BUCKET, Prefix="many/")["IsTruncated"]
    store.put("many/manifest.json", b"{}")
    store.put("many/scan.dcm", b"x")
    store.guard(on=True)
    with opened([f"s3://{BUCKET}/many"]) as inputs:
        assert places(inputs) == sorted(f"s3://{BUCKET}/{name}" for name in names)
        assert inputs.passed_over == 1


def test_archives_and_gzip(store: Bucket):
    store.put("packed/a.zip", zipped({"a.ndjson": PATIENT}))
    store.put("packed/b.tar.gz", tarred({"b.ndjson": PATIENT}, "w:gz"))
    store.put("packed/c.ndjson.gz", gzip.compress(PATIENT))
    base = f"s3://{BUCKET}/packed"
    assert places_in(f"{base}/") == [
        f"{base}/a.zip!a.ndjson:1",
        f"{base}/b.tar.gz!b.ndjson:1",
        f"{base}/c.ndjson.gz:1",
    ]
    assert places_in(f"{base}/*.zip") == [f"{base}/a.zip!a.ndjson:1"]


def test_an_object_of_several_blocks(store: Bucket):
    lines = 20_000
    line = b'{"resourceType":"Patient","id":"%06d","x":"%s"}\n'
    content = b"".join(line % (n, b"x" * 1000) for n in range(lines))
    assert len(content) > 2 * (8 << 20)
    address = store.put("large/Patient.ndjson", content)
    with opened([address]) as inputs:
        assert gzip.decompress(inputs.paths[0].read_bytes()) == content


def test_the_state_is_size_and_etag(store: Bucket):
    address = store.put("state/a.ndjson", PATIENT)
    etag = store.client.head_object(Bucket=BUCKET, Key="state/a.ndjson")["ETag"]
    for given in (address, f"s3://{BUCKET}/state/"):
        with opened([given]) as inputs:
            (file,) = inputs.paths
            assert inputs.key(file) == address
            assert inputs.state(file) == (str(len(PATIENT)), etag)


def test_without_credentials_what_is_public_is_read(store: Bucket, environment: pytest.MonkeyPatch):
    public = store.put("public/a.ndjson", PATIENT, ACL="public-read")
    private = store.put("private/a.ndjson", PATIENT)
    for name in store.keys:
        environment.delenv(name)
    assert places_in(public) == [f"{public}:1"]
    with pytest.raises(Unreachable, match="access is denied"):
        places_in(private)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_refused_and_not_told(
    name: str, store: Bucket, environment: pytest.MonkeyPatch
):
    address = store.put("one/Patient.ndjson", PATIENT)
    store.guard(on=True)
    environment.setenv(name, "AKIAWRONGWRONGWRONGW")
    with pytest.raises(Unreachable, match="access is denied") as error:
        places_in(address)
    assert "WRONG" not in f"{error.value} {error.value.hint}"


def test_credentials_of_a_profile(store: Bucket, environment: pytest.MonkeyPatch, tmp_path: Path):
    key, secret = store.keys.values()
    file = tmp_path / "credentials"
    file.write_text(f"[site-a]\naws_access_key_id={key}\naws_secret_access_key={secret}\n")
    for name in store.keys:
        environment.delenv(name)
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    environment.setenv("AWS_PROFILE", "site-a")
    address = store.put("one/Patient.ndjson", PATIENT)
    store.guard(on=True)
    assert places_in(address) == [f"{address}:1"]


@pytest.mark.parametrize("address", [f"s3://{BUCKET}/none.ndjson", "s3://no-such-bucket/x/"])
def test_what_is_not_there(address: str):
    with pytest.raises(UsageError, match="nothing lies here") as error:
        places_in(address)
    assert error.value.where == address


def test_a_server_that_is_not_there(environment: pytest.MonkeyPatch):
    with web_server() as gone:
        environment.setenv("AWS_ENDPOINT_URL", gone.base)
    with pytest.raises(Unreachable, match="EndpointConnectionError"):
        places_in(f"s3://{BUCKET}/x.ndjson")
