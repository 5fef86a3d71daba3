"""Laws of signed releases: no byte may change, and no release may be moved, dropped or doubled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.trust.chain import check_newest, is_new, link_of
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Release, opened, verify
from tests.lib.pooling import Row, site_reports
from tests.lib.trust import Signer, bytes_of

(REPORT,) = site_reports("time-to-progression", [[Row("NRAS_Q61R", 40, True, 3)]])
SIGNER = Signer()
TOKEN = SIGNER.signed(REPORT).token
CONTENT = bytes_of(REPORT)
PLACES = st.integers(0, 10**9)


def fits(token: str, content: bytes) -> bool:
    try:
        verify(opened(token, content), content, SIGNER.key.key)
    except NotTrusted:
        return False
    return True


def test_unaltered_it_fits():
    assert fits(TOKEN, CONTENT)


@settings(max_examples=300, deadline=None)
@given(PLACES, st.integers(1, 255))
def test_any_altered_byte_of_the_report_is_refused(place: int, flip: int):
    altered = bytearray(CONTENT)
    altered[place % len(altered)] ^= flip
    assert not fits(TOKEN, bytes(altered))


@settings(max_examples=300, deadline=None)
@given(PLACES, st.characters(max_codepoint=0x2FF))
def test_any_altered_character_of_the_signature_is_refused(place: int, other: str):
    at = place % len(TOKEN)
    altered = TOKEN[:at] + other + TOKEN[at + 1 :]
    assert fits(altered, CONTENT) is (altered == TOKEN)


@settings(max_examples=100, deadline=None)
@given(PLACES, st.binary(max_size=3))
def test_bytes_put_in_or_cut_out_are_refused(place: int, more: bytes):
    at = place % len(CONTENT)
    for altered in (CONTENT[:at] + more + CONTENT[at:], CONTENT[:at] + CONTENT[at + 1 :]):
        assert fits(TOKEN, altered) is (altered == CONTENT)


def chain(length: int) -> list[Release]:
    """Releases of two reports in turn."""
    signer = Signer()
    other = {**REPORT, "period": {"start": "1999-01-01", "end": "1999-12-31"}}
    return [signer.signed([REPORT, other][place % 2]) for place in range(length)]


CHAIN = chain(7)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=14))
def test_the_strict_chain_takes_a_prefix_in_its_order_and_nothing_else(sent: list[int]):
    taken: list[Release] = []
    for place in sent:
        due = len(taken)
        links = [link_of(each) for each in taken]
        if place == due:
            assert is_new(CHAIN[place], links)
            taken.append(CHAIN[place])
        elif place < due:
            assert not is_new(CHAIN[place], links), "once more is no harm"
        else:
            with pytest.raises(NotTrusted) as error:
                is_new(CHAIN[place], links)
            assert error.value.rule == "chain"
    assert taken == CHAIN[: len(taken)]


@given(st.sets(st.integers(0, 6), min_size=1))
def test_with_gaps_what_is_there_still_comes_in_order(kept: set[int]):
    taken: list[Release] = []
    for place in sorted(kept):
        assert is_new(CHAIN[place], [link_of(each) for each in taken], gaps=True)
        taken.append(CHAIN[place])
    for late in set(range(max(kept))) - kept:
        with pytest.raises(NotTrusted) as error:
            is_new(CHAIN[late], [link_of(each) for each in taken], gaps=True)
        assert error.value.rule == "replay"


@given(st.integers(0, 6), st.booleans())
def test_a_fork_is_refused_with_gaps_or_without(place: int, gaps: bool):
    signer = Signer(releases=list(CHAIN[:place]))
    fork = signer.signed({**REPORT, "period": {"start": "2001-01-01", "end": "2001-12-31"}})
    after = signer.signed({**REPORT, "period": {"start": "2002-01-01", "end": "2002-12-31"}})
    links = [link_of(each) for each in CHAIN[: place + 1]]
    for wrong, rule in ((fork, "replay"), (after, "chain")):
        with pytest.raises(NotTrusted) as error:
            is_new(wrong, links, gaps=gaps)
        assert error.value.rule == rule


def test_a_skipped_revision_is_refused():
    signer = Signer()
    first = signer.signed(REPORT)
    skipped = signer.signed(REPORT, revision=3)
    with pytest.raises(NotTrusted, match="revision 2 was skipped"):
        is_new(skipped, [link_of(first)])
    again = Signer(releases=[first]).signed(REPORT, revision=1)
    with pytest.raises(NotTrusted, match="comes after revision 1"):
        is_new(again, [link_of(first)])


def test_only_the_newest_revision_of_each_report_is_pooled():
    links = [link_of(each) for each in CHAIN]
    for earlier, _ in pairwise(CHAIN[:-1]):
        with pytest.raises(NotTrusted) as error:
            check_newest(earlier, links)
        assert error.value.rule == "superseded"
    for newest in CHAIN[-2:]:
        check_newest(newest, links)
