"""What the protocol of the secure sum refuses: each rule, by an attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from adapter.pooling.secure import registry, share, trustee
from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.messages import Directory, ServerKeys, signed, verified
from adapter.pooling.secure.party import agree, receive, sign_list
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.table_vector import PATIENTS as PATIENTS_N
from adapter.pooling.secure.table_vector import Column, implausible
from adapter.pooling.stated_counts import Stated
from analytics.disclosure.exits import entered_cell, exit_cell
from analytics.secure_sum import from_bytes, to_bytes
from tests.lib.secure_sum import (
    AFTER,
    ANY,
    AT,
    RULES,
    WHOLE,
    Network,
    earlier,
    server,
)
from tests.lib.secure_sum_rounds import PATIENTS, SITE, Round


def test_an_altered_share_is_refused():
    round_ = Round(2, 1)
    token = round_.message("Organization/site-1", PATIENTS).registry
    head, body, signature = token.split(".")
    for place in (0, len(body) // 2, len(body) - 2):
        changed = body[:place] + ("A" if body[place] != "A" else "B") + body[place + 1 :]
        altered = ".".join((head, changed, signature))
        round_.refused("signature", lambda t=altered: round_.receive("registry", t))  # type: ignore[misc]


def test_a_seal_does_not_fit_another_envelope():
    round_ = Round(2)
    key = round_.network.sites["Organization/site-1"]
    own = verified(share.KIND, round_.sent["Organization/site-1"].registry, key)
    others = verified(share.KIND, round_.sent[SITE].registry, round_.network.sites[SITE])
    stolen = signed(share.KIND, {**own, "revision": 2, "share": others["share"]}, key)
    round_.refused("seal", lambda: round_.receive("registry", stolen))


def test_a_share_of_another_round_is_refused():
    round_ = Round(1)
    other = round_.network.announced("2026-q2")
    replayed = round_.network.servers(other)["registry"]
    token = round_.sent[SITE].registry
    found = round_.refused(
        "round",
        lambda: receive(replayed, token, round_.network.registry.sealing, AT),
    )
    assert found.where == SITE


def test_a_share_for_the_other_server_is_refused():
    round_ = Round(1)
    round_.refused("recipient", lambda: round_.receive("registry", round_.sent[SITE].trustee))


def test_a_site_cannot_send_for_another():
    round_ = Round(2)
    key = round_.network.sites["Organization/site-1"]
    content = verified(share.KIND, round_.sent[SITE].registry, round_.network.sites[SITE])
    forged = signed(share.KIND, {**content, "revision": 2}, key)
    round_.refused("key", lambda: round_.receive("registry", forged))


def test_a_stranger_cannot_send():
    round_, stranger = Round(1), Network(1)
    content = verified(share.KIND, round_.sent[SITE].registry, round_.network.sites[SITE])
    forged = signed(share.KIND, content, stranger.sites[SITE])
    round_.refused("key", lambda: round_.receive("registry", forged))
    round_.refused("form", lambda: round_.receive("registry", "no message"))


def test_a_message_of_another_kind_is_no_share():
    round_ = Round(1)
    content = verified(share.KIND, round_.sent[SITE].registry, round_.network.sites[SITE])
    forged = signed("list", content, round_.network.sites[SITE])
    round_.refused("form", lambda: round_.receive("registry", forged))


def test_revisions_neither_go_back_nor_change():
    round_ = Round(1)
    before = round_.sent[SITE].registry
    round_.send(SITE, PATIENTS, revision=2)
    round_.refused("revision", lambda: round_.receive("registry", before))
    again = round_.message(SITE, PATIENTS[:3], revision=2).registry
    round_.refused("duplicate", lambda: round_.receive("registry", again))


def test_nothing_is_taken_after_the_end():
    round_ = Round(2, 1)
    token = round_.message("Organization/site-1", PATIENTS).registry
    key = round_.network.registry.sealing
    round_.refused("closed", lambda: receive(round_.servers["registry"], token, key, AFTER))
    closed = sign_list(round_.servers["registry"], round_.network.registry.signing, AFTER)
    round_.refused("closed", lambda: receive(closed, token, key, AT))


def test_a_registry_cannot_announce_a_trustees_key_of_its_own():
    network = Network(1)
    own = server().public
    lying = Directory(network.registry.public, ServerKeys(own.signing, own.sealing), {})
    asked = rounds.Asked("r", "2026-01-01", "2026-03-31", AFTER, "secure-sum|1")
    token = rounds.announced(
        rounds.announcement(asked, network.layout, lying), network.registry.signing
    )
    with pytest.raises(SecureSumRefused) as found:
        rounds.read_announcement(token, network.directory)
    assert found.value.rule == "key"


@pytest.mark.parametrize(
    "asked",
    [
        rounds.Asked("../r", "2026-01-01", "2026-03-31", AFTER, "p"),
        rounds.Asked("r", "2026-04-01", "2026-03-31", AFTER, "p"),
        rounds.Asked("r", "2026-01-01", "2026-03-31", "2026-04-01T00:00:00", "p"),
        rounds.Asked("r", "yesterday", "2026-03-31", AFTER, "p"),
    ],
)
def test_a_round_that_cannot_be_is_not_announced(asked: rounds.Asked):
    network = Network(1)
    with pytest.raises(SecureSumRefused) as found:
        rounds.announcement(asked, network.layout, network.directory)
    assert found.value.rule == "form"


def test_one_key_cannot_sign_for_two():
    network = Network(2)
    key = network.directory.sites[SITE]
    with pytest.raises(ValueError, match="two holders"):
        replace(network.directory, sites={SITE: key, "Organization/site-1": key})


@pytest.mark.parametrize("sending", [0, 1, 2, 4])
def test_too_few_sites_are_not_opened(sending: int):
    round_ = Round(6, sending)
    agreed = round_.network.agreed(round_.servers)
    round_.refused("sites", lambda: round_.network.opened(agreed, RULES))


def test_sites_without_patients_do_not_count():
    round_ = Round(6, 4)
    for site in ("Organization/site-4", "Organization/site-5"):
        round_.send(site, [])
    agreed = round_.network.agreed(round_.servers)
    round_.refused("sites", lambda: round_.network.opened(agreed, RULES))


def test_a_site_that_is_nearly_the_sum_is_not_opened():
    round_ = Round(6, 5, patients=1)
    round_.send("Organization/site-5", PATIENTS * 12)
    agreed = round_.network.agreed(round_.servers)
    round_.refused("dominated", lambda: round_.network.opened(agreed, RULES))


@pytest.mark.parametrize(
    ("rule", "day", "left_out", "period"),
    [
        ("differencing", date(2025, 1, 1), 1, {}),
        ("differencing", date(2025, 1, 1), 2, {}),
        ("cadence", date(2026, 1, 1), 0, {}),
    ],
)
def test_two_openings_that_tell_of_a_site_or_a_quarter_are_refused(
    rule: str, day: date, left_out: int, period: dict[str, str]
):
    round_ = Round(7)
    agreed = round_.network.agreed(round_.servers)
    before = earlier(day, list(round_.network.sites)[left_out:], **period)
    round_.refused(rule, lambda: round_.network.opened(agreed, RULES, [before]))


def test_openings_by_the_same_sites_or_by_others_enough_are_made():
    round_ = Round(8)
    agreed = round_.network.agreed(round_.servers)
    for left_out in (0, 3):
        before = earlier(date(2025, 1, 1), list(round_.network.sites)[left_out:])
        assert round_.network.opened(agreed, RULES, [before])[2].round == "2026-q1"


def test_a_measure_and_period_is_opened_once():
    round_ = Round()
    _, _, first = round_.network.opened(round_.network.agreed(round_.servers), RULES)
    again = Round()
    agreed = again.network.agreed(again.servers)
    before = replace(first, round="another name", day=date(2020, 1, 1))
    again.refused("opened", lambda: again.network.opened(agreed, RULES, [before]))


def test_nothing_is_opened_before_both_have_agreed():
    round_ = Round()
    round_.refused("order", lambda: round_.network.opened(round_.servers, ANY))
    other = round_.network.agreed(round_.servers)["registry"].listing
    round_.refused("order", lambda: agree(round_.servers["trustee"], other, AFTER))


def test_a_server_cannot_sign_a_second_list():
    round_ = Round()
    agreed = round_.network.agreed(round_.servers)
    key = round_.network.registry.signing
    content = verified("list", agreed["registry"].listing, key)
    fewer = signed("list", {**content, "shares": content["shares"][1:]}, key)
    round_.refused("list", lambda: agree(agreed["trustee"], fewer, AFTER))


def test_a_sum_over_another_list_is_refused():
    round_, other = Round(), Round()
    agreed = round_.network.agreed(round_.servers)
    fewer = replace(agreed["trustee"], agreed=agreed["trustee"].agreed[1:])
    keeper, _ = trustee.open_sum(fewer, ANY, [], round_.network.trustee.signing, AFTER)
    own = registry.Secrets(
        round_.network.registry.signing, round_.network.registry.sealing, bytes(32)
    )
    round_.refused(
        "list",
        lambda: registry.add(agreed["registry"], keeper.opening, round_.network.layout, own, AFTER),
    )
    strange = other.network.opened(other.network.agreed(other.servers))[0]["trustee"].opening
    round_.refused(
        "signature",
        lambda: registry.add(agreed["registry"], strange, round_.network.layout, own, AFTER),
    )


@pytest.mark.parametrize(
    ("rule", "column", "more"),
    [
        ("total", PATIENTS_N, 1000),
        ("range", entered_cell(("fusion",)), 1),
        ("range", exit_cell(("fusion",), "event", 3, 3), 2**40),
    ],
)
def test_a_sum_that_cannot_be_one_of_tables_is_refused(rule: str, column: Column, more: int):
    """A site whose two shares do not make a table: no share alone can show it."""
    round_ = Round()
    held = round_.servers["registry"].held[SITE]
    share_ = from_bytes(held.share)
    share_[round_.network.layout.columns.index(column)] += np.uint64(more)
    others = {**round_.servers["registry"].held, SITE: replace(held, share=to_bytes(share_))}
    round_.servers["registry"] = replace(round_.servers["registry"], held=others)
    agreed = round_.network.agreed(round_.servers)
    found = round_.refused(rule, lambda: round_.network.opened(agreed))
    assert not any(word.isdigit() for word in found.what.split())


def test_a_patient_may_have_several_values_but_is_one():
    """Courses of a drug are counted for each patient, patients are not."""
    network = Network(1, WHOLE)
    table, columns = network.table(PATIENTS), network.layout.columns
    assert implausible(table, network.layout) == ""
    for figure, why in (("drug_days_n", ""), ("rai_uptake_n", "a count exceeds")):
        more = table.copy()
        more[columns.index(Stated("", figure))] = 100
        assert implausible(more, network.layout).startswith(why)
        assert bool(implausible(more, network.layout)) == bool(why)


def test_one_sum_cannot_be_stratified_by_site():
    round_ = Round()
    servers, total, _ = round_.network.opened(round_.network.agreed(round_.servers))
    (one,) = round_.network.pooled(servers, total).sites
    assert len(one.reporters) == 5
    found = round_.refused("stratified", lambda: registry.refuse_by_site("site"))
    assert "sum" in found.what
