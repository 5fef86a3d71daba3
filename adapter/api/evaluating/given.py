"""The parameters of an operation as they were sent: in the URL, a form, or a Parameters resource.

FHIR R4 operations.html 3.2.0.5: a repeated parameter stands several times, each time with a
value[x], a resource or parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from adapter.api.context import context_of
from adapter.api.fhir.body import bounded, resource_body
from adapter.api.fhir.failures import FhirFailure
from adapter.elements import Json
from adapter.errors import GateFailed
from adapter.fhir_r4 import validated

FORM = "application/x-www-form-urlencoded"
Value = str | Json
"""A primitive, code or reference as its text; a resource as it is."""


@dataclass(frozen=True, slots=True)
class Given:
    """Values by the parameter's name, in the order sent."""

    values: Mapping[str, tuple[Value, ...]]
    in_body: bool = False

    def failure(
        self, name: str, text: str, *, status: int = 400, code: str = "invalid"
    ) -> FhirFailure:
        """What is wrong with the parameter `name`; nothing that was sent is repeated."""
        path = f"Parameters.parameter.where(name='{name}')" if self.in_body else f"http.{name}"
        return FhirFailure(status, code, text, expression=[path])

    def many(self, name: str) -> tuple[str, ...]:
        """The values, each a text. Raises FhirFailure 400 for a resource."""
        found = self.values.get(name, ())
        if any(not isinstance(value, str) for value in found):
            raise self.failure(name, f"{name}: a value is expected, not a resource")
        return tuple(str(value) for value in found)

    def one(self, name: str) -> str:
        """The value, '' where there is none. Raises FhirFailure 400 for several."""
        found = self.many(name)
        if len(found) > 1:
            raise self.failure(name, f"{name} may stand once")
        return found[0] if found else ""

    def resource(self, name: str, kind: str) -> Json | None:
        """The resource, None where there is none. Raises FhirFailure 400 for anything else."""
        found = self.values.get(name, ())
        if not found:
            return None
        (value,) = found if len(found) == 1 else ("",)
        if not isinstance(value, dict) or value.get("resourceType") != kind:
            raise self.failure(name, f"{name}: one {kind} resource is expected")
        return value


async def given(request: Request) -> Given:
    """The parameters of a request, those of its URL and of its body together.

    Raises FhirFailure 400 for a body that is no Parameters resource, and as `resource_body` does.
    """
    url = [(name, value) for name, value in request.query_params.multi_items()]
    if request.method != "POST" or not _has_body(request):
        return Given(_grouped(url))
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == FORM:
        limit = context_of(request).settings.server.limits.body_mb << 20
        text = (await bounded(request, limit)).decode("utf-8", "replace")
        return Given(_grouped([*url, *parse_qsl(text, keep_blank_values=True)]))
    return Given(_grouped([*url, *_of_resource(await resource_body(request))]), in_body=True)


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length.strip() != "0" or "transfer-encoding" in request.headers


def _grouped(pairs: Iterable[tuple[str, Value]]) -> dict[str, tuple[Value, ...]]:
    """By name, without those of every interaction (`_format`, `_pretty`); `_id` names resources."""
    found: dict[str, tuple[Value, ...]] = {}
    for name, value in pairs:
        if name == "_id" or not name.startswith("_"):
            found[name] = (*found.get(name, ()), value)
    return found


def _of_resource(body: Json) -> Iterable[tuple[str, Value]]:
    if body["resourceType"] != "Parameters":
        text = "the body is no Parameters resource"
        raise FhirFailure(400, "invalid", text, expression=["Parameters"])
    try:
        validated(body)
    except GateFailed as error:
        raise FhirFailure(400, "structure", error.what, expression=["Parameters"]) from None
    for place, parameter in enumerate(body.get("parameter", ())):
        yield parameter["name"], _value(parameter, f"Parameters.parameter[{place}]")


def _value(parameter: Mapping[str, Any], where: str) -> Value:
    resource: Json | None = parameter.get("resource")
    if resource is not None:
        return resource
    for name, value in parameter.items():
        if name.startswith("value"):
            return text_of(value, where)
    raise FhirFailure(400, "required", "a parameter without a value", expression=[where])


def text_of(value: Any, where: str) -> str:
    """A value[x] as text: a Reference as what it refers to, a boolean as JSON has it.

    Raises FhirFailure 400 for another complex type.
    """
    if isinstance(value, dict):
        value = value.get("reference", value.get("code"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise FhirFailure(400, "invalid", "a value of this type is not taken", expression=[where])
