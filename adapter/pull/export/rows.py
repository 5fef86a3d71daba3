"""What the lines of an export's files become: rows, tombstones, issues (pull.md B18-B21)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import orjson

from adapter.pull.checks import Checked, Refused, checked
from adapter.pull.crawl import issues
from adapter.pull.export.batch import plain
from adapter.pull.export.filters import Filters
from adapter.pull.export.job import JobFile
from adapter.pull.export.linereader import LineReader, Suspect, Unusable
from adapter.pull.landing.part_file import PartFile
from adapter.pull.landing.run_folder import Landing

FEW, SHARE = 100, 0.5
"""A file is given up when more lines than these, and than this share of it, were refused."""
EACH = 2_000
"""Lines after which somebody is told."""

if TYPE_CHECKING:
    from adapter.pull.export.outside import Referred

Reference = tuple[str, str]


@dataclass(slots=True)
class Rules:
    """What holds for all files of an export.

    types: those that were asked for. gone: type and id -> as of when it was deleted.
    contradicted: what is in the output and among the deleted at once. referred: where what rows
    refer to must be known.
    """

    types: frozenset[str]
    filters: Filters
    cap: int
    gone: dict[Reference, str] = field(default_factory=dict)
    contradicted: set[Reference] = field(default_factory=set)
    referred: Referred | None = None


class OutputFile:
    """One attempt at a file of the output: a context manager that leaves nothing unless committed.

    feed: takes its content. told: is given its type, and how many more resources there are.
    """

    def __init__(
        self, file: JobFile, landing: Landing, rules: Rules, told: Callable[[str, int], None]
    ) -> None:
        self._file, self._landing, self._rules, self._told = file, landing, rules, told
        self._parts: dict[str, PartFile | None] = {}
        self._open = ExitStack()
        self._refused = self._headers = self._untold = 0
        self._reader = LineReader(rules.cap, self._take, self._take_all)
        self.feed = self._reader.feed
        if file.resource_type:
            self._begin(file.resource_type)

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._open.close()

    async def commit(self) -> None:
        """Put all of it on record. Raises Suspect where it did not come whole, LandingError."""
        self._reader.end()
        count = self._reader.count
        # Whether a count counts the headers of organised files, version 3 does not say.
        if self._file.count not in (None, count, count - self._headers):
            raise Suspect(f"{count} lines came where the manifest counts {self._file.count}")
        if self._rules.referred:
            self._rules.referred.remember(self._landing)
        for part in filter(None, self._parts.values()):
            # Other files may go on meanwhile.
            await asyncio.wrap_future(part.flush())
            part.commit()
        if not self._file.resource_type:
            with self._landing.part(self._file.recorded_as, self._file.key) as mark:
                mark.commit()
        self._told(self._file.told_as, self._untold)

    def _take(self, line: bytes | Refused, number: int) -> None:
        found = line if isinstance(line, Refused) else checked(line, self._file.resource_type)
        if isinstance(found, Refused):
            self._look_again(found, number)
        elif self._wanted(found, number):
            if self._rules.referred:
                self._rules.referred.note(found.resource)
            part = self._part(found.resource["resourceType"])
            if part is not None:
                part.put(found.resource, found.raw)
        self._tell(1)

    def _take_all(self, lines: Sequence[bytes]) -> bool:
        """Take lines that nothing is to be decided about; False where something may be."""
        kind, rules = self._file.resource_type, self._rules
        decides = rules.gone or rules.filters.by_type or not self._landing.border.identified
        content = None if kind is None or decides else plain(lines, kind)
        if kind is None or content is None:
            return False
        if rules.referred and rules.referred.concerned(kind, content):
            return False
        part = self._part(kind)
        if part is not None:
            part.put_all(content, len(lines))
        self._tell(len(lines))
        return True

    def _tell(self, more: int) -> None:
        self._untold += more
        if self._untold >= EACH:
            self._told(self._file.told_as, self._untold)
            self._untold = 0

    def _wanted(self, found: Checked, number: int) -> bool:
        resource, rules = found.resource, self._rules
        if self._file.resource_type is None and self._is_aside(resource):
            return False
        reference = (resource["resourceType"], resource["id"]) if rules.gone else None
        if reference in rules.gone:
            rules.contradicted.add(reference)
            self._refuse(Refused("in the output and among the deleted", found.raw), number)
            return False
        if b'"SUBSETTED"' in found.raw and _is_subset(resource):
            # It would take the place of the whole resource (B5).
            self._refuse(Refused("only a part of its elements (SUBSETTED)", found.raw), number)
            return False
        return not rules.filters.by_type or rules.filters.keeps(resource)

    def _is_aside(self, resource: dict[str, Any]) -> bool:
        """Whether a line of a file of several types is none of the rows that were asked for."""
        name = resource["resourceType"]
        if name == "Parameters":
            # The header of a block of a file that is organised by resource (version 3).
            self._headers += 1
            return True
        if name == "OperationOutcome":
            self._outcome(resource)
            return True
        return name not in self._rules.types or "id" not in resource

    def _look_again(self, refused: Refused, number: int) -> None:
        if b"OperationOutcome" in refused.raw:
            other = checked(refused.raw, "OperationOutcome")
            if isinstance(other, Checked):
                return self._outcome(other.resource)
        self._refuse(refused, number)
        if self._refused > max(FEW, SHARE * self._reader.count):
            raise Unusable(f"{self._refused} of {self._reader.count} lines were refused")
        return None

    def _outcome(self, resource: dict[str, Any]) -> None:
        said = "; ".join(issues.texts(resource)[:3])
        if issues.grave(resource):
            raise Unusable(f"an OperationOutcome among the data: {said}")
        self._landing.note("information", "informational", said)

    def _refuse(self, refused: Refused, number: int) -> None:
        self._refused += 1
        kind = self._file.resource_type or "Resource"
        self._landing.refuse(kind, refused, f"{self._file.key}:{number}")

    def _part(self, resource_type: str) -> PartFile | None:
        if resource_type not in self._parts:
            self._begin(resource_type)
        return self._parts[resource_type]

    def _begin(self, resource_type: str) -> None:
        """Begin the type's part, unless an earlier process has committed it."""
        key = self._file.key
        part = None
        if not self._landing.committed(resource_type, key):
            part = self._open.enter_context(self._landing.part(resource_type, key))
        self._parts[resource_type] = part


def _is_subset(resource: dict[str, Any]) -> bool:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    found = tags if isinstance(tags, list) else []
    return any(isinstance(tag, dict) and tag.get("code") == "SUBSETTED" for tag in found)


class DeletedFile:
    """A file of the manifest's `deleted`: Bundles of `DELETE Type/id`.

    when: as of when they are gone, where the Bundle does not say.
    """

    def __init__(self, file: JobFile, landing: Landing, rules: Rules, when: str) -> None:
        self._file, self._landing, self._rules, self._when = file, landing, rules, when
        self._found: dict[Reference, str] = {}
        self._reader = LineReader(rules.cap, self._take)
        self.feed = self._reader.feed

    def commit(self) -> None:
        """Take the deletions for true. Raises Suspect where the file did not come whole."""
        self._reader.end()
        if self._file.count not in (None, self._reader.count):
            raise Suspect(f"{self._reader.count} lines came instead of {self._file.count}")
        self._rules.gone.update(self._found)

    def _take(self, line: bytes | Refused, number: int) -> None:
        found = line if isinstance(line, Refused) else checked(line, "Bundle")
        if isinstance(found, Refused):
            self._landing.refuse("Bundle", found, f"{self._file.key}:{number}")
            return
        for reference in deletions(found.resource):
            if reference[0] in self._rules.types:
                self._found[reference] = self._when


_DELETED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})$")


def deletions(bundle: dict[str, Any]) -> Iterator[Reference]:
    """Type and id of each resource that a Bundle deletes."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            found = _DELETED.search(str(request.get("url")))
            if found:
                yield found[1], found[2]


class ErrorFile:
    """A file of the manifest's `error` (`outcome` in version 4): OperationOutcomes, by lines.

    failed: type -> what is missing of it. An issue that names no type that was asked for may be
    about any of them.
    """

    def __init__(self, file: JobFile, landing: Landing, rules: Rules) -> None:
        self._file, self._landing, self._rules = file, landing, rules
        self.failed: dict[str, str] = {}
        self._reader = LineReader(rules.cap, self._take)
        self.feed = self._reader.feed

    def commit(self) -> None:
        """Raises Suspect where the file did not come whole."""
        self._reader.end()

    def _take(self, line: bytes | Refused, number: int) -> None:
        found = line if isinstance(line, Refused) else checked(line, "OperationOutcome")
        if isinstance(found, Refused):
            self._landing.refuse("OperationOutcome", found, f"{self._file.key}:{number}")
            return
        grave = issues.grave(found.resource)
        for text in issues.texts(found.resource):
            self._landing.note("error" if grave else "information", "processing", text)
        if grave:
            words = set(
                re.findall(r"[A-Z][A-Za-z]+", orjson.dumps(found.resource["issue"]).decode())
            )
            said = "the server reports: " + "; ".join(issues.texts(found.resource)[:2])
            for name in self._named(words):
                self.failed.setdefault(name, said)

    def _named(self, words: set[str]) -> Iterable[str]:
        return sorted(self._rules.types & words) or sorted(self._rules.types)
