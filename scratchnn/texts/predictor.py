"""A trained model that labels texts: a few at once, without waiting for a compiler, and many as fast as it trains."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float64, Int32

from scratchnn.core.warning import warn
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.predictions import Prediction, predictions, probabilities
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.experiments.opening import open_either
from scratchnn.models.loading import described_model, load_model
from scratchnn.models.model import Model

FEW = 32
_BATCH = 256  # a matter of speed only


class Predictor:
    """A model of either kind, with the words and the classes that it knows."""

    def __init__(self, encoder: TextEncoder, metadata: Mapping[str, Any]) -> None:
        self.encoder, self.classes = encoder, encoder.classes
        self.metadata = metadata
        """What its run has said of itself: settings and data, where it was one."""

    def predict_proba(self, texts: Iterable[str]) -> Float64[Array, "N K"]:
        """The probability of each class for each text."""
        return self.proba_of(self.encoder.encode(texts))

    def predictions(self, texts: Iterable[str], many: bool | None = None) -> list[Prediction]:
        """The label of each text, and what it rests on. `many`: as for `proba_of`."""
        x = self.encoder.encode(texts)
        return predictions(self.proba_of(x, many), x, self.classes)

    def proba_of(self, x: Int32[Array, "N T"], many: bool | None = None) -> Float64[Array, "N K"]:
        """The probability of each class for texts that are encoded.

        `many`: whether compiled kernels, if the model has some, are worth their start; None: for more than `FEW` texts.
        """
        raise NotImplementedError


class NetworkPredictor(Predictor):
    """Up to `FEW` texts are read by the reference kernels, in NumPy alone. The first larger batch makes the same model
    again, of the cpu kernels. Their labels are equal on 25,000 reviews, and their probabilities within 2e-6, on the
    first 1,000 within 1e-6; what parts them is the tanh of the cpu kernels, a quotient of polynomials.
    """

    def __init__(self, model: Model, encoder: TextEncoder) -> None:
        super().__init__(encoder, model.metadata)
        self.model = _on(model, "reference")
        self._fast: Model | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_fast": None}

    def proba_of(self, x: Int32[Array, "N T"], many: bool | None = None) -> Float64[Array, "N K"]:
        if not len(x):
            return np.empty((0, len(self.classes)))
        model = self._fastest() if (len(x) > FEW if many is None else many) else self.model
        return probabilities(model.predict(x, batch_size=_BATCH, verbose=0), self.classes)

    def _fastest(self) -> Model:
        """The model of the cpu kernels; the one there is where they cannot be used, which is said once."""
        if self._fast is None:
            try:
                self._fast = _on(self.model, "cpu")
            except (ImportError, ValueError) as error:
                warn(f"the compiled kernels cannot be used, so that NumPy reads all texts, slower: {error}")
                self._fast = self.model
        return self._fast


class LinearPredictor(Predictor):
    """The linear model that is learned beside a network; NumPy is all that it needs."""

    def __init__(self, model: LinearModel, metadata: Mapping[str, Any]) -> None:
        super().__init__(model.encoder, metadata)
        self.model = model

    def proba_of(self, x: Int32[Array, "N T"], many: bool | None = None) -> Float64[Array, "N K"]:
        return self.model.proba_of(x)


def open_predictor(path: str | os.PathLike[str]) -> Predictor:
    """The network of a run's folder, or the network or the linear model of a file.

    Raises:
        FileNotFoundError, StorageError: as `open_either`.
        ValueError: for a model that was saved without its vocabulary.
    """
    folder, model = open_either(path)
    if isinstance(model, Model):
        return NetworkPredictor(model, TextEncoder.from_metadata(model.metadata))
    beside = folder / "model.npz"  # the run knows what it was trained on
    return LinearPredictor(model, load_model(beside, backend="reference").metadata if beside.is_file() else {})


def _on(model: Model, backend: str) -> Model:
    """The same model, with parameters of its own, to predict with another backend."""
    if model.backend.name == backend:
        return model
    twin = described_model({**model.get_config(), "compiled": None}, backend, {})
    twin.set_flat_params(model.backend.to_host(model.flat_params))
    return twin
