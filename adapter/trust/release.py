"""A signed release: a detached JWS over the exact bytes of a MeasureReport (pooling.md section 9).

RFC 7515 compact serialization with detached content (appendix F), unencoded payload (RFC 7797,
`b64` false), ES384: the signing input is the protected header, a dot, and the bytes as they are, so
that no canonical form of JSON is needed. What the signature claims stands in the protected header.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import urlsafe_b64decode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from adapter.elements import Json
from adapter.errors import ConfigurationError
from adapter.pooling.site_report import reporter_key
from adapter.pull.auth.keys import SigningKey
from adapter.trust.refusal import NotTrusted

ALG = "ES384"
TYPE = "raiway-release+jws"
_FIXED: dict[str, Any] = {"alg": ALG, "b64": False, "crit": ["b64"], "typ": TYPE}
_NAMES = {
    "iss": "site",
    "aud": "audience",
    "sub": "report",
    "number": "number",
    "previous": "previous",
    "revision": "revision",
    "iat": "signed",
}
"""Header parameters of ours, and the claims that they are."""

# 96 bytes of ECDSA on P-384 are 128 characters with no bit to spare, so one text has one meaning.
_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,8000})\.\.[A-Za-z0-9_-]{128}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST = 2**31


class _Sizes(JWSRegistry):
    """joserfc's own bounds are for tokens; how large a report may be is the server's to say."""

    max_header_length = 8_000
    max_payload_length = 1 << 30


_JWS = _Sizes(algorithms=[ALG], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a site signs beside the report.

    Attributes:
        site: the reporter, as `reporter_key` names it.
        audience: the registry's FHIR base.
        report: the report's key, `report_key`.
        number: the release's place among those of the site to this registry, from 1.
        previous: the hash of the release before it, '' for the first.
        revision: the release's place among those of this report, from 1.
        signed: seconds since 1970.
    """

    site: str
    audience: str
    report: str
    number: int
    previous: str
    revision: int
    signed: int

    @property
    def moment(self) -> datetime:
        """When it was signed, as the site says."""
        return datetime.fromtimestamp(self.signed, UTC)


@dataclass(frozen=True, slots=True)
class Release:
    """A token as it stands, unverified until `verify`. hash: SHA-256 of what was signed, in hex;
    another signature of the same is the same release."""

    claims: Claims
    kid: str
    token: str
    hash: str


def report_key(report: Json) -> str:
    """The uuid5 of what a site reports on: itself, the Measure with its version, the period.

    Raises NotTrusted for a report that does not say so.
    """
    try:
        period = report["period"]
        reporter = reporter_key(report["reporter"])
        named = [reporter, report["measure"], period["start"], period["end"]]
    except (KeyError, TypeError, AttributeError):
        raise NotTrusted("report", "the report names no reporter, measure or period") from None
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(named)))


def sign(content: bytes, claims: Claims, key: SigningKey) -> Release:
    """The release of these bytes. Raises ConfigurationError for a key that is no ES384 key."""
    if key.alg != ALG:
        raise ConfigurationError(
            f"reports are signed by {ALG}, and this key is for {key.alg}",
            hint="raiway keys registry --new makes one",
        )
    stated = asdict(claims)
    header = {**_FIXED, "kid": key.kid, **{name: stated[of] for name, of in _NAMES.items()}}
    return opened(jws.serialize_compact(header, content, key.key, registry=_JWS), content)


def opened(token: str, content: bytes) -> Release:
    """What the token says, not yet believed. Raises NotTrusted for what is none of our form."""
    form = _TOKEN.fullmatch(token)
    if form is None:
        raise NotTrusted("form", "the signature is no detached JWS")
    header = _header(form[1])
    stated = {of: header.pop(name, None) for name, of in _NAMES.items()}
    kid = header.pop("kid", None)
    if header != _FIXED or header["b64"] is not False or not _text(kid):
        raise NotTrusted("form", f"the signature's header is not that of a release ({TYPE}, {ALG})")
    claims = _claims(stated)
    return Release(claims, kid, token, sha256(f"{form[1]}.".encode() + content).hexdigest())


def verify(release: Release, content: bytes, key: ECKey | RSAKey) -> None:
    """Raises NotTrusted unless the key signed these bytes."""
    try:
        jws.deserialize_compact(release.token, key, registry=_JWS, payload=content)
    except (JoseError, ValueError, TypeError) as error:
        raise NotTrusted("signature", "the signature does not fit the report's bytes") from error


def _header(part: str) -> dict[str, Any]:
    try:
        header = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise NotTrusted("form", "the signature's header cannot be read")
    return header


def _claims(stated: dict[str, Any]) -> Claims:
    texts = all(_text(stated[name]) for name in ("site", "audience", "report"))
    numbers = all(_counting(stated[name]) for name in ("number", "revision"))
    first = stated["number"] == 1
    previous = stated["previous"]
    linked = isinstance(previous, str) and (
        not previous if first else bool(_DIGEST.fullmatch(previous))
    )
    instant = isinstance(stated["signed"], int) and 0 <= stated["signed"] < 2 * _MOST
    if not (texts and numbers and linked and instant) or stated["signed"] is True:
        raise NotTrusted("form", "the signature's claims are incomplete")
    return Claims(**stated)


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 500


def _counting(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < _MOST
