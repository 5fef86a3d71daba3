"""What an archive holds: its regular files, by names that were checked."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from adapter.errors import UsageError
from adapter.inputs.guards import Counted, Limits, Meter, checked_name
from adapter.inputs.kinds import Archive, member, printable
from adapter.inputs.streams import unpacked

_ENCRYPTED = 0x1
_UNIX_KIND = 0o170000
_REGULAR = (0, 0o100000)
_LONGEST_HEADER = 1 << 20
_EXTENSIONS = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of an archive. open: gives its content, once, before the next member."""

    name: str
    open: Callable[[], BinaryIO]


def members(path: Path, kind: Archive, where: str, limits: Limits) -> Iterator[Member]:
    """The regular files of the archive, in its order; links are passed over.

    where: what errors call the archive. Raises UsageError for an entry that leads out of it or is
    of a kind that no export holds, and where it unpacks to too much; and what the libraries raise
    for a damaged one (see `streams.explained`).
    """
    size = path.stat().st_size
    meter = Meter(where, lambda: size, limits)
    with path.open("rb") as file:
        yield from (_of_zip if kind.kind == "zip" else _of_tar)(file, kind, meter)


def _of_zip(file: BinaryIO, _: Archive, meter: Meter) -> Iterator[Member]:
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            name = checked_name(info.filename, meter.where)
            if not info.is_dir() and (info.external_attr >> 16) & _UNIX_KIND in _REGULAR:
                yield Member(name, lambda info=info: _of_entry(opened, info, meter))  # type: ignore[misc]


def _of_entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter) -> BinaryIO:
    if info.flag_bits & _ENCRYPTED:
        raise UsageError(
            "encrypted",
            where=member(meter.where, printable(info.filename)),
            hint="unpack it with its password and give the files",
        )
    return cast(BinaryIO, Counted(opened.open(info), meter.count))


class _Header(tarfile.TarInfo):
    """A header whose extension is read as a whole, and so must not be of any length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Raises ReadError where it is too long."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in _EXTENSIONS and found.size > _LONGEST_HEADER:
            raise tarfile.ReadError("a header that is too long")
        return found


def _of_tar(file: BinaryIO, kind: Archive, meter: Meter) -> Iterator[Member]:
    stream = unpacked(file, kind.packing, meter)
    with closing(tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header)) as opened:
        for info in opened:
            name = checked_name(info.name, meter.where)
            if info.isdev() or info.issparse():
                raise UsageError(
                    "an archive with a device, a pipe or a file with holes",
                    where=member(meter.where, printable(name)),
                    hint="nothing was read; ask where the archive comes from",
                )
            if info.isfile():
                yield Member(name, lambda info=info: _content(opened, info))  # type: ignore[misc]
            # Otherwise it would remember every member of a tar of thousands.
            cast(Any, opened).members = []


def _content(opened: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    content = opened.extractfile(info)
    if content is None:
        raise tarfile.ReadError("a member without content")
    return cast(BinaryIO, content)
