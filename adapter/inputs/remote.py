"""Objects behind an address, by fsspec: S3, Google, Azure, memory; https by `adapter.inputs.web`.

Credentials are those of the environment, as the library of each store takes them; where there are
none for S3, it is asked without. Other parts of fsspec (chained and wrapped addresses, shells of
other machines) are not reached.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from adapter.errors import RaiwayError, Unreachable, UsageError
from adapter.inputs import kinds
from adapter.inputs.ahead import Ahead
from adapter.inputs.guards import Readable
from adapter.inputs.origins import GONE, State

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]  # it has no stubs

_PACKAGES = {
    "s3": "'raiway[s3]'",
    "s3a": "'raiway[s3]'",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "memory": "fsspec",
}
_WEB = ("https", "http")
_BLOCK = 8 << 20
_GLOB = "*"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_CHECKSUMS = "AWS_RESPONSE_CHECKSUM_VALIDATION"
_STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "created")
"""How stores call what changes with an object's content, best first."""

Opened = AbstractContextManager[tuple[Readable, State]]


@dataclass(frozen=True, slots=True)
class Remote:
    """An object: what it is called, by what it is known later ('' where that is no use), and how
    to open it. What it raises is a RaiwayError.

    below: its path below the address that was given; '' for the object of the address itself.
    """

    name: str
    key: str
    open: Callable[[], Opened]
    below: str = ""

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


class Stores:
    """The object stores and servers that a run asks, each opened once."""

    def __init__(self) -> None:
        self._systems: dict[str, AbstractFileSystem] = {}

    def objects(self, address: str) -> list[Remote]:
        """What lies at the address, or below it where it is a prefix or has a `*`.

        Raises UsageError for an address that cannot be used or where nothing lies, and Unreachable
        where the store cannot be reached or refuses us.
        """
        scheme, where = _checked(address), kinds.shown(address)
        address = scheme + address[len(scheme) :]
        if scheme in _WEB:
            from adapter.inputs import web

            return [web.remote(address)]
        system = self._system(scheme, address)
        with _explained(where):
            path = cast(str, system._strip_protocol(address))
            found = _listed(system, path)
        if not found:
            raise UsageError("nothing lies here", where=where, hint="check the address")
        # With a pattern, below the last folder that it names plainly.
        plain, pattern, _ = path.partition(_GLOB)
        root = plain.rpartition("/")[0] if pattern else path
        listed = dict(sorted(found.items()))
        made = _Objects(system, scheme, root, Ahead(system, _sizes(listed, root)))
        return [made.remote(*each) for each in listed.items()]

    def _system(self, scheme: str, address: str) -> AbstractFileSystem:
        if scheme not in self._systems:
            self._systems[scheme] = _system(scheme, address)
        return self._systems[scheme]


@dataclass(frozen=True, slots=True)
class _Objects:
    """Objects of a store, at the path `root` or below it."""

    system: AbstractFileSystem
    scheme: str
    root: str
    ahead: Ahead

    def remote(self, path: str, facts: Mapping[str, Any]) -> Remote:
        address = f"{self.scheme}://{path.lstrip('/')}"
        name = kinds.printable(address)

        @contextmanager
        def opened() -> Iterator[tuple[Readable, State]]:
            with _explained(name):
                content = self.ahead.content(path)
                file = self.system.open(path, "rb", block_size=_BLOCK) if content is None else None
            with closing(file or io.BytesIO(content or b"")) as stream:
                yield _Explaining(stream, name), _state(facts)

        return Remote(name, address, opened, _below(path, self.root))


def _below(path: str, root: str) -> str:
    return path.removeprefix(root).lstrip("/")


def _sizes(found: Mapping[str, Mapping[str, Any]], root: str) -> dict[str, int]:
    """The bytes of those objects that are inputs by their names."""
    return {
        path: int(facts.get("size") or 0)
        for path, facts in found.items()
        if kinds.is_input(_below(path, root) or path)
    }


def _system(scheme: str, address: str) -> AbstractFileSystem:
    try:
        import fsspec  # it has no stubs

        options = _s3_options() if scheme.startswith("s3") else {}
        return fsspec.core.url_to_fs(address, **options)[0]
    except (ImportError, ValueError) as error:
        # It says so by a ValueError of a scheme that only the package would know.
        raise UsageError(
            f"{scheme}:// needs a package that is not installed",
            where=kinds.shown(address),
            hint=f"pip install {_PACKAGES[scheme]}",
        ) from error


def _checked(address: str) -> str:
    """The address's scheme. Raises UsageError for one that is not asked."""
    scheme = address.partition("://")[0].lower()
    where = kinds.shown(address)
    if "::" in scheme or scheme not in (*_PACKAGES, *_WEB):
        raise UsageError(
            "not a kind of address that is read",
            where=where,
            hint=f"kinds: {', '.join(f'{each}://' for each in ('file', *_WEB, *_PACKAGES))}",
        )
    user = urlsplit(address).netloc.rpartition("@")[0]
    if user and (":" in user or scheme in _WEB or scheme.startswith("s3")):
        raise UsageError(
            "an address with a user or a password in it",
            where=where,
            hint="credentials come from the environment, as AWS_PROFILE",
        )
    return scheme


def _listed(system: AbstractFileSystem, path: str) -> dict[str, dict[str, Any]]:
    """Path -> facts of the objects there."""
    if _GLOB in path:
        found = system.glob(path, detail=True)
        return {each: facts for each, facts in found.items() if facts["type"] == "file"}
    facts = system.info(path)
    if facts["type"] == "file":
        return {path: facts}
    return cast(dict[str, dict[str, Any]], system.find(path, detail=True))


def _state(facts: Mapping[str, Any]) -> State:
    stamp = next((facts[name] for name in _STAMPS if facts.get(name)), "")
    # A listing and a look at one object give a time in different types.
    known = str(stamp.timestamp() if isinstance(stamp, datetime) else stamp)
    return (str(facts.get("size", "")), known) if known else GONE


def _s3_options() -> dict[str, Any]:
    from botocore.session import get_session  # type: ignore[import-untyped]  # nor has it
    from fsspec.config import conf  # type: ignore[import-untyped]  # it has no stubs

    known = bool(conf.get("s3")) or get_session().get_credentials() is not None
    options: dict[str, Any] = {} if known else {"anon": True}
    own = any(os.environ.get(name) for name in _ENDPOINTS)
    if own and not os.environ.get(_CHECKSUMS):
        # Some servers that are not Amazon's refuse a request that offers to check sums.
        options["config_kwargs"] = {"response_checksum_validation": "when_required"}
    return options


class _Explaining:
    """A file whose faults are explained."""

    def __init__(self, file: Readable, where: str) -> None:
        self._file, self._where = file, where

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes. Raises RaiwayError."""
        with _explained(self._where):
            return self._file.read(size)


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """What a store's library raises, without its message, which may hold what is secret."""
    try:
        yield
    except RaiwayError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("nothing lies here", where=where, hint="check the address") from error
    except PermissionError as error:
        raise Unreachable(
            "access is denied",
            where=where,
            hint="check the credentials in the environment, and what they may read",
        ) from error
    except Exception as error:
        raise Unreachable(
            f"cannot be read: {_code(error)}",
            where=where,
            hint="check the address, AWS_ENDPOINT_URL or its like, and the network",
        ) from error


def _code(error: Exception) -> str:
    """What the store calls the error, else its type. A message might hold what is secret."""
    answer = getattr(error.__cause__ or error, "response", None)
    told = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(told or type(error).__name__)
