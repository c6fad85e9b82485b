"""Layers as data, from which other frameworks' layers can be made too: the name of a class, spelled as in Keras, and
its settings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn.layers import Layer

Part = tuple[str, Mapping[str, Any]]  # a layer: the name of its class and its settings


class Stack:
    """An embedding of `features` numbers for each word, which masks padding with `mask_zero`, and the `parts` that
    follow it. Called with the vocabulary size V, it returns new layers of ours."""

    def __init__(self, features: int, *parts: Part, mask_zero: bool = False) -> None:
        self.features, self.parts, self.mask_zero = features, parts, mask_zero

    def __call__(self, V: int) -> list["Layer"]:
        from scratchnn.layers import Embedding

        return [Embedding(V, self.features, mask_zero=self.mask_zero), *map(_layer, self.parts)]

    def with_units(self, units: int) -> "Stack":
        """The same with so many units in every recurrent layer.

        Raises:
            ValueError: if there is none.
        """
        if not any(map(_is_recurrent, self.parts)):
            raise ValueError("has no recurrent layer, so units cannot be given: leave units out, or the model")
        return self._with(parts=[_with_units(part, units) for part in self.parts])

    def with_classes(self, classes: int, features: int | None = None) -> "Stack":
        """The same with a probability of each class at its end, or of the second one where there are two.

        `features`: of a word; None: as many as before.

        Raises:
            ValueError: if it does not end in the probability of one class.
        """
        kind, settings = self.parts[-1]
        if kind != "Dense" or not OUTPUT[1].items() <= settings.items():
            raise ValueError("ends in no probability, which texts of your own need: take another model")
        head = (kind, settings if classes == 2 else {**settings, **dense(classes, "softmax")[1]})
        return self._with(features, [*self.parts[:-1], head])

    def _with(self, features: int | None = None, parts: Sequence[Part] | None = None) -> "Stack":
        features, parts = features or self.features, self.parts if parts is None else parts
        return Stack(features, *parts, mask_zero=self.mask_zero)


_RECURRENT = ("SimpleRNN", "LSTM", "GRU")


def _with_units(part: Part, units: int) -> Part:
    kind, settings = part
    if kind == "Bidirectional":
        inside = {name: _with_units(part, units) for name, part in settings.items() if isinstance(part, tuple)}
        return kind, {**settings, **inside}  # layer, and backward_layer where it is another one
    return (kind, {**settings, "units": units}) if kind in _RECURRENT else part


def _is_recurrent(part: Part) -> bool:
    kind, settings = part
    return kind in _RECURRENT or (kind == "Bidirectional" and _is_recurrent(settings["layer"]))


def _layer(part: Part) -> "Layer":
    from scratchnn import layers

    kind, settings = part
    inside = {name: _layer(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    return getattr(layers, kind)(**inside)


def recurrent(kind: str, H: int, sequences: bool = False, **settings: Any) -> Part:
    return kind, {"units": H, "return_sequences": sequences, **settings}


def bidirectional(layer: Part) -> Part:
    return "Bidirectional", {"layer": layer}


def dense(H: int, activation: str) -> Part:
    return "Dense", {"units": H, "activation": activation}


def dropout(rate: float) -> Part:
    return "Dropout", {"rate": rate}


OUTPUT = dense(1, "sigmoid")
