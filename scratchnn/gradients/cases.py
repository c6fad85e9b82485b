"""Every layer, loss and regularizer, in every use that takes a path of its own through the code."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels import BACKENDS
from scratchnn_kernels.contract import Array, Grads, State

from scratchnn import layers, losses, regularizers
from scratchnn.activations import ACTIVATIONS
from scratchnn.core import randomness
from scratchnn.gradients.differences import check
from scratchnn.gradients.errors import ArrayError
from scratchnn.gradients.of_losses import check_loss
from scratchnn.gradients.of_regularizers import check_regularizer

B, T, D, H = 2, 4, 3, 3

# Left, right and interior padding, and a row of padding only; sizes are B, T of the recurrent cases.
MASKS = {
    "mask left": [[False, True, True, True], [True] * 4],
    "mask right": [[True, True, False, False], [True] * 4],
    "mask inside": [[True, False, True, True], [False, True, False, True]],
    "mask of a whole row": [[False] * 4, [True] * 4],
}


class Case(NamedTuple):
    """One way to use one of them: its name, what is special about it, and what checks it with a seed."""

    name: str
    variant: str
    check: Any  # (seed, backend) -> list[ArrayError]
    backends: tuple[str, ...] = BACKENDS  # those that have kernels for it


def cases() -> Iterator[Case]:
    yield _layer("repeated ids", partial(layers.Embedding, 5, D), shape=(B, T), ids=5)
    yield from _recurrent(layers.SimpleRNN, 1)
    yield from _recurrent(layers.LSTM, 2)
    yield from _recurrent(layers.GRU, 1)
    yield from _recurrent(layers.GRU, 1, reset_after=False)
    yield from _own_cell()
    yield from _bidirectional()
    yield from _convolutions()
    yield from _pooling()
    yield from _others()
    yield from _moving()
    yield from _noise()
    yield from _each_step()
    yield from _normalised()
    yield from _losses()
    yield from _regularizers()


def _layer(
    variant: str,
    make: Any,
    shape: tuple[int, ...] = (B, T, D),
    ids: int = 0,
    states: int = 0,
    mask: str | None = None,
    **options: Any,
) -> Case:
    """`states`: how many initial states to draw; `ids`: draw ids below this instead of numbers."""

    def check_layer(seed: int, backend: str) -> list[ArrayError]:
        errors = []
        # Numbers at a kink cannot be compared: draw others, a few times.
        for attempt in range(5):
            rng = randomness.generator(seed, "data", layer=1 + attempt)
            layer = make()
            x = rng.integers(0, ids, shape) if ids else rng.normal(size=shape)
            layer.build((None, *shape[1:]), backend=backend, dtype=np.float64, seed=seed)
            for param in layer.params.values():  # biases too: at their initial zeros, mistakes would not show
                param[...] = layer.backend.array(rng.normal(scale=0.7, size=param.shape), np.float64)
            state = [rng.normal(size=(shape[0], H)) for _ in range(states)] or None
            given = None if mask is None else np.array(MASKS[mask])
            errors = check(layer, x, mask=given, initial_state=state, seed=seed, **options)
            if not any(error.kinks for error in errors):
                break
        return errors

    return Case(type(make()).__name__, variant, check_layer)


def _recurrent(kind: Any, states: int, **settings: Any) -> Iterator[Case]:
    extra = "".join(f", {name}={value}" for name, value in settings.items())

    def variant(words: str, *, own: Any = None, **options: Any) -> Case:
        return _layer(words + extra, partial(kind, H, **settings, **(own or {})), **options)

    sequences, state = {"return_sequences": True}, {"return_state": True}
    yield variant("last step")
    yield variant("sequences, initial state", own=sequences, states=states)
    yield variant("last step and states, initial state", own=state, states=states)
    for mask in MASKS:
        words = f"sequences and states, initial state, {mask}"
        yield variant(words, own=sequences | state, states=states, mask=mask)
    zeros = sequences | {"zero_output_for_mask": True}
    yield variant("sequences, zeros where masked", own=zeros, mask="mask inside")
    backwards = sequences | {"go_backwards": True}
    yield variant("backwards, sequences, initial state, mask", own=backwards, states=states, mask="mask right")
    yield variant("dropout", own={"dropout": 0.4}, training=True)
    both = sequences | {"dropout": 0.4, "recurrent_dropout": 0.3}
    yield variant("dropout of x and h, mask", own=both, training=True, states=states, mask="mask left")
    yield variant("relu, no bias", own={"activation": "relu", "use_bias": False}, states=states)
    yield variant("one step, one row", shape=(1, 1, D), states=states)


class OwnCell(layers.Cell):
    """A cell as a user may write one, with a parameter of its own: h' = tanh(ax + ah + p ⊙ h)."""

    state_size = H

    def own_parameters(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        return {"p": ((H,), "ones")}

    def forward(self, ax: Array, ah: Array, state: State, p: Array) -> tuple[State, tuple]:
        (h,) = state
        return (np.tanh(ax + ah + p * h),), ()

    def backward(self, dafter: State, state: State, after: State, saved: tuple, p: Array) -> tuple[Array, Array, State]:
        (dh,), (h_after,) = dafter, after
        da = dh * (1 - h_after**2)
        return da, da, (da * p,)

    def backward_own(
        self, dax: Array, dah: Array, dafter: list[Array], states: list[Array], saved: list[Array], p: Array
    ) -> Grads:
        (h,) = states
        return {"p": (dax * h[:-1]).sum(axis=(0, 1))}


def _own_cell() -> Iterator[Case]:
    everything = partial(layers.RNN, OwnCell(), return_sequences=True, return_state=True)
    dropping = partial(everything, dropout=0.4, recurrent_dropout=0.3)
    for case in (
        _layer("last step", partial(layers.RNN, OwnCell())),
        _layer("sequences and states, initial state, mask", everything, states=1, mask="mask inside"),
        _layer("dropout of x and h, mask", dropping, training=True, mask="mask left"),
        _layer("backwards, no bias", partial(everything, go_backwards=True, use_bias=False)),
    ):
        yield case._replace(backends=("reference",))


def _bidirectional() -> Iterator[Case]:
    def both_ways(
        variant: str, layer: Any, merge_mode: str | None = "concat", other: Any = None, **options: Any
    ) -> Case:
        return _layer(variant, partial(layers.Bidirectional, layer, merge_mode, backward_layer=other), **options)

    sequences: dict[str, Any] = {"return_sequences": True}
    for kind, count in ((layers.SimpleRNN, 2), (layers.LSTM, 4), (layers.GRU, 2)):
        yield both_ways(f"{kind.__name__}, last step", kind(H))
        several = kind(H, **sequences, return_state=True)
        words = f"{kind.__name__}, sequences and states, initial state, mask"
        yield both_ways(words, several, states=count, mask="mask right")
    for mode in ("sum", "mul", "ave"):
        yield both_ways(f"merge by {mode}, sequences", layers.SimpleRNN(H, **sequences), mode)
    dropping = layers.LSTM(H, recurrent_dropout=0.3, dropout=0.4, **sequences)
    yield both_ways("dropout, mask", dropping, training=True, mask="mask inside")
    yield both_ways("two outputs", layers.GRU(H), None)
    both: dict[str, Any] = {"return_sequences": True, "return_state": True}
    other = layers.GRU(H + 1, "relu", go_backwards=True, **both)
    yield both_ways("two layers, mask", layers.LSTM(H, **both), other=other, mask="mask inside")
    other = layers.GRU(H + 1, go_backwards=True, **both)
    yield both_ways("two layers, two outputs, states, mask", layers.LSTM(H, **both), None, other, mask="mask left")


def _convolutions() -> Iterator[Case]:
    for padding in ("valid", "same", "causal"):
        convolution = partial(layers.Conv1D, H, 3, padding=padding, activation="tanh")
        yield _layer(padding, convolution, shape=(B, 7, D))
        yield _layer(f"{padding}, strides 2", partial(convolution, strides=2), shape=(B, 7, D))
        yield _layer(f"{padding}, dilation 2", partial(convolution, dilation_rate=2), shape=(B, 7, D))
    yield _layer("relu, no bias", partial(layers.Conv1D, H, 2, activation="relu", use_bias=False))


def _pooling() -> Iterator[Case]:
    for padding in ("valid", "same"):
        yield _layer(padding, partial(layers.MaxPooling1D, 2, padding=padding), shape=(B, 5, D))
        overlapping = partial(layers.MaxPooling1D, 3, strides=2, padding=padding)
        yield _layer(f"{padding}, windows that overlap", overlapping, shape=(B, 6, D))
    yield _layer("all steps", layers.GlobalMaxPooling1D)
    yield _layer("all steps", layers.GlobalAveragePooling1D)
    yield _layer("mask", layers.GlobalAveragePooling1D, mask="mask of a whole row")
    yield _layer("all steps", layers.ConcatPooling1D)
    yield _layer("mask", layers.ConcatPooling1D, mask="mask of a whole row")

    for padding in ("valid", "same"):
        yield _layer(padding, partial(layers.AveragePooling1D, 2, padding=padding), shape=(B, 5, D))
        overlapping = partial(layers.AveragePooling1D, 4, strides=2, padding=padding)
        yield _layer(f"{padding}, windows that overlap", overlapping, shape=(B, 7, D))
    yield _layer("windows with gaps", partial(layers.AveragePooling1D, 2, strides=3), shape=(B, 7, D))


def _moving() -> Iterator[Case]:
    yield _layer("rows", partial(layers.RepeatVector, 3), shape=(B, D))
    yield _layer("sequences", partial(layers.Reshape, (-1, 2)))
    yield _layer("two axes", partial(layers.Permute, (2, 1)))
    yield _layer("three axes", partial(layers.Permute, (3, 1, 2)), shape=(B, T, D, 2))
    yield _layer("uneven", partial(layers.ZeroPadding1D, (2, 1)))
    yield _layer("uneven", partial(layers.Cropping1D, (2, 1)))
    yield _layer("sequences", partial(layers.UpSampling1D, 3))
    yield _layer("sequences", layers.Masking)
    cube = partial(layers.Lambda, _power, arguments={"n": 3}, backward=_power_backward)
    yield _layer("a power", cube)


def _power(x: Array, n: int) -> Array:
    return x**n


def _power_backward(dy: Array, x: Array, n: int) -> Array:
    return dy * n * x ** (n - 1)


def _noise() -> Iterator[Case]:
    for kind in (layers.SpatialDropout1D, layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout):
        yield _layer("training", partial(kind, 0.4), training=True)
        yield _layer("not training", partial(kind, 0.4))


def _each_step() -> Iterator[Case]:
    def case(variant: str, inner: Any, **options: Any) -> Case:
        return _layer(variant, lambda: layers.TimeDistributed(inner()), **options)

    images = (B, T, 2, D)
    yield case("Dense, mask", partial(layers.Dense, H, "tanh"), mask="mask inside")
    yield case("Dense, nested", lambda: layers.TimeDistributed(layers.Dense(H)), shape=images)
    yield case("LSTM", partial(layers.LSTM, H), shape=images)
    yield case("Bidirectional GRU", lambda: layers.Bidirectional(layers.GRU(H)), shape=images)
    yield case("Embedding", partial(layers.Embedding, 5, D), shape=(B, T, 2), ids=5)
    yield case("Dropout", partial(layers.Dropout, 0.4), training=True)


def _normalised() -> Iterator[Case]:
    for axis in (-1, 1, [1, 2]):
        yield _layer(f"axis {axis}", partial(layers.LayerNormalization, axis))
    yield _layer("rows, no center", partial(layers.LayerNormalization, center=False), shape=(B, D))
    yield _layer("no scale", partial(layers.LayerNormalization, scale=False))
    yield _layer("sequences", layers.Softmax)
    yield _layer("over time and features", partial(layers.Softmax, [1, 2]))


def _others() -> Iterator[Case]:
    yield _layer("rows", partial(layers.Dense, H, activation="sigmoid"), shape=(B, D))
    yield _layer("sequences, relu, no bias", partial(layers.Dense, H, activation="relu", use_bias=False))
    yield _layer("softmax", partial(layers.Dense, H, activation="softmax"), shape=(B, D))
    yield _layer("training", partial(layers.Dropout, 0.4), training=True)
    yield _layer("not training", partial(layers.Dropout, 0.4))
    yield _layer("sequences", layers.Flatten)
    for name in ACTIVATIONS:
        yield _layer(name, partial(layers.Activation, name))
    yield _layer("all settings", partial(layers.ReLU, 1.5, 0.2, 0.3))
    yield _layer("slope 0.3", layers.LeakyReLU)
    yield _layer("alpha 0.5", partial(layers.ELU, 0.5))
    yield _layer("a slope for each number", layers.PReLU)
    yield _layer("shared", partial(layers.PReLU, shared_axes=[1]))


def _loss(variant: str, loss: losses.Loss, target: Any, *, logits: bool = False) -> Case:
    def check_it(seed: int, backend: str) -> list[ArrayError]:
        rng = randomness.generator(seed, "data", layer=1)
        is_sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
        shape = (len(target), 3) if is_sparse else np.shape(target)
        y = rng.normal(size=shape) if logits else rng.uniform(0.1, 0.9, shape)
        return check_loss(loss, y, target, backend=backend)

    return Case(loss.name, variant, check_it)


_OF_NUMBERS = (
    losses.MeanSquaredError,
    losses.MeanAbsoluteError,
    losses.MeanAbsolutePercentageError,
    losses.MeanSquaredLogarithmicError,
    losses.Huber,
    losses.LogCosh,
    losses.Poisson,
)


def _losses() -> Iterator[Case]:
    labels, soft, classes = [[0], [1], [1], [0]], [[0.3], [0.9], [0.0], [1.0]], [0, 2, 1, 2]
    one_hot = np.eye(3)[classes]
    mixed = one_hot * 0.7 + 0.1
    for kind in _OF_NUMBERS:
        yield _loss("numbers", kind(), soft)
    yield _loss("numbers, small delta", losses.Huber(0.2), soft)
    yield _loss("labels", losses.Hinge(), labels, logits=True)
    yield _loss("labels", losses.SquaredHinge(), labels, logits=True)
    yield _loss("one-hot rows", losses.CategoricalHinge(), one_hot, logits=True)
    yield _loss("rows of numbers", losses.CosineSimilarity(), mixed, logits=True)
    yield _loss("rows of probabilities", losses.KLDivergence(), mixed)
    yield _loss("sum", losses.MeanAbsoluteError("sum"), mixed, logits=True)
    for words, logits in (("", False), (", from logits", True)):
        binary, categorical = losses.BinaryCrossentropy(logits), losses.CategoricalCrossentropy(logits)
        yield _loss("labels" + words, binary, labels, logits=logits)
        yield _loss("probabilities" + words, binary, soft, logits=logits)
        yield _loss("one-hot rows" + words, categorical, one_hot, logits=logits)
        yield _loss("rows of probabilities" + words, categorical, mixed, logits=logits)
        sparse = losses.SparseCategoricalCrossentropy(logits)
        yield _loss("class numbers" + words, sparse, classes, logits=logits)
        ignoring = losses.SparseCategoricalCrossentropy(logits, 2)
        yield _loss("ignored class" + words, ignoring, classes, logits=logits)
        smooth = [losses.BinaryCrossentropy(logits, 0.2), losses.CategoricalCrossentropy(logits, 0.2)]
        yield _loss("smoothed labels" + words, smooth[0], labels, logits=logits)
        yield _loss("smoothed rows" + words, smooth[1], one_hot, logits=logits)
        focal = losses.BinaryFocalCrossentropy(True, 0.3, 1.5, logits, 0.1)
        yield _loss("labels" + words, focal, labels, logits=logits)
        focal_rows = losses.CategoricalFocalCrossentropy(0.3, 1.5, logits, 0.1)
        yield _loss("one-hot rows" + words, focal_rows, one_hot, logits=logits)


def _regularizers() -> Iterator[Case]:
    for rule in (regularizers.L1(0.3), regularizers.L2(0.3), regularizers.L1L2(0.2, 0.3)):

        def check_it(seed: int, backend: str, rule: regularizers.Regularizer = rule) -> list[ArrayError]:
            w = randomness.generator(seed, "data", layer=1).normal(size=(D, H))
            return check_regularizer(rule, w, backend=backend)

        yield Case(rule.name, "weights", check_it)
