"""Archives and compressed files for tests, good ones and such as nobody should send."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

PATIENT = b'{"resourceType":"Patient","id":"1"}\n'
OTHER = b'{"resourceType":"Patient","id":"2"}\n'
ORDER = (
    b'{"resourceType":"MedicationRequest","id":"by-reference","status":"active",'
    b'"intent":"order","subject":{"reference":"Patient/p"},'
    b'"authoredOn":"2021-05-03","medicationReference":{"reference":"Medication/ours"}}\n'
)
"""It matters once it is known that the drug is one of ours."""
DRUG = (
    b'{"resourceType":"Medication","id":"ours","code":{"coding":[{"system":'
    b'"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1424911"}]}}\n'
)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return made.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar with these members; mode: that of `tarfile.open`, as "w:gz"."""
    return tar_of([(entry(name, len(content)), content) for name, content in files.items()], mode)


def tar_of(entries: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    """A tar with these headers and contents."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for header, content in entries:
            archive.addfile(header, io.BytesIO(content))
    return made.getvalue()


def entry(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    """A header of a tar."""
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


def zstd(content: bytes) -> bytes:
    """The content, compressed by zstd."""
    made = pa.BufferOutputStream()
    with pa.CompressedOutputStream(made, "zstd") as packed:
        packed.write(content)
    return made.getvalue().to_pybytes()


def written(path: Path, content: bytes) -> Path:
    """The path, with this content."""
    path.write_bytes(content)
    return path
