"""The protocol of the secure sum, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapter.pooling.exact import pooled_estimates
from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.kept import Reader, kept, restored, transcript
from adapter.pooling.secure.party import sign_list
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.table_vector import layout, vector
from adapter.pooling.secure.table_vector import patients as counted
from adapter.pooling.site_report import site_report
from analytics.secure_sum import commitment
from tests.lib.pooling import Row, site_reports
from tests.lib.reports import measures
from tests.lib.secure_sum import (
    AFTER,
    AT,
    RULES,
    TTP,
    WHOLE,
    Network,
)
from tests.lib.secure_sum_rounds import PATIENTS, SITE, Round


def test_five_sites_give_the_sum_and_both_logs_agree():
    round_ = Round()
    servers, total, opening = round_.network.opened(round_.network.agreed(round_.servers), RULES)
    assert total.tolist() == (5 * round_.network.table(PATIENTS).astype(int)).tolist()
    assert opening.sites == set(round_.network.sites)
    assert pooled_estimates(round_.network.pooled(servers, total)).overall["n_patients"] == 40
    events = [entry.event for entry in servers["registry"].log]
    assert events == ["announced", *["received"] * 5, "listed", "agreed", "opened", "added"]
    assert [entry.event for entry in servers["trustee"].log] == events


def test_a_step_taken_again_changes_nothing():
    round_ = Round()
    for role in ("registry", "trustee"):
        assert round_.receive(role, getattr(round_.sent[SITE], role)) is round_.servers[role]
    agreed = round_.network.agreed(round_.servers)
    assert round_.network.agreed(agreed) == agreed
    done, total, opening = round_.network.opened(agreed)
    again, same, reopened = round_.network.opened(done, earlier=[opening])
    assert (again, reopened) == (done, opening)
    assert (same == total).all()


def test_a_site_of_which_one_share_is_missing_is_left_out():
    round_ = Round(6, 5)
    late = round_.message("Organization/site-5", PATIENTS)
    round_.servers["registry"] = round_.receive("registry", late.registry)
    servers, total, opening = round_.network.opened(round_.network.agreed(round_.servers), RULES)
    assert total.tolist() == (5 * round_.network.table(PATIENTS).astype(int)).tolist()
    assert "Organization/site-5" not in opening.sites
    agreed = next(entry for entry in servers["trustee"].log if entry.event == "agreed")
    assert agreed.body["left_out"] == ["Organization/site-5"]


def test_a_correction_takes_the_place_of_what_was_sent():
    round_ = Round()
    round_.send(SITE, PATIENTS[:4], revision=2)
    _, total, _ = round_.network.opened(round_.network.agreed(round_.servers))
    assert counted(total, round_.network.layout) == 36


def test_a_correction_that_reached_one_server_leaves_the_site_out():
    round_ = Round(6)
    changed = round_.message(SITE, PATIENTS[:4], revision=2)
    round_.servers["registry"] = round_.receive("registry", changed.registry)
    agreed = round_.network.agreed(round_.servers)["registry"].agreed
    assert SITE not in {each.site for each in agreed}
    assert len(agreed) == 5


def test_both_lists_wait_for_every_site_or_the_announced_end():
    round_ = Round(6, 5)
    key = round_.network.registry.signing
    round_.refused("order", lambda: sign_list(round_.servers["registry"], key, AT))
    assert sign_list(round_.servers["registry"], key, AFTER).listing
    round_.send("Organization/site-5", PATIENTS)
    assert sign_list(round_.servers["registry"], key, AT).listing


def test_a_server_that_was_restarted_goes_on():
    round_ = Round()
    token = rounds.announced(round_.announced, round_.network.registry.signing)
    states = round_.network.agreed(round_.servers)
    for role, party in states.items():
        own = round_.network.keys(role)
        found = restored(kept(party, token), Reader(role, round_.network.directory, own.sealing))
        assert found == party
        assert "shares" not in transcript(party, token)


def test_a_site_can_open_its_commitment_to_an_auditor():
    round_ = Round()
    held = round_.servers["registry"].held[SITE].stated.commitment
    table, nonce = round_.network.table(PATIENTS), round_.sent[SITE].nonce
    assert commitment(table, nonce) == held
    assert commitment(table + np.uint64(1), nonce) != held


# Tables


def test_what_is_not_announced_is_not_sent():
    network = Network(1)
    other = network.study.fingerprint[::-1]
    report = site_report(site_reports(TTP, [PATIENTS], network.study)[0], network.measure)
    changed = replace(report, header=replace(report.header, study_sha256=other))
    with pytest.raises(SecureSumRefused, match="endpoint") as found:
        vector(changed, network.layout)
    assert found.value.rule == "layout"


def test_hidden_counts_cannot_be_summed():
    network = Network(1)
    report = site_report(site_reports(TTP, [PATIENTS], network.study)[0], network.measure)
    with pytest.raises(SecureSumRefused, match="hides"):
        vector(replace(report, poolable="bounds-only"), network.layout)


def test_open_categories_are_announced_and_no_other_is_dropped():
    network, measure = Network(1), measures()[WHOLE]
    with pytest.raises(SecureSumRefused, match="histology"):
        layout(measure, network.study, {})
    full = Network(1, WHOLE)
    fewer = {**full.layout.categories, "histology_n:{category}": ("PTC",)}
    report = site_report(site_reports(WHOLE, [PATIENTS], full.study)[0], full.measure)
    strange = [Row("fusion", 40, event=True, pick=pick) for pick in range(200)]
    report = site_report(site_reports(WHOLE, [strange], full.study)[0], full.measure)
    with pytest.raises(SecureSumRefused, match="no column is announced for histology_n:FTC"):
        vector(report, layout(full.measure, full.study, fewer))
