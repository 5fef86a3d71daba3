"""Which files of a folder of smart-fetch count: those of the exports that still hold.

A managed folder has a folder for each export (`001.2025-06-26/`), and links to the files that a
newer one has not replaced (smart-fetch 1.0, docs/exporting.md). Deletions lie in `deleted/` of each
export, without a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

METADATA = ".metadata"
_EXPORT = re.compile(r"\d+\..*")
_DELETED = "deleted"


def replaced(files: Iterable[Path]) -> frozenset[Path]:
    """Of these files, all of a folder, those of exports that a newer one has replaced."""
    found = list(files)
    roots = [path.parent for path in found if path.name == METADATA and _is_managed(path)]
    return frozenset(path for root in roots for path in _replaced(root, found))


def _replaced(root: Path, files: list[Path]) -> list[Path]:
    linked = {each.resolve() for each in root.iterdir() if each.is_symlink()}
    if not linked:
        # Copied to where there are no links, it no longer says which ones hold.
        return []
    return [
        path
        for path in files
        if root in path.parents
        and _EXPORT.fullmatch(path.relative_to(root).parts[0])
        and _DELETED not in path.relative_to(root).parts
        and path.resolve() not in linked
    ]


def _is_managed(metadata: Path) -> bool:
    try:
        kind = json.loads(metadata.read_bytes())["kind"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return bool(kind == "managed")
