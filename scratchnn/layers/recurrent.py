"""What all recurrent layers have in common: states, masks, direction and dropout around one kernel pair."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

import numpy as np
from scratchnn_kernels.contract import Array, Grads, Recurrence, State
from scratchnn_kernels.shapes import Bool, Float

from scratchnn import activations, initializers, regularizers
from scratchnn.activations import Activation
from scratchnn.core.checks import flag
from scratchnn.core.names import described
from scratchnn.layers.base import Config, Shape, draw_key, dropout_rate, positive_int
from scratchnn.layers.states import WithStates
from scratchnn.layers.trace import Trace, traced


@dataclass(frozen=True)
class RecurrentLayerCache:
    """The kernel pair's own cache, and what the layer did around it."""

    kernel_cache: Any
    shown: Float[Array, "B *T 1"] | None  # 0 where y was replaced by zeros
    state_given: bool
    state_returned: bool
    y_shape: tuple[int, ...]


@dataclass(frozen=True)
class DrawnApart(initializers.Initializer):
    """A bias in equal parts, each drawn with the spread of the array that Keras draws there.

    Keras draws several arrays of other shapes, and the fans of a shape decide how widely its numbers are spread.
    """

    rule: initializers.Initializer
    arrays: tuple[tuple[int, ...], ...]  # their shapes

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        parts = np.split(self.rule.draw(shape, generator), len(self.arrays))
        own = self.rule.spread(shape)
        return np.concatenate([p * (self.rule.spread(of) / own) for p, of in zip(parts, self.arrays, strict=True)])


class RecurrentSettings(TypedDict, total=False):
    """What every recurrent layer takes by name; `Recurrent` has the defaults."""

    use_bias: bool
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    recurrent_regularizer: Any
    bias_regularizer: Any
    dropout: float
    recurrent_dropout: float
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool
    name: str | None
    input_shape: Any
    trainable: bool


class Recurrent(WithStates):
    """Base of the recurrent layers. The constructor's words and their defaults are Keras'."""

    supports_masking = True
    takes_keep_cache = True
    regularized: ClassVar = {
        "Wx": "kernel_regularizer",
        "Wh": "recurrent_regularizer",
        **dict.fromkeys(("b", "bx", "bh"), "bias_regularizer"),
    }
    keras_names: ClassVar[dict[str, str]] = {
        "Wx": "kernel", "Wh": "recurrent_kernel", "b": "bias", "bx": "bias", "bh": "bias"
    }  # fmt: skip
    checks: ClassVar = {
        "activation": activations.get,
        "recurrent_activation": activations.get,
        "dropout": partial(dropout_rate, "a recurrent layer", "dropout"),
        "recurrent_dropout": partial(dropout_rate, "a recurrent layer", "recurrent_dropout"),
    }
    gates: int  # blocks of columns in Wx and Wh
    gate_names: ClassVar[tuple[str, ...]] = ()  # what a trace calls the first arrays that the reference cell keeps
    if TYPE_CHECKING:
        activation: Activation  # of h; an `RNN` has none, its cell applies its own

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        kind = type(self).__name__
        self.units = positive_int(kind, "units", units)
        self.use_bias = flag(kind, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.dropout = dropout_rate(kind, "dropout", dropout)
        self.recurrent_dropout = dropout_rate(kind, "recurrent_dropout", recurrent_dropout)
        self.return_sequences = flag(kind, "return_sequences", return_sequences)
        self.return_state = flag(kind, "return_state", return_state)
        self.go_backwards = flag(kind, "go_backwards", go_backwards)
        self.zero_output_for_mask = flag(kind, "zero_output_for_mask", zero_output_for_mask)
        self.stateful = flag(kind, "stateful", stateful)

    # ---- what each layer defines: the call of its kernel pair

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        raise NotImplementedError

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        raise NotImplementedError

    @property
    def recurrent_gates(self) -> int:
        """Blocks of columns in Wh: as many as in Wx, unless overridden."""
        return self.gates

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The width of each state; the first is h, of H units."""
        return (self.units,) * len(self.state_names)

    @property
    def uses_rng(self) -> bool:
        return self.dropout > 0 or self.recurrent_dropout > 0

    @property
    def is_recordable(self) -> bool:
        return not (self.stateful or self.go_backwards or self.return_state)

    # ---- shapes

    def compute_output_shape(self, input_shape: Shape) -> Any:
        if len(input_shape) != 3 or input_shape[2] is None:
            raise ValueError(f"{self.label} takes sequences of shape (B, T, D) with D known, got shape {input_shape}")
        B, T, _ = input_shape
        y_shape = (B, T, self.units) if self.return_sequences else (B, self.units)
        return (y_shape, *((B, size) for size in self.state_sizes)) if self.return_state else y_shape

    def _softmax_length(self) -> int | None:
        rules = (getattr(self, name, None) for name in ("activation", "recurrent_activation"))
        return self.units if any(rule is activations.softmax for rule in rules) else None

    def parameter_shapes(self, input_shape: Shape) -> dict:
        D, H, G = input_shape[2], self.units, self.gates * self.units
        shapes = {"Wx": ((D, G), self.kernel_initializer)}
        if self.recurrent_gates:
            shapes["Wh"] = ((H, self.recurrent_gates * H), self.recurrent_initializer)
        return shapes | ({"b": ((G,), self.bias_initializer)} if self.use_bias else {})

    def bias(self, name: str) -> Array:
        """A bias, or the zeros that stand for it without `use_bias`."""
        return self.params[name] if name in self.params else self.backend.xp.zeros(self.gates * self.units, self.dtype)

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask if self.return_sequences else None

    # ---- forward and backward

    def forward(
        self,
        x: Array,
        *,
        mask: Array | None = None,
        training: bool = False,
        rng: Any = None,
        initial_state: Any = None,
        return_state: bool | None = None,
        keep_cache: bool = True,
    ) -> tuple[Any, RecurrentLayerCache | None]:
        """Return y, or (y, h) or (y, h, c) with `return_state`, and the cache.

        `initial_state`: a list of (B, H) arrays, [h] or [h, c]; where it is None, zeros, or what a stateful layer
        carries. `return_state` None: as the constructor says. Without `keep_cache` the cache is None, and less memory
        is needed: on cpu and gpu a long sequence takes no more than a short one.
        """
        x = self.as_input(x)
        B, T, _ = x.shape
        mask = None if mask is None else self.as_mask(mask, (B, T))
        begin = self._carried(B) if self.stateful else None
        begin = begin if initial_state is None else self.as_state(initial_state, B)
        returned = self.return_state if return_state is None else return_state
        if self.go_backwards:
            x = self.backend.array(x[:, ::-1], self.dtype)
            mask = None if mask is None else self.backend.array(mask[:, ::-1], bool)
        dropout_x, dropout_h = self._draw_dropout(x.shape, rng) if training else (None, None)

        state = self._zeros(B) if begin is None else begin
        call = Recurrence(x, state, mask, dropout_x, dropout_h, self.return_sequences, keep_cache)
        y, state, kernel_cache = self.run_forward(call)
        if self.stateful:
            self.states = [each.copy() for each in state]
        shown = None if mask is None else self._shown(mask, begin is not None)
        if shown is not None:
            y = y * shown
        given = initial_state is not None
        cache = RecurrentLayerCache(kernel_cache, shown, given, returned, y.shape) if keep_cache else None
        return (y, *state) if returned else y, cache

    def backward(self, dy: Any, cache: RecurrentLayerCache) -> tuple[Any, Grads]:
        """Return dx, or (dx, dh0) or (dx, dh0, dc0) where an initial state was given, and the gradients.

        What a stateful layer carries counts as a constant: no gradient goes back into the batch before.
        """
        dy, *dstate = dy if cache.state_returned else (dy, *[None] * len(self.state_names))
        dy = None if dy is None else self.as_gradient(dy, cache.y_shape)
        shapes = [(cache.y_shape[0], size) for size in self.state_sizes]
        dstate = [None if d is None else self.as_gradient(d, shape) for d, shape in zip(dstate, shapes, strict=True)]
        if cache.shown is not None and dy is not None:
            dy = dy * cache.shown
        dx, grads, dstate0 = self.run_backward(dy, tuple(dstate), cache.kernel_cache)
        if self.go_backwards:
            dx = dx[:, ::-1]
        grads = {name: grads[name] for name in self.params}  # a bias that does not exist has no gradient
        return (dx, *dstate0) if cache.state_given else dx, grads

    def trace(self, x: Array, *, mask: Array | None = None, initial_state: Any = None) -> Trace:
        """The gates of every step and the states after it, as named arrays (B, T, H); see `Trace`.

        As `forward` without training, except that a stateful layer carries nothing on.

        Raises:
            RuntimeError: if the layer is not built; ValueError for shapes that do not fit.
        """
        return traced(self, x, mask, initial_state)

    def _shown(self, mask: Bool[Array, "B T"], state_given: bool) -> Float[Array, "B *T 1"] | None:
        """1 where an output is shown, 0 where zeros replace it; None if all are shown.

        Keras' rules: a masked step repeats the output before it; before the first real step that is zeros, even with an
        initial state; with `zero_output_for_mask`, masked steps are zeros, and so is y after a masked last step.
        """
        if self.zero_output_for_mask:
            shown = mask if self.return_sequences else mask[:, -1]
        elif state_given and self.return_sequences:
            shown = mask.astype(np.int32).cumsum(axis=1) > 0
        elif state_given:
            shown = mask.max(axis=1)  # whether any step is real
        else:
            return None
        return shown[..., None].astype(self.dtype)

    def _draw_dropout(self, shape: tuple[int, ...], rng: Any) -> tuple[Array | None, Array | None]:
        """The masks of one batch. As in Keras, recurrent dropout gives each gate masks of its own, for x as well."""
        B, _, D = shape
        K = self.gates if self.recurrent_dropout > 0 else 1
        mask = self.backend.kernels.dropout.mask
        dropout_x = mask(draw_key(rng), self.dropout, (K, B, D), self.dtype) if self.dropout > 0 else None
        if self.recurrent_dropout == 0:
            return dropout_x, None
        shape_h = (self.recurrent_gates, B, self.units)
        return dropout_x, mask(draw_key(rng), self.recurrent_dropout, shape_h, self.dtype)

    # ---- description

    def get_config(self) -> Config:
        return super().get_config() | {
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": described(self.kernel_initializer),
            "recurrent_initializer": described(self.recurrent_initializer),
            "bias_initializer": described(self.bias_initializer),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "zero_output_for_mask": self.zero_output_for_mask,
        }

    def describe(self) -> str:
        return ", ".join([f"{self.units} units", self.activation.name, *self._how()])

    def _how(self) -> list[str]:
        words = ["sequences"] if self.return_sequences else []
        words += ["backwards"] if self.go_backwards else []
        words += ["stateful"] if self.stateful else []
        words += [f"dropout {self.dropout:g}"] if self.dropout else []
        words += [f"recurrent dropout {self.recurrent_dropout:g}"] if self.recurrent_dropout else []
        return words
