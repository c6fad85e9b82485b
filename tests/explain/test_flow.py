"""The recorded flow is the gradient: itemised it sums to it, and at every step it is that of a state given there."""

from typing import Any

import numpy as np
import pytest

from scratchnn import explain
from scratchnn.explain.chain import Chain
from tests.explain.conftest import TEXT, T, built, with_logits


def backwards_from(chain: Chain, n: int, e: Any, t: int, state: Any) -> list[Any]:
    """The gradients of states that are given to layer n at step t, when all that follows reads e[:, t:]."""
    y, cache = chain.layers[n].forward(e[:, t:], initial_state=state)
    walk = chain.forward(y, n + 1)
    (_, *dstate), _ = chain.layers[n].backward(chain.backward(np.ones((1, 1)), walk, n + 1), cache)
    return dstate


def test_itemised_gradients_sum_to_the_gradient(model: Any) -> None:
    flow = explain.flow(model, explain.read(model, TEXT, label=1), "loss")
    caches = Chain(model)
    assert len(flow.layers) == len(caches.walks())
    for name, layer in caches.walks():
        found = flow.layers[name]
        assert found.grads.keys() == layer.params.keys() and found.factors.keys() >= found.grads.keys()
        for parameter, whole in found.grads.items():
            items = [found.itemised(parameter, t) for t in range(T)]
            assert items[0].shape == whole.shape == layer.params[parameter].shape and np.abs(whole).max() > 1e-6
            np.testing.assert_allclose(sum(items), whole, rtol=0, atol=1e-12 + 1e-10 * np.abs(whole).max())
            assert found.shares(parameter).sum() == pytest.approx(1)


def test_its_gradients_are_those_of_training(model: Any) -> None:
    """Of the loss, for the label, as `Model.backward` has them."""
    reading = explain.read(model, TEXT, label=0)
    flow = explain.flow(model, reading, "loss")
    y, caches = model.forward(reading.x[None])
    loss = model.loss.on(model.backend.kernels)
    _, cache = loss.forward(y, np.zeros_like(y))
    _, flat = model.backward(loss.backward(cache), caches)
    found = [g.ravel() for layer in flow.layers.values() for g in layer.grads.values()]
    embedding = model.layers[0].count_params()
    own = np.concatenate(found)
    np.testing.assert_allclose(flat[embedding : embedding + len(own)], own, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("target", ["p", "loss"])
def test_a_loss_that_takes_logits_has_the_same_gradients(target: str) -> None:
    models = with_logits("gru"), built("gru")
    ours, expected = (explain.flow(model, explain.read(model, TEXT, label=1), target).layers["gru"] for model in models)
    np.testing.assert_allclose(ours.grads["Wh"], expected.grads["Wh"], rtol=1e-5, atol=1e-9)
    assert np.abs(expected.grads["Wh"]).max() > 1e-4


@pytest.mark.parametrize("kind", ["lstm", "gru", "gru-before"])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_it_is_the_gradient_of_a_state_given_at_each_step(kind: str, mask_zero: bool) -> None:
    model = built(kind, mask_zero=mask_zero)
    reading = explain.read(model, TEXT)
    flow, chain = explain.flow(model, reading), Chain(model)
    e, trace = chain.layers[0].forward(reading.x[None])[0], reading.traces[kind.split("-")[0]]
    (found,) = flow.layers.values()
    first = int(reading.places[0])  # with a mask, all steps from here on are words
    for t in range(max(1, first), T):
        state = [trace[name][:, t - 1] for name in chain.layers[1].state_names]
        for dstate, expected in zip(found.dstates.values(), backwards_from(chain, 1, e, t, state), strict=True):
            np.testing.assert_allclose(dstate[t - 1], expected[0], rtol=1e-9, atol=1e-15)


def test_the_jacobian_is_that_of_differences() -> None:
    model = built("lstm")
    reading = explain.read(model, TEXT)
    (found,), chain = explain.flow(model, reading).layers.values(), Chain(model)
    e, trace, layer = chain.layers[0].forward(reading.x[None])[0], reading.traces["lstm"], chain.layers[1]
    t, step, columns = 8, 1e-6, []
    for unit in np.eye(5):
        ends = [
            layer.forward(e[:, t:], initial_state=[trace["h"][:, t - 1] + sign * step * unit, trace["c"][:, t - 1]])[0]
            for sign in (1, -1)
        ]
        columns.append((ends[0] - ends[1])[0] / (2 * step))
    assert found.jacobian[t - 1] == pytest.approx(np.linalg.norm(np.array(columns), 2), rel=1e-6)
    assert found.jacobian[-1] == pytest.approx(1)
    assert found.kept is not None
    np.testing.assert_allclose(found.kept[t - 1], trace["f"][0, t:].prod(axis=0))


def test_a_walk_from_the_end_is_told_in_the_order_of_the_words() -> None:
    model = built("bilstm")
    flow = explain.flow(model, explain.read(model, TEXT))
    back = flow.layers["bidirectional_1.backward"]
    assert back.jacobian[0] == pytest.approx(1) and back.jacobian[-1] != pytest.approx(1)
    assert flow.dx.shape == (T, 3)


def test_what_it_refuses() -> None:
    model = built("lstm")
    reading = explain.read(model, TEXT)
    with pytest.raises(ValueError, match=r"target must be one of \('p', 'loss'\), got 'q'"):
        explain.flow(model, reading, "q")
    with pytest.raises(ValueError, match=r"needs a compiled model and a label: read\(model, text, label=1\)"):
        explain.flow(model, reading, "loss")
    dense = built("ff")
    with pytest.raises(ValueError, match="no recurrent layer, so that no gradient flows through time"):
        explain.flow(dense, explain.read(dense, TEXT))
