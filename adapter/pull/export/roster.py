"""Who was in a group at the last good export: `_since` hides the past of later members (B26).

Kept in the site's private state, as these are real ids.
"""

from __future__ import annotations

from adapter.pull.landing import folder
from adapter.pull.landing.run_folder import Landing

NAME = "members.json"


def known(landing: Landing, group: str) -> frozenset[str] | None:
    """The members at the last good export of the group; None where that is not known.

    Raises UsageError where the file cannot be read.
    """
    held = folder.read_json(landing.site.path / NAME)
    found = held.get(group) if isinstance(held, dict) else None
    return frozenset(found) if isinstance(found, list) else None


def keep(landing: Landing, group: str, members: frozenset[str]) -> None:
    """Keep the members as of now. Raises LandingError, UsageError."""
    path = landing.site.path / NAME
    held = folder.read_json(path)
    folder.write_json(path, {**(held if isinstance(held, dict) else {}), group: sorted(members)})
