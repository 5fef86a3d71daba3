"""A site's keys in a folder, and the JWKS that is registered with it (A8).

Two keys in the JWKS let a site change from one to the other without a gap: register the new one
beside the old one, then sign with the new one, then take the old one away.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from adapter.errors import UsageError
from adapter.files import write_atomically
from adapter.pull.auth.credentials import secret
from adapter.pull.auth.keys import SigningKey, signing_key
from adapter.site_settings import SiteSettings

_SHOWN = 8  # of a thumbprint, in a file's name
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def keep(key: SigningKey, site: str, folder: Path) -> Path:
    """Write the private key into the folder (mode 0700), readable by its owner only (0600).

    Raises UsageError where it cannot be written or is there already.
    """
    _check_name(site)
    file = folder / f"{site}.{key.alg}.{key.kid[:_SHOWN]}.pem"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_EXCL: neither another key nor what a link leads to is overwritten.
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as out:
            out.write(key.key.as_pem(private=True))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(file)) from error
    return file


def keys_of(name: str, folder: Path, site: SiteSettings | None) -> list[SigningKey]:
    """The keys that the site may be shown: the one that its settings name, and those kept in the
    folder, the newest first.

    Raises UsageError where there is none, ConfigurationError for one that cannot be used.
    """
    _check_name(name)
    found = [_configured(site)] if site is not None and site.private_key else []
    # Of A, and not of a site that is called A.B.
    for file in sorted(folder.glob(f"{name}.[ER]S384*.pem"), key=_age, reverse=True):
        found.append(signing_key(secret("private_key", str(file))))
    if not found:
        raise UsageError(
            f"site {name} has no key", where=str(folder), hint=f"raiway keys {name} --new makes one"
        )
    # The configured one comes first: it may have a kid of the site's own choice.
    return list({key.key.thumbprint(): key for key in reversed(found)}.values())[::-1]


def jwks(keys: list[SigningKey]) -> dict[str, Any]:
    """The JWKS to register: public halves only."""
    return {"keys": [key.public for key in keys]}


def publish(document: dict[str, Any], site: str, folder: Path) -> Path:
    """Write the JWKS beside the keys, to be sent to the site or put on a web server."""
    file = folder / f"{site}.jwks.json"
    write_atomically(file, json.dumps(document, indent=2) + "\n")
    return file


def stated(file: Path, folder: Path) -> str:
    """The file as a settings file in this folder names it."""
    whole, base = file.resolve(), folder.resolve()
    return (whole.relative_to(base) if whole.is_relative_to(base) else whole).as_posix()


def _configured(site: SiteSettings) -> SigningKey:
    return signing_key(secret("private_key", site.private_key), kid=site.kid)


def _age(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name


def _check_name(site: str) -> None:
    if not _NAME.fullmatch(site):
        raise UsageError(
            f"{site!r} cannot be part of a file's name",
            hint="letters, digits, dot, dash, underscore",
        )
