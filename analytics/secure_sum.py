"""Additive secret sharing of a table of counts between two servers (pooling.md, section 5).

Arithmetic is modulo 2**64 on uint64 vectors. With a uniform mask either share alone is uniform,
whatever the table: for every table there is a mask that gives the same share. No chance and no I/O
in here: the random bytes come from the caller. Experimental until reviewed from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.uint64]

WIDTH = 8
"""Bytes of a count."""
NONCE_BYTES = 32
"""Bytes that a commitment needs to hide its table, which could be guessed otherwise."""
_WIRE = np.dtype("<u8")


class Shares(NamedTuple):
    """Two vectors whose sum modulo 2**64 is the table; each alone is uniform."""

    masked: Vector
    mask: Vector


def split(table: Vector, random: bytes) -> Shares:
    """The table less a mask, and the mask. random: 8 bytes for each count, uniform, used once.

    Raises ValueError for another number of bytes.
    """
    if len(random) != WIDTH * table.size:
        raise ValueError(f"{len(random)} random bytes for {table.size} counts")
    mask = from_bytes(random)
    return Shares(table - mask, mask)


def added(vectors: Iterable[Vector], length: int) -> Vector:
    """The sum modulo 2**64 of vectors of this length; of none, zeros.

    Raises ValueError for a vector of another length.
    """
    total = np.zeros(length, dtype=np.uint64)
    for vector in vectors:
        if vector.shape != total.shape:
            raise ValueError(f"a vector of {vector.size} counts among those of {length}")
        total += vector
    return total


def to_bytes(vector: Vector) -> bytes:
    """The vector as little-endian uint64, 8 bytes a count."""
    return vector.astype(_WIRE).tobytes()


def from_bytes(content: bytes) -> Vector:
    """The vector in these bytes. Raises ValueError where they are no whole number of counts."""
    return np.frombuffer(content, dtype=_WIRE).astype(np.uint64)


def commitment(table: Vector, nonce: bytes) -> str:
    """SHA-256 of table and nonce, in hex: it binds a site to its table and tells nothing of it.

    Raises ValueError for a nonce of other than 32 bytes.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce of {len(nonce)} bytes, not {NONCE_BYTES}")
    return hashlib.sha256(to_bytes(table) + nonce).hexdigest()
