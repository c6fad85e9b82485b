"""Record what Keras and PyTorch write, and what they compute from it: `python -m tests.parity.record_exchange`.

It needs both (keras 3.15.1 with TensorFlow, torch). tests/exchange/ reads the record, and needs neither.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("recorded") / "exchange"
V, D, T = 12, 3, 9


def words() -> np.ndarray:
    """Ids (5, T), padded in front, behind, and not."""
    x = np.random.default_rng(0).integers(1, V, (5, T))
    x[1, :4], x[2, 6:], x[3, :1] = 0, 0, 0
    return x


def recurrent_keras(layers: Any) -> list[Any]:
    """One of each kind that has arrays, as Keras' layers or as ours."""
    return [
        layers.Embedding(V, D, mask_zero=True, name="words"),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True), merge_mode="sum"),
        layers.GRU(4, return_sequences=True),
        layers.GRU(3, return_sequences=True, reset_after=False),
        layers.SimpleRNN(3, return_sequences=True, use_bias=False),
        layers.LayerNormalization(),
        layers.TimeDistributed(layers.Dense(3, activation="tanh")),
        layers.Dropout(0.5),
        layers.LSTM(3, return_sequences=True, name="memory"),
        layers.LSTM(2, kernel_regularizer="l2"),
        layers.Dense(3, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]


def convolutional_keras(layers: Any) -> list[Any]:
    return [
        layers.Embedding(V, D),
        layers.Conv1D(4, 3, padding="same", strides=2),
        layers.PReLU(shared_axes=[1]),
        layers.MaxPooling1D(2),
        layers.Flatten(),
        layers.Dense(2, activation="softmax"),
    ]


def modules(nn: Any) -> dict[str, Any]:
    """What is recorded of PyTorch. The names are those of a user's class."""
    return {
        "embedding": nn.Embedding(V, D, padding_idx=0),
        "lstm": nn.LSTM(D, 4, num_layers=2, batch_first=True, bidirectional=True),
        "gru": nn.GRU(D, 4, num_layers=2, batch_first=True),
        "rnn": nn.RNN(D, 4, nonlinearity="relu", batch_first=True, bias=False),
        "conv": nn.Conv1d(D, 4, 3),
        "fc": nn.Linear(4, 2),
        "norm": nn.LayerNorm(4),
    }


def record_keras() -> None:
    import keras

    results = {"x": words()}
    start = keras.Input((None,))
    sequential = keras.Sequential([start, *recurrent_keras(keras.layers)])
    y = fixed = keras.Input((T,))
    for layer in convolutional_keras(keras.layers):
        y = layer(y)
    functional = keras.Model(fixed, y)
    functional.compile("adam", "categorical_crossentropy")
    for name, model in (("sequential", sequential), ("functional", functional)):
        rng = np.random.default_rng(1)
        model.set_weights([rng.uniform(-0.8, 0.8, w.shape).astype(np.float32) for w in model.get_weights()])
        results[name] = model.predict(words(), verbose=0)
        model.save(FOLDER / f"{name}.keras")
    np.savez_compressed(FOLDER / "keras.npz", **results)


def record_pytorch() -> None:
    import torch

    torch.manual_seed(0)
    made, results = modules(torch.nn), {"x": words()}
    state = {f"{name}.{key}": tensor for name, each in made.items() for key, tensor in each.state_dict().items()}
    with torch.no_grad():
        embedded = made["embedding"](torch.from_numpy(words()))
        results["embedding"] = embedded.numpy()
        for name in ("lstm", "gru", "rnn"):
            results[name] = made[name](embedded)[0].numpy()
        results["conv"] = made["conv"](embedded.transpose(1, 2)).transpose(1, 2).numpy()
        results["fc"] = made["fc"](torch.from_numpy(results["gru"])).numpy()
        results["norm"] = made["norm"](torch.from_numpy(results["gru"])).numpy()
    results |= {f"state/{key}": tensor.numpy() for key, tensor in state.items()}
    np.savez_compressed(FOLDER / "pytorch.npz", **results)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    record_keras()
    record_pytorch()
