"""Which files of a folder hold data: not what exports lay beside theirs, and each file once."""

from __future__ import annotations

from pathlib import Path

from adapter import landed, smart_fetch

NO_DATA = ("manifest.json", "log.ndjson")
"""What exports lay beside their data: the manifest, and a log of what happened."""


def inside(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, but for what exports lay beside their data, what is
    hidden, and links to files that are there.

    Of the runs of `pull` those that their manifests name, run by run, after all others.
    """
    pulled = landed.find(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    own = {path.resolve() for path in files if not path.is_symlink()}
    replaced = smart_fetch.replaced(files)
    others = [
        path
        for path in files
        if path.name not in NO_DATA
        and path not in replaced
        and not pulled.holds(path)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not (path.is_symlink() and path.resolve() in own)
    ]
    return [*others, *(file for run in pulled.runs for file in run.files)]
