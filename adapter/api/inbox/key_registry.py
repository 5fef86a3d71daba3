"""Which site may sign with which key, from when to when: a file that the registry keeps by hand.

[[keys]]
reporter = "Organization/hospital-a"   # as its reports name it
jwks = "hospital-a.jwks.json"          # what `raiway keys` printed there; from this folder
from = 2026-01-01                      # days of UTC, both included
until = 2027-12-31
revoked = 2026-10-01                   # whatever the key signed, ever, is refused
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from joserfc.jwk import ECKey, RSAKey
from pydantic import Field, ValidationError

from adapter.api.security.key_sets import public_keys
from adapter.errors import ConfigurationError
from adapter.site_settings import Section
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import ALG


class KeyEntry(Section):
    """One `[[keys]]`. kid: one key of the JWKS; '' is all of them."""

    reporter: str = Field(min_length=1)
    jwks: Path
    kid: str = ""
    first: date | None = Field(default=None, alias="from")
    until: date | None = None
    revoked: date | None = None


class KeysFile(Section):
    """The file."""

    keys: tuple[KeyEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key and for whom it stands."""

    kid: str
    key: ECKey | RSAKey
    entry: KeyEntry


@dataclass(frozen=True, slots=True)
class KeyRegistry:
    """Registered keys. No key and no kid belongs to two reporters."""

    keys: tuple[RegisteredKey, ...] = ()

    @property
    def reporters(self) -> frozenset[str]:
        """Who has a key, revoked or not."""
        return frozenset(key.entry.reporter for key in self.keys)

    def key(self, kid: str, site: str, *moments: datetime) -> ECKey | RSAKey:
        """The site's key of this id, if it may sign at each of the moments.

        Raises NotTrusted for a key that nobody has, that is another site's, that is revoked, or
        that is not valid then.
        """
        found = next((each for each in self.keys if each.kid == kid), None)
        if found is None:
            raise NotTrusted("key", "the key is registered for nobody")
        if found.entry.reporter != site:
            raise NotTrusted("site", "the key is another site's")
        if found.entry.revoked is not None:
            raise NotTrusted("revoked", f"the key was revoked on {found.entry.revoked}")
        for moment in moments:
            _check_valid(found.entry, moment.astimezone(UTC).date())
        return found.key


def _check_valid(entry: KeyEntry, day: date) -> None:
    if entry.first is not None and day < entry.first:
        raise NotTrusted("validity", f"the key is valid from {entry.first} on, not on {day}")
    if entry.until is not None and day > entry.until:
        raise NotTrusted("validity", f"the key was valid until {entry.until}, not on {day}")


def read_key_registry(stated: str) -> KeyRegistry:
    """The registry in the file of this path; '' is one that knows nobody.

    Raises ConfigurationError for a file that cannot be read or does not hold together.
    """
    if not stated:
        return KeyRegistry()
    file = Path(stated)
    try:
        held = KeysFile(**tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(file)) from error
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, item["loc"]))
        raise ConfigurationError(f"{place}: {item['msg']}", where=str(file)) from error
    found = [key for entry in held.keys for key in _of_entry(entry, file)]
    _check_owners(found, file)
    return KeyRegistry(tuple(found))


def _of_entry(entry: KeyEntry, file: Path) -> Iterator[RegisteredKey]:
    where = file.parent / entry.jwks
    try:
        held = public_keys(json.loads(where.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(where)) from error
    except ValueError as error:
        raise ConfigurationError("is no JWKS of public keys", where=str(where)) from error
    usable = [key for key in held if key.alg == ALG and entry.kid in ("", key.kid)]
    if not usable:
        raise ConfigurationError(f"holds no {ALG} key of {entry.reporter}", where=str(where))
    for key in usable:
        yield RegisteredKey(key.kid, key.key, entry)


def _check_owners(found: list[RegisteredKey], file: Path) -> None:
    names: dict[str, str] = {}
    for key in found:
        for name in (f"kid {key.kid}", f"thumbprint {key.key.thumbprint()}"):
            if names.setdefault(name, key.entry.reporter) != key.entry.reporter:
                what = f"a key of {key.entry.reporter} is also that of {names[name]}"
                raise ConfigurationError(what, where=str(file), hint="one key, one site")
    kids = [key.kid for key in found]
    if len(set(kids)) < len(kids):
        raise ConfigurationError(
            "a key stands twice", where=str(file), hint="one [[keys]] for each: name its kid"
        )
