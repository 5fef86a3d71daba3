"""What is read of attachments: plain text, HTML and RTF, in the charsets that hospitals send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from adapter.mapping.attachments import texts


def _attachment(kind: str, content: str | bytes) -> dict[str, Any]:
    content = content.encode() if isinstance(content, str) else content
    return {"contentType": kind, "data": base64.b64encode(content).decode()}


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text/plain", "für 3,7 GBq", "für 3,7 GBq"),
        ("text/plain; charset=iso-8859-1", "für".encode("latin-1"), "für"),
        (
            "text/plain",
            "für 3 \u20ac".encode("cp1252"),
            "für 3 \u20ac",
        ),  # as Windows writes, unsaid
        ("text/plain; charset=no-such", "für", "für"),
        ("TEXT/PLAIN", b"\xef\xbb\xbfBRAF", "BRAF"),
        ("text/html; charset=utf-8", "<p>5.5&nbsp;GBq <sup>131</sup>I</p>", "5.5 GBq 131I"),
        ("text/html", "<tr><td>BRAF</td><td>negative</td></tr>", "BRAF negative"),
        ("text/html", "<style>p{}</style><!-- BRAF -->NRAS", "NRAS"),
        ("text/rtf", rb"{\rtf1\ansi\ansicpg1252 f\'fcr {\b 3,7} GBq\par}", "für 3,7 GBq"),
        ("application/rtf", r"{\rtf1 Kein \u8211? Progress}", "Kein \u2013 Progress"),
    ],
)
def test_text(kind: str, content: str | bytes, text: str) -> None:
    (found,) = texts([_attachment(kind, content)])
    assert " ".join(found.split()) == text


def test_blocks_of_html_are_lines() -> None:
    (found,) = texts([_attachment("text/html", "<li>BRAF V600E</li><li>no NRAS mutation<br>TERT")])
    assert [line.strip() for line in found.splitlines() if line.strip()] == [
        "BRAF V600E", "no NRAS mutation", "TERT"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "attachment",
    [
        _attachment("application/pdf", "%PDF-1.4 BRAF V600E"),
        _attachment("image/png", "BRAF"),
        {"contentType": "text/plain", "url": "https://hospital.example/1"},
        {"contentType": ["text/plain"], "data": "QlJBRg=="},
        {"data": "QlJBRg=="},
        "text",
        None,
    ],
)
def test_others_are_passed_over(attachment: object) -> None:
    assert list(texts([attachment])) == []


@pytest.mark.parametrize("content", [r"{\rtf1 \u99999999 ", r"{\rtf1\ansicpg99999 \'e4}", "{}}"])
def test_a_broken_attachment_says_nothing_and_stops_nothing(content: str) -> None:
    broken = _attachment("text/rtf", content)
    unfit = {"contentType": "text/plain", "data": "A"}
    *_, last = texts([broken, unfit, _attachment("text/plain", "BRAF")])
    assert last == "BRAF"
