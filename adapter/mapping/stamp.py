"""Which version of which resource this is, and whose.

Versions are ranked by lastUpdated, then status, issued and versionId (some servers offer no
lastUpdated), then content, so that any order of loading ends in the same store. Where a pull noted
its server's time in place of a missing lastUpdated, that ranks: it alone says whether the resource
was there before or after a deletion.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from adapter.elements import PULLED
from adapter.errors import InvalidResource
from adapter.mapping.dates import sortable
from adapter.mapping.mapped import Stamp

RETRACTED = "entered-in-error"
DELETED = "deleted"
"""The status of a resource that its server has deleted: no code of FHIR's, and none is needed."""
# Later in the list holds against earlier (HL7 observation-status and its like).
STATUS_ORDER = (
    "registered", "draft", "planned", "preliminary", "in-progress", "", "unknown",
    "active", "completed", "finished", "final", "amended", "corrected", "cancelled", "stopped",
)  # fmt: skip
_STATUS_RANKS = {status: f"{at:02d}" for at, status in enumerate(STATUS_ORDER)}
# Where a resource says whose it is.
SUBJECT = ("subject", "patient", "beneficiary")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


def stamp(resource: Mapping[str, Any], *, site: str, source: str) -> Stamp:
    """The resource's stamp. Raises InvalidResource without a type or a valid id, or with a status
    that is no text."""
    resource_type, resource_id = resource.get("resourceType"), resource.get("id")
    if not isinstance(resource_type, str):
        raise InvalidResource("no resourceType")
    if not isinstance(resource_id, str) or not _ID.fullmatch(resource_id):
        raise InvalidResource("no id" if resource_id is None else "an id that FHIR does not allow")
    meta = resource.get("meta") if isinstance(resource.get("meta"), dict) else {}
    if not isinstance(resource.get("status") or "", str):
        raise InvalidResource("a status that is no text")
    status = DELETED if is_deletion(resource) else status_of(resource)
    digest = content_hash(resource)
    retracted = status in (RETRACTED, DELETED) or verification(resource) == RETRACTED
    version = str(meta.get("versionId", ""))  # type: ignore[union-attr]
    updated = sortable(meta.get("lastUpdated"))  # type: ignore[union-attr]
    as_of = updated or _pulled(meta)  # type: ignore[arg-type]
    patient = patient_id(resource)
    return Stamp(
        site=site,
        resource_type=resource_type,
        resource_id=resource_id,
        patient_key=patient_key(site, patient) if patient else "",
        version_id=version,
        last_updated=updated,
        status=status,
        # A blank sorts before every digit, so an empty part stands below any other.
        rank=" ".join(
            (
                # A retraction without a date holds against every version (it may be masked).
                "9999" if retracted and not as_of else as_of,
                "99" if retracted else _STATUS_RANKS.get(status, _STATUS_RANKS["unknown"]),
                _issued(resource),
                version.zfill(12),
                digest,
            )
        ),
        content_hash=digest,
        source=source,
        retracted=retracted,
    )


def deletion(resource_type: str, resource_id: str, when: object) -> dict[str, Any]:
    """What stands for a resource that was deleted: a tombstone that goes the way of resources.

    It is marked as entered in error, since of both nothing may stay; when: its instant, if known.
    """
    meta: dict[str, Any] = {"tag": [_TOMBSTONE]}
    if when:
        meta["lastUpdated"] = when
    return {
        "resourceType": resource_type, "id": resource_id, "meta": meta, "status": RETRACTED,
    }  # fmt: skip


_TOMBSTONE = {"system": "urn:raiway:concept", "code": DELETED}


def is_deletion(resource: Mapping[str, Any]) -> bool:
    """Whether it is what `deletion` makes."""
    if resource.get("status") != RETRACTED:
        return False
    meta = resource.get("meta")
    return isinstance(meta, dict) and meta.get("tag") == [_TOMBSTONE]


def _pulled(meta: Mapping[str, Any]) -> str:
    """When the server gave the resource, as `pull` noted it; '' where it did not."""
    extensions = meta.get("extension")
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("url") == PULLED:
            return sortable(each.get("valueInstant"))
    return ""


def status_of(resource: Mapping[str, Any]) -> str:
    """The status, without the stray blanks that servers send."""
    status = resource.get("status")
    return status.strip() if isinstance(status, str) else ""


def verification(resource: Mapping[str, Any]) -> str:
    """The first code of Condition.verificationStatus, or ''."""
    concept = resource.get("verificationStatus")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if isinstance(codings, list) and codings and isinstance(codings[0], dict):
        return str(codings[0].get("code", "")).strip()
    return ""


def _issued(resource: Mapping[str, Any]) -> str:
    issued = resource.get("issued")
    return sortable(issued) if isinstance(issued, str) else ""


def patient_id(resource: Mapping[str, Any]) -> str:
    """The id of the Patient that the resource is about, or ''."""
    if resource.get("resourceType") == "Patient":
        return str(resource["id"])
    for name in SUBJECT:
        reference = resource.get(name)
        stated = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(stated, str) and (found := _referred_patient(stated)):
            return found
    return ""


@lru_cache(maxsize=16_384)
def _referred_patient(reference: str) -> str:
    target = _REFERENCE.search(reference)
    return target.group(2) if target and target.group(1) == "Patient" else ""


@lru_cache(maxsize=16_384)
def patient_key(site: str, patient: str) -> str:
    """The store's name of a patient: a hash, so that keys in logs and pages are no identifiers
    of the hospital's."""
    return hashlib.sha256(f"{site}|{patient}".encode()).hexdigest()[:24]


def content_hash(resource: Mapping[str, Any]) -> str:
    """SHA-256 of what the resource states, without narrative and bookkeeping.

    Numbers are int and Decimal, as the readers give them. Raises InvalidResource.
    """
    stated = dict(resource)
    stated.pop("text", None)
    stated.pop("meta", None)
    return hashlib.sha256(_canonical(stated)).hexdigest()


def _canonical(stated: Mapping[str, Any]) -> bytes:
    """JSON in ASCII with sorted keys. What stores hold was hashed as the json module writes it;
    orjson, ten times as fast, writes the same but for characters that are escaped."""
    try:
        text = orjson.dumps(stated, default=_number, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        text = None
    if text is not None and text.isascii() and _DELETE not in text:
        return text
    try:
        escaped = json.dumps(stated, sort_keys=True, separators=(",", ":"), default=_number)
    except RecursionError:
        raise InvalidResource("nested too deeply") from None
    return escaped.encode()


_DELETE = b"\x7f"


def _number(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
