"""Laws of competing risks, delayed entry, weighted tests and follow-up, on random patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics.competing_risks import CompetingTable, cumulative_incidence
from analytics.cox import cox
from analytics.cox_checks import concordance, proportional_hazards, robust
from analytics.delayed_entry import Entries
from analytics.errors import NotEstimable
from analytics.gray import gray, gray_stratified
from analytics.life_table import ExitTable
from analytics.logrank import logrank, stratum_score
from analytics.logrank_weight import LOG_RANK, FlemingHarrington, gehan, tarone_ware
from analytics.milestone import milestone_difference
from analytics.restricted_mean import (
    restricted_mean,
    restricted_mean_difference,
    restricted_mean_ratio,
)
from analytics.reverse_kaplan_meier import follow_up_curve, median_follow_up
from analytics.survival import kaplan_meier, nelson_aalen, quantile
from analytics.trend import trend_test

CAUSES = (None, "1", "2")
CONFIDENCE_TYPES = ("plain", "log", "log-log", "logit", "arcsin")

law = settings(derandomize=True, max_examples=100)

row = st.tuples(st.integers(0, 12), st.sampled_from(CAUSES))
rows = st.lists(row, min_size=1, max_size=40)
grouped = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(CAUSES), st.sampled_from("abc")), max_size=40
)
late = st.lists(
    st.tuples(st.integers(0, 10), st.integers(1, 10), st.booleans()), min_size=1, max_size=40
)
"""Entry, time observed after it, event."""


def competing(of) -> CompetingTable:
    return CompetingTable.from_exits([time for time, _ in of], [cause for _, cause in of])


def by_group(of) -> dict[str, CompetingTable]:
    return {name: competing([(t, c) for t, c, g in of if g == name]) for name in "abc"}


def any_cause(of) -> dict[str, ExitTable]:
    return {name: table.any_cause for name, table in by_group(of).items()}


def delayed(of) -> ExitTable:
    return ExitTable.from_exits(
        [entry + stay for entry, stay, _ in of], [event for *_, event in of], [e for e, *_ in of]
    )


@law
@given(rows, rows, st.randoms(use_true_random=False))
def test_competing_tables_add_up_in_any_order(a, b, random) -> None:
    assert competing(a) + competing(b) == competing(b) + competing(a) == competing(a + b)
    assert competing(random.sample(a, len(a))) == competing(a)
    whole = competing(a + b)
    assert whole.cause_specific("1").events.sum() == sum(cause == "1" for _, cause in a + b)
    assert whole.cause_specific("1").n_patients == whole.any_cause.n_patients


@law
@given(st.dictionaries(st.integers(0, 12), st.tuples(*[st.integers(0, 3)] * 3), min_size=1))
def test_a_count_is_as_many_rows(counts) -> None:
    table = CompetingTable.from_counts(
        list(counts),
        {"1": [one for one, _, _ in counts.values()], "2": [two for _, two, _ in counts.values()]},
        [none for _, _, none in counts.values()],
    )
    written_out = [
        (time, cause)
        for time, numbers in counts.items()
        for cause, n in zip(("1", "2", None), numbers, strict=True)
        for _ in range(n)
    ]
    found = competing(written_out)
    assert found.any_cause == table.any_cause
    assert found.events_of("1").tolist() == table.events_of("1").tolist()
    assert found.events_of("2").tolist() == table.events_of("2").tolist()


@law
@given(rows, st.integers(0, 100), st.integers(0, 15))
def test_a_later_starting_clock_moves_incidence_and_nothing_else(of, shift, time) -> None:
    before = cumulative_incidence(competing(of), "1").at(time)
    moved = competing([(at + shift, cause) for at, cause in of])
    after = cumulative_incidence(moved, "1").at(time + shift)
    assert (after.n_risk, after.incidence, after.se) == (
        before.n_risk,
        before.incidence,
        before.se,
    )


@law
@given(rows)
def test_incidences_of_all_causes_and_survival_sum_to_1(of) -> None:
    table = competing(of)
    curves = [cumulative_incidence(table, cause) for cause in ("1", "2")]
    total = sum(curve.incidence for curve in curves) + kaplan_meier(table.any_cause).surv
    assert total == pytest.approx(np.ones(total.size), abs=1e-12)
    for curve in curves:
        assert np.all(np.diff(curve.incidence, prepend=0.0) >= 0)
        held = ~np.isnan(curve.se)
        assert np.all(curve.se[held] >= 0)
        for ci in CONFIDENCE_TYPES:
            low, high = curve.limits(ci)
            assert np.all((low >= 0) & (low <= curve.incidence + 1e-9), where=held)
            assert np.all((high <= 1) & (high >= curve.incidence - 1e-9), where=held)


@law
@given(rows)
def test_one_cause_is_one_minus_kaplan_meier_with_greenwoods_error(of) -> None:
    table = competing([(time, cause and "1") for time, cause in of])
    curve, surv = cumulative_incidence(table, "1"), kaplan_meier(table.any_cause)
    assert curve.incidence == pytest.approx(1 - surv.surv, abs=1e-12)
    assert curve.se == pytest.approx(surv.se, abs=1e-12, nan_ok=True)


@law
@given(rows)
def test_without_censoring_an_incidence_is_a_share(of) -> None:
    dead = [(time, cause or "2") for time, cause in of]
    share = sum(time <= 6 and cause == "1" for time, cause in dead) / len(dead)
    point = cumulative_incidence(competing(dead), "1").at(6)
    assert point.incidence == pytest.approx(share, abs=1e-12)
    if point.se is not None:
        assert point.se == pytest.approx(np.sqrt(share * (1 - share) / len(dead)), abs=1e-7)


@law
@given(grouped, st.integers(0, 50))
def test_gray_sees_the_order_of_times_and_not_the_names_of_groups(of, shift) -> None:
    found = estimated(gray, by_group(of), "1")
    assert found.df == len(found.groups) - 1
    renamed = [
        (2 * time + shift, cause, {"a": "c", "b": "b", "c": "a"}[g]) for time, cause, g in of
    ]
    again = gray(by_group(renamed), "1")
    assert again.chi2 == pytest.approx(found.chi2, rel=1e-6, abs=1e-9)
    assert 0 <= found.p <= 1
    assert found.score.sum() == pytest.approx(0, abs=1e-9)


@law
@given(grouped)
def test_grays_score_without_competing_events_is_that_of_the_logrank_test(of) -> None:
    tables = by_group([(time, cause and "1", group) for time, cause, group in of])
    found = estimated(gray, tables, "1")
    score = stratum_score({name: tables[name].any_cause for name in found.groups})
    assert found.score == pytest.approx(score.observed - score.expected, abs=1e-9)


@law
@given(late, late, st.randoms(use_true_random=False))
def test_tables_with_delayed_entry_add_up_in_any_order(a, b, random) -> None:
    assert delayed(a) + delayed(b) == delayed(b) + delayed(a) == delayed(a + b)
    assert delayed(random.sample(a, len(a))) == delayed(a)
    table, at = delayed(a), np.arange(-1, 22)
    assert table.at_risk(at).tolist() == [sum(e < t <= e + s for e, s, _ in a) for t in at]


@law
@given(late, st.integers(1, 30))
def test_entry_at_0_is_entry_at_the_start(of, tau) -> None:
    exits = ([entry + stay for entry, stay, _ in of], [event for *_, event in of])
    there, entered = ExitTable.from_exits(*exits), ExitTable.from_exits(*exits, [0] * len(of))
    assert there != entered
    assert kaplan_meier(there).surv.tolist() == kaplan_meier(entered).surv.tolist()
    assert nelson_aalen(there).hazard.tolist() == nelson_aalen(entered).hazard.tolist()
    assert restricted_mean(there, tau) == restricted_mean(entered, tau)


@law
@given(late, st.integers(1, 9))
def test_follow_up_cut_in_two_rows_gives_the_same_estimates(of, cut) -> None:
    parts = []
    for entry, stay, event in of:
        if entry < cut < entry + stay:
            parts += [(entry, cut - entry, False), (cut, entry + stay - cut, event)]
        else:
            parts.append((entry, stay, event))
    whole, pieces = kaplan_meier(delayed(of)), kaplan_meier(delayed(parts))
    for time in range(22):
        assert pieces.at(time).surv == pytest.approx(whole.at(time).surv, abs=1e-12)
        assert pieces.at(time).n_risk == whole.at(time).n_risk


@law
@given(late, st.integers(1, 30))
def test_a_shift_of_entry_and_exit_moves_the_curve(of, shift) -> None:
    before = kaplan_meier(delayed(of))
    after = kaplan_meier(delayed([(entry + shift, stay, event) for entry, stay, event in of]))
    assert after.times.tolist() == (before.times + shift).tolist()
    assert after.surv.tolist() == before.surv.tolist()
    assert after.n_risk.tolist() == before.n_risk.tolist()


@law
@given(st.lists(st.tuples(late, st.sampled_from("ab")), min_size=2, max_size=6))
def test_logrank_and_cox_agree_on_delayed_entry_without_ties(parts) -> None:
    tables: dict[str, ExitTable] = {"a": ExitTable.empty(), "b": ExitTable.empty()}
    place = 0
    for patients, group in parts:
        for entry, stay, event in patients:
            place += 1  # a time of its own for each exit
            exit_at = entry + stay + place / 1000
            tables[group] += ExitTable.from_exits([exit_at], [event], [entry])
    fit = estimated(cox, tables, {"a": [0.0], "b": [1.0]})
    assert fit.score == pytest.approx(logrank(tables).chi2, rel=1e-9, abs=1e-12)


@law
@given(grouped)
def test_gehans_score_counts_pairs(of) -> None:
    """Of each pair who is known to have the event first (Gehan 1965), without a table of counts."""
    score = stratum_score(any_cause(of), gehan)
    for place, group in enumerate(score.groups):
        pairs = sum(
            has_event_first(one, other) - has_event_first(other, one)
            for one in of
            if one[2] == group
            for other in of
        )
        assert score.observed[place] - score.expected[place] == pytest.approx(pairs, abs=1e-9)


def has_event_first(one, other) -> bool:
    (time, cause, _), (later, theirs, _) = one, other
    return cause is not None and (time < later or (time == later and theirs is None))


@law
@given(grouped, st.sampled_from([LOG_RANK, gehan, tarone_ware, FlemingHarrington(1, 1)]))
def test_a_trend_over_two_groups_is_their_test(of, weight) -> None:
    tables = {name: table for name, table in any_cause(of).items() if name != "c"}
    test = estimated(logrank, tables, weight)
    trend = trend_test(stratum_score(tables, weight), {"a": 3.0, "b": 7.0})
    assert trend.chi2 == pytest.approx(test.chi2, rel=1e-9, abs=1e-12)
    assert trend.p == pytest.approx(test.p, rel=1e-7, abs=1e-12)
    over = test.observed[1] > test.expected[1] + 1e-9
    assert not over or trend.z > 0


@law
@given(rows)
def test_reversing_a_table_twice_gives_it_back(of) -> None:
    table = competing(of).any_cause
    curve = follow_up_curve(table)
    assert curve.n_event.tolist() == table.censored.tolist()
    if table.censored.any():
        assert median_follow_up(table) == quantile(curve)
    else:
        with pytest.raises(NotEstimable, match="nobody is censored"):
            median_follow_up(table)


@law
@given(grouped, st.sampled_from(["efron", "breslow"]))
def test_cox_checks_from_counts_are_those_of_rows(of, ties) -> None:
    x = {"a": [0.0], "b": [1.0], "c": [2.5]}
    fit = estimated(cox, any_cause(of), x, ties)
    single = {f"{k}": competing([(t, c)]).any_cause for k, (t, c, _) in enumerate(of)}
    alone = cox(single, {f"{k}": x[group] for k, (*_, group) in enumerate(of)}, ties)
    for check, name in ((robust, "se"), (proportional_hazards, "chi2")):
        found = getattr(estimated(check, fit), name)
        assert getattr(check(alone), name) == pytest.approx(found, rel=1e-6, abs=1e-9)
    assert concordance(alone) == pytest.approx(concordance(fit), abs=1e-9)


@law
@given(grouped)
def test_exact_ties_of_one_event_a_day_are_those_of_efron(of) -> None:
    apart = [(place, cause, group) for place, (_, cause, group) in enumerate(of)]
    x = {"a": [0.0], "b": [1.0], "c": [2.5]}
    fit = estimated(cox, any_cause(apart), x)
    exact = cox(any_cause(apart), x, "exact")
    assert exact.coef == pytest.approx(fit.coef, rel=1e-8, abs=1e-9)
    assert exact.loglik == pytest.approx(fit.loglik, rel=1e-10, abs=1e-10)


@law
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(("1", None, "2")), st.sampled_from("ab")),
        min_size=10,
        max_size=40,
    )
)
def test_the_score_test_with_exact_ties_is_the_logrank_test(of) -> None:
    tables = any_cause(of)
    fit = estimated(cox, tables, {"a": [0.0], "b": [1.0], "c": [0.0]}, "exact")
    assert fit.score == pytest.approx(logrank(tables).chi2, rel=1e-9, abs=1e-12)


def estimated(estimate, *arguments):
    """The estimate, where there is one."""
    try:
        return estimate(*arguments)
    except NotEstimable:
        assume(False)


ODD = {
    "nobody": [],
    "one censored at 0": [(0, None, "a")],
    "one event at 0": [(0, "1", "a")],
    "one event": [(3, "1", "a")],
    "one other event": [(3, "2", "b")],
    "one each": [(3, "1", "a"), (3, "1", "b")],
    "all events on one day": [(3, "1", g) for g in "aabbcc"],
    "no events": [(t, None, g) for t in (1, 2) for g in "abc"],
    "all censored at 0": [(0, None, g) for g in "abc"],
    "all events at 0": [(0, "1", g) for g in "aabbc"],
    "causes tied": [(3, c, g) for c in CAUSES for g in "abc"],
    "one group": [(t, "1", "a") for t in (1, 2, 3)],
    "a group leaves first": [(1, "1", "a"), (1, None, "a"), (2, "1", "b"), (3, "2", "b")],
    "only the other cause": [(t, "2", g) for t in (1, 2) for g in "ab"],
}


def estimates(of):
    """Every estimate there is of these patients, as calls not yet made."""
    tables, exits = by_group(of), any_cause(of)
    whole = competing([(t, c) for t, c, _ in of])
    table, x = whole.any_cause, {"a": [0.0], "b": [1.0], "c": [2.5]}
    yield lambda: [kaplan_meier(table).at(2, ci) for ci in CONFIDENCE_TYPES]
    yield lambda: [quantile(kaplan_meier(table), 0.5, ci) for ci in CONFIDENCE_TYPES]
    yield lambda: nelson_aalen(table).at(3)
    yield lambda: [
        cumulative_incidence(whole, c).at(3, ci) for c in "123" for ci in CONFIDENCE_TYPES
    ]
    yield lambda: restricted_mean(table, 2)
    means = [lambda name=name: restricted_mean(exits[name], 2) for name in "ab"]
    yield lambda: restricted_mean_difference(*(mean() for mean in means))
    yield lambda: restricted_mean_ratio(*(mean() for mean in means))
    yield lambda: milestone_difference(*(kaplan_meier(exits[name]).at(2) for name in "ab"))
    yield lambda: milestone_difference(
        *(cumulative_incidence(tables[name], "1").at(3) for name in "ab")
    )
    yield lambda: median_follow_up(table)
    yield lambda: gray(tables, "1")
    yield lambda: gray(tables, "1", 0.5)
    yield lambda: gray_stratified([tables, {}], "2", 1)
    for weight in (LOG_RANK, gehan, tarone_ware, FlemingHarrington(1, 2)):
        yield lambda weight=weight: logrank(exits, weight)
        yield lambda weight=weight: trend_test(
            stratum_score(exits, weight), {"a": 1, "b": 2, "c": 3}
        )
    for ties in ("efron", "breslow", "exact"):
        for check in (lambda fit: fit, robust, proportional_hazards, concordance):
            yield lambda ties=ties, check=check: check(cox(exits, x, ties))


def finite(found) -> bool:
    """No NaN and no infinity in any number of a result."""
    if isinstance(found, list):
        return all(finite(one) for one in found)
    if isinstance(found, float):
        return bool(np.isfinite(found))
    if isinstance(found, np.ndarray):
        return bool(np.all(np.isfinite(found)))
    names = getattr(found, "__dataclass_fields__", ())
    return all(finite(getattr(found, name)) for name in names if name != "model")


def gives_numbers_or_a_reason(of) -> None:
    for estimate in estimates(of):
        found = reason_or(estimate)
        assert finite(found) if not isinstance(found, str) else len(found) > 8, found


def reason_or(estimate):
    try:
        return estimate()
    except NotEstimable as error:
        return error.reason


@pytest.mark.parametrize("case", ODD)
def test_odd_patients_give_numbers_or_a_reason(case: str) -> None:
    gives_numbers_or_a_reason(ODD[case])


@settings(law, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(CAUSES), st.sampled_from("abc")), max_size=8
    )
)
def test_few_patients_with_many_ties_give_numbers_or_a_reason(of) -> None:
    gives_numbers_or_a_reason(of)


@pytest.mark.parametrize(
    ("times", "counts", "reason"),
    [
        ([1], [-1], "negative"),
        ([-1], [1], "negative"),
        ([1, 2], [1], "one length"),
        ([1], [0.5], "whole"),
    ],
)
def test_what_is_no_entry_is_refused(times, counts, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Entries.from_counts(times, counts)
