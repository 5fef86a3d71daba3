"""JSON whose decimals keep the digits they were sent with: 0.10 is not 0.1 (FHIR R4, decimal)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import orjson

read = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""The JSON object of some bytes; its decimals are Decimal. Raises msgspec.DecodeError."""


def written(resource: dict[str, Any]) -> bytes:
    """The resource in one line of JSON. Decimals are Decimal."""
    try:
        return orjson.dumps(resource, default=_digits)
    except orjson.JSONEncodeError:
        return orjson.dumps(_with_long(resource), default=_digits)


def _with_long(value: Any) -> Any:
    """The value with whole numbers of more than 64 bits as the digits that they are."""
    if isinstance(value, dict):
        return {name: _with_long(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_long(each) for each in value]
    is_long = isinstance(value, int) and not -(1 << 63) <= value < 1 << 64
    return orjson.Fragment(str(value)) if is_long else value


def _digits(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)
