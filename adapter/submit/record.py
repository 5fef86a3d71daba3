"""The site's own record of what it signed and sent: the chain that its next release goes on from.

A release is written down before it is sent. Until the registry has answered, it is `sent`: it is
then sent again as it is, and no other may be signed, so that a lost answer never forks the chain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from adapter.errors import ConfigurationError, GateFailed
from adapter.files import write_atomically

State = Literal["sent", "taken"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One release. content: SHA-256 of the report's bytes; provenance: as it was sent; file: of
    what name."""

    audience: str
    site: str
    report: str
    number: int
    revision: int
    hash: str
    content: str
    provenance: str
    file: str
    state: State = "sent"


@dataclass(frozen=True, slots=True)
class Record:
    """All releases, in their order."""

    entries: tuple[Entry, ...] = ()

    def chain(self, audience: str, site: str) -> Sequence[Entry]:
        """The site's releases to one registry."""
        return [each for each in self.entries if (each.audience, each.site) == (audience, site)]

    def again(self, audience: str, site: str, report: str, content: str) -> Entry | None:
        """The release of these very bytes, if it is the report's newest.

        Raises GateFailed where another release still waits for the registry's answer.
        """
        chain = self.chain(audience, site)
        for waiting in chain:
            if waiting.state == "sent" and waiting.content != content:
                raise GateFailed(
                    f"release {waiting.number} was sent, and the registry has not answered",
                    where=waiting.file,
                    hint=f"raiway submit {waiting.file} again, unchanged",
                )
        mine = [each for each in chain if each.report == report]
        return mine[-1] if mine and mine[-1].content == content else None

    def added(self, entry: Entry) -> Record:
        """The record with one more release."""
        return Record((*self.entries, entry))

    def taken(self, entry: Entry) -> Record:
        """The record, this release being with the registry."""
        done = replace(entry, state="taken")
        return Record(tuple(done if each.hash == entry.hash else each for each in self.entries))

    def without(self, entry: Entry) -> Record:
        """The record without a release that the registry refused: it is no link of the chain."""
        return Record(tuple(each for each in self.entries if each.hash != entry.hash))


def read_record(file: Path) -> Record:
    """The record in the file, an empty one where there is none. Raises ConfigurationError."""
    try:
        stated: Any = json.loads(file.read_text(encoding="utf-8"))
        return Record(tuple(Entry(**each) for each in stated["releases"]))
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            "the record of releases cannot be read",
            where=str(file),
            hint="put back its copy; without it the chain cannot go on",
        ) from error


def keep_record(record: Record, file: Path) -> None:
    """Write the record, whole or not at all. Raises UsageError."""
    entries = [asdict(each) for each in record.entries]
    write_atomically(file, json.dumps({"releases": entries}, indent=2) + "\n")
