"""Reading input: NDJSON (also .gz), JSON resources and Bundles, and folders of them.

Each resource comes with the place it stood (`Observation.ndjson:12`), so that an error can name
it. What is no JSON object comes as a `Broken` with its reason; reading goes on after it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from adapter.errors import InvalidResource, UsageError
from adapter.mapping import bundles

NDJSON = (".ndjson", ".jsonl")
ENDINGS = (*NDJSON, ".json")
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Found:
    """One resource as parsed (numbers are exact decimals) and where it stood."""

    source: str
    resource: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line or file that holds no resource, and why."""

    source: str
    reason: str
    raw: str


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files named, folders walked; sorted within each folder.

    Raises UsageError for a path that is missing, has an ending that is not read, or cannot be
    read: all are looked into, so that nothing is loaded before a bad one is met.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [inside for inside in _inside(path) if readable(inside)]
        elif not path.exists():
            raise UsageError("no such file or folder", where=str(path), hint="check the path")
        elif not readable(path):
            raise UsageError(
                "not a kind of file that is read",
                where=str(path),
                hint=f"endings: {', '.join(ENDINGS)}, each also .gz",
            )
        else:
            found.append(path)
    if not found:
        raise UsageError(
            "nothing to read: no NDJSON or JSON file",
            where=", ".join(str(path) for path in paths),
            hint=f"endings: {', '.join(ENDINGS)}, each also .gz",
        )
    files = list(dict.fromkeys(found))
    for file in files:
        _look_into(file)
    return files


def passed_over(paths: Iterable[Path]) -> int:
    """How many files lie in the folders that have an ending which is not read."""
    folders = [path for path in paths if path.is_dir()]
    return sum(not readable(file) for folder in folders for file in _inside(folder))


def _inside(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, but for the manifests of exports."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]


def _look_into(path: Path) -> None:
    """Raise UsageError for a file that cannot be opened, or whose first bytes tell it is no use."""
    with _explained(path):
        try:
            with _open(path) as file:
                start = file.read(2)
        except gzip.BadGzipFile as error:
            raise UsageError(
                "not a gzip file", where=str(path), hint="correct its ending, or compress it"
            ) from error
    if start in UTF_16:
        raise UsageError(
            "encoded in UTF-16, but FHIR is UTF-8",
            where=str(path),
            hint="iconv -f UTF-16 -t UTF-8 converts it",
        )


def readable(path: Path) -> bool:
    """Whether the file's ending is one that is read."""
    return path.name.removesuffix(".gz").endswith(ENDINGS)


def read(path: Path) -> Iterator[Found | Broken]:
    """Every resource of the file. Raises UsageError when the file cannot be opened."""
    with _explained(path), _open(path) as file:
        if path.name.removesuffix(".gz").endswith(NDJSON):
            yield from _lines(path.name, file)
        else:
            yield from _document(path.name, file.read())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        ends = isinstance(error, EOFError)
        broken = "the file ends in the middle" if ends else "the file is damaged"
        reason = getattr(error, "strerror", None) or broken
        raise UsageError(f"cannot be read: {reason}", where=str(path)) from error


def _open(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _lines(name: str, file: BinaryIO) -> Iterator[Found | Broken]:
    for number, line in enumerate(file, start=1):
        text = line.removeprefix(BOM).strip()
        if text:
            yield from parsed(f"{name}:{number}", text)


def _document(name: str, content: bytes) -> Iterator[Found | Broken]:
    text = content.removeprefix(BOM).strip()
    lines = text.splitlines()
    # Some servers name NDJSON .json: several lines, each of them a document.
    if len(lines) > 1 and _is_object(lines[0]):
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield from parsed(f"{name}:{number}", line.strip())
    else:
        yield from parsed(name, text)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def parsed(source: str, text: bytes) -> Iterator[Found | Broken]:
    """The resources of one JSON text: one, or those of a Bundle."""
    # An escape that JSON does not know, so that what was no UTF-8 can never be replayed as text.
    raw = text.decode("utf-8", errors="backslashreplace")
    try:
        value = json.loads(text.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        yield Broken(source, f"not UTF-8 at byte {error.start}", raw)
    except json.JSONDecodeError as error:
        yield Broken(source, f"not JSON: {error.msg} at character {error.pos}", raw)
    except ValueError as error:
        yield Broken(source, str(error), raw)
    except ArithmeticError:
        yield Broken(source, "not JSON: a number beyond all bounds", raw)
    except RecursionError:
        yield Broken(source, "nested too deeply", raw)
    else:
        yield from _resources(source, value, raw)


def _refuse(name: str) -> float:
    raise ValueError(f"not JSON: {name} is no number")


def _resources(source: str, parsed: object, raw: str) -> Iterator[Found | Broken]:
    if not isinstance(parsed, dict):
        yield Broken(source, "not a JSON object", raw)
        return
    if parsed.get("resourceType") != "Bundle":
        yield Found(source, parsed, raw)
        return
    try:
        for number, resource in bundles.resources(parsed):
            place = f"{source}#entry[{number}]"
            yield Found(place, resource, orjson.dumps(resource, default=_digits).decode())
    except InvalidResource as error:
        yield Broken(source, error.what, raw)
    except Exception as error:
        # One strange Bundle must not stop the rest. The error's message would hold the data.
        yield Broken(source, f"a Bundle of no use ({type(error).__name__})", raw)


def _digits(value: object) -> orjson.Fragment:
    """A decimal with the digits it was sent with: 0.10 is not 0.1."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"no JSON for {type(value).__name__}")
