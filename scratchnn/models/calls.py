"""Keras' shorter ways to use a model: on one batch, as a function, as a text."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.files.plain import plain
from scratchnn.core.randomness import anew
from scratchnn.layers.symbol import Symbol, chain
from scratchnn.models.custom_objects import CustomObjects, checked, filled, require
from scratchnn.models.stored import Stored

if TYPE_CHECKING:
    from scratchnn.data.predictions import Prediction

NO_PART = (
    "a model cannot be a part of another one. Give that one new layers, such as *(layer.clone() for layer in "
    "model.layers) in a Sequential, and set_weights of each once it is built"
)


class Calls(Stored):
    """`predict`, `evaluate` and `get_config` under other names."""

    @heeds_keras_in("Model.__call__")
    def __call__(self, x: Any) -> Any:
        """The model's output for x, which is one batch. `forward` has caches too, for a backward pass."""
        if isinstance(x, Symbol):
            raise TypeError(f"{self.name}: {NO_PART}")
        return self.predict_on_batch(x)

    def predict_on_batch(self, x: Any) -> Any:
        """`predict` with all rows in one batch."""
        return self.predict(x, steps=1, verbose=0)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """`evaluate` with all examples in one batch."""
        return self.evaluate(x, y, steps=1, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    def predict_text(self, texts: Iterable[str], batch_size: int | None = None) -> "list[Prediction]":
        """What the model says of each text: its label, that label's probability, and how many words were known.

        For a model that knows its words and classes: one of `scratchnn.train`, or any whose `metadata` were made with
        `TextEncoder.to_metadata`.

        Raises:
            TypeError: for anything but texts in a list.
            ValueError: for a model without a vocabulary, or whose outputs are no probabilities of its classes.
        """
        from scratchnn.data.encoder import TextEncoder  # a model without texts needs none of this
        from scratchnn.data.predictions import predictions, probabilities

        encoder = TextEncoder.from_metadata(self.metadata)
        x = encoder.encode(texts)
        y = self.predict(x, batch_size, verbose=0) if len(x) else np.empty((0, len(encoder.classes)))
        return predictions(probabilities(y, encoder.classes), x, encoder.classes)

    # ---- made again

    @classmethod
    def assembled(cls, start: Symbol | None, layers: list[Any], outputs: Any, settings: dict[str, Any]) -> Any:
        """A model of these layers; `outputs`: which of the last one, by number, or None for all of them."""
        if start is None:
            raise ValueError(f"{cls.__name__} needs the shape of its Input")
        make: Any = cls
        return make(start, chain(start, layers, outputs), **settings)

    @classmethod
    def described(cls, config: Mapping[str, Any], given: Mapping[str, Any], backend: str | None = None) -> Any:
        """The model of a `get_config()`, with parameters that are drawn from its seed; it is not compiled."""
        settings = {name: config[name] for name in ("dtype", "seed", "name")}
        settings["backend"] = backend or config["backend"]
        start = Symbol(tuple(config["input_shape"]), tuple(config["input_shape"]))
        model = cls.assembled(start, filled(config["layers"], given), config.get("outputs"), settings)
        if "trainable" in config:  # files of earlier versions have nothing frozen
            model.set_trainable_state(config["trainable"])
            model.take_up_trainable()
        return model

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: CustomObjects = None) -> Any:
        """A model of the layers and settings of another one's `get_config()`: as in Keras with parameters of its own,
        and not compiled. `custom_objects`: as `load_model` takes them.

        Raises:
            ValueError: for the config of another kind of model, or a class of your own that was not given.
        """
        if config.get("class") != cls.kind:
            raise ValueError(
                f"{cls.__name__}.from_config takes the config of a {cls.kind}, got {config.get('class')!r}"
            )
        given = checked(custom_objects)
        require({**config, "compiled": None}, given, f"{cls.__name__}.from_config")
        return cls.described({**config, "seed": anew(config["seed"])}, given)

    def to_json(self) -> str:
        """All of the model but its numbers, for `models.model_from_json`.

        Raises:
            TypeError, ValueError: for what JSON cannot hold.
        """
        return json.dumps(plain(self.get_config(), "get_config()"), allow_nan=False)
