"""What is compared with Keras: a table of layers with all their arrays.

Both sides build the same `Spec` and draw the same arrays, so neither inputs nor weights need to be stored. The arrays
are always random: with constant weights all gates look alike, and with ones as the output gradient symmetries hide
mistakes. Sizes are odd and all different, so that no axis can be taken for another.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np

B, T, D, H, V = 5, 7, 3, 4, 11

# One row per review; True: a real step. Together, "mixed", they meet every kind of row in one batch.
MASKS = {
    "right": ["1111111", "1111110", "1111000", "1000000", "1111100"],
    "left": ["1111111", "0111111", "0001111", "0000001", "0011111"],
    "interior": ["1101011", "1011111", "1000001", "1010101", "1111111"],
    "empty": ["1111111", "0000000", "1111100", "0001111", "0000000"],
    "mixed": ["1111111", "1110000", "0001111", "0101100", "0000000"],
}


class Spec(NamedTuple):
    """A layer before it is built: the same words for both frameworks."""

    layer: str
    options: dict[str, Any]


def spec(layer: str, /, **options: Any) -> Spec:
    return Spec(layer, options)


def construct(layers: Any, spec: Spec) -> Any:
    """Build the layer from `layers`: keras.layers or scratchnn.layers."""
    options = {k: construct(layers, v) if isinstance(v, Spec) else v for k, v in spec.options.items()}
    return getattr(layers, spec.layer)(**options)


def uniform(key: str, shape: Sequence[int], scale: float = 1.0) -> np.ndarray:
    """Float32 numbers between -scale and scale; `key` decides them.

    From the raw bits of the generator, the one thing of NumPy's that never changes from version to version.
    """
    raw = np.random.PCG64(zlib.crc32(key.encode())).random_raw(math.prod(shape))
    return (((raw >> 40) / 2**23 - 1) * scale).astype(np.float32).reshape(shape)


@dataclass(frozen=True)
class LayerCase:
    """A stack of layers, mostly of one, and what enters it: `x` is "normal", "ids", "ties" (0, 0.5 and 1), or "padded",
    with zeros for some of the steps.
    """

    name: str
    layers: tuple[Spec, ...]
    shape: tuple[int, ...] = (B, T, D)
    x: str = "normal"
    mask: str | None = None
    state: bool = False
    x_scale: float = 1.0
    dtype: ClassVar[str] = "float32"

    def draw(self, what: str, shape: Sequence[int], scale: float = 1.0) -> np.ndarray:
        return uniform(f"{self.name} {what}", shape, scale).astype(self.dtype)

    def weight(self, number: int, shape: Sequence[int]) -> np.ndarray:
        return self.draw(f"weight {number}", shape, 0.8)

    def output_gradient(self, number: int, shape: Sequence[int]) -> np.ndarray:
        return self.draw(f"dy {number}", shape)

    def inputs(self) -> np.ndarray:
        x = self.draw("x", self.shape, self.x_scale)
        if self.x == "ids":  # squared: many repetitions, and many zeros, which mask_zero takes for padding
            return (x.astype(np.float64) ** 2 * V).astype(np.int32)
        if self.x == "padded":
            return x * (self.draw("padding", self.shape[:-1]) > -0.5)[..., None]
        return np.maximum(np.round(2 * x) / 2, 0) if self.x == "ties" else x

    def mask_array(self) -> np.ndarray | None:
        return None if self.mask is None else np.array([[step == "1" for step in row] for row in MASKS[self.mask]])

    def initial_states(self) -> list[np.ndarray] | None:
        """h or h, c; twice for Bidirectional."""
        if not self.state:
            return None
        (layer,) = self.layers
        directions = 2 if layer.layer == "Bidirectional" else 1
        inner = layer.options.get("layer", layer)
        count = directions * (2 if inner.layer == "LSTM" else 1)
        return [self.draw(f"state {i}", (self.shape[0], inner.options["units"])) for i in range(count)]

    def dropout_masks(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """(K, B, D) for x and (K, B, H) for h. Recurrent dropout gives every gate a mask of its own, for x as well."""
        layer, options = self.layers[0]
        rate_x, rate_h = options.get("dropout", 0), options.get("recurrent_dropout", 0)
        if not rate_x and not rate_h:
            return None, None
        gates = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}.get(layer, 1) if rate_h else 1
        size, _, features = self.shape if len(self.shape) == 3 else (*self.shape, 0)
        return (
            self._dropout("dropout x", (gates, size, features), rate_x) if rate_x else None,
            self._dropout("dropout h", (gates, size, options["units"]), rate_h) if rate_h else None,
        )

    def _dropout(self, what: str, shape: Sequence[int], rate: float) -> np.ndarray:
        kept = self.draw(what, shape) > 2 * rate - 1
        return (kept / (1 - rate)).astype(np.float32)


def _recurrent_cases() -> list[LayerCase]:
    cells = {
        "SimpleRNN": {},
        "LSTM": {},
        "GRU": {},
        "GRU before": {"reset_after": False},
    }
    options: dict[str, dict[str, Any]] = {
        "last": {},
        "sequences": {"return_sequences": True},
        "state": {"return_state": True},
        "sequences and state": {"return_sequences": True, "return_state": True},
        "backwards": {"go_backwards": True},
        "backwards sequences": {"go_backwards": True, "return_sequences": True, "return_state": True},
        "no bias": {"use_bias": False, "return_sequences": True},
        "relu": {"activation": "relu", "return_sequences": True},
        "linear": {"activation": "linear", "return_sequences": True},
    }
    gated = {
        "hard": {"recurrent_activation": "hard_sigmoid", "return_sequences": True},
        "relu and hard": {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        "sigmoid and tanh": {"activation": "sigmoid", "recurrent_activation": "tanh", "return_sequences": True},
    }
    states = {
        "state given": {},
        "state given, sequences": {"return_sequences": True, "return_state": True},
        "state given, backwards": {"go_backwards": True, "return_state": True},
    }
    masked: dict[str, dict[str, Any]] = {
        "last": {},
        "sequences": {"return_sequences": True, "return_state": True},
    }
    zeroed = {
        "zeroed": {"return_sequences": True, "zero_output_for_mask": True, "return_state": True},
        "zeroed backwards": {"return_sequences": True, "zero_output_for_mask": True, "go_backwards": True},
        "backwards": {"return_sequences": True, "go_backwards": True},
    }
    found = []
    for cell, base in cells.items():
        kind = cell.split()[0]

        def add(name: str, extra: dict[str, Any], kind: str = kind, cell: str = cell, base: Any = base, **rest: Any):
            layer = spec(kind, units=H, **base, **extra)
            found.append(LayerCase(f"{cell}, {name}", (layer,), **rest))

        for name, extra in options.items():
            add(name, extra)
        for name, extra in gated.items() if kind != "SimpleRNN" else ():
            add(name, extra, x_scale=5.0)  # large enough for the flat ends of hard_sigmoid
        for name, extra in states.items():
            add(name, extra, state=True)
        for mask, (name, extra) in product(MASKS, masked.items()):
            add(f"{mask} mask, {name}", extra, mask=mask)
        for name, extra in zeroed.items():
            add(f"mixed mask, {name}", extra, mask="mixed")
        # Whole rows masked, or leading steps, are where a given state shows: TensorFlow puts out 0 there, and so do
        # we; Keras on JAX puts out the state. The state itself is kept by all.
        add("mixed mask, state given", {"return_sequences": True, "return_state": True}, mask="mixed", state=True)
        add("mixed mask, state given, last", {"return_state": True}, mask="mixed", state=True)
        add("mixed mask, zeroed, last", {"return_state": True, "zero_output_for_mask": True}, mask="mixed")
        for name, extra in {
            "dropout": {"dropout": 0.4},
            "recurrent dropout": {"recurrent_dropout": 0.4},
            "both dropouts": {"dropout": 0.3, "recurrent_dropout": 0.4},
        }.items():
            add(name, extra | {"return_sequences": True})
            add(f"{name}, mixed mask", extra, mask="mixed")
        add("one step", {"return_sequences": True}, shape=(2, 1, D))
        add("one row", {}, shape=(1, T, D))
    return found


def _bidirectional_cases() -> list[LayerCase]:
    found = []
    for cell, merge, sequences, mask in product(
        ("SimpleRNN", "LSTM", "GRU"), ("concat", "sum", "mul", "ave"), (False, True), (None, "mixed", "left")
    ):
        if mask == "left" and merge != "concat":
            continue
        inner = spec(cell, units=H, return_sequences=sequences)
        name = f"Bidirectional {cell}, {merge}" + ", sequences" * sequences + (f", {mask} mask" if mask else "")
        found.append(LayerCase(name, (spec("Bidirectional", layer=inner, merge_mode=merge),), mask=mask))
    for cell, sequences in product(("SimpleRNN", "LSTM", "GRU"), (False, True)):
        inner = spec(cell, units=H, return_sequences=sequences, return_state=True)
        name = f"Bidirectional {cell}, state given" + ", sequences" * sequences
        found.append(LayerCase(name, (spec("Bidirectional", layer=inner),), state=True))
    # Keras' Bidirectional overrules the layer: zeros for masked steps with sequences, and never without.
    inner = spec("LSTM", units=H, zero_output_for_mask=True)
    found.append(
        LayerCase("Bidirectional LSTM, zeroed, mixed mask", (spec("Bidirectional", layer=inner),), mask="mixed")
    )
    inner = spec("GRU", units=H, reset_after=False, use_bias=False)
    found.append(LayerCase("Bidirectional GRU before, no bias", (spec("Bidirectional", layer=inner),)))
    return found


def _other_cases() -> list[LayerCase]:
    found = [
        LayerCase("Embedding", (spec("Embedding", input_dim=V, output_dim=D),), (B, T), "ids"),
        LayerCase(
            "Embedding, mask_zero", (spec("Embedding", input_dim=V, output_dim=D, mask_zero=True),), (B, T), "ids"
        ),
        LayerCase("Flatten", (spec("Flatten"),)),
        LayerCase("Flatten, 2-D", (spec("Flatten"),), (B, D)),
        LayerCase("Dense, no bias", (spec("Dense", units=H, use_bias=False),), (B, D)),
        LayerCase("Dense, 3-D", (spec("Dense", units=H, activation="tanh"),)),
        LayerCase("Dense, 3-D softmax", (spec("Dense", units=H, activation="softmax"),)),
        LayerCase("Dropout at rest", (spec("Dropout", rate=0.5),)),
        LayerCase("GlobalMaxPooling1D", (spec("GlobalMaxPooling1D"),)),
        LayerCase("GlobalMaxPooling1D, ties", (spec("GlobalMaxPooling1D"),), x="ties"),
        LayerCase("GlobalAveragePooling1D", (spec("GlobalAveragePooling1D"),)),
        # "empty" and "mixed" are missing: for a row without a real step Keras divides 0 by 0 and gives NaN, we give 0.
        *(
            LayerCase(f"GlobalAveragePooling1D, {mask} mask", (spec("GlobalAveragePooling1D"),), mask=mask)
            for mask in ("right", "left", "interior")
        ),
    ]
    names = ("linear", "relu", "leaky_relu", "tanh", "sigmoid", "hard_sigmoid", "softsign", "softplus", "elu", "selu")
    for name in (*names, "exponential", "softmax"):
        found.append(LayerCase(f"Dense, {name}", (spec("Dense", units=H, activation=name),), (B, D), x_scale=5.0))
        found.append(LayerCase(f"Activation, {name}", (spec("Activation", activation=name),), x_scale=5.0))
    long = (3, 17, D)
    for padding, (stride, dilation) in product(("valid", "same", "causal"), ((1, 1), (2, 1), (3, 1), (1, 2), (1, 3))):
        options = {"filters": H, "kernel_size": 4, "padding": padding, "strides": stride, "dilation_rate": dilation}
        name = f"Conv1D, {padding}, stride {stride}, dilation {dilation}"
        found.append(LayerCase(name, (spec("Conv1D", **options, activation="tanh"),), long))
    found += [
        LayerCase("Conv1D, relu", (spec("Conv1D", filters=H, kernel_size=3, activation="relu"),), long),
        LayerCase("Conv1D, no bias", (spec("Conv1D", filters=H, kernel_size=5, use_bias=False),), long),
        LayerCase("Conv1D, as long as x", (spec("Conv1D", filters=H, kernel_size=17),), long),
        LayerCase("Conv1D, one tap", (spec("Conv1D", filters=H, kernel_size=1, padding="same"),), long),
    ]
    for x, padding, (size, strides) in product(
        ("normal", "ties"), ("valid", "same"), ((5, None), (2, None), (3, 2), (3, 1), (2, 3))
    ):
        pooling = spec("MaxPooling1D", pool_size=size, strides=strides, padding=padding)
        found.append(LayerCase(f"MaxPooling1D, {x}, {padding}, {size} by {strides}", (pooling,), long, x))
    return found


def _stack_cases() -> list[LayerCase]:
    """Layers one after the other, where Keras itself hands the mask from each to the next."""
    embedding = spec("Embedding", input_dim=V, output_dim=D, mask_zero=True)
    dense = spec("Dense", units=1, activation="sigmoid")
    stacks: dict[str, tuple[Spec, ...]] = {
        "LSTM over LSTM": (spec("LSTM", units=H, return_sequences=True), spec("LSTM", units=5), dense),
        "GRU over SimpleRNN": (spec("SimpleRNN", units=H, return_sequences=True), spec("GRU", units=5), dense),
        "mask through Dense": (spec("Dense", units=H, activation="relu"), spec("LSTM", units=5), dense),
        "mask through Dropout": (spec("Dropout", rate=0.5), spec("GRU", units=H, return_sequences=True)),
        "mask through Activation": (spec("Activation", activation="tanh"), spec("SimpleRNN", units=H)),
        "Bidirectional over Bidirectional": (
            spec("Bidirectional", layer=spec("LSTM", units=H, return_sequences=True)),
            spec("Bidirectional", layer=spec("GRU", units=2)),
            dense,
        ),
        "average of what is real": (
            spec("LSTM", units=H, return_sequences=True),
            spec("GlobalAveragePooling1D"),
            dense,
        ),
        "backwards over forwards": (
            spec("GRU", units=H, return_sequences=True),
            spec("LSTM", units=5, go_backwards=True),
            dense,
        ),
        "mask ends at Conv1D": (spec("Conv1D", filters=H, kernel_size=3), spec("LSTM", units=5), dense),
        "mask ends at MaxPooling1D": (spec("MaxPooling1D", pool_size=2), spec("SimpleRNN", units=5), dense),
        "mask ends at Flatten": (spec("Flatten"), dense),
        "mask ends at a last state": (spec("LSTM", units=H), spec("Dense", units=3, activation="softmax")),
    }
    found = [LayerCase(f"stack, {name}", (embedding, *layers), (B, T), "ids") for name, layers in stacks.items()]
    # A pooled zero behind a relu: which of the tied steps gets the gradient must not matter, because relu stops it.
    convolution = spec("Conv1D", filters=H, kernel_size=3, activation="relu")
    pooled = (convolution, spec("MaxPooling1D", pool_size=3), convolution, spec("GlobalMaxPooling1D"), dense)
    found.append(LayerCase("stack, convolutions", pooled, (3, 23, D)))
    return found


LAYERS = {case.name: case for case in [*_recurrent_cases(), *_bidirectional_cases(), *_other_cases(), *_stack_cases()]}
