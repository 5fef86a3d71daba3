"""Keys of SMART Backend Services: made, and read from PEM, JWK or JWKS.

SMART App Launch 2.2.0, "Client Authentication: Asymmetric": RS384 or ES384, a `kid` for each key.
Ours is the key's thumbprint (RFC 7638).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey, import_key

from adapter.errors import ConfigurationError

Alg = Literal["ES384", "RS384"]

_RSA_BITS = 3072
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with what a JWT's header says of it."""

    kid: str
    alg: Alg
    key: ECKey | RSAKey = field(repr=False)

    @property
    def public(self) -> dict[str, Any]:
        """The public half as an entry of a JWKS."""
        members = self.key.as_dict(private=False)
        return {**members, "kid": self.kid, "alg": self.alg, "use": "sig", "key_ops": ["verify"]}


def new_key(alg: Alg) -> SigningKey:
    """A fresh pair: P-384 for ES384, RSA of 3072 bits for RS384."""
    key = ECKey.generate_key("P-384") if alg == "ES384" else RSAKey.generate_key(_RSA_BITS)
    return SigningKey(key.thumbprint(), alg, key)


def signing_key(text: str, *, kid: str = "", alg: Alg | None = None) -> SigningKey:
    """The private key in this PEM, JWK or JWKS.

    kid: which key of a JWKS; for a PEM, the name that the server knows it by (default: the key's
    own, else its thumbprint). alg: what the key must be good for (default: what it is).
    Raises ConfigurationError, without a word of the text.
    """
    try:
        with warnings.catch_warnings():
            # Of a key that is too small, which `_fits` refuses in our own words.
            warnings.simplefilter("ignore", SecurityWarning)
            key = _parsed(text, kid)
    except (JoseError, ValueError, TypeError, KeyError):
        raise ConfigurationError(
            "private_key is no private key that can be read",
            hint="an unencrypted PEM or JWK; raiway keys SITE --new makes one",
        ) from None
    fits = _fits(key)
    if alg is not None and alg != fits:
        raise ConfigurationError(
            f"private_key is a key for {fits}, not {alg}", hint=f"alg = {fits}"
        )
    return SigningKey(kid or key.kid or key.thumbprint(), fits, key)


def _parsed(text: str, kid: str) -> ECKey | RSAKey:
    if text.lstrip().startswith("{"):
        members = json.loads(text)
        if isinstance(members.get("keys"), list):
            members = _chosen(members["keys"], kid)
        key = import_key(members)
    elif "RSA" in text.partition("\n")[0]:
        key = RSAKey.import_key(text)
    else:
        key = _from_pem(text)
    if not isinstance(key, ECKey | RSAKey) or not key.is_private:
        raise ValueError("not a private key of a type that SMART uses")
    return key


def _chosen(keys: list[dict[str, Any]], kid: str) -> dict[str, Any]:
    found = [key for key in keys if not kid or key.get("kid") == kid]
    if len(found) != 1:
        raise ConfigurationError(
            f"private_key holds {len(found)} keys of kid {kid!r}" if kid else "kid is not set",
            hint="name one of the JWKS's keys: kid",
        )
    return found[0]


def _from_pem(text: str) -> ECKey | RSAKey:
    """PKCS#8 does not say in its header which kind of key it holds."""
    try:
        return ECKey.import_key(text)
    except (JoseError, ValueError, TypeError, AttributeError):
        return RSAKey.import_key(text)


def _fits(key: ECKey | RSAKey) -> Alg:
    if isinstance(key, RSAKey):
        bits = key.raw_value.key_size
        if bits < _LEAST_RSA_BITS:
            raise ConfigurationError(f"private_key has {bits} bits", hint="2048 at least")
        return "RS384"
    if key.curve_name != "P-384":
        raise ConfigurationError(f"private_key is on {key.curve_name}", hint="ES384 needs P-384")
    return "ES384"
