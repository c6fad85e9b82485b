"""What every backend provides, and what its kernels may assume.

A backend is a package (`reference`, `cpu` or `gpu`) with one module per layer, and a module is one pair of functions:

    y, state, cache = forward(x, ...parameters..., state, mask, dropout_x, dropout_h, ...)     recurrent layers
    dx, grads, dstate = backward(dy, dstate, cache)

    y, cache = forward(x, ...parameters...)                                                     the others
    dx, grads = backward(dy, cache)              Embedding gives grads only, dropout and pooling dx only

    loss, cache = forward(y, target, ...)                                                       losses
    dy = backward(cache)

One module, `optimizer`, is no pair: it holds the optimizers' update rules.

A number that the host may never ask for stays where the arrays are: a loss and a norm are Python floats in `reference`
and `cpu`, and in `gpu` arrays of shape () on the device. To convert one to a float is to wait for the device.

With `keep_cache` False nothing will be differentiated: a recurrent pair may return None for the cache, and keep less.

`cache` is whatever backward needs, in whatever layout suits the backend: only the same backend's backward reads it.
`grads` is a dict with the names of the parameters, and each gradient has the shape of the array it belongs to.

Letters: B batch, T time, D input features, H hidden units, G packed gate columns (H for SimpleRNN, 3H for GRU, 4H for
LSTM), V vocabulary, F filters, K dropout masks (1: shared by the gates, or one per gate).

Kernels trust their input. The layers promise: every array C-contiguous, one floating dtype (float32 or float64)
throughout, shapes checked, every id inside its table, activations known to the backend (`dense` takes any).

Shapes at the door, batch first:
    x          (B, T, D)   y  (B, T, H) when `sequences`, else (B, H): the state after the last step
    state      tuple of (B, H): (h,) for SimpleRNN and GRU, (h, c) for LSTM. Entering forward: the initial state;
               leaving it: the state after the last step. `dstate` entering backward: the gradient with respect to the
               final state, None where there is none; leaving it: with respect to the initial state.
    mask       (B, T) bool or None. At a False step the row keeps its state: h[t+1] = h[t], c[t+1] = c[t].
    dropout_x  (K, B, D) or None: x is multiplied by it before it meets Wx; the same at every time step.
    dropout_h  (K, B, H) or None: h is multiplied by it before it meets Wh; the same at every time step.
    dy         as y, or None where only the states have a gradient
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

# NumPy arrays to the type checker, anything with a shape and a dtype (CuPy's arrays too) at run time.
if TYPE_CHECKING:
    Array = np.ndarray
else:
    Array = Any

Grads = dict[str, Array]
State = tuple[Array, ...]
StateGrad = tuple[Array | None, ...]


@runtime_checkable
class ElementwiseActivation(Protocol):
    """An activation whose derivative is written through its output: `da = backward(dy, y)`."""

    @property
    def name(self) -> str: ...
    def forward(self, a: Array, /) -> Array: ...
    def backward(self, dy: Array, y: Array, /) -> Array: ...


class RecurrentBackward(Protocol):
    """(dy, dstate, cache) -> (dx, grads, dstate0), the same for the three recurrent layers."""

    def __call__(self, dy: Array | None, dstate: StateGrad, cache: Any, /) -> tuple[Array, Grads, State]: ...


class SimpleRNNPair(Protocol):
    """Parameters Wx (D, H), Wh (H, H), b (H,)."""

    def forward(
        self,
        x: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        state: State,
        mask: Array | None,
        dropout_x: Array | None,
        dropout_h: Array | None,
        activation: ElementwiseActivation,
        sequences: bool,
        keep_cache: bool = True,
    ) -> tuple[Array, State, Any]: ...

    @property
    def backward(self) -> RecurrentBackward: ...


class LSTMPair(Protocol):
    """Parameters Wx (D, 4H), Wh (H, 4H), b (4H,); gates packed i f g o."""

    def forward(
        self,
        x: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        state: State,
        mask: Array | None,
        dropout_x: Array | None,
        dropout_h: Array | None,
        activation: ElementwiseActivation,
        recurrent_activation: ElementwiseActivation,
        sequences: bool,
        keep_cache: bool = True,
    ) -> tuple[Array, State, Any]: ...

    @property
    def backward(self) -> RecurrentBackward: ...


class GRUPair(Protocol):
    """Parameters Wx (D, 3H), Wh (H, 3H), bx (3H,), bh (3H,); gates packed z r g. Only `reset_after` uses bh."""

    def forward(
        self,
        x: Array,
        Wx: Array,
        Wh: Array,
        bx: Array,
        bh: Array,
        state: State,
        mask: Array | None,
        dropout_x: Array | None,
        dropout_h: Array | None,
        activation: ElementwiseActivation,
        recurrent_activation: ElementwiseActivation,
        reset_after: bool,
        sequences: bool,
        keep_cache: bool = True,
    ) -> tuple[Array, State, Any]: ...

    @property
    def backward(self) -> RecurrentBackward: ...


class Conv1DPair(Protocol):
    """x (B, T, D) already padded, W (k, D, F), b (F,) -> y (B, T', F), T' = (T - (k-1) dilation - 1) // stride + 1."""

    def forward(
        self, x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
    ) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> tuple[Array, Grads]: ...


class MaxPooling1DPair(Protocol):
    """x (B, T, D) already padded -> y (B, T', D), T' = (T - k) // stride + 1. Without parameters, backward gives dx."""

    def forward(self, x: Array, k: int, stride: int) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


class GlobalMaxPooling1DPair(Protocol):
    """x (B, T, D) -> y (B, D). Without parameters, backward gives dx."""

    def forward(self, x: Array) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


class DensePair(Protocol):
    """x (N, D), W (D, H), b (H,) -> y (N, H). Any activation: softmax along H, and the user's own, too."""

    def forward(self, x: Array, W: Array, b: Array, activation: ElementwiseActivation) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> tuple[Array, Grads]: ...


class DropoutPair(Protocol):
    """A mask is 0 with probability `rate`, else 1 / (1 - rate). `key` (2,) uint64 alone decides the draw."""

    def mask(self, key: Array, rate: float, shape: tuple[int, ...], dtype: Any) -> Array: ...

    def forward(self, x: Array, key: Array, rate: float) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


class EmbeddingPair(Protocol):
    """x (B, T) ids, E (V, D) -> y (B, T, D). Ids have no gradient, so backward returns only grads.

    Ids of an array of the host are checked before they get here. Those of an array that lies on the device are not,
    since looking would wait for it: there an id outside 0 ... V-1 gives NaN, and receives no gradient.
    """

    def forward(self, x: Array, E: Array) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Grads: ...


@runtime_checkable
class BinaryCrossentropyPair(Protocol):
    """y and target of one shape and dtype -> the mean over all of them, summed in float64; backward gives dy."""

    def forward(self, y: Array, target: Array, from_logits: bool) -> tuple[Any, Any]: ...

    def backward(self, cache: Any, /) -> Array: ...


@runtime_checkable
class OptimizerRules(Protocol):
    """Not a pair: updates in place of w, the vector of all parameters, given the gradient g and the slots."""

    def sgd(self, w: Array, g: Array, m: Array | None, rate: float, momentum: float, nesterov: bool) -> None: ...

    def rmsprop(
        self,
        w: Array,
        g: Array,
        v: Array,
        m: Array | None,
        a: Array | None,
        rate: float,
        rho: float,
        momentum: float,
        epsilon: float,
    ) -> None: ...

    def adam(
        self, w: Array, g: Array, m: Array, v: Array, alpha: float, beta_1: float, beta_2: float, epsilon: float
    ) -> None: ...

    def squared_norm(self, g: Array) -> Any: ...

    def join(self, parts: Sequence[Array], g: Array) -> None: ...


@runtime_checkable
class Kernels(Protocol):
    """A backend: one pair per layer, one for the loss of the published models, and the rules of the optimizers."""

    @property
    def embedding(self) -> EmbeddingPair: ...
    @property
    def simple_rnn(self) -> SimpleRNNPair: ...
    @property
    def lstm(self) -> LSTMPair: ...
    @property
    def gru(self) -> GRUPair: ...
    @property
    def conv1d(self) -> Conv1DPair: ...
    @property
    def max_pooling1d(self) -> MaxPooling1DPair: ...
    @property
    def global_max_pooling1d(self) -> GlobalMaxPooling1DPair: ...
    @property
    def dense(self) -> DensePair: ...
    @property
    def dropout(self) -> DropoutPair: ...
    @property
    def binary_crossentropy(self) -> BinaryCrossentropyPair: ...
    @property
    def optimizer(self) -> OptimizerRules: ...
