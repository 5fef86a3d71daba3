"""Actions for texts, codes and units."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from adapter.mapping import attachments
from adapter.privacy.codings import CONTENT_TYPE
from adapter.privacy.run import Run, Step
from adapter.privacy.setting import Setting, withheld
from adapter.privacy.texts import NOTHING
from adapter.privacy_mode import Mode


def value(of: Setting, _: str, path: str) -> Step:
    """A text that may be a result: a number alone stays too."""
    return text(of, "a number too", path)


def text(of: Setting, numbers: str, path: str) -> Step:
    """A text: what readers of text act upon; in Safe Harbor only one that is read whole."""
    whole_only = of.mode is Mode.SAFE_HARBOR

    def text(value: Any, run: Run) -> Any:
        if not isinstance(value, str):
            return withheld(value, run, path, "no text")
        reading = of.codes.reading(value)
        if reading.bare and not numbers:
            run.count(path, "text")
            return NOTHING
        dated = any(reading.dates)
        if reading.whole and not (dated and of.shifts) and not (dated and whole_only):
            return value
        if whole_only or not reading.says:
            run.count(path, "text")
            return NOTHING
        if not reading.whole:
            run.count(path, "words of a text")
        return reading.shown(run.date if of.shifts else None)

    return text


def verbatim(of: Setting, _: str, path: str) -> Step:
    """A text as it is, as a site's own rules say."""

    def text(value: Any, run: Run) -> Any:
        return value if isinstance(value, str) else withheld(value, run, path, "no text")

    return text


def label(of: Setting, _: str, path: str) -> Step:
    """A text of which only sameness counts."""

    def label(value: Any, run: Run) -> Any:
        if not isinstance(value, str):
            return withheld(value, run, path, "no text")
        made = of.codes.label(value)
        if made != value:
            run.count(path, "text, as a keyed label")
        return made

    return label


def attachment(of: Setting, _: str, path: str) -> Step:
    """An Attachment: its text, as text; of another kind only its content type."""
    read_text = text(of, "", f"{path}.data")

    def attachment(value: Any, run: Run) -> Any:
        if not isinstance(value, Mapping):
            return withheld(value, run, path, "no Attachment")
        if value.keys() - {"contentType", "data"}:
            run.count(path, "title, address or size of an attachment")
        read = next(attachments.texts([value]), None)
        if read is None:
            run.count(path, "attachment that is no text")
            kind = value.get("contentType")
            known = isinstance(kind, str) and CONTENT_TYPE.fullmatch(kind)
            return {"contentType": kind if known else "application/octet-stream"}
        content = base64.b64encode(read_text(read, run).encode()).decode("ascii")
        return {"contentType": "text/plain; charset=utf-8", "data": content}

    return attachment


def code(of: Setting, _: str, path: str) -> Step:
    """A Coding."""
    paths = {name: f"{path}.{name}" for name in ("system", "code", "display")}

    def coding(value: Any, run: Run) -> Any:
        if value.__class__ is not dict:
            return withheld(value, run, path, "no Coding")
        stays, gone = of.codes.coding(value)
        for name in gone:
            run.count(paths[name], "code system, code or display not listed")
        return stays or None

    return coding


def system(of: Setting, _: str, path: str) -> Step:
    """The URL of a code system."""

    def system(value: Any, run: Run) -> Any:
        if not isinstance(value, str):
            return withheld(value, run, path, "no text")
        found = of.codes.system(value)
        if found != value:
            run.count(path, "code system, code or display not listed")
        return found

    return system


def unit(of: Setting, _: str, path: str) -> Step:
    """A unit."""

    def unit(value: Any, run: Run) -> Any:
        if isinstance(value, str) and of.codes.unit(value):
            return value
        # Not left out: a value without a unit may have one by what the site declares.
        return withheld(value, run, path, "unit not known")

    return unit
