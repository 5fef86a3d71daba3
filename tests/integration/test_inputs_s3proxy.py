"""Objects of a server that speaks S3 and is not Amazon's: S3Proxy, a program of its own."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator

import pytest
import s3fs  # type: ignore[import-untyped]  # it has no stubs

from adapter.errors import Unreachable
from adapter.inputs.opened import opened
from tests.lib.archives import OTHER, PATIENT, zipped
from tests.lib.inputs import places, places_in, temporary
from tests.lib.s3 import BUCKET, Bucket
from tests.lib.servers.s3proxy import s3proxy_server

__all__ = ["temporary"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A server with one bucket."""
    with s3proxy_server(tmp_path_factory.mktemp("s3proxy")) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The variables of a reader."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    yield monkeypatch
    s3fs.S3FileSystem.clear_instance_cache()


def test_small_and_large_objects_and_archives_below_a_prefix(store: Bucket):
    large = b"".join(b'{"id":"%06d","x":"%s"}\n' % (n, b"x" * 1000) for n in range(10_000))
    store.put("e/a.ndjson", PATIENT + OTHER)
    store.put("e/b/large.ndjson", large)
    store.put("e/c.zip", zipped({"c.ndjson": PATIENT}))
    store.put("e/manifest.json", b"{}")
    base = f"s3://{BUCKET}/e"
    with opened([f"{base}/"]) as inputs:
        found = places(inputs)
        assert found[:2] == [f"{base}/a.ndjson:1", f"{base}/a.ndjson:2"]
        assert found[-2:] == [f"{base}/b/large.ndjson:10000", f"{base}/c.zip!c.ndjson:1"]
        assert gzip.decompress(inputs.paths[1].read_bytes()) == large


def test_the_state_is_the_same_by_a_listing_and_by_a_look_at_the_object(store: Bucket):
    address = store.put("state/a.ndjson", PATIENT)
    states = []
    for given in (address, f"s3://{BUCKET}/state", f"s3://{BUCKET}/state/*.ndjson"):
        with opened([given]) as inputs:
            states.append(inputs.state(inputs.paths[0]))
    size, etag = states[0]
    assert (size, bool(etag)) == (str(len(PATIENT)), True)
    assert states == [states[0]] * 3


def test_a_wrong_signature_is_refused(store: Bucket, environment: pytest.MonkeyPatch):
    address = store.put("one/a.ndjson", PATIENT)
    environment.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Unreachable, match="access is denied"):
        places_in(address)


def test_what_the_server_refuses_is_named_by_its_code(
    store: Bucket, environment: pytest.MonkeyPatch
):
    address = store.put("one/a.ndjson", PATIENT)
    # Asked for, a check of sums is made, which this server does not know.
    environment.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_supported")
    with pytest.raises(Unreachable, match="cannot be read: NotImplemented") as error:
        places_in(address)
    assert error.value.where == address
