"""Form bodies of the login and token endpoints: small, and each field once."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

FORM = "application/x-www-form-urlencoded"
_LONGEST = 65_536
_MOST_FIELDS = 20


class InvalidForm(Exception):
    """A body that is no form, or states a field twice."""


async def form_text(request: Request) -> str:
    """The body of a form; '' for a body that is none, or too long for one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return ""
    text = b""
    async for chunk in request.stream():
        text += chunk
        if len(text) > _LONGEST:
            return ""
    return text.decode("utf-8", "replace")


def fields(text: str) -> dict[str, str]:
    """The form's fields. Raises InvalidForm (RFC 6749 3.2: parameters must not be repeated)."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidForm(f"the body is no {FORM}") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidForm("a parameter is stated twice")
    return found
