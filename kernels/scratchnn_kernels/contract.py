"""What every backend provides, and what its kernels may assume.

A backend is a package (`reference`, `cpu` or `gpu`) with one module per layer, and a module is one pair of functions:

    y, state, cache = forward(call, ...parameters..., ...)      recurrent layers; `call` is a `Recurrence`
    dx, grads, dstate = backward(dy, dstate, cache)

    y, cache = forward(x, ...parameters...)                     the others
    dx, grads = backward(dy, cache)              Embedding gives grads only, dropout and pooling dx only

    loss, cache = forward(y, target, ...)                       losses
    dy = backward(cache)

One module, `optimizer`, is no pair: it holds the optimizers' update rules.

A pair may exist in `reference` alone, as `recurrence` does, the walk through time that takes any cell. A layer that
needs it asks its backend with `Backend.pair`; on another backend that is an error that names the remedy. No backend
falls back to another one.

A number that the host may never read stays where the arrays are: a loss and a norm are Python floats in `reference`
and `cpu`, and arrays of shape () on the device in `gpu`. Converting one to a float waits for the device.

With `keep_cache` False no backward pass follows: a recurrent pair may return None for the cache and keep less.

`cache` is whatever backward needs, in whatever layout suits the backend: only the same backend's backward reads it.
`grads` is a dict with the names of the parameters, and each gradient has the shape of the array it belongs to.

Letters: B batch, T time, D input features, H hidden units, G packed gate columns (H for SimpleRNN, 3H for GRU, 4H for
LSTM), V vocabulary, F filters, K dropout masks (1: shared by the gates, or one per gate).

Kernels trust their input. The layers promise: every array C-contiguous, one floating dtype (float32 or float64)
throughout, shapes checked, every id inside its table, activations known to the backend (`dense` takes any).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from scratchnn_kernels.shapes import Bool, Float

# NumPy arrays to the type checker, anything with a shape and a dtype (CuPy's arrays too) at run time.
if TYPE_CHECKING:
    Array = np.ndarray
else:
    Array = Any

REFERENCE_ONLY = ("recurrence",)  # pairs that the other backends do not have

Grads = dict[str, Array]
State = tuple[Array, ...]
StateGrad = tuple[Array | None, ...]
RecurrentOutput = tuple[Array, State, Any]  # y, the state after the last step, and the cache


@runtime_checkable
class ElementwiseActivation(Protocol):
    """An activation whose derivative is written through its output: `da = backward(dy, y)`."""

    @property
    def name(self) -> str: ...
    def forward(self, a: Array, /) -> Array: ...
    def backward(self, dy: Array, y: Array, /) -> Array: ...


@dataclass(frozen=True)
class Recurrence:
    """What every recurrent pair is called with, besides its parameters and activations; batch first.

    y is (B, T, H) with `sequences`, else (B, H), the state after the last step. `dy` has the shape of y, or is None
    where only the states have a gradient. `dstate` entering backward is the gradient with respect to the state after
    the last step, None where there is none; leaving it, with respect to the initial state.
    """

    x: Float[Array, "B T D"]
    state: State  # the initial one: (h,) for SimpleRNN and GRU, (h, c) for LSTM, each (B, H)
    mask: Bool[Array, "B T"] | None = None  # at a False step the row keeps its state
    dropout_x: Float[Array, "_ B D"] | None = None  # K masks; x is multiplied by them before Wx, at every step the same
    dropout_h: Float[Array, "_ B _"] | None = None  # (K, B, H): the same for h and Wh
    sequences: bool = False
    keep_cache: bool = True  # False: no backward pass will follow


class Cell:
    """One time step, for the walk of reference/recurrence.py, which deals with masks: every row takes the step.

    ax (B, G) and ah (B, Gh) are the parts of the pre-activation that come from x and from h; `state` is a tuple of
    arrays (B, ·), h first. `own` are the cell's parameters besides Wx, Wh and b, passed by name; most cells have none,
    and leave it out. A masked row's results are thrown away.
    """

    def forward(self, ax: Array, ah: Array, state: State, *args: Any, **own: Any) -> tuple[State, Any]:
        """Return the state that leaves the step, and what backward needs of it (a tuple of arrays)."""
        raise NotImplementedError

    def backward(
        self, dafter: State, state: State, after: State, saved: Any, *args: Any, **own: Any
    ) -> tuple[Array, Array, State]:
        """Return dax, dah, and the gradient of `state` through the cell's own use of it, not through ah."""
        raise NotImplementedError

    def backward_own(
        self, dax: Array, dah: Array, dafter: list, states: list, saved: list, *args: Any, **own: Any
    ) -> Grads:
        """Return the gradients of `own`; called once, with all time steps: (T, B, ·), and `states` (T+1, B, ·).

        `dafter`, `states` and `saved` are lists of arrays, one for each array of a step. In masked rows dax, dah and
        dafter are zero; `saved` is what forward computed there, so a product with it is finite only where that is.
        """
        return {}


@runtime_checkable
class RecurrentBackward(Protocol):
    """(dy, dstate, cache) -> (dx, grads, dstate0), the same for the three recurrent layers."""

    def __call__(self, dy: Array | None, dstate: StateGrad, cache: Any, /) -> tuple[Array, Grads, State]: ...


@runtime_checkable
class SimpleRNNPair(Protocol):
    """Parameters Wx (D, H), Wh (H, H), b (H,)."""

    def forward(
        self,
        call: Recurrence,
        Wx: Array,
        Wh: Array,
        b: Array,
        act: ElementwiseActivation,
    ) -> RecurrentOutput: ...

    @property
    def backward(self) -> RecurrentBackward: ...


@runtime_checkable
class LSTMPair(Protocol):
    """Parameters Wx (D, 4H), Wh (H, 4H), b (4H,); gates packed i f g o."""

    def forward(
        self,
        call: Recurrence,
        Wx: Array,
        Wh: Array,
        b: Array,
        act: ElementwiseActivation,
        rec: ElementwiseActivation,
    ) -> RecurrentOutput: ...

    @property
    def backward(self) -> RecurrentBackward: ...


@runtime_checkable
class GRUPair(Protocol):
    """Parameters Wx (D, 3H), Wh (H, 3H), bx (3H,), bh (3H,); gates packed z r g. Only `reset_after` uses bh."""

    def forward(
        self,
        call: Recurrence,
        Wx: Array,
        Wh: Array,
        bx: Array,
        bh: Array,
        act: ElementwiseActivation,
        rec: ElementwiseActivation,
        reset_after: bool,
    ) -> RecurrentOutput: ...

    @property
    def backward(self) -> RecurrentBackward: ...


@runtime_checkable
class Conv1DPair(Protocol):
    """x (B, T, D) already padded, W (k, D, F), b (F,) -> y (B, T', F), T' = (T - (k-1) dilation - 1) // stride + 1."""

    def forward(
        self, x: Array, W: Array, b: Array, stride: int, dilation: int, activation: ElementwiseActivation
    ) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> tuple[Array, Grads]: ...


@runtime_checkable
class MaxPooling1DPair(Protocol):
    """x (B, T, D) already padded -> y (B, T', D), T' = (T - k) // stride + 1. Without parameters, backward gives dx."""

    def forward(self, x: Array, k: int, stride: int) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


@runtime_checkable
class GlobalMaxPooling1DPair(Protocol):
    """x (B, T, D) -> y (B, D). Without parameters, backward gives dx."""

    def forward(self, x: Array) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


@runtime_checkable
class DensePair(Protocol):
    """x (N, D), W (D, H), b (H,) -> y (N, H). Any activation: softmax along H, and the user's own, too."""

    def forward(self, x: Array, W: Array, b: Array, activation: ElementwiseActivation) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> tuple[Array, Grads]: ...


@runtime_checkable
class DropoutPair(Protocol):
    """A mask is 0 with probability `rate`, else 1 / (1 - rate). `key` (2,) uint64 alone decides the draw."""

    def mask(self, key: Array, rate: float, shape: tuple[int, ...], dtype: Any) -> Array: ...

    def forward(self, x: Array, key: Array, rate: float) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, cache: Any, /) -> Array: ...


@runtime_checkable
class EmbeddingPair(Protocol):
    """x (B, T) ids, E (V, D) -> y (B, T, D). Ids have no gradient, so backward returns only grads.

    Ids in host memory are checked before they get here. Ids on the device are not, since reading them would wait for
    it: there an id outside 0 ... V-1 gives NaN, and receives no gradient.
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
