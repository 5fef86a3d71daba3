"""The deletions of a run: a Bundle a line, as in the `deleted` files of a Bulk Data export."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from adapter.pull.landing import folder
from adapter.pull.landing.state import Committed

FILE = "deleted.00001.ndjson"
UNDER_WAY = f"{FILE}.part"


class Tombstones:
    """Kept in a part file, which gets its name when the run ends."""

    def __init__(self, path: Path) -> None:
        """Go on where the run's folder stands, even if it was about to end. Raises LandingError."""
        self._path = path
        with folder.explained(path):
            if (path / FILE).exists():
                (path / FILE).replace(path / UNDER_WAY)
        self._file = folder.Appended(path / UNDER_WAY)
        self._urls = {each["entry"][0]["request"]["url"] for each in self._file.lines}
        self.sync, self.close = self._file.sync, self._file.close

    @property
    def counts(self) -> Counter[str]:
        """How many there are, by type."""
        return Counter(url.partition("/")[0] for url in self._urls)

    def keep(self, url: str, when: str) -> None:
        """Keep the deletion of `Type/id`, once. Raises LandingError."""
        if url in self._urls:
            return
        self._file.append(
            {
                "resourceType": "Bundle",
                "meta": {"lastUpdated": when},
                "type": "transaction",
                "entry": [{"request": {"method": "DELETE", "url": url}}],
            }
        )
        self._urls.add(url)

    def settle(self) -> Committed | None:
        """Give the file its final name; None where there are none. Raises LandingError."""
        part, final = self._path / UNDER_WAY, self._path / FILE
        self.sync()
        with folder.explained(final):
            if not self._urls:
                part.unlink()
                return None
            folder.settle(part, final)
            content = final.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return Committed(FILE, "Bundle", "", content.count(b"\n"), len(content), digest)
