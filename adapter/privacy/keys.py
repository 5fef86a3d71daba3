"""Keys of pseudonyms and of date shifts.

A key is 32 random bytes or more, from a file of the owner's or the environment, never from
`raiway.toml`. Whoever has it can tell which pseudonym belongs to an id that he knows; without it a
pseudonym tells nothing. Its fingerprint lies with the data: two keys give two sets of ids, which
must not get into one store.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from adapter.errors import ConfigurationError

LEAST_BYTES = 32
_PURPOSE = b"raiway key fingerprint"


def new_key() -> str:
    """A new key as text for a file or an environment variable: 64 hexadecimal digits."""
    return secrets.token_hex(LEAST_BYTES)


def fingerprint(key: bytes) -> str:
    """16 hexadecimal digits that name a key and do not tell it."""
    return hmac.digest(key, _PURPOSE, hashlib.sha256).hex()[:16]


def checked(content: bytes, what: str) -> bytes:
    """The key in a file or variable, which may end with a line break.

    64 or more hexadecimal digits are bytes in hexadecimal. Raises ConfigurationError, which does
    not repeat it, for a key that is too short to be random.
    """
    stated = content.strip()
    try:
        key = bytes.fromhex(stated.decode("ascii"))
    except ValueError:
        key = stated
    if len(key) < LEAST_BYTES or len(set(key)) < LEAST_BYTES // 3:
        raise ConfigurationError(
            f"{what} is no key of {LEAST_BYTES} random bytes",
            hint="make one with: raiway deidentify --new-key FILE",
        )
    return key


@dataclass(frozen=True, slots=True)
class Keys:
    """The key of ids and, where dates are shifted, that of the shift."""

    ids: bytes = field(repr=False)
    shift: bytes | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str:
        """What lies with the data: of both keys, joined by `-`."""
        return "-".join(fingerprint(key) for key in (self.ids, self.shift) if key)
