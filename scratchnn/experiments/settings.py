"""The settings of a training run. Their defaults are those of the published experiment."""

from dataclasses import dataclass

from scratchnn.core.checks import flag, share, whole_number
from scratchnn.core.names import look_up

# The reviews hold 88,587 different words, and no review is longer than 2,494.
_WHOLE = {
    "vocabulary": (4, 100_000),
    "length": (1, 10_000),
    "skip_top": (0, 100_000),
    "batch_size": (1, 100_000),
    "epochs": (1, 1_000_000),
    "seed": (0, 2**63 - 1),
    "resplit": (0, 1_000_000),
    "pretrain_epochs": (0, 1_000_000),
}
_WHOLE_OR_NONE = ("units", "train_reviews", "test_reviews")
DECAYS = ("linear", "cosine")


@dataclass(frozen=True)
class Settings:
    arch: str = "lstm"
    vocabulary: int = 1000  # ids from 0 on, the four special ones included
    length: int = 100  # words of a review that are read: the last ones
    skip_top: int = 0  # this many of the smallest ids are treated as unknown
    resplit: int = 0  # number of the draw by which all reviews are joined, shuffled and split again; 0: they are not
    train_reviews: int | None = None  # to train and validate on, the first ones; None: all
    test_reviews: int | None = None  # of a new split, the others are there to train on; None: as many as there were
    shuffle_words: bool = False  # the words of each review change places, by a draw of each seed; padding stays
    units: int | None = None  # of every recurrent layer; None: the preset's own
    pretrain_epochs: int = 0  # of a language model of the reviews, which the classifier starts from; 0: from scratch
    batch_size: int = 32
    epochs: int = 10
    validation_split: float = 0.2
    optimizer: str = "adam"
    learning_rate: float | None = None  # None: the optimizer's own
    learning_rate_decay: str | None = None  # one of DECAYS: it falls to 0 by the last step; None: it stays
    global_clipnorm: float | None = None  # None: no clipping
    early_stop: int | None = None  # epochs without a lower validation loss that end training; None: all are trained
    seed: int = 0
    backend: str = "cpu"
    synthetic: bool = False
    out: str = "runs"

    def __post_init__(self) -> None:
        """Raise ValueError for a setting out of its range."""
        if isinstance(self.resplit, bool):
            object.__setattr__(self, "resplit", int(self.resplit))
        for name, (least, most) in _WHOLE.items():
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least, most))
        for name in _WHOLE_OR_NONE:
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, whole_number(name, value, 1, 1_000_000))
        if self.learning_rate_decay is not None:
            look_up("learning_rate_decay", self.learning_rate_decay, {name: name for name in DECAYS})
        object.__setattr__(self, "shuffle_words", flag("settings", "shuffle_words", self.shuffle_words))
        if self.test_reviews is not None and not self.resplit:
            raise ValueError(
                f"test_reviews {self.test_reviews} needs a new split: give resplit the number of a draw, for instance "
                "1, or leave test_reviews out"
            )
        share("validation_split", self.validation_split)
        if self.early_stop is not None:
            object.__setattr__(self, "early_stop", whole_number("early_stop", self.early_stop, 1, 1_000_000))
            if self.validation_split == 0:
                raise ValueError(
                    "early_stop goes by the validation loss, and validation_split 0 leaves no reviews to validate on: "
                    "hold out a share, for instance 0.2, or train without early_stop"
                )
        if self.skip_top >= self.vocabulary:
            raise ValueError(f"skip_top {self.skip_top} leaves no word of a vocabulary of {self.vocabulary}")
