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
from typing import Any, BinaryIO, cast

import msgspec
import orjson
from isal import igzip_threaded
from isal.igzip_lib import IsalError

from adapter import folders
from adapter.errors import InvalidResource, UsageError
from adapter.mapping import bundles
from adapter.mapping.lines import BOM

NDJSON = (".ndjson", ".jsonl")
ENDINGS = (*NDJSON, ".json")
KINDS = (
    f"endings: {', '.join(ENDINGS)}, each also .gz or .zst; archives: .zip, .tar, .tar.gz, .tar.zst"
)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
DOCUMENT = 1 << 30
"""Bytes of a JSON document that is read, as a whole."""


@dataclass(frozen=True, slots=True)
class Found:
    """One resource as parsed (numbers are exact decimals), its JSON, and where it stood."""

    source: str
    resource: dict[str, Any]
    text: bytes

    @property
    def raw(self) -> str:
        """The JSON as text."""
        return _shown(self.text)


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
            found += filter(readable, folders.inside(path))
        elif not path.exists():
            raise UsageError("no such file or folder", where=str(path), hint="check the path")
        elif not readable(path):
            raise UsageError("not a kind of file that is read", where=str(path), hint=KINDS)
        else:
            found.append(path)
    if not found:
        raise UsageError(
            "nothing to read: no NDJSON or JSON file",
            where=", ".join(str(path) for path in paths),
            hint=KINDS,
        )
    files = list(dict.fromkeys(found))
    for file in files:
        _look_into(file)
    return files


def _look_into(path: Path) -> None:
    """Raise UsageError for a file that cannot be opened, or whose first bytes tell it is no use."""
    with explained(path):
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


def is_ndjson(path: Path) -> bool:
    """Whether each line of the file is a resource, by its ending."""
    return path.name.removesuffix(".gz").endswith(NDJSON)


def is_compressed(path: Path) -> bool:
    """Whether the file is one of gzip, by its ending."""
    return path.name.endswith(".gz")


def inflated(packed: BinaryIO) -> BinaryIO:
    """What a gzip file holds, inflated in a thread of its own."""
    return cast(BinaryIO, igzip_threaded.open(packed, "rb"))  # type: ignore[no-untyped-call]


def read(path: Path, name: str = "") -> Iterator[Found | Broken]:
    """Every resource of the file. Raises UsageError when the file cannot be opened.

    name: what places call the file, where it is not that of the path.
    """
    name = name or path.name
    with explained(path), _open(path) as file:
        if is_ndjson(path):
            yield from _lines(name, file)
        else:
            yield from _document(name, _whole(file, path))


# The type hints of isal call its error anything.
_UNREADABLE = (OSError, EOFError, zlib.error, cast(type[Exception], IsalError))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What goes wrong while a file is read, as a UsageError that names it."""
    try:
        yield
    except _UNREADABLE as error:
        ends = isinstance(error, EOFError)
        broken = "the file ends in the middle" if ends else "the file is damaged"
        reason = getattr(error, "strerror", None) or broken
        raise UsageError(f"cannot be read: {reason}", where=str(path)) from error


def _open(path: Path) -> BinaryIO:
    if is_compressed(path):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _lines(name: str, file: BinaryIO) -> Iterator[Found | Broken]:
    for number, line in enumerate(file, start=1):
        text = line.removeprefix(BOM).strip()
        if text:
            yield from parsed(f"{name}:{number}", text)


def _whole(file: BinaryIO, path: Path) -> bytes:
    content = file.read(DOCUMENT + 1)
    if len(content) > DOCUMENT:
        raise UsageError(
            f"a JSON document of more than {DOCUMENT >> 20:,} MiB",
            where=str(path),
            hint="write a resource on each line, as NDJSON",
        )
    return content


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
    try:
        value = _parse(text)
    except UnicodeDecodeError as error:
        yield Broken(source, f"not UTF-8 at byte {error.start}", _shown(text))
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        yield Broken(source, f"not JSON: {what} at character {error.pos}", _shown(text))
    except ValueError as error:
        yield Broken(source, str(error), _shown(text))
    except ArithmeticError:
        yield Broken(source, "not JSON: a number beyond all bounds", _shown(text))
    except RecursionError:
        yield Broken(source, "nested too deeply", _shown(text))
    else:
        yield from _resources(source, value, text)


def _shown(text: bytes) -> str:
    # An escape that JSON does not know, so that what was no UTF-8 can never be replayed as text.
    return text.decode("utf-8", errors="backslashreplace")


def _parse(text: bytes) -> Any:
    try:
        return _fast.decode(text)
    except Exception:
        # Slower, it takes some more, as half a surrogate pair, and says what is wrong and where.
        return json.loads(text.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)


_fast = msgspec.json.Decoder(float_hook=Decimal)


def _refuse(name: str) -> float:
    raise ValueError(f"not JSON: {name} is no number")


def _resources(source: str, parsed: object, text: bytes) -> Iterator[Found | Broken]:
    if not isinstance(parsed, dict):
        yield Broken(source, "not a JSON object", _shown(text))
    elif parsed.get("resourceType") == "Bundle":
        yield from _entries(source, parsed, text)
    else:
        yield Found(source, parsed, text)


def _entries(source: str, bundle: dict[str, Any], text: bytes) -> Iterator[Found | Broken]:
    try:
        for number, resource in bundles.resources(bundle):
            place = f"{source}#entry[{number}]"
            if not isinstance(resource, dict):
                yield Broken(place, "not a JSON object", _json(resource).decode())
            elif resource.get("resourceType") == "Bundle":
                # What answers a batch holds a Bundle for each question.
                yield from _entries(place, resource, text)
            else:
                yield Found(place, resource, _json(resource))
    except InvalidResource as error:
        yield Broken(source, error.what, _shown(text))
    except Exception as error:
        # One strange Bundle must not stop the rest. The error's message would hold the data.
        yield Broken(source, f"a Bundle of no use ({type(error).__name__})", _shown(text))


def one_line(found: Found) -> bytes:
    """The resource as a line of NDJSON."""
    if b"\n" not in found.text and b"\r" not in found.text:
        return found.text
    try:
        return orjson.dumps(found.resource, default=_digits)
    except TypeError:
        # Within a string JSON has no line break, only its escape.
        return found.text.replace(b"\r", b" ").replace(b"\n", b" ")


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=_digits)
    except TypeError:
        # It takes no half of a surrogate pair and no number of more than 64 bits.
        return _any_json(value).encode()


def _any_json(value: object) -> str:
    if isinstance(value, dict):
        members = (f"{json.dumps(key)}:{_any_json(each)}" for key, each in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_any_json, value))}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _digits(value: object) -> orjson.Fragment:
    """A decimal with the digits it was sent with: 0.10 is not 0.1."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"no JSON for {type(value).__name__}")
