"""What training may change of a layer: `trainable`, as in Keras, and the lists of weights that follow from it."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core.checks import flag


class Changes:
    """How often a setting was changed on any object: `trainable`, or an attribute of a layer, its arrays included.

    Before a step a model only compares this number with the one that it saw last. If it has changed, the model looks at
    its layers and what is inside them. Numbers that are written into an array are no change.
    """

    number = 0


CHANGES = Changes()


class Trainable:
    """Something with `trainable`: a model, a layer, a cell. Setting it sets it for everything inside, too.

    A part is trained where it and all that it is inside of are trainable: a frozen model trains no layer.
    """

    _trainable: bool = True

    @property
    def trainable(self) -> bool:
        """Whether training changes the parameters. In `fit`, a change acts from the next `compile` on."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: Any) -> None:
        is_sign = isinstance(value, Integral | np.bool_) and value in (0, 1)  # which Keras' setter takes, too
        value = bool(value) if is_sign else flag(type(self).__name__, "trainable", value)
        self._set_trainable(value)
        for part in self._parts:
            Trainable.trainable.__set__(part, value)  # which a frozen dataclass does not prevent

    def _set_trainable(self, value: bool) -> None:
        object.__setattr__(self, "_trainable", value)  # a cell may be a frozen dataclass
        CHANGES.number += 1

    @property
    def _parts(self) -> Sequence["Trainable"]:
        """What is inside and has its own `trainable`: a model's layers, the two layers of Bidirectional, a cell."""
        return ()

    def trainable_state(self) -> list[Any]:
        """`trainable` of this and all that is inside, as plain values for a file."""
        return [self.trainable, *(part.trainable_state() for part in self._parts)]

    def set_trainable_state(self, state: Any) -> None:
        """Take over what `trainable_state` returned.

        Raises:
            ValueError: if it is that of another structure.
        """
        parts = self._parts
        if not isinstance(state, list) or len(state) != len(parts) + 1 or not isinstance(state[0], bool):
            raise ValueError(f"trainable of {len(parts)} parts and their whole expected, got {state!r}")
        self._set_trainable(state[0])
        for part, inner in zip(parts, state[1:], strict=True):
            part.set_trainable_state(inner)


class Weight:
    """One array of `layer.weights`, in Keras' shape: it shows, and can overwrite, the layer's present numbers.

    `name`, `shape`, `dtype`, `trainable`, `numpy()` (a copy), `assign(values)`; NumPy's functions take it as an array.
    """

    def __init__(self, layer: Any, index: int, name: str, shape: tuple[int, ...]) -> None:
        self._layer, self._index, self.name, self.shape = layer, index, name, shape

    @property
    def dtype(self) -> np.dtype:
        return self._layer.dtype

    @property
    def trainable(self) -> bool:
        """That of its layer: single arrays cannot be frozen."""
        return self._layer.trainable

    def numpy(self) -> Array:
        return self._layer.get_weights()[self._index]

    def assign(self, values: Any) -> None:
        """Overwrite the array; ValueError for another shape."""
        weights = self._layer.get_weights()
        weights[self._index] = values
        self._layer.set_weights(weights)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError(f"the weight {self.name} can only be copied; change it with assign")
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<Weight {self._layer.name}/{self.name}, shape {self.shape}, {self.dtype}>"


class Weighted(Trainable):
    """What of a layer is trained, and its weights as Keras lists them."""

    name: str | None
    built: bool
    params: Mapping[str, Array]
    keras_names: ClassVar[dict[str, str]] = {}  # what Keras calls the parameters; others keep their own names

    def to_keras(self, params: list[Array]) -> list[Array]:
        raise NotImplementedError

    def trainable_names(self) -> list[str]:
        """Which of `params` training may change: all, or none of a frozen layer."""
        return list(self.params) if self.trainable else []

    def count_trainable(self) -> int:
        return sum(self.params[name].size for name in self.trainable_names())

    @property
    def weights(self) -> list[Weight]:
        """The arrays of `get_weights`, each with name, shape and `trainable`; none before the layer is built."""
        if not self.built:
            return []
        arrays = self.to_keras(list(self.params.values()))
        names = list(dict.fromkeys(self.keras_names.get(name, name) for name in self.params))
        return [Weight(self, i, names[i] if i < len(names) else "", a.shape) for i, a in enumerate(arrays)]

    @property
    def trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    @property
    def trainable_variables(self) -> list[Weight]:
        """Keras' other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if not (self.trainable and weight.trainable)]


_DESCRIPTION = {"class", "config", "custom"}


def without_trainable(described: dict[str, Any]) -> dict[str, Any]:
    """A description of a layer without `trainable`, its own and that of layers and cells in it."""
    config = {
        name: without_trainable(value) if _is_description(value) else value
        for name, value in described["config"].items()
        if name != "trainable"
    }
    return described | {"config": config}


def _is_description(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("config"), dict) and {*value, "custom"} == _DESCRIPTION
