"""What databases' drivers say is wrong, in one line, and what to do about it."""

from __future__ import annotations


def first_line(message: str) -> str:
    """What the message says first, without the driver's names for it."""
    first = message.strip().splitlines()[0] if message.strip() else "no reason given"
    for prefix in ("INVALID_ARGUMENT: ", "NOT_FOUND: ", "INTERNAL: ", "IO: ", "UNKNOWN: "):
        first = first.removeprefix(prefix)
    return first


_HINTS = (
    ("not a database", "give the path of a store that `raiway ingest` wrote"),
    ("locked", "another process is writing; try again when it has ended"),
    ("readonly", "the file, or its folder, may not be written by this user"),
    ("unable to open", "the file, or its folder, may not be read or written by this user"),
    ("password", "check the user and the password of the store's URL"),
    ("permission denied", "check the rights of the store's user"),
    ("does not exist", "check the user and the database of the store's URL"),
    ("failed to connect", "check host and port, and that the server is running"),
)


def hint(reason: str) -> str:
    """What the user may do about it."""
    lowered = reason.lower()
    return next((told for sign, told in _HINTS if sign in lowered), "run `raiway doctor`")
