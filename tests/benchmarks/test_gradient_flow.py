"""What benchmarks/gradient_flow.py measures, on small networks."""

import numpy as np
import pytest

from benchmarks import flow_page, gradient_flow
from scratchnn import Sequential, explain
from scratchnn.layers import Dense, Embedding


def built(name: str) -> Sequential:
    layers = [Embedding(1000, 4), gradient_flow.CASES[name].make(), Dense(1, activation="sigmoid")]
    model = Sequential(layers, backend="reference", seed=1)
    model.build((None, 7))
    return model


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_many_reviews_at_once_give_what_explain_gives_for_each(name: str) -> None:
    model, x = built(name), np.random.default_rng(2).integers(1, 1000, (3, 7))
    found = gradient_flow.measure(model, x)
    for row, dlogit, slope in zip(x, found["dlogit"], found["slope"], strict=True):
        flow = explain.flow(model, explain.read(model, row))
        np.testing.assert_allclose(dlogit * slope, next(iter(flow.layers.values())).norms(), rtol=1e-5)


def test_without_recurrent_weights_a_step_at_rest_is_the_gate_alone() -> None:
    layer = built("lstm").layers[1]
    b = np.asarray(layer.params["b"])
    b[32] = 2.0  # of the first unit's forget gate; the others begin with 1
    assert gradient_flow.rest_radius(layer, np.zeros((32, 128))) == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_way_back_through_g_alone_is_the_whole_where_no_gate_looks_at_h() -> None:
    model, x = built("gru"), np.random.default_rng(3).integers(1, 1000, (2, 7))
    weights = model.get_weights()
    weights[2][:, :64] = 0
    model.set_weights(weights)
    found = gradient_flow.measure(model, x)
    np.testing.assert_allclose(found["through_g"], gradient_flow.last_over_first(found["dlogit"]), rtol=1e-12)
    assert not np.allclose(found["through_gates"], found["through_g"])


def test_an_estimate_is_a_mean_over_seeds_of_medians_over_reviews() -> None:
    values = np.arange(18.0).reshape(6, 3) ** 2
    drawn = [np.array([0, 1, 2])] * 100
    value, low, high = gradient_flow.estimate(values, drawn)
    assert value == pytest.approx(values[:, 1].mean(), rel=1e-4) and low < value < high


def test_very_large_and_small_factors_are_powers_of_ten() -> None:
    assert [flow_page.short(number) for number in (3.36, 14.8, 627.3, 1.72e8, 4.6e-6)] == [
        "3.4", "14.8", "627", "1.7e8", "4.6e-6",
    ]  # fmt: skip
