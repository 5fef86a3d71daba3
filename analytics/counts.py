"""The columns that count tables are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def whole_numbers(values: ArrayLike) -> IntArray:
    """Counts as a column; raises ValueError unless they are whole numbers >= 0."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "biu":
        raise ValueError(f"counts must be whole numbers, not {array.dtype}")
    if np.any(array < 0):
        raise ValueError("counts cannot be negative")
    return array.astype(np.int64)
