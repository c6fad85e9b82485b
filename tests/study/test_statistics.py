"""The numbers of whole studies, made up so that they are known: unequal seeds, failures, other test sets, bad input."""

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scratchnn.study.inference import LEAST_SEEDS, Estimate, equivalence_p, resample_reviews, sign_flip_p
from scratchnn.study.one_model import ModelStatistics
from scratchnn.study.results import PROTOCOLS, Reviews, RunResult
from scratchnn.study.statistics import Statistics, analyse
from tests.study import fakes

ABOUT = fakes.reviews(400)


def statistics(results: list, *more: Reviews) -> Statistics:
    reviews = {each.digest: each for each in (ABOUT, *more)}
    return analyse(results, reviews, resamples=200).by_protocol["last"]


def exact(model: str, seed: int, wrong: list[int], **changes: Any) -> RunResult:
    """A run that is wrong on exactly these reviews."""
    p = np.where(ABOUT.y > 0.5, 0.9, 0.1).astype(np.float32)
    p[wrong] = 1 - p[wrong]
    return fakes.run(model, seed, ABOUT, probabilities=p, **changes)


def test_a_study_small_enough_to_count() -> None:
    found = statistics(
        [
            exact("lstm", 0, [0, 1]),
            exact("lstm", 1, [0, 1, 2, 3]),
            exact("ff", 1, list(range(2, 12))),
            exact("ff", 0, list(range(8))),
        ]
    )
    ff, lstm = found.models
    assert (ff.name, lstm.name, lstm.seeds) == ("ff", "lstm", (0, 1))
    assert lstm.accuracy is not None and lstm.answers is not None
    assert lstm.accuracy.value == pytest.approx(1 - 3 / 400)
    assert lstm.accuracy.low < lstm.accuracy.value < lstm.accuracy.high <= 1
    new = ~ABOUT.in_training
    wrong = np.bincount([0, 1, 0, 1, 2, 3], minlength=400)
    assert lstm.answers.without_repeats == pytest.approx(1 - wrong[new].sum() / (2 * new.sum()))
    assert lstm.answers.repeats == ABOUT.in_training.sum() > 0
    assert lstm.loss == pytest.approx(np.mean([run.tested["last"].loss for run in lstm.runs]))
    assert lstm.seconds_per_epoch == np.median([s for run in lstm.runs for s in run.history["seconds"]])
    assert sum(part.reviews for part in lstm.answers.by_length) == 400
    assert sum(part.reviews for part in lstm.answers.by_unknown) == 400

    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.seeds, pair.obstacle) == ("ff", "lstm", (0, 1), None)
    assert pair.difference is not None
    assert pair.difference.value == pytest.approx(-6 / 400)
    # Seed 0: lstm alone right on 2 to 7, ff never; seed 1: lstm alone on 4 to 11, ff alone on 0 and 1.
    assert pair.p == pair.p_holm == pair.smallest_p == 0.5
    assert pair.mcnemar == pair.mcnemar_holm == pytest.approx(2 * 2 / 64)  # twice the smaller of 2/64 and 0.109
    turned = found.pair("lstm", "ff")
    assert turned is not None and turned.difference is not None
    d = pair.difference
    assert turned.difference == Estimate(-d.value, -d.high, -d.low, is_range=True)
    assert found.pair("ff", "lstm") == pair
    assert found.pair("ff", "gru") is None and found.model("gru") is None


def test_the_order_of_the_runs_does_not_matter() -> None:
    results = [*fakes.study(ABOUT), fakes.failed("cnn", 9, ABOUT)]
    shuffled = results.copy()
    random.Random(0).shuffle(shuffled)
    assert shuffled != results
    assert repr(statistics(shuffled)) == repr(statistics(results))


def test_a_model_and_a_pair_do_not_depend_on_their_company() -> None:
    results = fakes.study(ABOUT)
    few = [run for run in results if run.model in ("lstm", "ff")]
    whole, part = statistics(results), statistics(few)
    assert whole.model("lstm") == part.model("lstm")
    a, b = whole.pair("lstm", "ff"), part.pair("lstm", "ff")
    assert a is not None and b is not None
    assert (a.difference, a.p, a.mcnemar) == (b.difference, b.p, b.mcnemar)
    assert a.mcnemar_holm >= b.mcnemar_holm


def test_holm_runs_over_the_pairs_that_were_compared() -> None:
    found = statistics(fakes.study(ABOUT, range(8)))
    pairs = sorted(found.pairs, key=lambda pair: pair.p)
    assert len(pairs) == 6
    assert pairs[0].p_holm == pytest.approx(min(1, 6 * pairs[0].p))
    assert [pair.p_holm for pair in pairs] == sorted(pair.p_holm for pair in pairs)


def test_failed_runs_are_left_out_and_named() -> None:
    good = [fakes.run("lstm", seed, ABOUT) for seed in range(3)]
    dead = fakes.run("lstm", 5, ABOUT)
    nan = dead.tested["best"].probabilities.copy()
    nan[3] = math.nan
    bad = [
        fakes.failed("lstm", 7, ABOUT, "out of memory"),
        replace(fakes.with_tested(dead, loss=math.inf), seed=4),
        fakes.with_tested(dead, "best", probabilities=nan),
    ]
    found = statistics([*bad, *good])
    (model,) = found.models
    assert model.seeds == (0, 1, 2)
    assert statistics(good).model("lstm") == replace(model, left_out=())
    assert [(run.model, run.seed) for run in found.left_out] == [("lstm", 4), ("lstm", 5), ("lstm", 7)]
    reasons = [run.reason for run in found.left_out]
    assert "loss inf" in reasons[0] and "not all finite" in reasons[1] and reasons[2] == "out of memory"


def test_all_runs_failed() -> None:
    found = statistics([fakes.failed("lstm", 0, ABOUT), fakes.failed("ff", 0, ABOUT), fakes.run("rnn", 0, ABOUT)])
    lstm = found.model("lstm")
    assert lstm is not None
    assert (lstm.accuracy, lstm.answers, lstm.runs, lstm.parameters) == (None, None, (), 23_361)
    for number in (lstm.loss, lstm.seconds_per_epoch, lstm.peak_memory, lstm.overfits_after, lstm.best_validation):
        assert math.isnan(number)
    reasons = {(pair.first, pair.second): pair.obstacle for pair in found.pairs}
    assert reasons[("ff", "lstm")] == "ff and lstm have no run that counts"
    assert reasons[("rnn", "lstm")] == "lstm has no run that counts"
    assert statistics([]) == Statistics("last", (), (), 200)


def test_a_run_that_failed_early_does_not_hide_what_others_know() -> None:
    early = replace(fakes.failed("lstm", 0, ABOUT), parameters=0, test_set="")
    (model,) = statistics([early, fakes.run("lstm", 1, ABOUT)]).models
    assert model.parameters == 23_361
    assert model.settings["vocabulary"] == 1000
    assert not {"seed", "out"} & model.settings.keys()


def test_one_model_with_one_seed() -> None:
    found = statistics([fakes.run("lstm", 3, ABOUT, 0.75)])
    (model,) = found.models
    assert found.pairs == ()
    accuracy = model.runs[0].tested["last"].accuracy
    assert model.accuracy == Estimate(accuracy, accuracy, accuracy, is_range=True)  # one seed has no interval


def test_unequal_seeds_are_compared_on_those_in_common() -> None:
    lstm = [fakes.run("lstm", seed, ABOUT, 0.8) for seed in (0, 1, 2, 5)]
    ff = [fakes.run("ff", seed, ABOUT, 0.7) for seed in (5, 1, 9)]
    gru = [fakes.run("gru", seed, ABOUT, 0.7) for seed in (11, 12)]
    found = statistics(lstm + ff + gru)
    pair = found.pair("lstm", "ff")
    assert pair is not None and pair.difference is not None
    assert pair.seeds == (1, 5)
    accuracy = {(run.model, run.seed): run.tested["last"].accuracy for run in lstm + ff}
    expected = np.mean([accuracy["lstm", seed] - accuracy["ff", seed] for seed in (1, 5)])
    assert pair.difference.value == pytest.approx(expected)
    apart = found.pair("lstm", "gru")
    assert apart is not None and apart.seeds == ()
    assert apart.obstacle == "they have no seed in common"


def test_different_test_sets_are_not_compared() -> None:
    other = fakes.reviews(300, "test-set-b", seed=1)
    found = statistics(
        [fakes.run("lstm", 0, ABOUT), fakes.run("ff", 0, other), fakes.run("ff", 1, ABOUT), fakes.run("ff", 2, other)],
        other,
    )
    (pair,) = found.pairs
    assert pair.obstacle == "they were tested on different sets"
    assert pair.difference is None and math.isnan(pair.p_holm)
    ff = found.model("ff")  # a model that meets two test sets has one mean, and is broken down on the commoner one
    assert ff is not None and ff.answers is not None and ff.accuracy is not None
    assert ff.accuracy.value == pytest.approx(np.mean([run.tested["last"].accuracy for run in ff.runs]))
    assert ff.answers.test_set == "test-set-b"
    assert sum(part.reviews for part in ff.answers.by_length) == 300


def test_other_orders_of_the_batches_are_noted() -> None:
    runs = [fakes.run(model, seed, ABOUT) for model in ("ff", "lstm") for seed in range(2)]
    assert statistics(runs).pairs[0].same_order
    runs[0] = replace(runs[0], order_digest="another")
    assert not statistics(runs).pairs[0].same_order


def test_where_overfitting_sets_in() -> None:
    losses = [[0.6, 0.4, 0.5], [0.6, 0.5, 0.4], [0.6, 0.5, 0.4], [math.nan] * 3]
    runs = [
        fakes.run("lstm", seed, ABOUT, history={"val_loss": loss, "val_accuracy": [0.7, 0.8 + seed / 100, 0.6]})
        for seed, loss in enumerate(losses)
    ]
    (model,) = statistics(runs).models
    assert model.lowest_loss_after == 3
    assert math.isnan(model.overfits_after)  # one of three rises again; where nothing is finite, none is lowest
    assert model.best_validation == pytest.approx(0.815)
    assert math.isnan(model.seconds_per_epoch)


def test_bad_input() -> None:
    run = fakes.run("lstm", 0, ABOUT)
    p = run.tested["last"].probabilities
    with pytest.raises(ValueError, match="got two of lstm with seed 0"):
        statistics([run, replace(run, config_hash="other")])
    with pytest.raises(ValueError, match="tested on the set elsewher, given are: test-set"):
        statistics([replace(run, test_set="elsewhere")])
    for protocol in PROTOCOLS:
        with pytest.raises(ValueError, match=r"needs one probability per test review, 400; got shape \(399,\)"):
            statistics([fakes.with_tested(run, protocol, probabilities=p[:-1])])
        with pytest.raises(ValueError, match="not in the order of these reviews"):
            statistics([fakes.with_tested(run, protocol, probabilities=p[::-1].copy())])
    with pytest.raises(ValueError, match="rnn-1-0123456789abcdef was not tested under 'best', as others were"):
        statistics([run, fakes.run("rnn", 1, ABOUT, protocols=("last",))])
    for margin in (0.0, -0.005, 1.0, math.nan):
        with pytest.raises(ValueError, match="must be above 0 and below 1"):
            analyse([run], {ABOUT.digest: ABOUT}, margin=margin)
    with pytest.raises(ValueError, match="resamples must be at least 100"):
        analyse([run], {ABOUT.digest: ABOUT}, resamples=10)


def test_overfitting_is_where_validation_loss_rises_afterwards() -> None:
    """The epoch of the lowest loss is known of every model; one that was still learning does not overfit."""

    def model(*losses: list[float]) -> ModelStatistics:
        runs = [fakes.run("lstm", seed, ABOUT, history={"val_loss": loss}) for seed, loss in enumerate(losses)]
        return statistics(runs).models[0]

    learning, past = [0.6, 0.5, 0.4], [0.6, 0.4, 0.5]
    assert (model(learning).lowest_loss_after, model(past, past, learning).overfits_after) == (3, 2)
    assert math.isnan(model(learning).overfits_after)
    assert math.isnan(model(learning, learning, past).overfits_after)
    assert math.isnan(model(learning, past).overfits_after)  # a half is not most


def test_each_protocol_has_its_own_numbers() -> None:
    """Answers known under both: what `last` says of a model must not come from its best epoch, nor the other way."""
    runs = []
    for seed in range(3):
        for name, last, best in (("lstm", 8, 6 + seed), ("ff", 20, 8)):
            run = exact(name, seed, list(range(last)))
            p = np.where(ABOUT.y > 0.5, 0.9, 0.1).astype(np.float32)
            p[:best] = 1 - p[:best]
            runs.append(fakes.with_tested(run, "best", probabilities=p, accuracy=1 - best / 400, epoch=2 + seed))
    found = analyse(runs, {ABOUT.digest: ABOUT}, resamples=200)
    assert list(found.by_protocol) == ["last", "best"]
    last, best = (found.by_protocol[name].model("lstm") for name in PROTOCOLS)
    assert last is not None and best is not None and last.accuracy is not None and best.accuracy is not None
    assert (last.accuracy.value, best.accuracy.value) == pytest.approx((1 - 8 / 400, 1 - 7 / 400))
    assert (last.epochs, best.epochs) == ([10] * 3, [2, 3, 4])
    values = [found.by_protocol[name].pair("lstm", "ff") for name in PROTOCOLS]
    assert [pair and pair.difference and pair.difference.value for pair in values] == pytest.approx([12 / 400, 1 / 400])
    stopping = found.stopping_of("lstm", "ff")
    assert stopping is not None and (stopping.first, stopping.second) == ("lstm", "ff")
    assert stopping.difference.value == pytest.approx(11 / 400)
    assert (stopping.difference.low, stopping.difference.high) == pytest.approx(
        (10 / 400, 12 / 400)
    )  # the seeds' range
    assert stopping.p == stopping.p_holm == 0.25
    assert math.isnan(stopping.p_equivalent) and math.isnan(stopping.p_equivalent_holm)
    turned = found.stopping_of("ff", "lstm")
    assert turned is not None and turned.difference == stopping.difference.turned()
    assert found.stopping_of("ff", "gru") is None


def test_what_stopping_explains_is_as_computed_independently() -> None:
    skills = {"ff": (0.75, 0.01), "lstm": (0.8, 0.01), "cnn": (0.78, 0.01)}
    runs = fakes.study(ABOUT, range(8), skills, {"ff": 0.04})
    found = analyse(runs, {ABOUT.digest: ABOUT}, resamples=500)
    assert [(each.first, each.second) for each in found.stopping] == [("ff", "lstm"), ("ff", "cnn"), ("lstm", "cnn")]
    of = {(run.model, run.seed): run for run in runs}
    p = []
    for each in found.stopping:
        right = {
            (name, protocol): np.stack(
                [(of[name, seed].tested[protocol].probabilities > 0.5) == (ABOUT.y > 0.5) for seed in range(8)]
            )
            for name in (each.first, each.second)
            for protocol in PROTOCOLS
        }
        gap = {
            protocol: right[each.first, protocol].astype(int) - right[each.second, protocol] for protocol in PROTOCOLS
        }
        change = gap["last"] - gap["best"]  # (S, N), from -2 to 2
        assert each.difference.value == pytest.approx(change.mean())
        assert each.p == pytest.approx(sign_flip_p(change.sum(axis=1)))
        samples = {key: resample_reviews(value, 500) for key, value in right.items()}
        drawn = np.zeros((500, 8))
        for key, value in samples.items():
            drawn += (1 if key[0] == each.first else -1) * (1 if key[1] == "last" else -1) * value
        assert each.p_equivalent == equivalence_p(change.mean(axis=1), drawn, found.margin)
        p.append(each.p)
        low, high = each.difference.low, each.difference.high
        assert low < each.difference.value < high and high - low < 0.06
    assert found.stopping[0].difference.high < 0  # ff gains by stopping early
    assert sorted(each.p_holm for each in found.stopping)[0] == pytest.approx(min(1, 3 * min(p)))


def test_equivalence_needs_seeds_and_a_margin_that_holds_the_difference() -> None:
    runs = {
        seeds: fakes.study(ABOUT, range(seeds), {"lstm": (0.8, 0.002), "ff": (0.8, 0.002)})
        for seeds in (LEAST_SEEDS - 1, 12)
    }
    about = {ABOUT.digest: ABOUT}
    few = analyse(runs[LEAST_SEEDS - 1], about, margin=0.5).by_protocol["last"].pairs[0]
    assert math.isnan(few.p_equivalent) and math.isnan(few.p_equivalent_holm)
    found = [analyse(runs[12], about, margin=margin).by_protocol["last"].pairs[0] for margin in (0.001, 0.02, 0.2)]
    p = [pair.p_equivalent for pair in found]
    assert p[0] > 0.05 > p[2]  # the same difference, more and more of it allowed
    assert p == sorted(p, reverse=True)
    assert [pair.p for pair in found] == [found[0].p] * 3


def test_a_study_of_one_protocol_has_nothing_to_say_of_stopping() -> None:
    for protocol in PROTOCOLS:
        found = analyse(fakes.study(ABOUT, range(2), protocols=(protocol,)), {ABOUT.digest: ABOUT})
        assert list(found.by_protocol) == [protocol] and found.stopping == ()
        assert found.first is found.by_protocol[protocol]
    nothing = analyse([fakes.failed("lstm", 0, ABOUT)], {ABOUT.digest: ABOUT})
    assert [model.name for model in nothing.first.models] == ["lstm"]
