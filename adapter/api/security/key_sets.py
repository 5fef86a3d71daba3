"""Public keys of clients: read from their registered file, or fetched from their registered URL.

SMART App Launch 2.2.0, "Client Authentication: Asymmetric"; the key set format is RFC 7517.
"""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey, import_key

from adapter.api.security.outgoing import Outgoing
from adapter.errors import ConfigurationError, Unreachable
from adapter.pull.auth.keys import Alg

_UNSTATED_LIFE = 60.0  # seconds that a set without Cache-Control is kept
_LONGEST_LIFE = 86_400.0
_ASK_AGAIN = 10.0  # seconds between two questions, whatever clients send
_PATIENCE = 2.0  # seconds to wait for another thread's answer
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 50
_PRIVATE = frozenset({"d", "p", "q", "k"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that a client may sign with, and the one algorithm that it is good for."""

    kid: str
    alg: Alg
    key: ECKey | RSAKey


def public_keys(document: Any) -> list[PublicKey]:
    """The keys of a JWKS that SMART can use: RSA of 2048 bits or more, EC on P-384, with a kid.

    Others are left out. Raises ValueError for what is no JWKS, or holds a private key.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
        raise ValueError("no JWKS")
    entries = [each for each in entries if isinstance(each, dict)]
    if any(_PRIVATE & each.keys() for each in entries):
        raise ValueError("holds a private key")
    return [key for each in entries if (key := _usable(each))]


def _usable(entry: Mapping[str, Any]) -> PublicKey | None:
    kid = entry.get("kid")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not kid or entry.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of a size that is refused below
            key = import_key(dict(entry))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    alg = _alg(key)
    if alg is None or entry.get("alg", alg) != alg or not isinstance(key, ECKey | RSAKey):
        return None
    return PublicKey(kid, alg, key)


def _alg(key: object) -> Alg | None:
    if isinstance(key, ECKey) and key.curve_name == "P-384":
        return "ES384"
    if isinstance(key, RSAKey) and key.raw_value.key_size >= _LEAST_RSA_BITS:
        return "RS384"
    return None


class FileKeys:
    """A JWKS file, read again when it changes."""

    def __init__(self, client_id: str, file: Path) -> None:
        """Raises ConfigurationError where the file holds no usable key."""
        self._client_id = client_id
        self._file = file
        self._stamp = (0, 0)
        self._keys: list[PublicKey] = []
        if not self.keys():
            raise self._broken("holds no key on P-384 or RSA of 2048 bits with a kid")

    def keys(self, wanted: str = "") -> list[PublicKey]:
        """The keys now. Raises ConfigurationError for a file that was broken meanwhile."""
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._keys = public_keys(json.loads(self._file.read_bytes()))
                self._stamp = stamp
        except OSError as error:
            raise self._broken(f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            why = str(error) if not isinstance(error, json.JSONDecodeError) else "is no JSON"
            raise self._broken(why) from None
        return self._keys

    def _broken(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"jwks_file of client {self._client_id} {why}",
            where=str(self._file),
            hint='a JWKS of public keys: {"keys": [{"kty": …, "kid": …}]}; raiway keys SITE '
            "prints one",
        )


class FetchedKeys:
    """A JWKS at an https URL, kept as long as its Cache-Control allows."""

    def __init__(self, url: str, outgoing: Outgoing) -> None:
        self._url = url
        self._outgoing = outgoing
        self._keys: list[PublicKey] = []
        self._until = 0.0
        self._asked_at = float("-inf")
        self._lock = Lock()

    def keys(self, wanted: str = "") -> list[PublicKey]:
        """The keys; asked for anew when they are too old, or lack the wanted kid.

        Raises Unreachable.
        """
        # Whoever waits holds a thread, and anybody may ask in a client's name.
        if not self._lock.acquire(timeout=_PATIENCE):
            raise Unreachable("the key set is still being asked for")
        try:
            now = time.monotonic()
            lacking = bool(wanted) and all(key.kid != wanted for key in self._keys)
            rested = now - self._asked_at >= _ASK_AGAIN
            if now >= self._until or (lacking and rested):
                self._fetch(now, rested)
            return self._keys
        finally:
            self._lock.release()

    def _fetch(self, now: float, rested: bool) -> None:
        if not self._keys and not rested:
            raise Unreachable("the key set was out of reach a moment ago")
        self._asked_at = now
        self._keys, self._until = [], 0.0
        document, reply = self._outgoing.json(self._url)
        try:
            self._keys = public_keys(document)
        except ValueError as error:
            raise Unreachable(f"the key set {error}") from None
        self._until = now + life(reply.headers)


def life(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer may be kept. headers: by name in lower case (RFC 9111 5.2)."""
    stated = headers.get("cache-control", "").lower()
    if re.search(r"\bno-(store|cache)\b", stated):
        return 0.0
    found = re.search(r"\bmax-age\s*=\s*\"?(\d{1,9})", stated)
    if not found:
        return _UNSTATED_LIFE
    age = headers.get("age", "")
    spent = float(age) if age.isdigit() else 0.0
    return max(0.0, min(float(found[1]) - spent, _LONGEST_LIFE))
