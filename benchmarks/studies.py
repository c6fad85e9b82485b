"""The studies behind docs/imdb.md, as data: which models, how many seeds, which settings, and what each one asks.

benchmarks/study.py conducts them. Ten seeds are the least that can decide among the seven models of a study: with six,
the smallest p of the sign-flip test is 0.03, and Holm's correction multiplies it by the number of pairs. `ordered` of a
study with shuffled words names the one that has them in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scratchnn.experiments.presets import named
from scratchnn.study.pairs import MARGIN
from scratchnn.study.results import PROTOCOLS
from scratchnn.study.tasks import Variant
from scratchnn.study.variants import variants

__all__ = ["CLAIMS", "CONTROLS", "MARGIN", "PROTOCOLS", "STUDIES", "Study", "by_name"]


@dataclass(frozen=True)
class Study:
    name: str  # that of its folder
    question: str
    archs: Sequence[str]
    seeds: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # of each setting, every value in turn
    ordered: str | None = None
    at_first: int | None = None  # seeds that were planned before some had been seen, where they are more now

    @property
    def synthetic(self) -> bool:
        return bool(self.settings.get("synthetic"))

    def variants(self) -> list[Variant]:
        """Every model with every value of the grid; what varies is part of its name."""
        chosen = {**self.settings, "synthetic": self.synthetic}
        return variants([named(arch) for arch in self.archs], chosen, self.grid)

    @property
    def models(self) -> list[str]:
        return [variant.name for variant in self.variants()]


CONTROLS = ("bow", "linear", "linear-bigrams")  # without memory
ALL = ("ff", "rnn", "lstm", "cnn", *CONTROLS)
LONG = {"vocabulary": 10_000, "length": 500}
SHUFFLED = {"shuffle_words": True}
MORE_DATA = {"epochs": 30, "resplit": 1, "test_reviews": 5000}
RECURRENT = ("rnn28", "rnn32", "rnn-stacked", "birnn", "rnn-vdropout", "lstm-dropout")

STUDIES = (
    Study("article", "Does the LSTM beat the others, and models that know no order?", ALL, 30),
    Study("shuffled", "What is the order of the words worth?", ALL, 10, SHUFFLED, ordered="article"),
    Study("others", "How often does the cnn die as published, without a sigmoid?", ("cnn-linear",), 30),
    Study("smaller", "Do other networks of that size do better?", ("gru", "bilstm", "cnn-lstm"), 10),
    Study(
        "longer", "How long were the published networks trained?", ("ff", "rnn", "lstm", "cnn-linear"), 10,
        {"epochs": 30},
    ),
    Study("units", "Does a smaller rnn overfit less?", ("rnn",), 10, grid={"units": (8, 16, 32)}),
    Study(
        "reviews", "Do more reviews and longer training help the LSTM?", ("lstm",), 6, MORE_DATA,
        {"train_reviews": (2500, 5000, 10000, 20000, 45000)},
    ),
    Study(
        "resplits", "How much is due to the test set?", ("ff", "rnn", "lstm", "cnn"), 6,
        grid={"resplit": (1, 2, 3, 4, 5)},
    ),
    Study("generated", "And in generated reviews?", ALL, 10, {"synthetic": True}, at_first=6),
    Study(
        "generated-shuffled", "Without their order?", ALL, 10, {"synthetic": True, **SHUFFLED}, ordered="generated",
        at_first=6,
    ),
    Study("long", "And in longer reviews with more words?", ALL, 10, LONG, at_first=6),
    Study("long-shuffled", "Without their order?", ALL, 10, {**LONG, **SHUFFLED}, ordered="long", at_first=6),
    Study("recurrent", "When do recurrent networks overfit, and what helps?", RECURRENT, 10),
)  # fmt: skip

# What was published about models of `recurrent` in words: epochs after which they overfit, validation accuracy reached.
CLAIMS = {
    "rnn32": {"overfits": [8, 10], "validation_accuracy": 0.85},
    "rnn-vdropout": {"overfits": [60, 70]},
}


def by_name(name: str) -> Study:
    return next(study for study in STUDIES if study.name == name)
