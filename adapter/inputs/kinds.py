"""What a name says of a file: a resource file, an archive, or neither.

Inside archives and behind addresses only the ending counts, as it does in folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from adapter import folders, landed, sources

ArchiveKind = Literal["zip", "tar"]

PACKINGS = (".gz", ".zst")
_ARCHIVES: dict[str, tuple[ArchiveKind, str]] = {
    ".zip": ("zip", ""),
    ".tar": ("tar", ""),
    ".tar.gz": ("tar", ".gz"),
    ".tgz": ("tar", ".gz"),
    ".tar.zst": ("tar", ".zst"),
    ".tzst": ("tar", ".zst"),
}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_NO_DATA = frozenset({*folders.NO_DATA, landed.QUARANTINE})
# The folder in which macOS keeps what zip cannot say of a file, under the file's own name.
_MACOS = "__MACOSX"
_MEMBER = "!"
_NUMBER = re.compile(r" \(\d+\)$")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Archive:
    """How an archive is to be opened. packing: the ending of what it is compressed with, or ''."""

    kind: ArchiveKind
    packing: str


def is_address(argument: str) -> bool:
    """Whether an argument is a URL."""
    return bool(_ADDRESS.match(argument))


def archive(name: str) -> Archive | None:
    """What kind of archive the name is of."""
    lower = name.lower()
    found = max((end for end in _ARCHIVES if lower.endswith(end)), key=len, default="")
    return Archive(*_ARCHIVES[found]) if found else None


def resource_ending(name: str) -> str:
    """ ".ndjson" where each line is a resource, ".json" where the file is a document, else ''."""
    lower = _unpacked(name.lower())
    if lower.endswith(sources.NDJSON):
        return sources.NDJSON[0]
    return ".json" if lower.endswith(sources.ENDINGS) else ""


def _unpacked(name: str) -> str:
    """The name without the ending of what it is compressed with."""
    for packing in PACKINGS:
        name = name.removesuffix(packing)
    return name


def is_no_data(name: str) -> bool:
    """Whether a file in an archive or below an address only accompanies data: a manifest, a log,
    what was refused, and what is hidden."""
    *folders, last = name.split("/")
    hidden = any(part.startswith(".") for part in (*folders, last))
    return hidden or _unpacked(last) in _NO_DATA or _MACOS in folders


def is_input(name: str) -> bool:
    """Whether a file in an archive or below an address is read, by its name."""
    by_ending = archive(name) is not None or bool(resource_ending(name))
    return by_ending and not is_no_data(name)


def printable(name: str) -> str:
    """The name as it may go to a terminal and into a place: on one line, of bearable length."""
    shown = "".join(each if each.isprintable() else "\ufffd" for each in name)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def shown(address: str) -> str:
    """The address without user, query and fragment, which may hold credentials."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return printable(address.partition("://")[0]) + "://…"
    # Of an object store the path may hold a question mark or a hash, but so may a signature.
    return printable(f"{parts.scheme}://{host}{parts.path}")


def member(container: str, name: str) -> str:
    """What a member of an archive is called."""
    return f"{container}{_MEMBER}{name}"


def numbered(name: str, count: int) -> str:
    """The name of the first, second … file that is called so."""
    return name if count == 1 else f"{name} ({count})"


def unnumbered(name: str) -> str:
    """The name without such a number."""
    return _NUMBER.sub("", name)


def container_of(key: str) -> str:
    """The file or address that has to be opened to read what has this key."""
    for found in re.finditer(_MEMBER, key):
        if archive(key[: found.start()]):
            return key[: found.start()]
    return key
