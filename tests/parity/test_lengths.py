"""Keras takes the shapes that tests/layers/test_lengths.py says it takes, and refuses those that we refuse."""

from typing import Any

import numpy as np
import pytest

from tests.layers.test_lengths import EACH, draw
from tests.parity.cases import construct, spec

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]  # Keras warns of graphs traced again


@EACH
def test_keras_takes_the_same(
    layer: Any, shape: tuple[int, ...], others: list[tuple[int, ...]], frameworks: Any
) -> None:
    import keras

    theirs = counterpart(keras.layers, layer)
    ours = layer.clone()
    ours.build((None, *shape[1:]), backend="reference")
    for each in [shape, *others]:
        x = draw(layer, each)
        y, expected = ours(x), theirs(x)
        first = expected[0] if isinstance(expected, list | tuple) else expected
        assert (y[0] if isinstance(y, tuple) else y).shape == tuple(first.shape)


def counterpart(layers: Any, layer: Any) -> Any:
    """Keras' layer with those of the constructor's words that decide about shapes."""
    words = ("units", "filters", "kernel_size", "strides", "padding", "pool_size", "rate", "input_dim", "output_dim")
    words += ("return_sequences", "return_state", "go_backwards", "reset_after", "merge_mode")
    config = {name: getattr(layer, name) for name in words if name in layer.get_config()}
    if inner := getattr(layer, "forward_layer", getattr(layer, "layer", None)):
        config["layer"] = counterpart(layers, inner)
    if type(layer).__name__ == "Activation":
        config["activation"] = layer.activation.name
    return getattr(layers, type(layer).__name__)(**config)


def test_keras_models_take_or_refuse_the_same(frameworks: Any) -> None:
    import keras

    short, long, y = np.ones((4, 12), int), np.ones((4, 15), int), np.ones((4, 1))
    layers = [spec("Embedding", input_dim=9, output_dim=3), spec("LSTM", units=4), spec("Dense", units=1)]
    made = [construct(keras.layers, layer) for layer in layers]
    model = keras.Sequential(made)
    model.compile("sgd", "mse")
    model.fit(short, y, verbose=0)
    assert model.predict(long, verbose=0).shape == (4, 1)
    start = keras.Input((12,))
    through = start
    for layer in made:
        through = layer(through)
    with pytest.raises(ValueError, match=r"expected shape=\(None, 12\), found shape=\(4, 15\)"):
        keras.Model(start, through).predict(long, verbose=0)
    flat = keras.Sequential([made[0], keras.layers.Flatten(), keras.layers.Dense(1)])
    flat.predict(short, verbose=0)
    with pytest.raises(Exception, match=r"to have value 36, but received|Matrix size-incompatible: In\[0\]: \[4,45\]"):
        flat.predict(long, verbose=0)
