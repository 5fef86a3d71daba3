"""Ids as numbers of 64 bits, many at a time: what a line could be asked for by, at 8 bytes each.

Two ids may have one number; so a number only ever says that a line is to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

LONGEST = 64
"""A FHIR id has no more characters."""
Digests = NDArray[np.uint64]
NONE: Digests = np.empty(0, np.uint64)

_WORDS = LONGEST // 8
_QUOTES, _LOW_BITS, _HIGH_BITS = (np.uint64(byte * 0x0101010101010101) for byte in (34, 1, 128))
# Odd, so that multiplying loses nothing; from the digits of the golden ratio.
_FACTORS = np.array(
    [0x9E3779B97F4A7C15 * (2 * k + 1) & (1 << 64) - 1 for k in range(_WORDS)], np.uint64
)
_MIX, _ONE, _SEVEN, _HALF = (np.uint64(n) for n in (0xBF58476D1CE4E5B9, 1, 7, 32))
_TABLE = np.uint64(1 << 18)


def of_ids(ids: Iterable[bytes]) -> Digests:
    """The digest of each id."""
    padded = b"".join(each[:LONGEST].ljust(LONGEST, b"\0") for each in ids)
    return _mixed(np.frombuffer(padded, "<u8").reshape(-1, _WORDS))


def of(kind: str, ids: Sequence[str]) -> Digests:
    """The digests of ids of one kind: of a resource type, or `person` or `medication`."""
    return of_ids(each.encode() for each in ids) ^ salt(kind)


@cache
def salt(kind: str) -> np.uint64:
    """What tells digests of ids of a kind from those of the same ids of another kind."""
    return np.uint64(of_ids([b"#" + kind.encode()])[0])


def at(content: NDArray[np.uint8], starts: NDArray[np.intp]) -> Digests:
    """The digest of the id that begins at each place of the content and ends before a quote.

    At least LONGEST bytes follow the last place.
    """
    at_any, mixed = words(content), np.zeros(len(starts), np.uint64)
    going_on: NDArray[np.intp] | None = None
    for at, factor in zip(range(0, LONGEST, 8), _FACTORS, strict=True):
        now = starts if going_on is None else starts[going_on]
        if not now.size:
            break
        found = at_any[now + at]
        # The highest bit of each byte that is a quote, and by a carry of some after the first one.
        apart = found ^ _QUOTES
        quotes = (apart - _LOW_BITS) & ~apart & _HIGH_BITS
        found &= ((quotes & (~quotes + _ONE)) >> _SEVEN) - _ONE
        found *= factor
        if going_on is None:
            mixed, going_on = found, np.flatnonzero(quotes == 0)
        else:
            mixed[going_on] += found
            going_on = going_on[quotes == 0]
    return _stirred(mixed)


def words(content: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The eight bytes that begin at each place of the content, as one number."""
    return as_strided(content[:8].view("<u8"), shape=(len(content) - 7,), strides=(1,))


def among(digests: Digests, asked: Digests) -> NDArray[np.bool_]:
    """Which of the digests are among those asked for (sorted)."""
    return finder(asked)(digests)


def finder(asked: Digests) -> Callable[[Digests], NDArray[np.bool_]]:
    """What tells which of many digests are among those asked for (sorted)."""
    # Most are told by some of their bits.
    may_be = np.zeros(_TABLE, np.bool_)
    may_be[asked & (_TABLE - _ONE)] = True

    def found(digests: Digests) -> NDArray[np.bool_]:
        are = np.zeros(digests.shape, np.bool_)
        likely = np.flatnonzero(may_be[digests & (_TABLE - _ONE)])
        if likely.size:
            places = np.searchsorted(asked, digests[likely])
            places[places == asked.size] = 0
            are[likely] = asked[places] == digests[likely]
        return are

    return found


def _mixed(of_each: NDArray[np.uint64]) -> Digests:
    return _stirred((of_each * _FACTORS).sum(axis=1, dtype=np.uint64))


def _stirred(mixed: NDArray[np.uint64]) -> Digests:
    return np.asarray((mixed ^ (mixed >> _HALF)) * _MIX, np.uint64)
