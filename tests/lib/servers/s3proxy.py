"""S3Proxy, which bin/test fetches and checks (tests/judges/s3proxy): S3 over a folder, on loopback.

It checks signatures, and refuses headers that it does not know, as others do beside Amazon's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no stubs
from botocore.config import Config  # type: ignore[import-untyped]  # nor has it

from tests.lib.needs import ROOT, missing
from tests.lib.s3 import BUCKET, Bucket
from tests.lib.servers.process import free_port, started

LIB = ROOT / "tests" / "judges" / "s3proxy" / "target" / "lib"
_SECONDS = 60
_JAVA = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_KEYS = {"AWS_ACCESS_KEY_ID": "raiway", "AWS_SECRET_ACCESS_KEY": "no-secret"}


@contextmanager
def s3proxy_server(folder: Path) -> Iterator[Bucket]:
    """The server, with an empty bucket; its log lies in the folder."""
    (jar,) = LIB.glob("*.jar") if LIB.is_dir() else [None]
    if jar is None:
        missing("S3Proxy is not here; bin/test fetches it, with mvn")
    java = shutil.which("java") or missing("the program java is not installed")
    base = f"http://127.0.0.1:{free_port()}"
    (folder / "objects").mkdir()
    settings = folder / "s3proxy.conf"
    settings.write_text(_settings(base, folder / "objects"), encoding="utf-8")
    command = [java, *_JAVA, "-jar", jar, "--properties", settings]
    client = _client(base)
    ready = client.generate_presigned_url("list_buckets")
    with started(command, ready, folder, seconds=_SECONDS):
        client.create_bucket(Bucket=BUCKET)
        yield Bucket(base, _KEYS, client)


def _settings(base: str, objects: Path) -> str:
    stated = {
        "s3proxy.endpoint": base,
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": _KEYS["AWS_ACCESS_KEY_ID"],
        "s3proxy.credential": _KEYS["AWS_SECRET_ACCESS_KEY"],
        "jclouds.provider": "filesystem-nio2",
        "jclouds.identity": "unused",
        "jclouds.credential": "unused",
        "jclouds.filesystem.basedir": str(objects),
    }
    return "".join(f"{name}={value}\n" for name, value in stated.items())


def _client(base: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=base,
        region_name="us-east-1",
        aws_access_key_id=_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(request_checksum_calculation="when_required"),
    )
