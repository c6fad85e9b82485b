"""The published models by name, and a few of our own: layers, settings, and the figures they were published with.

Layers are made when a model is built, not when this file is read, so that the command line can list the names at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scratchnn.core.names import look_up
from scratchnn.experiments.settings import Settings
from scratchnn.experiments.stack import OUTPUT, Part, Stack, bidirectional, dense, dropout, recurrent

if TYPE_CHECKING:
    from scratchnn.layers import Layer

__all__ = ["PRESETS", "Preset", "named"]


@dataclass(frozen=True)
class Published:
    """What was published about a model; None where nothing was."""

    accuracy: float | None = None  # on the test reviews
    loss: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Preset:
    name: str
    summary: str
    layers: Callable[[int], list["Layer"]]  # from the vocabulary size V, such as a `Stack`
    defaults: Mapping[str, Any] = field(default_factory=dict)  # where they differ from those of `Settings`
    published: Published | None = None
    # A linear model of so many neighbouring words at most (linear.py), in place of layers; 0: the commonest class.
    grams: int | None = None
    compiled: Mapping[str, Any] | None = None  # the optimizer and the loss of a saved model; None: those of settings

    def layers_for(self, settings: Settings) -> list["Layer"]:
        """New layers, of the vocabulary and the units that are set.

        Raises:
            ValueError: if units are set, and it has no recurrent layer.
        """
        if settings.units is None:
            return self.layers(settings.vocabulary)
        if not isinstance(self.layers, Stack):
            raise ValueError(f"{self.name!r} makes its layers itself, so units cannot be given: leave units out")
        try:
            return self.layers.with_units(settings.units)(settings.vocabulary)
        except ValueError as error:
            raise ValueError(f"{self.name!r} {error}") from None

    def with_classes(self, classes: int, features: int | None = None) -> "Preset":
        """The same for texts of so many classes, and words of so many features; None: of as many as before.

        Raises:
            ValueError: if its layers cannot be fitted to them.
        """
        if self.grams is not None:
            return self
        fit: Callable[[int, int | None], Any] | None = getattr(self.layers, "with_classes", None)
        if fit is None:
            raise ValueError(f"{self.name!r} makes its layers itself, so that they cannot be fitted to your classes")
        try:
            layers = fit(classes, features)
        except ValueError as error:
            raise ValueError(f"{self.name!r} {error}") from None
        return replace(self, layers=layers)

    def settings(self, **chosen: Any) -> Settings:
        """The settings it is trained with; `chosen` ones override the defaults.

        Raises:
            ValueError: if one is out of its range, or chosen for a linear model that has no use for it.
        """
        if self.grams is not None and (useless := [name for name in chosen if name in OF_NETWORKS]):
            raise ValueError(
                f"{self.name!r} is no network: it has no {useless[0]}. Leave {useless[0]} out, or the model"
            )
        return Settings(**{**self.defaults, **chosen, "arch": self.name})


def named(name: str) -> Preset:
    """The preset of that name; or a ValueError, which corrects a misspelled name."""
    return look_up("preset", name, PRESETS | CONTROLS)


def named_network(name: str) -> Preset:
    """The same without the linear models, which are trained in comparisons only."""
    if name in CONTROLS:
        raise ValueError(
            f"{name!r} is no network; it is trained to be compared with some: "
            f"python -m scratchnn.compare --arch {name} lstm"
        )
    return look_up("preset", name, PRESETS)


def _no_layers(V: int) -> list["Layer"]:
    return []


_DENSE_HEAD = (dense(32, "relu"), dropout(0.2), OUTPUT)
_CONVOLUTION: Part = ("Conv1D", {"filters": 32, "kernel_size": 7, "activation": "relu"})
_POOLING: Part = ("MaxPooling1D", {"pool_size": 5})
_CONVOLUTIONS = (_CONVOLUTION, _POOLING, _CONVOLUTION, ("GlobalMaxPooling1D", {}))

_LONG = {"vocabulary": 10_000, "length": 500, "optimizer": "rmsprop", "batch_size": 128}
_LSTM_DROPOUT = {
    "vocabulary": 10_000,
    "length": 500,
    "resplit": True,
    "skip_top": 24,  # ids below 24 are the four special ones and the 20 most frequent words
    # Neither was published; these are the other article's.
    "batch_size": 32,
    "epochs": 10,
}

OF_NETWORKS = (
    "pretrain_epochs", "batch_size", "optimizer", "learning_rate", "learning_rate_decay", "global_clipnorm", "units",
    "backend",
)  # fmt: skip

PRESETS = {
    preset.name: preset
    for preset in (
        # One article's models: vocabulary 1,000, the last 100 words, Adam, batches of 32, 10 epochs.
        Preset(
            "ff",
            "embedding and one dense layer: the order of words by position only",
            Stack(16, ("Flatten", {}), OUTPUT),
            published=Published(0.7931, 0.5968),
        ),
        Preset(
            "rnn",
            "two stacked SimpleRNN",
            Stack(16, recurrent("SimpleRNN", 32, sequences=True), recurrent("SimpleRNN", 32), OUTPUT),
            published=Published(0.7911, 0.4948),
        ),
        Preset(
            "lstm",
            "LSTM, dense layer, dropout",
            Stack(16, recurrent("LSTM", 32), *_DENSE_HEAD),
            published=Published(0.8321, 0.4092),
        ),
        Preset("cnn", "two convolutions with max pooling", Stack(16, *_CONVOLUTIONS, OUTPUT)),
        Preset(
            "cnn-linear",
            "cnn as published, without the sigmoid at its end",
            # The cross-entropy expects probabilities, and clips this output to [0, 1]. Outside, the gradient is zero,
            # so reviews whose output has left the interval teach the network nothing any more.
            Stack(16, *_CONVOLUTIONS, dense(1, "linear")),
            published=Published(0.7915, 0.6494),
        ),
        # Models of ours with that article's settings: the reader's next questions.
        Preset(
            "bow",
            "the mean of the embedded words, one dense layer: no order of words at all",
            Stack(16, ("GlobalAveragePooling1D", {}), OUTPUT),
        ),
        Preset("gru", "lstm with a GRU in the LSTM's place", Stack(16, recurrent("GRU", 32), *_DENSE_HEAD)),
        Preset("bilstm", "lstm, read from both ends", Stack(16, bidirectional(recurrent("LSTM", 32)), *_DENSE_HEAD)),
        Preset(
            "cnn-lstm",
            "an LSTM on what one convolution found",
            Stack(16, _CONVOLUTION, _POOLING, recurrent("LSTM", 32), OUTPUT),
        ),
        # Longer reviews, more words.
        Preset(
            "lm-lstm",
            "an LSTM that was first a language model of the reviews",
            Stack(
                128,
                dropout(0.5),
                recurrent("LSTM", 128, sequences=True),
                ("ConcatPooling1D", {}),
                dropout(0.5),
                OUTPUT,
                mask_zero=True,
            ),
            {
                "vocabulary": 20_000,
                "length": 400,
                "pretrain_epochs": 3,
                "batch_size": 64,
                "learning_rate": 0.002,
                "global_clipnorm": 1.0,
                "epochs": 2,  # the validation loss rises after that
                "validation_split": 0.1,
            },
        ),
        Preset(
            "lstm-dropout",
            "LSTM between two dropouts, reviews joined and split again",
            Stack(16, dropout(0.25), recurrent("LSTM", 32), dropout(0.25), OUTPUT),
            _LSTM_DROPOUT,
            Published(remark="published without batch size and epochs: these are ours"),
        ),
        Preset("rnn28", "SimpleRNN of 28 units", Stack(32, recurrent("SimpleRNN", 28), OUTPUT), _LONG),
        Preset(
            "rnn32",
            "SimpleRNN of 32 units, trained until long after it overfits",
            Stack(32, recurrent("SimpleRNN", 32), OUTPUT),
            {**_LONG, "epochs": 100},
            Published(remark="published: best validation accuracy about 0.85, overfits after 8 to 10 epochs"),
        ),
        Preset(
            "rnn-stacked",
            "four stacked SimpleRNN",
            Stack(32, *[recurrent("SimpleRNN", 32, sequences=True)] * 3, recurrent("SimpleRNN", 32), OUTPUT),
            _LONG,
        ),
        Preset(
            "birnn",
            "SimpleRNN, read from both ends",
            Stack(32, bidirectional(recurrent("SimpleRNN", 32)), OUTPUT),
            _LONG,
        ),
        Preset(
            "rnn-vdropout",
            "rnn32 with dropout and recurrent dropout",
            # Variational dropout: one mask for all time steps of a review.
            Stack(32, recurrent("SimpleRNN", 32, dropout=0.2, recurrent_dropout=0.2), OUTPUT),
            {**_LONG, "epochs": 100},
            Published(remark="published: overfits after 60 to 70 epochs only"),
        ),
    )
}

# What a network should beat. All reviews make one batch, and a training of it draws nothing at random.
_ALL_AT_ONCE = {"optimizer": "l-bfgs", "batch_size": 100_000}
CONTROLS = {
    preset.name: preset
    for preset in (
        Preset(
            "linear", "logistic regression on the words, weighted as by naive Bayes", _no_layers, _ALL_AT_ONCE, grams=1
        ),
        Preset("linear-bigrams", "linear, on pairs of neighbouring words too", _no_layers, _ALL_AT_ONCE, grams=2),
        Preset("majority", "the commonest class, whatever the text", _no_layers, _ALL_AT_ONCE, grams=0),
    )
}
