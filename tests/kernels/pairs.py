"""The kernel pairs called in one way: named arrays in, a list of outputs and a dict of gradients out."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Recurrence

from scratchnn import activations

Arrays = dict[str, Array]
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
STATES = {"simple_rnn": ("h",), "lstm": ("h", "c"), "gru": ("h",)}
BIASES = {"simple_rnn": ("b",), "lstm": ("b",), "gru": ("bx", "bh")}


@dataclass(frozen=True)
class Case:
    """What is common to all: the kernel's file name, and sizes."""

    kernel: str
    B: int = 2
    T: int = 4
    D: int = 3
    activation: str = "tanh"
    seed: int = 0
    scale: float = 1.0  # of all numbers; small ones keep functions without a bound from growing out of reach

    def arrays(self) -> Arrays:
        """Everything that has a gradient: x, parameters, initial states. Float64, but exact in float32."""
        raise NotImplementedError

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        """Return the outputs, and the cache."""
        raise NotImplementedError

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        """Return the gradients under the names of `arrays`."""
        raise NotImplementedError

    def without_gradient(self, number: int) -> bool:
        """Whether backward is given None for the output of this number."""
        return False

    def dys(self, outputs: list[Array]) -> list[Array | None]:
        """A random gradient for each output. Never ones: symmetries hide mistakes."""
        rng = np.random.default_rng(self.seed + 1)
        drawn = [numbers(rng, y.shape) for y in outputs]
        return [None if self.without_gradient(i) else dy.astype(outputs[i].dtype) for i, dy in enumerate(drawn)]

    def draw(self, shapes: dict[str, tuple[tuple[int, ...], float]]) -> Arrays:
        """Normal numbers of given shapes and scales."""
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(self).encode())])
        return {name: numbers(rng, shape, scale * self.scale) for name, (shape, scale) in shapes.items()}

    def run(self, module: Any, dtype: Any = np.float64) -> tuple[list[Array], Arrays]:
        """Outputs and gradients."""
        outputs, cache = self.forward(module, {name: a.astype(dtype) for name, a in self.arrays().items()})
        return outputs, self.backward(module, self.dys(outputs), cache)


@dataclass(frozen=True)
class Recurrent(Case):
    H: int = 3
    mask: str = ""  # left, right, inside or rows: where the steps are that are no words
    dropout_x: int = 0  # number of masks: none, one shared by the gates, or one per gate
    dropout_h: bool = False
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True
    sequences: bool = True
    dy: bool = True  # whether y has a gradient
    dstate: bool = True  # whether the last states have one
    keep_cache: bool = field(default=True, repr=False)  # not in what names the draw

    def arrays(self) -> Arrays:
        G = GATES[self.kernel] * self.H
        shapes = {
            "x": ((self.B, self.T, self.D), 1.0),
            "Wx": ((self.D, G), self.D**-0.5),
            "Wh": ((self.H, G), self.H**-0.5),
        }
        shapes |= {name: ((G,), 0.5) for name in BIASES[self.kernel]}
        return self.draw(shapes | {f"{name}0": ((self.B, self.H), 1.0) for name in STATES[self.kernel]})

    def real_steps(self) -> Array | None:
        """The mask: False where a step is no word."""
        if not self.mask:
            return None
        rng = np.random.default_rng(self.seed + 2)
        steps, lengths = np.arange(self.T), rng.integers(1, self.T + 1, (self.B, 1))
        if self.mask == "left":
            return steps >= self.T - lengths
        if self.mask == "right":
            return steps < lengths
        mask = rng.random((self.B, self.T)) < 0.6
        mask[:, 0], mask[0, self.T // 2] = True, False
        if self.mask == "rows":  # the first row, and some others, have no word at all
            mask[0], mask[3::4] = False, False
        return mask

    def dropout(self, K: int, width: int, dtype: Any) -> Array | None:
        """K masks, half zeros and half twos."""
        if not K:
            return None
        return (2 * (np.random.default_rng(self.seed + width).random((K, self.B, width)) < 0.5)).astype(dtype)

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        x, dtype = arrays["x"], arrays["x"].dtype
        params = [arrays[name] for name in ("Wx", "Wh", *BIASES[self.kernel])]
        state = tuple(arrays[f"{name}0"] for name in STATES[self.kernel])
        dropout_x = self.dropout(self.dropout_x, self.D, dtype)
        dropout_h = self.dropout(GATES[self.kernel] * self.dropout_h, self.H, dtype)
        how: list[Any] = [activations.get(self.activation)]
        how += [] if self.kernel == "simple_rnn" else [activations.get(self.recurrent_activation)]
        how += [self.reset_after] if self.kernel == "gru" else []
        call = Recurrence(x, state, self.real_steps(), dropout_x, dropout_h, self.sequences, self.keep_cache)
        y, state, cache = module.forward(call, *params, *how)
        return [y, *state], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        dx, grads, dstate = module.backward(dys[0], tuple(dys[1:]), cache)
        names = [f"{name}0" for name in STATES[self.kernel]]
        found = {"x": dx, **grads, **dict(zip(names, dstate, strict=True))}
        if self.kernel == "gru" and not self.reset_after:
            # bh does not exist for this layer; the gradient of a number that is not used is 0.
            assert "bh" not in grads
            found["bh"] = np.zeros(3 * self.H, dx.dtype)
        return found

    def without_gradient(self, number: int) -> bool:
        return not (self.dy if number == 0 else self.dstate)


@dataclass(frozen=True)
class Conv1D(Case):
    kernel: str = field(default="conv1d", init=False)
    T: int = 7
    k: int = 3
    F: int = 4
    stride: int = 1
    dilation: int = 1
    share: float = 1.0  # of the numbers of dy that are not zero

    def arrays(self) -> Arrays:
        W_shape = (self.k, self.D, self.F)
        shapes = {"x": ((self.B, self.T, self.D), 1.0), "W": (W_shape, (self.k * self.D) ** -0.5)}
        return self.draw(shapes | {"b": ((self.F,), 0.5)})

    def dys(self, outputs: list[Array]) -> list[Array | None]:
        """Mostly zeros, where a share is given, as max pooling would send them."""
        dropped = [np.random.default_rng(self.seed + 2).random(y.shape) >= self.share for y in outputs]
        drawn = super().dys(outputs)
        return [
            None if dy is None else np.where(zero, dy.dtype.type(0), dy)
            for dy, zero in zip(drawn, dropped, strict=True)
        ]

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        activation = activations.get(self.activation)
        y, cache = module.forward(arrays["x"], arrays["W"], arrays["b"], self.stride, self.dilation, activation)
        return [y], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        dx, grads = module.backward(dys[0], cache)
        return {"x": dx, **grads}


@dataclass(frozen=True)
class MaxPooling1D(Case):
    kernel: str = field(default="max_pooling1d", init=False)
    T: int = 9
    k: int = 3
    stride: int = 2

    def arrays(self) -> Arrays:
        return self.draw({"x": ((self.B, self.T, self.D), 1.0)})

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        y, cache = module.forward(arrays["x"], self.k, self.stride)
        return [y], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        return {"x": module.backward(dys[0], cache)}


@dataclass(frozen=True)
class GlobalMaxPooling1D(Case):
    kernel: str = field(default="global_max_pooling1d", init=False)

    def arrays(self) -> Arrays:
        return self.draw({"x": ((self.B, self.T, self.D), 1.0)})

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        y, cache = module.forward(arrays["x"])
        return [y], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        return {"x": module.backward(dys[0], cache)}


@dataclass(frozen=True)
class Dense(Case):
    kernel: str = field(default="dense", init=False)
    H: int = 4

    def arrays(self) -> Arrays:
        shapes = {"x": ((self.B, self.D), 1.0), "W": ((self.D, self.H), self.D**-0.5), "b": ((self.H,), 0.5)}
        return self.draw(shapes)

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        y, cache = module.forward(arrays["x"], arrays["W"], arrays["b"], activations.get(self.activation))
        return [y], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        dx, grads = module.backward(dys[0], cache)
        return {"x": dx, **grads}


@dataclass(frozen=True)
class Embedding(Case):
    kernel: str = field(default="embedding", init=False)
    V: int = 5
    padding: int = 0  # so many steps at the start of each row have the id 0

    def arrays(self) -> Arrays:
        return self.draw({"E": ((self.V, self.D), 1.0)})

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        ids = np.random.default_rng(self.seed).integers(0, self.V, (self.B, self.T)).astype(np.int32)
        ids[:, : self.padding] = 0
        y, cache = module.forward(ids, arrays["E"])
        return [y], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        return module.backward(dys[0], cache)


@dataclass(frozen=True)
class BinaryCrossentropy(Case):
    """B rows of D outputs; the gradient is that of the loss times a random number, as dy is elsewhere."""

    kernel: str = field(default="binary_crossentropy", init=False)
    from_logits: bool = False
    labels: bool = True  # targets are 0 or 1, not probabilities between them

    def arrays(self) -> Arrays:
        arrays = self.draw({"y": ((self.B, self.D), 2.0)})
        if not self.from_logits:
            arrays["y"] = (1 / (1 + np.exp(-arrays["y"]))).astype(np.float32).astype(np.float64)
        return arrays

    def forward(self, module: Any, arrays: Arrays) -> tuple[list[Array], Any]:
        y = arrays["y"]
        target = np.random.default_rng(self.seed + 3).random(y.shape).astype(np.float32)
        target = (target < 0.5 if self.labels else target).astype(y.dtype)
        loss, cache = module.forward(y, target, self.from_logits)
        return [np.asarray(loss, y.dtype)], cache

    def backward(self, module: Any, dys: list[Array | None], cache: Any) -> Arrays:
        return {"y": module.backward(cache) * dys[0]}


def numbers(rng: np.random.Generator, shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """Normal numbers in float64 that float32 holds exactly, so that both dtypes start from the same ones."""
    return rng.normal(0, scale, shape).astype(np.float32).astype(np.float64)


def differences(case: Case, module: Any, step: float = 1e-6) -> Arrays:
    """The gradients of sum dy ⊙ y, measured: central differences for every number of every array."""
    arrays = case.arrays()
    dys = case.dys(case.forward(module, arrays)[0])

    def loss() -> float:
        outputs, _ = case.forward(module, arrays)
        return sum(float((dy * y).sum()) for dy, y in zip(dys, outputs, strict=True) if dy is not None)

    return {name: _differences_of(array, loss, step) for name, array in arrays.items()}


def _differences_of(array: Array, loss: Callable[[], float], step: float) -> Array:
    measured = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = loss()
        array[index] = value - step
        measured[index] = (above - loss()) / (2 * step)
        array[index] = value
    return measured


def assert_gradients_are_right(case: Case, module: Any) -> None:
    """Link 1 of the chain: backward against central differences of forward, every number, float64."""
    outputs, gradients = case.run(module)
    for y in outputs:
        assert y.dtype == np.float64
    expected = differences(case, module)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        assert gradient.shape == expected[name].shape, name
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-6, atol=1e-8, err_msg=name)


def variants(case: Recurrent) -> list[Recurrent]:
    """The ways to use a recurrent pair that take paths of their own through it."""
    K = GATES[case.kernel]
    ways = [
        replace(case),
        replace(case, dstate=False),
        replace(case, dy=False),
        replace(case, sequences=False),
        replace(case, sequences=False, dstate=False),
        replace(case, sequences=False, dy=False),
        *(replace(case, mask=mask) for mask in ("left", "right", "inside", "rows")),
        replace(case, mask="rows", sequences=False),
        replace(case, dropout_x=1),
        replace(case, dropout_x=K, dropout_h=True),
        replace(case, dropout_h=True, mask="inside", dstate=False),
        replace(case, dropout_x=K, dropout_h=True, mask="left", sequences=False),
        replace(case, T=1),
        replace(case, B=1),
        replace(case, T=1, B=1, D=1, H=1),
        replace(case, B=3, T=5, D=7, H=5),
    ]
    if case.kernel == "gru":
        ways += [replace(way, reset_after=False) for way in ways]
    return list(dict.fromkeys(ways))


def name_of(case: Case) -> str:
    """The settings that differ from the defaults, for the names of the tests."""
    usual = (
        type(case)()
        if isinstance(case, BinaryCrossentropy | Conv1D | Dense | Embedding | GlobalMaxPooling1D | MaxPooling1D)
        else type(case)(case.kernel)
    )
    fields = {name: value for name, value in vars(case).items() if value != getattr(usual, name)}
    return " ".join([case.kernel, *(f"{name}={value}" for name, value in fields.items())])
