"""The forms that a report can be given in, as data: `mappings/report_form/*.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from adapter import artifacts, mapping_files
from adapter.definitions import typed
from adapter.report.form import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDefinition:
    """What differs between forms without a change of shape.

    profiles: MeasureReport.type -> the profile claimed, '' for none; other types do not exist in
    the form. extensions: start of a DEQM UV extension's url -> its start here, '' leaves it out.
    subject: of a summary. reporters: the types of resource that may report.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    id: Form
    title: str
    subject: Literal["as-stated", "none", "location"]
    reporters: tuple[str, ...]
    profiles: Mapping[str, str]
    extensions: Mapping[str, str]


@cache
def form_definition(form: Form) -> FormDefinition:
    """The definition of the form. Raises DefinitionError naming the key that is wrong."""
    file = mapping_files.root() / "report_form" / f"{form}.toml"
    return typed(FormDefinition, artifacts.read_toml(file), f"mappings/report_form/{form}.toml")
