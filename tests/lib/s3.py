"""A server that speaks S3 on loopback (moto): it checks signatures and rights, and forgets all.

Its objects are put by boto3, so that what is read was not written by the library that reads it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no stubs
import httpx2

from tests.lib.servers.process import free_port, started

BUCKET = "hospital"
PAGE = 20
"""Objects of a page of a listing."""
_SECONDS = 60
_ROOT = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
_NO_FILES = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
_READER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}
    ],
}


@dataclass(frozen=True)
class Bucket:
    """The server's one bucket. keys: what a reader signs with."""

    base: str
    keys: Mapping[str, str]
    client: Any

    def put(self, key: str, content: bytes, **rights: str) -> str:
        """The address of a new object; rights: ACL="public-read"."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content, **rights)
        return f"s3://{BUCKET}/{key}"

    def environment(self, *, signed: bool = True, **added: str) -> dict[str, str]:
        """The variables by which a program finds the server and signs."""
        found = {
            "AWS_ENDPOINT_URL": self.base,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            **_NO_FILES,
        }
        return {**found, **(self.keys if signed else {}), **added}

    def guard(self, *, on: bool) -> None:
        """Whether every request must be signed by somebody who may do what it asks."""
        free = b"0" if on else b"inf"
        headers = {"Content-Type": "text/plain"}
        reply = httpx2.post(f"{self.base}/moto-api/reset-auth", content=free, headers=headers)
        reply.raise_for_status()


@contextmanager
def s3_server(folder: Path) -> Iterator[Bucket]:
    """A server that runs while the context lasts, as a process; its log lies in the folder."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    added = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)}
    ready = f"{base}/moto-api/"
    with started(command, ready, folder, seconds=_SECONDS, environment=added):
        client = boto3.client("s3", endpoint_url=base, region_name="us-east-1", **_ROOT)
        client.create_bucket(Bucket=BUCKET)
        yield Bucket(base, _reader(base), client)


def _reader(base: str) -> dict[str, str]:
    """The keys of a user who may list and get."""
    iam = boto3.client("iam", endpoint_url=base, region_name="us-east-1", **_ROOT)
    iam.create_user(UserName="reader")
    policy = json.dumps(_READER)
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
