"""The numbers of whole studies, made up so that they are known: unequal seeds, failures, other test sets, bad input."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from scratchnn.study.statistics import Estimate, Statistics, analyse
from tests.study import fakes

ABOUT = fakes.reviews(400)


def statistics(results: list, *more: object) -> Statistics:
    reviews = {each.digest: each for each in (ABOUT, *more)}  # type: ignore[attr-defined]
    return analyse(results, reviews, resamples=200)


def exact(arch: str, seed: int, wrong: list[int], **changes: object) -> object:
    """A run that is wrong on exactly these reviews."""
    p = np.where(ABOUT.y > 0.5, 0.9, 0.1).astype(np.float32)
    p[wrong] = 1 - p[wrong]
    return fakes.run(arch, seed, ABOUT, probabilities=p, **changes)


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
    assert (ff.arch, lstm.arch, lstm.seeds) == ("ff", "lstm", (0, 1))
    assert lstm.accuracy is not None and lstm.answers is not None
    assert lstm.accuracy.value == pytest.approx(1 - 3 / 400)
    assert lstm.accuracy.low < lstm.accuracy.value < lstm.accuracy.high <= 1
    new = ~ABOUT.in_training
    wrong = np.bincount([0, 1, 0, 1, 2, 3], minlength=400)
    assert lstm.answers.without_repeats == pytest.approx(1 - wrong[new].sum() / (2 * new.sum()))
    assert lstm.answers.repeats == ABOUT.in_training.sum() > 0
    assert lstm.loss == pytest.approx(np.mean([run.test_loss for run in lstm.runs]))
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
    few = [run for run in results if run.arch in ("lstm", "ff")]
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
    assert dead.probabilities is not None
    nan = dead.probabilities.copy()
    nan[3] = math.nan
    bad = [
        fakes.failed("lstm", 7, ABOUT, "out of memory"),
        replace(dead, seed=4, test_loss=math.inf),
        replace(dead, probabilities=nan),
    ]
    found = statistics([*bad, *good])
    (model,) = found.models
    assert model.seeds == (0, 1, 2)
    assert statistics(good).model("lstm") == replace(model, left_out=())
    assert [(run.arch, run.seed) for run in found.left_out] == [("lstm", 4), ("lstm", 5), ("lstm", 7)]
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
    assert statistics([]) == Statistics((), (), 200)


def test_a_run_that_failed_early_does_not_hide_what_others_know() -> None:
    early = replace(fakes.failed("lstm", 0, ABOUT), parameters=0, test_set="")
    (model,) = statistics([early, fakes.run("lstm", 1, ABOUT)]).models
    assert model.parameters == 23_361
    assert model.settings["vocabulary"] == 1000
    assert not {"seed", "arch", "out"} & model.settings.keys()


def test_one_model_with_one_seed() -> None:
    found = statistics([fakes.run("lstm", 3, ABOUT, 0.75)])
    (model,) = found.models
    assert found.pairs == ()
    accuracy = model.runs[0].test_accuracy
    assert model.accuracy == Estimate(accuracy, accuracy, accuracy, is_range=True)  # one seed has no interval


def test_unequal_seeds_are_compared_on_those_in_common() -> None:
    lstm = [fakes.run("lstm", seed, ABOUT, 0.8) for seed in (0, 1, 2, 5)]
    ff = [fakes.run("ff", seed, ABOUT, 0.7) for seed in (5, 1, 9)]
    gru = [fakes.run("gru", seed, ABOUT, 0.7) for seed in (11, 12)]
    found = statistics(lstm + ff + gru)
    pair = found.pair("lstm", "ff")
    assert pair is not None and pair.difference is not None
    assert pair.seeds == (1, 5)
    accuracy = {(run.arch, run.seed): run.test_accuracy for run in lstm + ff}
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
    assert pair.obstacle == "they were tested on different reviews"
    assert pair.difference is None and math.isnan(pair.p_holm)
    ff = found.model("ff")  # a model that meets two test sets has one mean, and is broken down on the commoner one
    assert ff is not None and ff.answers is not None and ff.accuracy is not None
    assert ff.accuracy.value == pytest.approx(np.mean([run.test_accuracy for run in ff.runs]))
    assert ff.answers.test_set == "test-set-b"
    assert sum(part.reviews for part in ff.answers.by_length) == 300


def test_other_orders_of_the_batches_are_noted() -> None:
    runs = [fakes.run(arch, seed, ABOUT) for arch in ("ff", "lstm") for seed in range(2)]
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
    assert model.overfits_after == 3
    assert model.best_validation == pytest.approx(0.815)
    assert math.isnan(model.seconds_per_epoch)


def test_bad_input() -> None:
    run = fakes.run("lstm", 0, ABOUT)
    assert run.probabilities is not None
    with pytest.raises(ValueError, match="got two of lstm with seed 0"):
        statistics([run, replace(run, config_hash="other")])
    with pytest.raises(ValueError, match="tested on the reviews elsewher, given are: test-set"):
        statistics([replace(run, test_set="elsewhere")])
    with pytest.raises(ValueError, match="needs one probability per test review, 400; got none"):
        statistics([replace(run, probabilities=None)])
    with pytest.raises(ValueError, match=r"400; got shape \(399,\)"):
        statistics([replace(run, probabilities=run.probabilities[:-1])])
    with pytest.raises(ValueError, match="not in the order of these reviews"):
        statistics([replace(run, probabilities=run.probabilities[::-1].copy())])
    with pytest.raises(ValueError, match="resamples must be at least 100"):
        analyse([run], {ABOUT.digest: ABOUT}, resamples=10)
