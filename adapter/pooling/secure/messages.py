"""Signed and sealed messages: JWS over exact bytes (Ed25519), JWE for one server (X25519).

Algorithms are fixed: RFC 9864 `Ed25519`; RFC 8037 `ECDH-ES` by X25519 with `A256GCM`. A message of
one kind is never taken for another: the kind is in the protected header.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from adapter.elements import Json
from adapter.pooling.secure.refusal import SecureSumRefused

SIGN: Final = "Ed25519"
SEAL: Final = ("ECDH-ES", "A256GCM")
LONGEST = 4 * 2**20
"""Bytes of the longest message: some 200,000 columns."""
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The public keys of registry or trustee: what it signs with, and what is sealed for it."""

    signing: OKPKey = field(repr=False)
    sealing: OKPKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is who: public keys by holder, registered out of band before any round.

    Raises ValueError where one key signs for two holders.
    """

    registry: ServerKeys
    trustee: ServerKeys
    sites: Mapping[str, OKPKey]

    def __post_init__(self) -> None:
        keys = [self.registry.signing, self.trustee.signing, *self.sites.values()]
        if len({key.thumbprint() for key in keys}) < len(keys):
            raise ValueError("a signing key is registered for two holders")

    def server(self, role: str) -> ServerKeys:
        """The keys of `registry` or `trustee`."""
        return self.registry if role == "registry" else self.trustee

    def site_of(self, kid: str) -> str:
        """Whose signing key this is. Raises SecureSumRefused for nobody's."""
        for site, key in self.sites.items():
            if key.thumbprint() == kid:
                return site
        raise SecureSumRefused("key", "it is signed by a key that no site has registered")


def new_signing_key() -> OKPKey:
    """A fresh Ed25519 pair."""
    return OKPKey.generate_key("Ed25519")


def new_sealing_key() -> OKPKey:
    """A fresh X25519 pair."""
    return OKPKey.generate_key("X25519")


def public(key: OKPKey) -> Json:
    """The public half as a JWK, without optional members."""
    members = key.as_dict(private=False)
    return {name: members[name] for name in ("kty", "crv", "x")}


def canonical(content: Any) -> bytes:
    """JSON with sorted keys and no spaces; of texts and whole numbers the same as RFC 8785."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def signed(kind: str, content: Json, key: OKPKey) -> str:
    """The content as a compact JWS of this kind."""
    header = {"alg": SIGN, "kid": key.thumbprint(), "typ": _typ(kind)}
    return jws.serialize_compact(header, canonical(content), key, registry=_signing())


def signer(token: str) -> str:
    """The thumbprint of the key that the message says it is signed by; nothing is verified yet."""
    try:
        kid = jws.extract_compact(token.encode(), registry=_signing()).headers()["kid"]
    except (JoseError, ValueError, KeyError) as error:
        raise SecureSumRefused("form", "it is no signed message") from error
    return str(kid)


def verified(kind: str, token: str, key: OKPKey) -> Json:
    """What a message of this kind says, once its signature holds. Raises SecureSumRefused."""
    try:
        found = jws.deserialize_compact(token, key, registry=_signing())
        header, content = found.headers(), orjson.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise SecureSumRefused("signature", "its signature does not hold") from error
    if header.get("typ") != _typ(kind) or not isinstance(content, dict):
        raise SecureSumRefused("form", f"it is no {kind}")
    return content


def sealed(content: bytes, context: Json, key: OKPKey) -> str:
    """The content, bound to what it is of, as a compact JWE for the holder of this key."""
    algorithm, encryption = SEAL
    header = {"alg": algorithm, "enc": encryption, "kid": key.thumbprint()}
    return jwe.encrypt_compact(header, _bound(context) + content, key, registry=_sealing())


def unsealed(token: str, context: Json, key: OKPKey) -> bytes:
    """The content, if it is sealed for this private key and bound to this context.

    Raises SecureSumRefused: a seal cannot be cut out of one message and put into another.
    """
    try:
        content = jwe.decrypt_compact(token, key, registry=_sealing()).plaintext
    except (JoseError, ValueError) as error:
        raise SecureSumRefused("seal", "its share cannot be opened") from error
    if content is None or not hmac.compare_digest(content[:_DIGEST_BYTES], _bound(context)):
        raise SecureSumRefused("seal", "its share is of another report, round or server")
    return content[_DIGEST_BYTES:]


def _typ(kind: str) -> str:
    return f"raiway-secure-sum-{kind}+jws"


def _bound(context: Json) -> bytes:
    return hashlib.sha256(canonical(context)).digest()


def _signing() -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=[SIGN])
    registry.max_payload_length = LONGEST
    return registry


def _sealing() -> jwe.JWERegistry:
    registry = jwe.JWERegistry(algorithms=list(SEAL))
    registry.max_ciphertext_length = LONGEST
    return registry
