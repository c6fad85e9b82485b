"""How one model stands to each other one under one protocol: ahead, behind, equivalent, or not decided."""

import math
from dataclasses import dataclass

from scratchnn.experiments.presets import CONTROLS
from scratchnn.study.inference import Estimate
from scratchnn.study.one_model import ModelStatistics
from scratchnn.study.pairs import Pair
from scratchnn.study.results import Protocol
from scratchnn.study.statistics import Statistics

SIGNIFICANT = 0.05
WHEN: dict[Protocol, str] = {"last": "after the last epoch", "best": "at the best epoch"}
# What counts words, or pairs of them: a network should beat these.
CONTROL_NAMES = ("bow", *[name for name, preset in CONTROLS.items() if preset.grams])


@dataclass(frozen=True)
class Standing:
    """The subject against each other model under one protocol."""

    statistics: Statistics
    subject: ModelStatistics
    won: list[Pair]
    lost: list[Pair]
    equal: list[Pair]  # equivalent: whatever the difference is, it is within the margin
    open: list[Pair]  # neither different nor equivalent
    few: list[Pair]  # the same, and more could not be said with so few seeds
    obstacles: list[Pair]

    @classmethod
    def of(cls, statistics: Statistics, subject: str) -> "Standing":
        pairs = [statistics.pair(subject, model.name) for model in statistics.models if model.runs]
        found = sorted((pair for pair in pairs if pair is not None), key=first_named)
        kinds: dict[str, list[Pair]] = {name: [] for name in ("won", "lost", "equal", "open", "few", "obstacles")}
        for pair in found:
            kinds[kind(pair, statistics)].append(pair)
        model = statistics.model(subject)
        assert model is not None
        return cls(statistics, model, **kinds)

    @property
    def pairs(self) -> list[Pair]:
        """Those with numbers, as they are told."""
        return sorted(self.won + self.lost + self.equal + self.open + self.few, key=first_named)

    @property
    def compared(self) -> int:
        return len(self.pairs)

    @property
    def groups(self) -> list[set[str]]:
        """Who is beaten, who is not, and so on: the answer without its numbers."""
        return [{pair.second for pair in pairs} for pairs in (self.won, self.lost, self.equal, self.open + self.few)]


def kind(pair: Pair, statistics: Statistics) -> str:
    if pair.obstacle is not None:
        return "obstacles"
    if pair.p_equivalent_holm < SIGNIFICANT:
        return "equal"
    d = pair.difference
    # Where the interval holds 0, other seeds would show the difference again, but other test reviews could turn it.
    if pair.p_holm < SIGNIFICANT and d is not None and d.low * d.high > 0:
        return "won" if value(pair.difference) > 0 else "lost"
    return "open" if pair.smallest_p * statistics.compared < SIGNIFICANT else "few"


def is_control(name: str) -> bool:
    """Whether a model is one that a network should beat, or a variant of one."""
    return name.partition(",")[0] in CONTROL_NAMES


def first_named(pair: Pair) -> tuple[bool, float]:
    """The order in which pairs are told: controls, which no list may cut off, then the largest difference."""
    return not is_control(pair.second), -abs(pair.difference.value) if pair.difference else math.inf


def value(estimate: Estimate | None) -> float:
    return math.nan if estimate is None else estimate.value
