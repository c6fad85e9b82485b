"""300 whole models, drawn from a grammar, for the comparison with Keras: layers × masks × weights × states.

`WORDS` and `LASTS` of grammar_words.py, `MASKS`, `WEIGHTS` and `STATES` are the grammar; `RULES` says what it leaves
out, and why. `draw` puts sentences together until `CONFIGURATIONS` has 300, in which every pair of a layer and a mask,
a kind of weights, a kind of states occurs three times or more. A new layer or loss is a line in grammar_words.py; then
record.py records the part "grammar" anew.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from tests.parity.cases import Spec, spec
from tests.parity.grammar_words import LASTS, ROW, STEPS, WORDS, D, Last

COUNT, AT_LEAST = 300, 3
LENGTHS = (4, 5, 7)
N = 5  # examples; in batches of 2, 3 or 4, the last of which is smaller
BATCHES = (2, 3, 4)

MASKS = ("none", "left", "right", "interior", "empty rows")
WEIGHTS = ("none", "example", "step", "class")
STATES = ("none", "given", "carried", "returned")  # carried: stateful, over two batches
DTYPES = ("float32", "float64")


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
    ending: Last  # that which `last` names

    @property
    def loss_pair(self) -> tuple[str, str, str]:
        return "any layer", "last", self.last

    def pairs(self) -> set[tuple[str, str, str]]:
        """(layer, "mask", its kind), and so on. A mask counts for the layers that it reaches."""
        reached = self.words if self.mask == "none" else self.masked
        found = {(word, "mask", self.mask) for word in reached}
        others = ("weights", "states", "dtype")
        return found | {(word, kind, getattr(self, kind)) for kind in others for word in self.words}


# What no configuration has: a reason, and its rule.
RULES: dict[str, Callable[["Configuration"], bool]] = {
    "a fully masked row averages to NaN in Keras, to zeros here": lambda c: (
        c.mask == "empty rows" and "GlobalAveragePooling1D" in c.masked
    ),
    "a Softmax layer takes no mask of steps": lambda c: "Softmax" in c.masked,
    "a weight per example of a sequence is an error in Keras, or is taken for one per step": lambda c: (
        c.weights == "example" and c.steps is not None
    ),
    "a weight per step needs outputs with steps": lambda c: c.weights == "step" and c.steps is None,
    "class_weight of steps is refused here": lambda c: c.weights == "class" and c.steps is not None,
    "class_weight needs classes": lambda c: (
        c.weights == "class" and c.ending.targets not in ("labels", "rows", "classes")
    ),
    "states need a recurrent layer": lambda c: (
        c.states != "none" and not any(is_recurrent(layer) for layer in c.layers)
    ),
}

ENDS_TIME = [name for name, word in WORDS.items() if word.gives == ROW]
BEHIND_TIME = [name for name, word in WORDS.items() if word.takes == (ROW,)]

# Pairs that no configuration can have, and why.
IMPOSSIBLE: dict[tuple[str, str, str], str] = {
    ("GlobalAveragePooling1D", "mask", "empty rows"): "a fully masked row averages to NaN in Keras, to zeros here",
    ("Masking", "mask", "none"): "it makes one",
    **{("Softmax", "mask", mask): "it takes no mask of steps, here and in Keras" for mask in MASKS[1:]},
    **{(name, "mask", mask): "a mask ends where time ends" for name in BEHIND_TIME for mask in MASKS[1:]},
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
    kinds = {"mask": MASKS, "weights": WEIGHTS, "states": STATES, "dtype": DTYPES}
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
    """Sentences about the rarest pair so far; of eight that have it the one with the most pairs that are rare."""
    dice = Dice(seed)
    seen: Counter[tuple[str, str, str]] = Counter()
    for number in range(COUNT):
        rarest = min(seen[pair] for pair in all_pairs())
        about = dice.pick([pair for pair in all_pairs() if seen[pair] == rarest])
        tries = (sentence(dice, number, about) for _ in range(5000))
        valid = [*islice((found for found in tries if found and about in found.pairs()), 8)]
        if not valid:
            raise ValueError(f"no sentence has {about}: give the reason in IMPOSSIBLE")
        best = max(valid, key=lambda c: math.fsum(1 / (1 + seen[pair]) ** 2 for pair in [*c.pairs(), c.loss_pair]))
        seen.update([*best.pairs(), best.loss_pair])
        yield best


def sentence(dice: Dice, number: int, about: tuple[str, str, str]) -> Configuration | None:
    """A first layer, one or two more, what ends or begins time where it must, and the last layers; None: not valid."""
    word, kind, value = about
    choices = {"mask": MASKS, "weights": WEIGHTS, "states": STATES, "dtype": DTYPES}
    mask, weights, states, dtype = ({name: dice.pick(each) for name, each in choices.items()} | {kind: value}).values()
    in_steps = weights == "step" or (weights == "none" and dice.pick((True, False)))
    firsts = [name for name, each in WORDS.items() if each.first and (mask != "none" or name == "Embedding")]
    inner = [name for name, each in WORDS.items() if not each.first]
    first = [word] if WORDS[word].first else [dice.pick(firsts)] if mask != "none" or dice.pick((True, False)) else []
    words = [dice.pick(inner) for _ in range(dice.pick((0, 0, 1)))]
    words.insert(dice.pick(range(len(words) + 1)), dice.pick(inner) if WORDS[word].first else word)
    recurrent = [name for name in inner if WORDS[name].gives == "choice"]
    if states != "none" and not set(words) & set(recurrent):
        words.insert(dice.pick((0, len(words))), dice.pick(recurrent))
    words = [*first, *words]
    text = Text(dice, length=dice.pick(LENGTHS), states=states, ids=words[0] == "Embedding", mask=mask)
    length = text.T
    for name, following in zip(words, [*words[1:], None], strict=True):
        if WORDS[name].takes == (ROW,) and text.form == STEPS:
            text.add(dice.pick(ENDS_TIME), (ROW,))
        text.add(name, WORDS[following].takes if following else (STEPS,) if in_steps else (STEPS, ROW))
    if in_steps != (text.form == STEPS):
        text.add(dice.pick(BEHIND_TIME if in_steps else ENDS_TIME), (STEPS,))
    last = dice.pick([*LASTS])
    for layer in LASTS[last].layers:
        text.add_layer(layer.layer, layer)
    if not text.valid or not 2 <= len(text.layers) <= 4:
        return None
    found = Configuration(
        name=f"{number}: {', '.join(text.words)}",
        layers=tuple(text.layers),
        words=tuple(text.words),
        masked=tuple(dict.fromkeys(text.masked)),
        x="ids" if words[0] == "Embedding" else "numbers",
        length=length,
        steps=text.T if in_steps else None,
        last=last,
        mask=mask,
        weights=weights,
        states=states,
        dtype=dtype,
        batch_size=dice.pick(BATCHES),
        ending=LASTS[last],
    )
    return None if any(rule(found) for rule in RULES.values()) else found


class Text:
    """The layers so far, and what comes out of them."""

    def __init__(self, dice: Dice, *, length: int, states: str, ids: bool, mask: str) -> None:
        self.dice, self.states, self.mask_zero = dice, states, mask != "none"
        self.form, self.T, self.features = "ids" if ids else STEPS, length, D
        self.has_mask = mask != "none"
        self.layers: list[Spec] = []
        self.words: list[str] = []
        self.masked: list[str] = []
        self.valid = True

    def add(self, name: str, then: Sequence[str]) -> None:
        """One of the layers of a word; `then`: what may come out of it."""
        word = WORDS[name]
        layer = self.dice.pick(word.specs)
        if name == "Embedding":
            layer = spec("Embedding", **layer.options, mask_zero=self.mask_zero)
        self.valid = self.valid and self.form in word.takes
        gives = self.form if word.gives == "same" else word.gives
        if gives == "choice":
            gives = self.dice.pick(then)
            layer = _with_states(layer, sequences=gives == STEPS, states=self.states)
        if self.valid and gives == STEPS and word.shape:
            self.T, self.features = word.shape(self.T, self.features, layer)
            self.valid = 0 < self.T
        else:
            self.features = _features(layer, self.features)
        self.form = gives
        self.add_layer(name, layer, keeps_mask=word.keeps_mask and gives == STEPS)

    def add_layer(self, name: str, layer: Spec, *, keeps_mask: bool = True) -> None:
        self.layers.append(layer)
        self.words.append(name)
        self.masked += [name] * self.has_mask
        self.has_mask = self.has_mask and keeps_mask


def _features(layer: Spec, features: int) -> int:
    options = layer.options
    if layer.layer == "Bidirectional":
        return _features(options["layer"], features) * (2 if options["merge_mode"] == "concat" else 1)
    return options.get("units") or options.get("output_dim") or features


def _with_states(layer: Spec, *, sequences: bool, states: str) -> Spec:
    if layer.layer == "Bidirectional":
        inner = _with_states(layer.options["layer"], sequences=sequences, states=states)
        return spec(layer.layer, **layer.options | {"layer": inner})
    options = {"stateful": True} if states == "carried" else {"return_state": True} if states != "none" else {}
    return spec(layer.layer, **layer.options, return_sequences=sequences, **options)


CONFIGURATIONS = {each.name: each for each in draw()}
