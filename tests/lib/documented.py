"""The `raiway …` commands that the documentation and the program's own hints show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lib.needs import ROOT

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "mappings/README.md",
    "benchmarks/README.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)
_SPAN = re.compile(r"`(raiway [^`\n]+)`")
_START = re.compile(r"^(?:\$ |> )?(?:[A-Z_]+=\S+ )*(?:[\w./-]*/)?raiway ")
_ENDS = frozenset({"|", ">", "&&", ";", "#", "·", "2>"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A command as it is shown, and where. words: what the program would get."""

    where: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: raiway {' '.join(self.words)}"


def shown(page: str) -> Iterator[Shown]:
    """The commands of a page: lines of its blocks, and spans of code that begin with `raiway`."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.sub(r"(?m)^```.*$", "", text)
    for line in blocks.splitlines():
        if _START.match(line.strip()) and (line.startswith("    ") or line == line.strip()):
            yield from _command(page, line.strip())
    for span in _SPAN.findall(text):
        yield from _command(page, span)


def of_python(file: Path) -> Iterator[Shown]:
    """The commands of the hints and docstrings of a module."""
    text = file.read_text(encoding="utf-8")
    for found in re.findall(r"(?:Example: |· )(raiway [^\n\"]+)", text):
        yield from _command(str(file.relative_to(ROOT)), found)


def _command(where: str, line: str) -> Iterator[Shown]:
    line = re.sub(r"^.*?raiway ", "", line, count=1)
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # the end of a quotation stands on the next line
        return
    end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    found = tuple(word for word in words[:end] if word != "…")
    if found:
        yield Shown(where, found)
