"""The reviews that settings ask for: how many, how split, and with their words shuffled."""

from typing import Any

import numpy as np
import pytest

from scratchnn.experiments.preparation import build_model, let_the_rate_fall, load_reviews, shuffle_words
from scratchnn.experiments.presets import named
from scratchnn.experiments.settings import Settings

SMALL = Settings(arch="bow", vocabulary=200, length=30, synthetic=True)


def test_shuffled_words_stay_in_their_review_and_padding_in_its_place() -> None:
    x = np.array(
        [[0, 0, 1, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 0, 0, 0, 4], [4, 5, 6, 7, 8, 9, 0, 0]],
        np.int32,
    )
    shuffled = shuffle_words(x, seed=3, split=0)
    assert (np.sort(shuffled, axis=1) == np.sort(x, axis=1)).all()
    assert ((shuffled == 0) == (x == 0)).all()
    assert (shuffled != x).any(axis=1).tolist() == [True, True, False, True]
    assert shuffled.dtype == np.int32
    assert (shuffle_words(x, seed=3, split=0) == shuffled).all()
    assert (shuffle_words(x, seed=4, split=0) != shuffled).any()
    assert (shuffle_words(x, seed=3, split=1) != shuffled).any()


def test_every_order_is_as_likely() -> None:
    rows = shuffle_words(np.tile(np.array([[0, 1, 2, 3]], np.int32), (60_000, 1)), seed=0, split=0)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) == 6
    assert abs(counts - 10_000).max() < 500, "five standard deviations are 456"


def test_a_bag_of_words_does_not_see_the_shuffling_and_a_network_of_places_does() -> None:
    plain, shuffled = (load_reviews(Settings(**{**vars(SMALL), "shuffle_words": on}), None) for on in (False, True))
    assert (plain.x_train != shuffled.x_train).any() and (plain.x_test != shuffled.x_test).any()
    for arch, alike in (("bow", True), ("ff", False)):
        model = build_model(Settings(**{**vars(SMALL), "arch": arch}))
        a, b = (model.predict(data.x_test[:200], verbose=0) for data in (plain, shuffled))
        assert (abs(a - b).max() < 1e-6) == alike  # the mean of the same numbers in another order, in float32


def test_as_many_reviews_as_asked_for() -> None:
    everything = load_reviews(SMALL, None)
    few = load_reviews(Settings(**{**vars(SMALL), "train_reviews": 700}), None)
    assert (few.x_train == everything.x_train[:700]).all() and (few.y_train == everything.y_train[:700]).all()
    assert (few.x_test == everything.x_test).all()
    more = load_reviews(Settings(**{**vars(SMALL), "resplit": 1, "test_reviews": 4000, "train_reviews": 45_500}), None)
    assert (len(more.x_train), len(more.x_test)) == (45_500, 4000)
    with pytest.raises(ValueError, match=r"train_reviews must be at most 25,000.*got 25,001; resplit"):
        load_reviews(Settings(**{**vars(SMALL), "train_reviews": 25_001}), None)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"test_reviews": 10}, "test_reviews 10 needs a new split: give resplit"),
        ({"resplit": -1}, "resplit must be a whole number from 0"),
        ({"units": 0}, "units must be a whole number from 1"),
        ({"train_reviews": 0}, "train_reviews must be a whole number from 1"),
    ],
)
def test_settings_that_make_no_sense(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(**setting)


def test_resplit_may_be_the_flag_that_it_was() -> None:
    assert Settings(resplit=True) == Settings(resplit=1)
    assert type(Settings(resplit=True).resplit) is int


def units(arch: str, **chosen: int) -> list[object]:
    """Those of all layers that have some, as their settings say."""
    preset = named(arch)
    found = [layer.get_config() for layer in preset.layers_for(preset.settings(**chosen))]
    inside = [each["layer"]["config"] if "layer" in each else each for each in found]
    return [each["units"] for each in inside if "units" in each]


def test_units_are_those_of_every_recurrent_layer() -> None:
    assert units("rnn", units=8) == [8, 8, 1]
    assert units("birnn", units=5) == [5, 1]
    assert units("lstm") == [32, 32, 1]
    with pytest.raises(ValueError, match="'ff' has no recurrent layer, so units cannot be given"):
        named("ff").layers_for(named("ff").settings(units=8))


@pytest.mark.parametrize(("decay", "half_way"), [("linear", 0.01), ("cosine", 0.01), (None, 0.02)])
def test_the_learning_rate_falls_to_0_at_the_last_step(decay: str | None, half_way: float) -> None:
    settings = Settings(**{**vars(SMALL), "learning_rate": 0.02, "learning_rate_decay": decay, "epochs": 5})
    model = build_model(settings)
    let_the_rate_fall(model, settings, 90)  # 3 steps an epoch, the last one of 26 reviews
    optimizer = model.optimizer
    assert optimizer is not None
    rates = []
    for optimizer.iterations in range(16):
        rates.append(optimizer.learning_rate)
    assert rates[0] == 0.02
    assert (rates[7] + rates[8]) / 2 == pytest.approx(half_way)
    assert rates[15] == pytest.approx(0.0 if decay else 0.02, abs=1e-12)
    if decay:
        assert (np.diff(rates) < 0).all()
        assert (np.ptp(np.diff(rates)) < 1e-12) == (decay == "linear")


def test_an_unknown_decay_is_corrected() -> None:
    with pytest.raises(ValueError, match="unknown learning_rate_decay 'linaer'; did you mean 'linear'"):
        Settings(learning_rate_decay="linaer")
