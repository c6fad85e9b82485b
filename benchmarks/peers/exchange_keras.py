"""Models that go to Keras and come from it, for ../exchange.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from scratchnn import Sequential
from scratchnn.exchange import read_keras, save_keras

Pair = tuple[Sequential, Callable[[np.ndarray], np.ndarray]]  # a model of ours, and what should compute the same


def both_ways(ours: Sequential, make: Callable[[Any], list[Any]], folder: Path) -> tuple[Pair, Pair]:
    """Ours and Keras' with its weights; one of Keras' with drawn weights, and ours, read from its file."""
    out, fresh = (keras.Sequential([keras.Input((None,)), *make(keras.layers)]) for _ in range(2))
    save_keras(ours, folder / "ours.weights.h5")
    out.load_weights(folder / "ours.weights.h5")
    rng = np.random.default_rng(0)
    fresh.set_weights([rng.uniform(-0.25, 0.25, weight.shape) for weight in fresh.get_weights()])
    fresh.layers[0].set_weights([rng.uniform(-1, 1, fresh.layers[0].get_weights()[0].shape)])
    fresh.save(folder / "fresh.keras")
    back = read_keras(folder / "fresh.keras")
    return (ours, lambda x: out.predict(x, verbose=0, batch_size=250)), (
        back,
        lambda x: fresh.predict(x, verbose=0, batch_size=250),
    )
