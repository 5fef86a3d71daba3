"""De-identification: no secret survives anywhere, ids fit together, intervals stay."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from adapter.mapping.dates import span
from adapter.privacy import Deidentified, Mode, Withheld, calendars, rules
from adapter.privacy.texts import TextReader
from adapter.privacy.vocabulary import vocabulary
from tests.lib.mapping import observation
from tests.lib.privacy import KEYS, OTHER_KEYS, Planted, deidentifier, passed

SECRETS = (
    "Quillfeather Ambrosia{:04}",
    "Zq{:05}mrnk",
    "3{:06}7",
    "jq{:03}x@mail.invalid",
    "K{:04}ZQ",
    "O'Quillfeathr{:04}, 12 Elmtreeway",
    "QUILLFEATHER^AMBROSIA^{:04}",
    "https://portal.invalid/p/{:04}?mrn=88",
    "2021-05-03T10:{:04}",
)
"""What might stand in a string: names, record numbers, addresses, parts of dates."""
PLACES = ("city", "district", "state", "country")
ALLOWED = frozenset({"meta.versionId"})
"""A number that counts versions; digits are what belongs there."""
MODES = (Mode.LIMITED, Mode.SAFE_HARBOR)
TYPES = sorted(rules.load().resources)
BORDERS = {mode: deidentifier(mode) for mode in MODES} | {
    "shift": deidentifier(date_shift=True),
}


@pytest.mark.parametrize("resource_type", TYPES)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_in_any_string_of_any_type_survives(resource_type: str, secret: str):
    planted = Planted(resource_type, secret)
    assert len(planted.secrets) > 100
    for border in BORDERS.values():
        left = planted.surviving(passed(border, planted.resource))
        assert not {path for path in left if path.partition(".")[2] not in ALLOWED}


@pytest.mark.parametrize("resource_type", TYPES)
def test_no_secret_survives_in_what_was_counted(resource_type: str):
    planted = Planted(resource_type, "Quillfeather Ambrosia{:04}")
    strange = {**planted.resource, "Quillfeather Ambrosia": 1, "_Quillfeather": [{}]}
    for border in BORDERS.values():
        found = border.apply(strange)
        assert isinstance(found, Deidentified)
        assert "Quill" not in repr(found.removed)


def test_a_name_of_letters_alone_stays_only_as_a_place():
    planted = Planted("Patient", "Quillfeather")
    for mode, stays in ((Mode.LIMITED, PLACES), (Mode.SAFE_HARBOR, PLACES[2:])):
        found = passed(BORDERS[mode], planted.resource)
        [address] = [found.pop("address")]
        assert {name for name, value in address.items() if value == "Quillfeather"} == {*stays}
        assert "Quillfeather" not in json.dumps(found)


DEFINITIONS = load()
KNOWN = vocabulary(rules.load().words, DEFINITIONS.terminology, DEFINITIONS.units)
READER = TextReader(KNOWN)
STAYING = st.sampled_from(
    [
        *sorted(
            word
            for word in (*KNOWN.words.findings, *KNOWN.words.frames)
            # A number before a unit is a measure.
            if "*" not in word and word not in {unit.lower() for unit in KNOWN.units}
        ),
        *("BRAF", "V600E", "150 mCi", "75 mg", "I-131", "2021-05-03", "<0.2 ng/mL", "1-0-1"),
    ]
)
SECRET = st.one_of(
    st.text("abcdefghijklmnopqrstuvwxyzäéñß", min_size=3, max_size=12).filter(
        lambda word: not KNOWN.stays(word)
    ),
    st.integers(10_000, 10**10).map(str),
    st.integers(10_000, 99_999).map(lambda n: f"MRN{n}"),
)
BETWEEN = st.sampled_from([" ", ", ", "\n", "; ", " (", ") ", "/", "-", ": ", ". "])


@settings(max_examples=400)
@given(
    before=st.lists(STAYING, max_size=6),
    after=st.lists(STAYING, max_size=6),
    secret=SECRET,
    between=BETWEEN,
)
def test_a_word_or_number_that_the_vocabulary_lacks_never_stays(
    before: list[str], after: list[str], secret: str, between: str
):
    # A number that stands alone is a value.
    assume(before or after or not secret.isdigit())
    shown = READER.read(" ".join([*before, between, secret, between, *after])).shown(None)
    assert secret not in shown.replace("x" * len(secret), "")


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_is_read_and_nothing_is_added(text: str):
    reading = READER.read(text)
    shown = reading.shown(None)
    assert len(shown) <= len(text) + text.count(" ") + 2 * len(text.split()) + 1
    again = READER.read(shown)
    assert again.shown(None) == shown


@given(st.lists(STAYING, min_size=1, max_size=8))
def test_a_text_of_known_words_stays_as_it_is(words: list[str]):
    assert READER.read(" ".join(words)).shown(None) == " ".join(words)


IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)


@given(first=IDS, second=IDS)
def test_same_key_same_ids_other_key_none(first: str, second: str):
    names = {
        (each, keys.ids): deidentifier_of(keys).pseudonym("Patient", each)
        for each in (first, second)
        for keys in (KEYS, OTHER_KEYS)
    }
    assert len(set(names.values())) == len(names)
    sent = observation("3013-0", subject={"reference": f"Patient/{first}"})
    told = passed(BORDERS[Mode.LIMITED], sent)["subject"]["reference"]
    assert told == f"Patient/{names[first, KEYS.ids]}"


_MADE = {KEYS.ids: BORDERS[Mode.LIMITED], OTHER_KEYS.ids: deidentifier(keys=OTHER_KEYS)}


def deidentifier_of(keys: Any) -> Any:
    return _MADE[keys.ids]


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe"]
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.none())
OFFSETS = st.sampled_from(["Z", "+00:00", "-05:00", "+02:00", "+05:30"])


@settings(max_examples=400)
@given(
    first=MOMENTS, second=MOMENTS, offset=OFFSETS, zone=ZONES, days=st.integers(1, calendars.RANGE)
)
def test_a_shift_keeps_every_interval_in_the_sites_days(
    first: datetime, second: datetime, offset: str, zone: str, days: int
):
    here = ZoneInfo(zone)
    shift = calendars.Shift(days, here)
    texts = [f"{each.isoformat(timespec='seconds')}{offset}" for each in (first, second)]
    texts.append(second.date().isoformat())
    before = [span(text, here).earliest for text in texts]
    after = [span(shift(text), here).earliest for text in texts]
    assert [a - b for a, b in zip(before, after, strict=True)] == [timedelta(days=days)] * 3


@given(when=MOMENTS, zone=ZONES, days=st.integers(1, calendars.RANGE))
def test_a_shift_keeps_the_time_of_day(when: datetime, zone: str, days: int):
    here = ZoneInfo(zone)
    wall = when.replace(microsecond=0)
    shifted = datetime.fromisoformat(
        calendars.Shift(days, here)(wall.replace(tzinfo=here).isoformat())
    )
    assert shifted.replace(tzinfo=None).date() == wall.date() - timedelta(days=days)
    # But for a time that the clock leaves out on one of the two days.
    if wall.replace(tzinfo=here).astimezone(ZoneInfo("UTC")).astimezone(here) == wall.replace(
        tzinfo=here
    ):
        assert shifted.time() == wall.time()


@given(
    year=st.integers(1902, 2100),
    month=st.one_of(st.none(), st.integers(1, 12)),
    days=st.integers(1, 364),
)
def test_a_partial_date_lands_within_a_year_of_itself(year: int, month: int | None, days: int):
    text = f"{year}-{month:02}" if month else str(year)
    shown = calendars.Shift(days, ZoneInfo("UTC"))(text)
    assert shown in (str(year), str(year - 1))
    middle = date(year, month or 7, 15 if month else 2)
    assert shown == str((middle - timedelta(days=days)).year)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "coding", "text", "value", "url", "extension", "reference"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(
    resource_type=st.sampled_from(TYPES),
    content=st.dictionaries(
        st.sampled_from(
            sorted({name for table in rules.load().resources.values() for name in table})
        ),
        JSON,
        max_size=4,
    ),
)
def test_any_json_passes_or_is_withheld(resource_type: str, content: dict[str, Any]):
    for border in BORDERS.values():
        found = border.apply({**content, "resourceType": resource_type, "id": "r"})
        assert isinstance(found, (Deidentified, Withheld))
        if isinstance(found, Deidentified):
            json.dumps(found.resource)
