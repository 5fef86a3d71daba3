"""The parameters of a search or an operation: of the URL, and of a form in the body of a POST."""

from __future__ import annotations

from fastapi import Request

from adapter.api.fhir.body import bounded
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.formats import media_ranges
from adapter.api.fhir.search import fields_of

FORM = "application/x-www-form-urlencoded"
_LIMIT = 1 << 20


async def form_fields(request: Request) -> list[tuple[str, str]]:
    """A dependency: the parameters sent, in their order, those of the URL first.

    Raises FhirFailure 400 for a form that is no text, 413 above 1 MB, 415 for another body.
    """
    sent = fields_of(request.url.query)
    if request.method != "POST":
        return sent
    content = await bounded(request, _LIMIT)
    if not content:
        return sent
    types = media_ranges(request.headers.get("content-type", ""))
    if not types or types[0].name != FORM:
        text = f"a search is sent as {FORM}"
        raise FhirFailure(415, "not-supported", text, expression=["http.Content-Type"])
    try:
        return [*sent, *fields_of(content.decode())]
    except UnicodeDecodeError as error:
        raise FhirFailure(400, "structure", "the form is no UTF-8") from error
