"""The text of attachments (FHIR Attachment): plain text, HTML and RTF.

PDF is passed over: its text comes in the order of drawing, which tears sentences apart or joins
them, and a sentence read wrongly is worse than one not read.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from striprtf.striprtf import rtf_to_text

# Each pattern ends at the next bracket, so that a broken page takes no longer than another.
_HIDES = re.compile(r"(<!--|-->|</?(?:style|script)\b[^<>]*>)", re.IGNORECASE)
_CELL = re.compile(r"</?t[dh]\b[^<>]*>", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:address|article|blockquote|br|caption|center|dd|div|dl|dt|footer|h[1-6]|header|hr|li|ol"
    r"|p|pre|section|table|tbody|thead|title|tr|ul)\b[^<>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


def texts(attachments: Iterable[object]) -> Iterator[str]:
    """The text of each attachment that carries some itself, in a form that can be read."""
    for attachment in attachments:
        if not isinstance(attachment, Mapping):
            continue
        kind, data = attachment.get("contentType"), attachment.get("data")
        if isinstance(kind, str) and isinstance(data, str):
            read = _READERS.get(kind.partition(";")[0].strip().lower())
            if read:
                yield read(_decoded(data, kind))


def _decoded(data: str, kind: str) -> str:
    """The text in base64: in the charset that is stated, else UTF-8, else what Windows writes."""
    try:
        content = base64.b64decode(data)
    except (binascii.Error, ValueError):
        return ""
    stated = _CHARSET.search(kind)
    for charset in (*([stated[1]] if stated else []), "utf-8-sig", "cp1252"):
        try:
            return content.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return content.decode(errors="replace")


def _plain(text: str) -> str:
    return text


def _of_html(text: str) -> str:
    """Blocks on their own lines; cells apart; marks within a word (<sup>131</sup>I) vanish."""
    seen, hidden = [], False
    for number, piece in enumerate(_HIDES.split(text)):
        if number % 2:
            hidden = not piece.startswith(("-->", "</"))
        elif not hidden:
            seen.append(piece)
    return html.unescape(_TAG.sub("", _CELL.sub(" ", _BLOCK.sub("\n", "".join(seen)))))


def _of_rtf(text: str) -> str:
    try:
        # It says that it is typed, and is not.
        return str(rtf_to_text(text, errors="replace"))  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, OverflowError):
        return ""


_READERS: dict[str, Callable[[str], str]] = {
    "text/plain": _plain,
    "text/html": _of_html,
    "application/xhtml+xml": _of_html,
    "text/rtf": _of_rtf,
    "application/rtf": _of_rtf,
}
