"""The text of attachments (FHIR Attachment): plain text, HTML and RTF.

PDF is passed over: its text comes in the order of drawing, which tears sentences apart or joins
them, and a sentence read wrongly is worse than one not read.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Iterable, Iterator, Mapping

from striprtf.striprtf import rtf_to_text

_UNSEEN = re.compile(r"<(head|style|script)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_CELL = re.compile(r"</?t[dh]\b[^>]*>", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:address|article|blockquote|br|caption|center|dd|div|dl|dt|footer|h[1-6]|header|hr|li|ol"
    r"|p|pre|section|table|tbody|thead|tr|ul)\b[^>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


def texts(attachments: Iterable[object]) -> Iterator[str]:
    """The text in each attachment that carries some of its own and can be read."""
    for attachment in attachments:
        if isinstance(attachment, Mapping):
            kind, data = attachment.get("contentType"), attachment.get("data")
            read = _READERS.get(kind.partition(";")[0].strip().lower()) if _is(kind) else None
            if read and _is(data) and (text := read(_decoded(data, kind))):
                yield text


def _is(value: object) -> bool:
    return isinstance(value, str)


def _decoded(data: str, kind: str) -> str:
    """Base64 -> text in the charset that is stated, else UTF-8, else what Windows writes."""
    try:
        content = base64.b64decode(data)
    except (binascii.Error, ValueError):
        return ""
    stated = _CHARSET.search(kind)
    for charset in (stated[1] if stated else "utf-8-sig", "cp1252"):
        try:
            return content.decode(codecs.lookup(charset).name)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode(errors="replace")
