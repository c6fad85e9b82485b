"""Check the gradients of every layer and loss: `python -m scratchnn.gradcheck [layer ...]`.

One line per array: how far backward is from central differences of forward, and what to expect of a correct gradient.
The method, and the function to check a layer of your own, are in scratchnn/gradients.py.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from scratchnn_kernels import BACKENDS

# Everything else is imported when it is needed: --help answers at once.
if TYPE_CHECKING:
    from scratchnn.gradients import ArrayError

B, T, D, H = 2, 4, 3, 3


class Case(NamedTuple):
    """One way to use a layer or a loss: its name, what is special about it, and what checks it with a seed."""

    name: str
    variant: str
    check: Any  # (seed, backend) -> list[ArrayError]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scratchnn.gradcheck",
        description="Compare the gradients of layers and losses with central differences, in float64.",
        epilog="Exit status: 0 if all agree, 1 if one is off, 2 if the arguments make no sense.",
    )
    parser.add_argument("layers", nargs="*", metavar="layer", help="a layer or a loss, such as lstm; all by default")
    parser.add_argument("--backend", choices=BACKENDS, default="reference", help="default: reference")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random numbers; default: 0")
    args = parser.parse_args(argv)

    from scratchnn import backend
    from scratchnn.lookup import look_up
    from scratchnn.random import generator

    every = list(cases())
    names = {case.name: case.name for case in every}
    names |= {"bce": "binary_crossentropy", "mse": "mean_squared_error"}
    try:
        generator(args.seed, "data")
        backend.load(args.backend)
        wanted = {look_up("layer or loss", name, names) for name in args.layers} or set(names.values())
    except (ValueError, ImportError) as error:
        parser.error(str(error))

    count, off = 0, []
    for case in every:
        if case.name in wanted:
            print(f"{case.name}: {case.variant}")
            for error in case.check(args.seed, args.backend):
                print(f"  {error}")
                count += 1
                off += [] if error.ok else [f"{error.name} of {case.name} ({case.variant})"]
    if off:
        others = f", and {len(off) - 3} more" if len(off) > 3 else ""
        print(f"{len(off)} of {count} gradients are OFF: {'; '.join(off[:3])}{others}")
        return 1
    print(f"All {count} gradients agree with central differences.")
    return 0


def cases() -> Iterator[Case]:
    """Every layer and loss, in every use that takes a path of its own through the code."""
    from scratchnn import layers

    yield _case("repeated ids", partial(layers.Embedding, 5, D), shape=(B, T), ids=5)
    yield from _recurrent_cases(layers.SimpleRNN, 1)
    yield from _recurrent_cases(layers.LSTM, 2)
    yield from _recurrent_cases(layers.GRU, 1)
    yield from _recurrent_cases(layers.GRU, 1, reset_after=False)
    yield from _bidirectional_cases()
    yield from _convolution_and_pooling_cases()
    yield from _other_cases()
    yield from _loss_cases()


# Left, right and interior padding, and a row of padding only; sizes are B, T of the recurrent cases.
MASKS = {
    "mask left": [[False, True, True, True], [True] * 4],
    "mask right": [[True, True, False, False], [True] * 4],
    "mask inside": [[True, False, True, True], [False, True, False, True]],
    "mask of a whole row": [[False] * 4, [True] * 4],
}


def _case(variant: str, make: Any, shape: tuple[int, ...] = (B, T, D), ids: int = 0, **options: Any) -> Case:
    """`states`: how many initial states to draw; `ids`: draw ids below this instead of numbers."""
    states, mask = options.pop("states", 0), options.pop("mask", None)

    def check(seed: int, backend: str) -> "list[ArrayError]":
        import numpy as np

        from scratchnn import gradients, random

        errors = []
        # Numbers at a kink cannot be compared: draw others, a few times.
        for attempt in range(5):
            rng = random.generator(seed, "data", layer=1 + attempt)
            layer = make()
            x = rng.integers(0, ids, shape) if ids else rng.normal(size=shape)
            layer.build((None, *shape[1:]), backend=backend, dtype=np.float64, seed=seed)
            for param in layer.params.values():  # biases too: at their initial zeros, mistakes would not show
                param[...] = layer.backend.array(rng.normal(scale=0.7, size=param.shape), np.float64)
            state = [rng.normal(size=(shape[0], H)) for _ in range(states)] or None
            given = None if mask is None else np.array(MASKS[mask])
            errors = gradients.check(layer, x, mask=given, initial_state=state, seed=seed, **options)
            if not any(error.kinks for error in errors):
                break
        return errors

    return Case(type(make()).__name__, variant, check)


def _recurrent_cases(kind: Any, states: int, **settings: Any) -> Iterator[Case]:
    extra = "".join(f", {name}={value}" for name, value in settings.items())

    def variant(words: str, *, own: Any = None, **options: Any) -> Case:
        return _case(words + extra, partial(kind, H, **settings, **(own or {})), **options)

    sequences, state = {"return_sequences": True}, {"return_state": True}
    yield variant("last step")
    yield variant("sequences, initial state", own=sequences, states=states)
    yield variant("last step and states, initial state", own=state, states=states)
    for mask in MASKS:
        yield variant(f"sequences and states, initial state, {mask}", own=sequences | state, states=states, mask=mask)
    zeros = sequences | {"zero_output_for_mask": True}
    yield variant("sequences, zeros where masked", own=zeros, mask="mask inside")
    backwards = sequences | {"go_backwards": True}
    yield variant("backwards, sequences, initial state, mask", own=backwards, states=states, mask="mask right")
    yield variant("dropout", own={"dropout": 0.4}, training=True)
    both = sequences | {"dropout": 0.4, "recurrent_dropout": 0.3}
    yield variant("dropout of x and h, mask", own=both, training=True, states=states, mask="mask left")
    yield variant("relu, no bias", own={"activation": "relu", "use_bias": False}, states=states)
    yield variant("one step, one row", shape=(1, 1, D), states=states)


def _bidirectional_cases() -> Iterator[Case]:
    from scratchnn import layers

    def both_ways(variant: str, layer: Any, merge_mode: str = "concat", **options: Any) -> Case:
        return _case(variant, partial(layers.Bidirectional, layer, merge_mode), **options)

    sequences = {"return_sequences": True}
    for kind, count in ((layers.SimpleRNN, 2), (layers.LSTM, 4), (layers.GRU, 2)):
        yield both_ways(f"{kind.__name__}, last step", kind(H))
        several = kind(H, **sequences, return_state=True)
        words = f"{kind.__name__}, sequences and states, initial state, mask"
        yield both_ways(words, several, states=count, mask="mask right")
    for mode in ("sum", "mul", "ave"):
        yield both_ways(f"merge by {mode}, sequences", layers.SimpleRNN(H, **sequences), mode)
    dropping = layers.LSTM(H, recurrent_dropout=0.3, dropout=0.4, **sequences)
    yield both_ways("dropout, mask", dropping, training=True, mask="mask inside")


def _convolution_and_pooling_cases() -> Iterator[Case]:
    from scratchnn import layers

    for padding in ("valid", "same", "causal"):
        convolution = partial(layers.Conv1D, H, 3, padding=padding, activation="tanh")
        yield _case(padding, convolution, shape=(B, 7, D))
        yield _case(f"{padding}, strides 2", partial(convolution, strides=2), shape=(B, 7, D))
        yield _case(f"{padding}, dilation 2", partial(convolution, dilation_rate=2), shape=(B, 7, D))
    yield _case("relu, no bias", partial(layers.Conv1D, H, 2, activation="relu", use_bias=False))
    for padding in ("valid", "same"):
        yield _case(padding, partial(layers.MaxPooling1D, 2, padding=padding), shape=(B, 5, D))
        overlapping = partial(layers.MaxPooling1D, 3, strides=2, padding=padding)
        yield _case(f"{padding}, windows that overlap", overlapping, shape=(B, 6, D))
    yield _case("all steps", layers.GlobalMaxPooling1D)
    yield _case("all steps", layers.GlobalAveragePooling1D)
    yield _case("mask", layers.GlobalAveragePooling1D, mask="mask of a whole row")


def _other_cases() -> Iterator[Case]:
    from scratchnn import activations, layers

    yield _case("rows", partial(layers.Dense, H, activation="sigmoid"), shape=(B, D))
    yield _case("sequences, relu, no bias", partial(layers.Dense, H, activation="relu", use_bias=False))
    yield _case("softmax", partial(layers.Dense, H, activation="softmax"), shape=(B, D))
    yield _case("training", partial(layers.Dropout, 0.4), training=True)
    yield _case("not training", partial(layers.Dropout, 0.4))
    yield _case("sequences", layers.Flatten)
    for name in activations.ACTIVATIONS:
        yield _case(name, partial(layers.Activation, name))


def _loss_cases() -> Iterator[Case]:
    import numpy as np

    from scratchnn import gradients, losses, random

    def loss_case(variant: str, loss: "losses.Loss", target: Any, *, logits: bool = False) -> Case:
        def check(seed: int, backend: str) -> "list[ArrayError]":
            rng = random.generator(seed, "data", layer=1)
            shape = (len(target), 3) if "categorical" in loss.name else np.shape(target)
            y = rng.normal(size=shape) if logits else rng.uniform(0.1, 0.9, shape)
            return gradients.check_loss(loss, y, target, backend=backend)

        return Case(loss.name, variant, check)

    labels, soft, classes = [[0], [1], [1], [0]], [[0.3], [0.9], [0.0], [1.0]], [0, 2, 1, 2]
    one_hot = np.eye(3)[classes]
    mixed = one_hot * 0.7 + 0.1
    yield loss_case("numbers", losses.MeanSquaredError(), soft)
    for words, logits in (("", False), (", from logits", True)):
        binary, categorical = losses.BinaryCrossentropy(logits), losses.CategoricalCrossentropy(logits)
        yield loss_case("labels" + words, binary, labels, logits=logits)
        yield loss_case("probabilities" + words, binary, soft, logits=logits)
        yield loss_case("one-hot rows" + words, categorical, one_hot, logits=logits)
        yield loss_case("rows of probabilities" + words, categorical, mixed, logits=logits)
        sparse = losses.SparseCategoricalCrossentropy(logits)
        yield loss_case("class numbers" + words, sparse, classes, logits=logits)


if __name__ == "__main__":
    sys.exit(main())
