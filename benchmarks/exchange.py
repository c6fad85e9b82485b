"""How far exported models are from ours on 1,000 real reviews: `python -m benchmarks.exchange` (some minutes).

Each model is trained for two epochs, written for ONNX Runtime, Keras and PyTorch, and run there; and a model of Keras
and one of PyTorch, with weights that were drawn there, are read here. It takes the real reviews (SCRATCHNN_DATA), the
packages of the extra `exchange`, onnxruntime, Keras with TensorFlow, and torch. Writes results/exchange.json and the
table in docs/exchange.md.
"""

import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import machine, pages
from scratchnn import Input, Sequential, layers
from scratchnn.data import imdb
from scratchnn.exchange import save_onnx
from scratchnn.optimizers import Adam
from scratchnn.utils import pad_sequences

V, T, REVIEWS, TRAINED = 1000, 200, 1000, 10_000
PADDINGS = ("pre", "post")
PACKAGES = ("onnxruntime", "keras", "tensorflow-cpu", "torch")


class Kind(NamedTuple):
    """`body` makes the layers between the embedding and the output, Keras' or ours; `torch` is PyTorch's module."""

    body: Callable[[Any], list[Any]]
    torch: str | None = None
    masked: tuple[bool, ...] = (False, True)


KINDS: dict[str, Kind] = {
    "two SimpleRNN": Kind(lambda of: [of.SimpleRNN(32, return_sequences=True), of.SimpleRNN(32)], "RNN"),
    "LSTM": Kind(lambda of: [of.LSTM(32)], "LSTM"),
    "two LSTM": Kind(lambda of: [of.LSTM(32, return_sequences=True), of.LSTM(32)], "LSTM"),
    "GRU": Kind(lambda of: [of.GRU(32)], "GRU"),
    "GRU, reset before the product": Kind(lambda of: [of.GRU(32, reset_after=False)]),
    "LSTM, both ways": Kind(lambda of: [of.Bidirectional(of.LSTM(32))], "LSTM"),
    "two GRU, both ways": Kind(
        lambda of: [of.Bidirectional(of.GRU(32, return_sequences=True)), of.Bidirectional(of.GRU(32))], "GRU"
    ),
    "mean of the words": Kind(lambda of: [of.GlobalAveragePooling1D()]),
    "convolution": Kind(
        lambda of: [of.Conv1D(32, 5, activation="relu"), of.GlobalMaxPooling1D()], "Conv1d", masked=(False,)
    ),
}


def of_kind(kind: Kind, masked: bool, of: Any) -> list[Any]:
    """All layers of the model, of Keras' module of layers or of ours."""
    return [of.Embedding(V, 16, mask_zero=masked), *kind.body(of), of.Dense(1, activation="sigmoid")]


def main() -> None:
    data = imdb.load(num_words=V, maxlen=T, synthetic=False)
    rows = [row[row != 0] for row in data.x_test[:REVIEWS]]
    padded = [pad_sequences(rows, maxlen=T, padding=side) for side in PADDINGS]
    results: dict[str, Any] = {"machine": machine.facts(), "reviews": REVIEWS, "length": T}
    results["packages"] = {name: machine.version_of(name) for name in PACKAGES}
    results["padded"] = int(sum(len(row) < T for row in rows))
    results["worst"] = [
        {"model": name, "masked": masked, **measured(kind, masked, data, padded)}
        for name, kind in KINDS.items()
        for masked in kind.masked
    ]
    pages.EXCHANGE.write_text(json.dumps(results, indent=1) + "\n")
    pages.write()


def measured(kind: Kind, masked: bool, data: Any, padded: list[np.ndarray]) -> dict[str, float]:
    """By peer: the largest difference of an output, over all reviews and both paddings.

    "spread" is the standard deviation of our outputs: models that answer the same to all would agree for nothing.
    """
    from benchmarks.peers import exchange_keras, exchange_torch

    ours = Sequential([Input((None,)), *of_kind(kind, masked, layers)], seed=1)
    ours.compile(Adam(0.005), "binary_crossentropy")
    ours.fit(data.x_train[:TRAINED], data.y_train[:TRAINED], epochs=2, verbose=0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the mask that a state_dict does not hold
        pairs = {"ONNX Runtime": (ours, in_onnx_runtime(ours, Path(folder)))}
        pairs["to Keras"], pairs["from Keras"] = exchange_keras.both_ways(
            ours, lambda of: of_kind(kind, masked, of), Path(folder)
        )
        if kind.torch is not None:
            pairs["to PyTorch"], pairs["from PyTorch"] = exchange_torch.both_ways(
                ours, kind.torch, masked, Path(folder)
            )
        found = {name: max(difference(*pair, x) for x in padded) for name, pair in pairs.items()}
    print(f"{kind.torch}, masked: {masked}", found, flush=True)
    return {"spread": float(ours.predict(padded[0]).std()), **found}


def in_onnx_runtime(model: Sequential, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    save_onnx(model, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda x: session.run(["y"], {"x": x.astype(np.int64)})[0]


def difference(model: Sequential, theirs: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    return float(np.abs(model.predict(x) - theirs(x)).max())


if __name__ == "__main__":
    main()
