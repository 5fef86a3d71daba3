"""Where `mappings/` is: the shipped files, under those of the hospital's own folder if it has one.

A file of the own folder at the same place (`ValueSet/lab-analyte.json`) stands for the shipped one;
a new one is added. So a code, analyte, site or measure is added without touching the installation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

VARIABLE = "RAIWAY_MAPPINGS__FOLDER"
"""The setting `mappings.folder` for this process and those that it starts."""


def root() -> Traversable:
    """The folder of all mappings."""
    own = os.environ.get(VARIABLE)
    shipped = files("mappings")
    return Layered((Path(own), shipped), "mappings") if own else shipped


def use(folder: Path) -> None:
    """Lay this folder over the shipped one, from now on and in every process started later."""
    os.environ[VARIABLE] = str(folder.absolute())


@dataclass(frozen=True, slots=True)
class Layered(Traversable):
    """Folders as one. layers: the first that has a file of a name stands for the others."""

    layers: tuple[Traversable, ...]
    name: str

    def iterdir(self) -> Iterator[Traversable]:
        """What any of the folders has."""
        names = dict.fromkeys(item.name for layer in self.layers for item in layer.iterdir())
        return (self.joinpath(name) for name in names)

    def joinpath(self, *descendants: Any) -> Traversable:
        """A file, or folders as one; the last layer's where none has it."""
        first, *rest = [part for each in descendants for part in str(each).split("/")]
        found = [item for layer in self.layers if (item := layer.joinpath(first)).is_file()]
        if found:
            return found[0]
        held = tuple(item for layer in self.layers if (item := layer.joinpath(first)).is_dir())
        inner = Layered(held, first) if held else self.layers[-1].joinpath(first)
        return inner.joinpath(*rest) if rest else inner

    def is_dir(self) -> bool:
        """It is made of folders."""
        return True

    def is_file(self) -> bool:
        """It is made of folders."""
        return False

    def open(self, mode: str = "r", *_: Any, **__: Any) -> Any:
        """Raises IsADirectoryError, as a folder does."""
        raise IsADirectoryError(self.name)

    def read_bytes(self) -> bytes:
        """As `open`."""
        raise IsADirectoryError(self.name)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """As `open`."""
        raise IsADirectoryError(self.name)
