"""Key files of a secure sum: the directory of public keys, and each holder's own private keys."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from adapter.elements import Json
from adapter.errors import ConfigurationError, UsageError
from adapter.pooling.secure.messages import (
    Directory,
    ServerKeys,
    new_sealing_key,
    new_signing_key,
    public,
)

CURVES = {"signing": "Ed25519", "sealing": "X25519"}


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """A holder's private keys. sealing: of registry and trustee, to whom shares are sent."""

    signing: OKPKey = field(repr=False)
    sealing: OKPKey | None = field(repr=False, default=None)

    def seal(self) -> OKPKey:
        """The private sealing key. Raises ConfigurationError for a site's keys."""
        if self.sealing is None:
            raise ConfigurationError(
                "the keys are a site's, without a sealing key",
                hint="raiway secure-sum keys --server makes those of a registry or trustee",
            )
        return self.sealing


def new_keys(*, server: bool) -> Json:
    """Fresh private keys of a site, or of a server, as they are kept in a file."""
    made = {"signing": new_signing_key().as_dict(private=True)}
    return made | ({"sealing": new_sealing_key().as_dict(private=True)} if server else {})


def public_keys(own: OwnKeys) -> Json:
    """What others enter into their directory: of a server two JWKs, of a site one."""
    signing = public(own.signing)
    return {"signing": signing, "sealing": public(own.sealing)} if own.sealing else signing


def write_private(path: Path, content: Json) -> None:
    """Write a file that its owner alone can read. Raises UsageError where there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(path)) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1) + "\n")


def own_keys(text: str, where: str) -> OwnKeys:
    """The keys in a key file's text. Raises ConfigurationError, telling nothing of the text."""
    found = _parsed(text, where)
    sealing = _key(found["sealing"], "sealing", where) if "sealing" in found else None
    return OwnKeys(_key(found.get("signing"), "signing", where), sealing)


def read_directory(path: Path) -> Directory:
    """The directory in this file. Raises ConfigurationError, naming the entry at fault."""
    where = str(path)
    try:
        found = _parsed(path.read_text(encoding="utf-8"), where)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("the directory of keys cannot be read", where=where) from error
    servers = [_server(found.get(role), f"{where}: {role}") for role in ("registry", "trustee")]
    sites = {
        str(name): _key(jwk, "signing", f"{where}: {name}")
        for name, jwk in dict(found.get("sites") or {}).items()
    }
    try:
        return Directory(servers[0], servers[1], sites)
    except ValueError as error:
        raise ConfigurationError(str(error), where=where) from error


def _server(found: Any, where: str) -> ServerKeys:
    keys = found if isinstance(found, dict) else {}
    return ServerKeys(*(_key(keys.get(name), name, where) for name in CURVES))


def _parsed(text: str, where: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError("is no JSON", where=where) from error
    if not isinstance(found, dict):
        raise ConfigurationError("is no JSON object", where=where)
    return found


def _key(jwk: Any, use: str, where: str) -> OKPKey:
    try:
        key = OKPKey.import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"the {use} key is no JWK of kind OKP", where=where) from error
    if key.curve_name != CURVES[use]:
        raise ConfigurationError(f"the {use} key is not of {CURVES[use]}", where=where)
    return key
