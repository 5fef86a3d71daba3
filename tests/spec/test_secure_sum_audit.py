"""An auditor of a secure sum: what the transcripts of both servers show, and do not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.audit import audited
from adapter.pooling.secure.kept import transcript
from adapter.pooling.secure.log import Log, appended, problems
from adapter.pooling.secure.messages import digest
from tests.lib.secure_sum import (
    RULES,
)
from tests.lib.secure_sum_rounds import SITE, Round


def finished() -> tuple[Round, dict[str, dict[str, object]]]:
    round_ = Round()
    servers, _, _ = round_.network.opened(round_.network.agreed(round_.servers))
    token = rounds.announced(round_.announced, round_.network.registry.signing)
    return round_, {role: transcript(party, token) for role, party in servers.items()}


def test_an_auditor_finds_nothing_in_a_true_round():
    round_, shown = finished()
    assert audited(shown["registry"], shown["trustee"], round_.network.directory, RULES) == []


def _drop_entry(shown: dict[str, dict[str, object]]) -> None:
    del shown["registry"]["log"][2]  # type: ignore[attr-defined]


def _rewrite(shown: dict[str, dict[str, object]]) -> None:
    """The registry writes its log anew, its hashes right, without a site that sent."""
    log: Log = ()
    entries: Any = shown["registry"]["log"]
    for number, entry in enumerate(entries):
        if number != 2:
            log = appended(log, entry["party"], entry["event"], entry["body"], entry["at"])
    assert problems(log) == []
    shown["registry"]["log"] = [asdict(entry) for entry in log]


def _other_opening(shown: dict[str, dict[str, object]]) -> None:
    shown["registry"]["opening"] = finished()[1]["registry"]["opening"]


def _other_list(shown: dict[str, dict[str, object]]) -> None:
    shown["trustee"]["list"] = finished()[1]["trustee"]["list"]


def _no_receipt(shown: dict[str, dict[str, object]]) -> None:
    shown["trustee"]["receipt"] = ""


def _nothing(shown: dict[str, dict[str, object]]) -> None:
    shown["trustee"].clear()


@pytest.mark.parametrize(
    "changed", [_drop_entry, _rewrite, _other_opening, _other_list, _no_receipt, _nothing]
)
def test_an_auditor_finds_what_was_changed(
    changed: Callable[[dict[str, dict[str, object]]], None],
):
    round_, shown = finished()
    altered = copy.deepcopy(shown)
    changed(altered)
    assert audited(altered["registry"], altered["trustee"], round_.network.directory, RULES)


def test_an_auditor_finds_an_opening_over_too_few():
    round_, shown = finished()
    strict = replace(RULES, min_sites=6)
    (found,) = audited(shown["registry"], shown["trustee"], round_.network.directory, strict)
    assert "5 sites" in found


def test_no_message_of_a_server_tells_a_count_of_a_site():
    round_, shown = finished()
    nonces = [sent.nonce for sent in round_.sent.values()]
    for view in shown.values():
        words = str(view)
        assert not any(nonce.hex() in words for nonce in nonces)
        assert digest(round_.sent[SITE].registry.encode()) in str(shown["registry"]["log"])
        assert OKPKey.__name__ not in words
