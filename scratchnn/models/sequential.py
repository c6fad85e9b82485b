"""A model from a list of layers."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import flag
from scratchnn.core.randomness import GivenSeed
from scratchnn.layers import Layer
from scratchnn.layers.base import as_array
from scratchnn.layers.recurrent import Recurrent
from scratchnn.layers.symbol import Input, Symbol
from scratchnn.models.calls import NO_PART
from scratchnn.models.model import Model
from scratchnn.models.naming import name_layers
from scratchnn.report.summary import summary_text


class Sequential(Model):
    """A model from a list of layers. Its input's shape comes from `Input`, from `build`, or from the first data."""

    kind = "Sequential"

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        *,
        backend: str = "cpu",
        dtype: DTypeLike = "float32",
        seed: GivenSeed = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        self._prepare(backend, dtype, seed, name)
        self._trainable = flag(type(self).__name__, "trainable", trainable)
        self._start: Symbol | None = None
        if isinstance(layers, Layer | Symbol):
            raise TypeError(f"Sequential takes a list of layers, got a {type(layers).__name__}: put it into []")
        for layer in layers or ():
            self.add(layer)
        if self._start is not None and self._layers:
            self.build(self._start.shape)

    @classmethod
    def assembled(
        cls, start: Symbol | None, layers: list[Layer], outputs: Any, settings: dict[str, Any]
    ) -> "Sequential":
        for layer in layers[:-1]:  # a file of an earlier version may have states that go nowhere
            for part in (layer, *layer._parts):
                vars(part).update({"return_state": False} if isinstance(part, Recurrent) else {})
        return cls(layers if start is None else [start, *layers], **settings)

    def add(self, layer: Any) -> None:
        """Append a layer, or, as the first of all, an `Input`."""
        self.require_no_fit("model.add")
        if isinstance(layer, Symbol) and not layer.layers and self._start is not None:
            raise ValueError(
                f"a Sequential has one Input, and this one has that of shape {self._start.shape[1:]} already, "
                f"got another of shape {layer.shape[1:]}: leave one out"
            )
        if isinstance(layer, Symbol) and not self._layers and not layer.layers:
            self._start = layer
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential takes layers, got {_shown(layer)}")
        if any(layer is other for other in self._layers):
            raise ValueError(f"{layer.label} is already in this model; a model can contain a layer only once")
        if self._layers and getattr(self._layers[-1], "return_state", False):
            self._first_of(self._layers[-1])
        self._layers.append(layer)
        self.built = False
        if self._start is None and len(self._layers) == 1 and layer.given_input_shape is not None:
            self._start = Input(layer.given_input_shape)

    @staticmethod
    def _first_of(layer: Any) -> Any:
        """A ValueError: as in Keras, the next layer of a Sequential takes one output, and nothing says which."""
        if layer.y_count > 1:
            return Model._first_of(layer)
        states = getattr(layer, "return_state", False)
        raise ValueError(
            f"{layer.label} has several outputs{', with return_state=True' if states else ''}, and the next layer of a "
            "Sequential takes one: "
            + (
                "leave out return_state, as model.predict(x, return_state=True) returns the states of all layers; or "
                "go on with the first output yourself: y, *states = layer(x), and Model(inputs, outputs)"
                if states
                else "let it be the last layer"
            )
        )

    @heeds_keras_in("Model.summary")
    def summary(self, *, print_fn: Any = None) -> None:
        if not self.built and self._start is None:  # as in Keras, a summary needs no shapes
            name_layers(self._layers)
            (print_fn or print)(summary_text(self))
        else:
            super().summary(print_fn=print_fn)

    def require_built(self) -> None:
        if not self.built and self._start is not None:
            self.build(self._start.shape)
        super().require_built()

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Any length will do that the layers can take, whatever the Input says."""

    def check_input(self, x: Any) -> Array:
        x = as_array(self.backend.to_host(x))
        if 0 in x.shape:
            raise ValueError(f"x is empty, of shape {x.shape}; give at least one row and one time step")
        if not self.built and self._start is None:
            self.build((None, *x.shape[1:]))  # the first data give the shape
        return super().check_input(x)


def _shown(thing: Any) -> str:
    """What is no layer, and what to write in its place."""
    if isinstance(thing, Symbol):
        instead = "give the layers themselves" if thing.layers else "the Input is the first of the list"
        return f"{thing}: {instead}"
    if isinstance(thing, Model):
        return f"{thing!r}: {NO_PART}"
    if isinstance(thing, type) and issubclass(thing, Layer):
        return f"the class {thing.__name__}: call it, {thing.__name__}(...)"
    if isinstance(thing, list | tuple):
        return f"a {type(thing).__name__} in the list: put what is in it into the list itself, *layers"
    if callable(thing):
        return f"{thing!r}: Lambda(function, backward=...) makes a layer of a function and its derivative"
    return repr(thing)
