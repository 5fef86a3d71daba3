"""What patients are called in addresses, which end up in histories and logs: a keyed hash."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from fastapi import FastAPI, Request

from adapter.api.context import ApiContext
from adapter.api.security.admission import admitted_by
from adapter.html_report.names import Names
from adapter.html_report.page import Linked

PATH = "/patients"
LABEL = 7
"""Digits of a token by which people call the patient."""
_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Tokens:
    """The same key gives the same names, in every process of a server and after a restart."""

    key: bytes

    def of(self, patient_key: str) -> str:
        """The token of a patient, 32 hexadecimal digits: also an id as FHIR has them."""
        return hmac.new(self.key, patient_key.encode(), sha256).hexdigest()[:_LENGTH]

    def label(self, patient_key: str) -> str:
        """What people call the patient: the token's beginning, 1 in 268 million alike."""
        return self.of(patient_key)[:LABEL]

    def find(self, token: str, patient_keys: Iterable[str]) -> str | None:
        """Whose token it is; None for nobody's."""
        return next((key for key in patient_keys if self.of(key) == token), None)


@dataclass(frozen=True, slots=True)
class PageNames(Names):
    """Names that lead to the patient's page instead of a part of the same page.

    Those of plots begin with `#/`, which `adapter.charts.svg` turns into addresses.
    """

    tokens: Tokens = field(kw_only=True)

    def anchor(self, key: str) -> str:
        """The address of the patient's page."""
        return address(self.tokens, key)

    def link(self, key: str) -> Linked:
        """The patient's name; everybody has a page."""
        return Linked(self[key], self.anchor(key))

    def to(self, key: str) -> str:
        """As `link`, for a plot."""
        return f"#{self.anchor(key)}"

    @classmethod
    def leading(cls, keys: Iterable[str], tokens: Tokens) -> PageNames:
        """Names that are the same on every page, whatever its filters."""
        return cls({key: tokens.label(key) for key in keys}, tokens=tokens)


def address(tokens: Tokens, patient_key: str) -> str:
    """The path of the patient's page."""
    return f"{PATH}/{tokens.of(patient_key)}"


def tokens_of(app: FastAPI) -> Tokens:
    """The tokens under the server's session key; an open server has none to keep secret."""
    context: ApiContext = app.state.context
    people = admitted_by(app, context).people
    secret = people.cookies.key if people else context.store_url.encode()
    return Tokens(hmac.new(secret, b"patients of pages", sha256).digest())


def tokens(request: Request) -> Tokens:
    """The tokens of the application that a request came to."""
    found: Tokens = request.app.state.patient_tokens
    return found
