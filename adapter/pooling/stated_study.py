"""The study definition that a report states among its contained parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from adapter.definitions import study_from
from adapter.elements import Json, extension_value
from adapter.errors import DefinitionError
from adapter.pooling.refusal import PoolingRefused
from analytics.study import Study

INPUT = "http://hl7.org/fhir/StructureDefinition/cqf-inputParameters"


def stated_study(report: Mapping[str, Any], sha256: str, where: str) -> Study:
    """The study by which the report was made, once its hash is found to be `sha256`.

    Raises PoolingRefused where the report does not hold it, or another.
    """
    reference = (extension_value(report, INPUT) or {}).get("reference", "")
    held = {f"#{each.get('id')}": each for each in report.get("contained", ())}
    if reference not in held:
        raise PoolingRefused("endpoint", "a report holds no study parameters", where=where)
    try:
        study = study_from(_parameters(held[reference]), where)
    except (DefinitionError, ValueError) as error:
        raise PoolingRefused("endpoint", "its study is not one of this version", where=where) from (
            error
        )
    if study.fingerprint != sha256:
        raise PoolingRefused("endpoint", "its study is not that of its sha256", where=where)
    return study


def _parameters(resource: Json) -> dict[str, Any]:
    """The parameters; what is neither text nor a single value stands there as its JSON."""
    text = {field.name for field in fields(Study) if _is_text(str(field.type))}
    found = {}
    for parameter in resource.get("parameter", ()):
        name = parameter.get("name", "")
        value = next((v for key, v in parameter.items() if key.startswith("value")), None)
        found[name] = json.loads(value) if isinstance(value, str) and name not in text else value
    return found


def _is_text(annotation: str) -> bool:
    return annotation == "str" or annotation.startswith("Literal[")
