"""The one border to fhir.resources: every FHIR R4 resource of ours passes it on the way out.

fhir.resources has no R4 package; R4B (4.3.0) has the same Measure and MeasureReport. Its JSON
dump turns `+00:00` into `Z`, so resources are written from the dict that was validated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.errors import GateFailed


def validated(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resource, unchanged, once its structure is found to be that of FHIR R4.

    Raises GateFailed with the paths at fault; no value of the resource is repeated.
    """
    kind = str(resource.get("resourceType", ""))
    try:
        model = get_fhir_model_class(kind)
    except (KeyError, ValueError) as error:
        raise GateFailed(f"no FHIR R4 resource type: {kind!r}") from error
    try:
        model.model_validate(resource)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in error.errors()
        )
        raise GateFailed(f"not a valid FHIR R4 {kind}: {faults}") from error
    return resource
