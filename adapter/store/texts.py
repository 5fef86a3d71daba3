"""Values as the texts in which they are staged; the database casts them to its columns' types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Cell = str | None


def _number(value: Decimal | int) -> str:
    """Plain digits with the scale as sent: 1.10 stays, 1E+2 is 100, -0 is 0."""
    text = str(value)
    if "E" not in text and text[0] != "-":
        return text
    number = Decimal(value)
    return format(abs(number) if number == 0 else number, "f")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return value.astimezone(UTC).isoformat(sep=" ")


TO_TEXT: dict[type[Any], Callable[[Any], str] | None] = {
    str: None,
    int: str,
    float: lambda value: repr(float(value)),
    bool: lambda value: "1" if value else "0",
    date: date.isoformat,
    datetime: _instant,
    Decimal: _number,
}
"""Type of a column's values -> what makes a text of one; None: it is one."""


def text_of(value: Any, to_text: Callable[[Any], str] | None) -> Cell:
    """The staged text of a value; None stays None."""
    if value is None or to_text is None:
        return value  # type: ignore[no-any-return]  # text; Arrow refuses anything else
    return to_text(value)


def storable(text: str) -> str:
    """The text as both engines can hold it."""
    # JSON's escapes may spell half of a surrogate pair, which UTF-8 cannot.
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def column_of(cells: Sequence[Cell]) -> pa.Array:
    """The cells as an array of text that both engines can hold."""
    import pyarrow as pa

    try:
        array = pa.array(cells, type=pa.string())
        # PostgreSQL's text has no NUL, which a broken line in quarantine may.
        strange = _holds_nul(array)
    except UnicodeEncodeError:
        strange = True
    return pa.array([cell and storable(cell) for cell in cells], pa.string()) if strange else array


def _holds_nul(array: pa.Array) -> bool:
    content = array.buffers()[2]
    return content is not None and b"\x00" in memoryview(content).tobytes()
