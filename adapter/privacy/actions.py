"""What each action of the rules does to the value of an element.

An action is made for one element and one mode, and takes the value as it was sent: whatever is not
of the form that belongs there goes, or is replaced by WITHHELD where its absence would say
something else than its presence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapter.privacy import actions_of_dates as dates
from adapter.privacy import actions_of_ids as ids
from adapter.privacy import actions_of_numbers as numbers
from adapter.privacy import actions_of_places as places
from adapter.privacy import actions_of_words as words
from adapter.privacy.run import Step
from adapter.privacy.setting import Setting

MAKERS: Mapping[str, Callable[[Setting, str, str], Step]] = {
    "attachment": words.attachment,
    "birth": dates.birth,
    "code": words.code,
    "contained id": ids.contained_id,
    "drop": numbers.drop,
    "flag": numbers.flag,
    "id": ids.pseudonym,
    "instant": dates.instant,
    "keep": numbers.keep,
    "label": words.label,
    "named": ids.named,
    "place": places.place,
    "ref": ids.ref,
    "region": places.region,
    "shift": dates.shift,
    "system": words.system,
    "text": words.text,
    "time": dates.time_of_day,
    "unit": words.unit,
    "updated": dates.updated,
    "value": words.value,
    "verbatim": words.verbatim,
    "version": numbers.versioned,
    "year": dates.year,
    "zip": places.postcode,
    "zip3": places.zip3,
}


def made(action: str, of: Setting, argument: str, path: str) -> Step:
    """The step for an element at this path."""
    return MAKERS[action](of, argument, path)
