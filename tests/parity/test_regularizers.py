"""Models with regularizers against Keras as it runs here: loss, penalties and the weights after two steps."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scratchnn
from scratchnn import layers, optimizers, regularizers
from tests.parity.cases import B, D, H, Spec, T, V, construct, spec, uniform

pytestmark = pytest.mark.long


def rule(name: str, **strengths: float) -> Spec:
    return spec(name, **strengths)


WEIGHTS = {"kernel_regularizer": rule("L2", l2=0.02), "bias_regularizer": rule("L1", l1=0.03)}
RECURRENT = WEIGHTS | {"recurrent_regularizer": rule("L1L2", l1=0.01, l2=0.02)}
CASES: dict[str, tuple[Spec, tuple[int, ...]]] = {
    "Dense": (spec("Dense", units=H, **WEIGHTS), (B, D)),
    "Conv1D": (spec("Conv1D", filters=H, kernel_size=2, **WEIGHTS), (B, T, D)),
    "SimpleRNN": (spec("SimpleRNN", units=H, **RECURRENT), (B, T, D)),
    "LSTM": (spec("LSTM", units=H, **RECURRENT), (B, T, D)),
    "GRU": (spec("GRU", units=H, **RECURRENT), (B, T, D)),
    "GRU before": (spec("GRU", units=H, reset_after=False, **RECURRENT), (B, T, D)),
    "Bidirectional": (spec("Bidirectional", layer=spec("LSTM", units=H, **RECURRENT)), (B, T, D)),
    "Bidirectional, two layers": (
        spec("Bidirectional", layer=spec("LSTM", units=H, **RECURRENT),
             backward_layer=spec("GRU", units=H + 1, activation="relu", go_backwards=True)),
        (B, T, D),
    ),
    "TimeDistributed": (spec("TimeDistributed", layer=spec("Dense", units=H, **WEIGHTS)), (B, T, D)),
    "LayerNormalization": (
        spec("LayerNormalization", gamma_regularizer=rule("L2", l2=0.02), beta_regularizer=rule("L1", l1=0.03)),
        (B, T, D),
    ),
    "PReLU": (spec("PReLU", alpha_regularizer=rule("L2", l2=0.02), shared_axes=[1]), (B, T, D)),
    "Embedding": (
        spec("Embedding", input_dim=V, output_dim=D, embeddings_regularizer=rule("L2", l2=0.02)), (B, T),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_two_steps_are_those_of_keras(name: str, frameworks: Any) -> None:
    _, keras = frameworks
    case, shape = CASES[name]
    x = uniform(f"{name} x", shape)
    x = (np.abs(x) * V).astype(int) if len(shape) == 2 and name == "Embedding" else x
    found = []
    ours = SimpleNamespace(**vars(layers) | vars(regularizers))
    theirs = SimpleNamespace(**vars(keras.layers) | vars(keras.regularizers))
    for package, names, rules in ((scratchnn, ours, optimizers), (keras, theirs, keras.optimizers)):
        model = package.Sequential([package.Input(shape[1:]), construct(names, case)])
        weights = [uniform(f"{name} {i}", weight.shape) for i, weight in enumerate(model.get_weights())]
        model.set_weights(weights)
        model.compile(rules.SGD(0.1), "mse")
        y = uniform(f"{name} y", np.shape(model.predict(x, verbose=0)))
        penalties = sum(float(loss) for loss in model.losses)
        evaluated = model.evaluate(x, y, verbose=0)
        losses = model.fit(x, y, batch_size=B, epochs=2, shuffle=False, verbose=0).history["loss"]
        found.append(([penalties, evaluated, *losses], model.get_weights()))
    (numbers, weights), (expected, their_weights) = found
    assert expected[0] > 0
    np.testing.assert_allclose(numbers, expected, rtol=1e-5)
    for ours_now, theirs_now in zip(weights, their_weights, strict=True):
        np.testing.assert_allclose(ours_now, theirs_now, rtol=1e-4, atol=1e-6)
