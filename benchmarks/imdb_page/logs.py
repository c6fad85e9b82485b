"""The published logs beside our curves of training loss: for how long were the published networks trained?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.imdb_page import words
from benchmarks.imdb_page.words import LAST, Json
from scratchnn.report import figure

STEADY = 1.0  # epochs: offsets that differ by no more count as one
COLOURS = {"ff": figure.BLUE, "rnn": figure.GREEN, "lstm": figure.VERMILION, "cnn-linear": figure.PURPLE}
DEAD = 0.005  # a network whose accuracy is so near to a half has nothing to say, whatever it has learned before


@dataclass(frozen=True)
class Aligned:
    """Where the published epochs lie among ours, by training loss; None for one that our curve does not reach."""

    epochs: tuple[float | None, ...]
    seeds: tuple[float, ...]  # by how much a run of ours lies off the mean of them all: median offset of each seed
    widest: float  # the largest difference between two offsets of one of our runs

    @property
    def offsets(self) -> list[float]:
        """Our epoch less the published one, where there is one."""
        return _offsets(self.epochs)

    @property
    def spread(self) -> float:
        return max(self.offsets) - min(self.offsets)

    @property
    def from_scratch(self) -> bool:
        """Whether the log lies among ours as one more seed would, or less than an epoch off."""
        middle = words.median(self.offsets)
        near = abs(middle) < STEADY or min(self.seeds) <= middle <= max(self.seeds)
        return near and self.spread <= max(self.widest, STEADY)

    @property
    def continued(self) -> bool:
        """Whether it lies behind ours by the same number of epochs all along."""
        return self.spread <= STEADY <= words.median(self.offsets)


def _offsets(epochs: Sequence[float | None]) -> list[float]:
    return [ours - n for n, ours in enumerate(epochs, 1) if ours is not None]


def is_dead(accuracy: float) -> bool:
    return abs(accuracy - 0.5) < DEAD


def learned(study: Json, name: str) -> list[Sequence[float]]:
    """The training losses of each seed that is better than a coin at the end."""
    found = words.tested(study, LAST, name)
    assert found is not None
    return [
        losses
        for seed, losses in study["models"][name]["losses"].items()
        if not is_dead(found["seeds"][seed]["accuracy"])
    ]


def reached(curve: Sequence[float], loss: float) -> float | None:
    """The first epoch, counted from 1, at which the curve is down to the loss, by straight lines between epochs.

    The first of these lines goes on to the left, to epoch 0: there is no loss before the first epoch.
    """
    for n in range(1, len(curve)):
        before, after = curve[n - 1], curve[n]
        if after <= loss and after < before:
            epoch = n + (before - loss) / (before - after)
            return epoch if epoch >= 0 else None
    return None


def align(study: Json, name: str, log: Sequence[float]) -> Aligned:
    losses = learned(study, name)
    curve = [words.mean(epoch) for epoch in zip(*losses, strict=True)]
    own = [offsets for seed in losses if (offsets := _offsets([reached(curve, loss) for loss in seed[: len(log)]]))]
    medians = tuple(words.median(offsets) for offsets in own)
    widest = max(max(offsets) - min(offsets) for offsets in own)
    return Aligned(tuple(reached(curve, loss) for loss in log), medians, widest)


def all_aligned(study: Json, logs: Json) -> dict[str, Aligned]:
    """By model, of those that the study and the logs have."""
    names = [name for name in words.models_of(study) if name in logs and learned(study, name)]
    return {name: align(study, name, logs[name]["loss"]) for name in names}


# ---- in words


def section(content: Json, logs: Json) -> str:
    head = "## How long were the published networks trained?"
    study = words.study_of(content, "longer")
    if study is None:
        return f"{head}\n\nStill to be conducted."
    found = all_aligned(study, logs)
    some = next(iter(study["models"].values()))
    about = (
        f"The article, {logs['settings']['source']}, shows the training loss after each of its "
        f"{logs['settings']['epochs']} epochs. We trained the same networks for {some['settings']['epochs']} epochs "
        f"({words.seeds_of(study)}), and looked up after which of our epochs the mean of the training losses is down "
        "to each published one. Were the published networks trained as they are said to be, the lines would lie on "
        "the diagonal."
    )
    picture = "![Our epoch with the same training loss, for each published epoch](imdb/published-logs.svg)"
    return "\n\n".join(
        [head, about, picture, "\n".join(f"- {sentence(study, name, each)}" for name, each in found.items())]
    )


def sentence(study: Json, name: str, aligned: Aligned) -> str:
    """What its log says of the training of one network, with the numbers that it rests on."""
    total, seeds = len(aligned.epochs), len(learned(study, name))
    dead = len(words.accuracies(study, LAST, name)) - seeds
    without = f" (without {dead} of our seeds that ended at 50%)" if dead else ""
    if len(aligned.offsets) < total:
        return (
            f"`{name}`: {len(aligned.offsets)} of {total} published losses lie on our curve{without}, which is too few "
            "to say how long it was trained."
        )
    offsets = aligned.offsets
    middle = words.written(words.median(offsets), "+.1f")
    lies = f"our epoch less the published one is {middle} (median; {words.span(offsets, '+.1f')})"
    own = f"our own seeds lie {words.span(aligned.seeds, '+.1f')} off their mean"
    if aligned.spread > total / 2:
        return f"`{name}`: its losses fall too unsteadily to say how long it was trained{without}: {lies}, and {own}."
    if aligned.from_scratch:
        return f"`{name}`: its log fits {total} epochs from scratch{without}: {lies}, and {own}."
    if aligned.continued:
        last = aligned.epochs[-1]
        assert last is not None
        return (
            f"`{name}`: its log fits the last {total} of about {last:.0f} epochs of ours{without}: {lies}, and {own}. "
            f"It looks as if some {last - total:.0f} epochs had come before those that are shown; if so, its published "
            "accuracy is that of a network trained for longer than the others."
        )
    return f"`{name}`: its log fits no number of epochs of ours{without}: {lies}, and {own}."


# ---- as a figure


def draw(study: Json, logs: Json, path: Path) -> None:
    """Draw, for each published epoch, our epoch with the same training loss."""
    with figure.style():
        from matplotlib.figure import Figure

        drawn = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = drawn.add_subplot()
        ends: list[float] = []
        for name, aligned in all_aligned(study, logs).items():
            line = lines(aligned)
            if line[0]:
                axes.plot(*line, color=COLOURS.get(name, figure.INK), marker="o", markersize=4, label=name)
                ends += line[1]
        total = logs["settings"]["epochs"]
        axes.plot([1, total], [1, total], color=figure.GREY, linestyle="--", linewidth=1, label="as published")
        axes.set(xlabel="published epoch", ylabel="our epoch with the same training loss", xlim=(0.5, total + 0.5))
        axes.set_ylim(0, max([*ends, total]) + 1)
        axes.legend(frameon=False)
        figure.save(drawn, path)


def lines(aligned: Aligned) -> tuple[list[int], list[float]]:
    """The points of its line: published epochs, and ours."""
    points = [(n, epoch) for n, epoch in enumerate(aligned.epochs, 1) if epoch is not None]
    return [n for n, _ in points], [epoch for _, epoch in points]
