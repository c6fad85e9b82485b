"""300 whole models, drawn from a grammar, for the comparison with Keras: layers × masks × weights × states.

`WORDS`, `LASTS`, `MASKS`, `WEIGHTS` and `STATES` are the grammar; `RULES` says what it leaves out, and why. `draw` puts
sentences together until `CONFIGURATIONS` has 300 in which every pair of a layer and a mask, a kind of weights, a kind
of states occurs three times or more. A new layer is a line in `WORDS`; then record.py records the part "grammar" anew.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tests.parity.cases import Spec, spec

COUNT, AT_LEAST = 300, 3
V, D, H = 7, 3, 2  # ids, features, units
LENGTHS = (4, 5, 7)
N = 5  # examples; in batches of 2, 3 or 4, the last of which is smaller
BATCHES = (2, 3, 4)

MASKS = ("none", "left", "right", "interior", "empty rows")
WEIGHTS = ("none", "example", "step", "class")
STATES = ("none", "given", "carried", "returned")  # carried: stateful, over two batches
DTYPES = ("float32", "float64")

STEPS, ROW = "steps", "row"  # (B, T, features) and (B, features)


class Word(NamedTuple):
    """A layer of the grammar: one of `specs` is drawn."""

    specs: tuple[Spec, ...]
    takes: tuple[str, ...] = (STEPS,)
    gives: str = "same"  # "steps", "row", "same" as it takes; "choice": both are drawn
    keeps_mask: bool = True  # hands on the mask that reaches it
    steps: Any = None  # (T, spec) -> how many steps it gives, where that is not T
    first: bool = False  # takes what enters the model


def _cell(kind: str, **options: Any) -> Word:
    extras: tuple[dict[str, Any], ...] = ({}, {}, {"go_backwards": True}, {"use_bias": False})
    return Word(tuple(spec(kind, units=H, **options, **extra) for extra in extras), gives="choice")


def _both(merge: str | None) -> Word:
    cells = [spec(kind, units=H) for kind in ("LSTM", "GRU", "SimpleRNN")]
    return Word(tuple(spec("Bidirectional", layer=cell, merge_mode=merge) for cell in cells), gives="choice")


def _windows(T: int, layer: Spec) -> int:
    """The steps that a convolution or a pooling gives."""
    size = layer.options.get("kernel_size") or layer.options["pool_size"]
    stride = layer.options.get("strides") or layer.options.get("pool_size", 1)
    return -(-T // stride) if layer.options.get("padding") in ("same", "causal") else (T - size) // stride + 1


WORDS: dict[str, Word] = {
    "Embedding": Word((spec("Embedding", input_dim=V, output_dim=D),), ("ids",), STEPS, first=True),
    "SimpleRNN": _cell("SimpleRNN"),
    "LSTM": _cell("LSTM"),
    "GRU": _cell("GRU"),
    "GRU, reset before": _cell("GRU", reset_after=False),
    "Bidirectional, concat": _both("concat"),
    "Bidirectional, sum": _both("sum"),
    "Bidirectional, mul": _both("mul"),
    "Bidirectional, ave": _both("ave"),
    "Conv1D": Word(
        tuple(
            spec("Conv1D", filters=H, kernel_size=size, padding=padding, strides=stride)
            for size, padding, stride in ((3, "valid", 1), (2, "same", 2), (3, "causal", 1))
        ),
        keeps_mask=False,
        steps=_windows,
    ),
    "MaxPooling1D": Word(
        (spec("MaxPooling1D", pool_size=2), spec("MaxPooling1D", pool_size=3, strides=1, padding="same")),
        keeps_mask=False,
        steps=_windows,
    ),
    "GlobalMaxPooling1D": Word((spec("GlobalMaxPooling1D"),), gives=ROW),
    "GlobalAveragePooling1D": Word((spec("GlobalAveragePooling1D"),), gives=ROW),
    "Dense": Word((spec("Dense", units=H, activation="tanh"), spec("Dense", units=D, use_bias=False)), (STEPS, ROW)),
    "Dropout": Word((spec("Dropout", rate=0.0),), (STEPS, ROW)),  # the two frameworks draw different numbers
    "Activation": Word((spec("Activation", activation="tanh"), spec("Activation", activation="softmax")), (STEPS, ROW)),
    "Flatten": Word((spec("Flatten"),), gives=ROW),
}


class Last(NamedTuple):
    """A loss, with the last layers before it, its targets, and metrics that fit."""

    loss: Spec
    layers: tuple[Spec, ...]
    targets: str  # "numbers", "labels" (0 and 1), "rows" (one-hot), "classes" (numbers of classes)
    metrics: tuple[str, ...] = ()
    weighted_metrics: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        return self.layers[0].options["units"]


def _dense(units: int, activation: str | None = None) -> Spec:
    return spec("Dense", units=units, activation=activation)


LASTS: dict[str, Last] = {
    "mse": Last(spec("MeanSquaredError"), (_dense(2),), "numbers", ("mae",), ("mse",)),
    "bce": Last(
        spec("BinaryCrossentropy"), (_dense(1, "sigmoid"),), "labels", ("accuracy", "mae"), ("binary_accuracy",)
    ),
    "bce, activation": Last(
        spec("BinaryCrossentropy"), (_dense(1), spec("Activation", activation="sigmoid")), "labels", (), ("accuracy",)
    ),
    "bce, logits": Last(spec("BinaryCrossentropy", from_logits=True), (_dense(1),), "labels", (), ("mse",)),
    "bce, three labels": Last(
        spec("BinaryCrossentropy"), (_dense(3, "sigmoid"),), "labels", ("binary_accuracy",), ("mae",)
    ),
    "cce": Last(spec("CategoricalCrossentropy"), (_dense(3, "softmax"),), "rows", ("accuracy",), ("mae",)),
    "cce, logits": Last(
        spec("CategoricalCrossentropy", from_logits=True), (_dense(3),), "rows", (), ("categorical_accuracy",)
    ),
    "sparse": Last(
        spec("SparseCategoricalCrossentropy"),
        (_dense(3, "softmax"),),
        "classes",
        ("accuracy",),
        ("sparse_categorical_accuracy",),
    ),
    "sparse, activation": Last(
        spec("SparseCategoricalCrossentropy"),
        (_dense(3), spec("Activation", activation="softmax")),
        "classes",
        ("accuracy",),
    ),
    "sparse, logits": Last(spec("SparseCategoricalCrossentropy", from_logits=True), (_dense(3),), "classes"),
}


@dataclass(frozen=True)
class Configuration:
    """One sentence. `words` names each layer as `WORDS` does; `masked` are those that a mask reaches or begins in."""

    name: str
    layers: tuple[Spec, ...]
    words: tuple[str, ...]
    masked: tuple[str, ...]
    x: str  # "ids" or "numbers"
    length: int
    steps: int | None  # of the outputs; None: a row for each example
    last: str
    mask: str
    weights: str
    states: str
    dtype: str
    batch_size: int

    def pairs(self) -> set[tuple[str, str, str]]:
        """(layer, "mask", its kind), and so on. A mask counts for the layers that it reaches."""
        reached = self.words if self.mask == "none" else self.masked
        found = {(word, "mask", self.mask) for word in reached}
        found |= {(word, "weights", self.weights) for word in self.words}
        return found | {(word, "states", self.states) for word in self.words}


# What no configuration has: a reason, and a test of (the words, those that a mask reaches, the configuration's choices).
ENDS_TIME = [name for name, word in WORDS.items() if word.gives == ROW]
RULES: dict[str, Any] = {
    "a fully masked row averages to NaN in Keras, to zeros here": lambda c: (
        c.mask == "empty rows" and "GlobalAveragePooling1D" in c.masked
    ),
    "a weight per example of a sequence is an error in Keras, or is taken for one per step": lambda c: (
        c.weights == "example" and c.steps is not None
    ),
    "a weight per step needs outputs with steps": lambda c: c.weights == "step" and c.steps is None,
    "class_weight of steps is refused here": lambda c: c.weights == "class" and c.steps is not None,
    "class_weight needs classes": lambda c: c.weights == "class" and LASTS[c.last].targets == "numbers",
    "states need a recurrent layer": lambda c: (
        c.states != "none" and not any(is_recurrent(layer) for layer in c.layers)
    ),
}

# Pairs that no configuration can have, by the rules above.
IMPOSSIBLE: dict[tuple[str, str, str], str] = {
    ("GlobalAveragePooling1D", "mask", "empty rows"): "a fully masked row averages to NaN in Keras, to zeros here",
    **{(name, "weights", "step"): "there are no steps behind it" for name in ENDS_TIME},
}


def is_recurrent(layer: Spec) -> bool:
    return layer.layer in ("SimpleRNN", "LSTM", "GRU", "Bidirectional")


def state_count(layer: Spec) -> tuple[int, int]:
    """How many states a layer has, and how many units."""
    if layer.layer == "Bidirectional":
        count, units = state_count(layer.options["layer"])
        return 2 * count, units
    return ({"LSTM": 2}.get(layer.layer, 1), layer.options["units"]) if is_recurrent(layer) else (0, 0)


def all_pairs() -> list[tuple[str, str, str]]:
    kinds = {"mask": MASKS, "weights": WEIGHTS, "states": STATES}
    every = [(word, kind, value) for word in WORDS for kind, values in kinds.items() for value in values]
    return [pair for pair in every if pair not in IMPOSSIBLE]


X = TypeVar("X")


class Dice:
    """Choices from the raw bits of a generator, the one thing of NumPy's that never changes from version to version."""

    def __init__(self, seed: int) -> None:
        self.bits = np.random.PCG64(seed)

    def pick(self, choices: Sequence[X]) -> X:
        return choices[(int(self.bits.random_raw()) >> 33) % len(choices)]


def draw(seed: int = 11) -> Iterator[Configuration]:
    """Of a dozen valid sentences always the one with the most pairs that are still rare."""
    dice = Dice(seed)
    seen: Counter[tuple[str, str, str]] = Counter()
    for number in range(COUNT):
        valid = [found for found in (sentence(dice, number) for _ in range(60)) if found is not None]
        best = max(valid, key=lambda c: sum(AT_LEAST > seen[pair] for pair in c.pairs()))
        seen.update(best.pairs())
        yield best


def sentence(dice: Dice, number: int) -> Configuration | None:
    """A first layer, one or two more, what ends time where it must end, and the last layers; None: not a valid one."""
    mask, weights, states = dice.pick(MASKS), dice.pick(WEIGHTS), dice.pick(STATES)
    in_steps = weights == "step" or (weights == "none" and dice.pick((True, False)))
    length = T = dice.pick(LENGTHS)
    firsts = [word for word in WORDS if WORDS[word].first and (mask != "none" or word == "Embedding")]
    words = [dice.pick(firsts if mask != "none" else [*firsts, ""])]
    inner = [word for word in WORDS if not WORDS[word].first]
    words += [dice.pick(inner) for _ in range(dice.pick((1, 1, 2)))]
    layers: list[Spec] = []
    masked: list[str] = []
    form, has_mask = STEPS, mask != "none"
    for place, name in enumerate(words):
        if not name:
            continue
        word = WORDS[name]
        layer = dice.pick(word.specs)
        if not word.first and form not in word.takes:
            return None
        if has_mask:
            masked.append(name)
        if name == "Embedding":
            layer = spec("Embedding", **layer.options, mask_zero=mask != "none")
        gives = word.gives
        if gives == "choice":
            gives = STEPS if place < len(words) - 1 or in_steps else dice.pick((STEPS, ROW))
            layer = _with_states(layer, sequences=gives == STEPS, states=states)
        form = form if gives == "same" else gives
        T = word.steps(T, layer) if word.steps and form == STEPS else T
        has_mask = has_mask and word.keeps_mask and form == STEPS
        layers.append(layer)
    if not in_steps and form == STEPS:
        name = dice.pick(ENDS_TIME)
        words.append(name)
        layers += WORDS[name].specs
        masked += [name] * has_mask
        form, has_mask = ROW, False
    if in_steps != (form == STEPS) or T < 1:
        return None
    last = dice.pick([*LASTS])
    for layer in LASTS[last].layers:
        layers.append(layer)
        words.append(layer.layer)
        masked += [layer.layer] * has_mask
    batch_size = dice.pick(BATCHES)
    dtype = dice.pick(DTYPES)
    words = [word for word in words if word]
    if len(layers) > 4:
        return None
    found = Configuration(
        f"{number}: {', '.join(words)}",
        tuple(layers),
        tuple(words),
        tuple(dict.fromkeys(masked)),
        "ids" if words[0] == "Embedding" else "numbers",
        length,
        T if in_steps else None,
        last,
        mask,
        weights,
        states,
        dtype,
        batch_size,
    )
    return None if any(rule(found) for rule in RULES.values()) else found


def _with_states(layer: Spec, *, sequences: bool, states: str) -> Spec:
    if layer.layer == "Bidirectional":
        inner = _with_states(layer.options["layer"], sequences=sequences, states=states)
        return spec(layer.layer, **layer.options | {"layer": inner})
    options = {"stateful": True} if states == "carried" else {"return_state": True} if states != "none" else {}
    return spec(layer.layer, **layer.options, return_sequences=sequences, **options)


CONFIGURATIONS = {each.name: each for each in draw()}
