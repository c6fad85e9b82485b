"""The flags of the command line that are settings of a training: one name and one meaning, wherever they are given."""

import argparse
import math
from collections.abc import Callable
from typing import Any

from scratchnn_kernels import BACKENDS

from scratchnn.core.names import look_up
from scratchnn.experiments.settings import DECAYS, Settings

NAMES = (
    "vocabulary", "length", "skip_top", "resplit", "train_reviews", "test_reviews", "shuffle_words", "units",
    "pretrain_epochs",
    "batch_size", "epochs", "validation_split", "optimizer", "learning_rate",
    "learning_rate_decay", "global_clipnorm", "backend",
)  # fmt: skip


def add_settings(parser: argparse.ArgumentParser, defaults: Settings | None = None) -> None:
    """Add a flag for each of `NAMES`. `defaults`: those of one model; None: each model has its own."""
    add = parser.add_argument

    def default(name: str) -> str:
        value = "each model's own" if defaults is None else getattr(defaults, name)
        return f"(default: {'all' if value is None else value})"

    add("--vocabulary", type=int, metavar="V", help=f"number of ids {default('vocabulary')}")
    add("--length", type=int, metavar="T", help=f"words read of each review, the last ones {default('length')}")
    add("--skip-top", type=int, metavar="N", help=f"treat the smallest N ids as unknown words {default('skip_top')}")
    add(
        "--resplit",
        type=int,
        nargs="?",
        const=1,
        metavar="DRAW",
        help="join the training and test reviews, shuffle them by the draw of this number, the first one without a "
        "number, and split them again; 0 keeps the original split (default: the preset's own)",
    )
    add("--no-resplit", dest="resplit", action="store_const", const=0, help="the same as --resplit 0")
    add("--train-reviews", type=int, metavar="N", help=f"train and validate on the first N {default('train_reviews')}")
    add("--test-reviews", type=int, metavar="N", help="with --resplit: test on N and train on all others")
    add(
        "--shuffle-words",
        action="store_true",
        default=None,
        help="shuffle the words of each review, training, validation and test, so that their order says nothing",
    )
    add("--units", type=int, metavar="H", help="of every recurrent layer (default: the preset's own)")
    add(
        "--pretrain-epochs",
        type=int,
        metavar="N",
        help="passes over the reviews that a language model of them makes first, in whose embedding and recurrent "
        f"layer the model starts {default('pretrain_epochs')}",
    )
    add("--batch-size", type=int, metavar="B", help=f"reviews per step {default('batch_size')}")
    add("--epochs", type=int, metavar="N", help=f"passes over the reviews {default('epochs')}")
    add("--validation-split", type=float, metavar="SHARE", help=f"to hold out {default('validation_split')}")
    rules = "adadelta, adagrad, adam, adamax, adamw, ftrl, nadam, rmsprop or sgd"
    add("--optimizer", type=_optimizer, help=f"{rules} {default('optimizer')}")
    add("--learning-rate", type=float, metavar="RATE", help="(default: the optimizer's own)")
    add(
        "--learning-rate-decay",
        type=one_of("learning_rate_decay", DECAYS),
        metavar="HOW",
        help="how the rate falls to 0 from the first step to the last: linear or cosine (default: it stays)",
    )
    add("--global-clipnorm", type=float, metavar="NORM", help="largest gradient norm (default: no clipping)")
    add(
        "--backend",
        type=one_of("backend", BACKENDS),
        help="cpu (Numba), gpu (CUDA) or reference (NumPy) (default: cpu)",
    )


OWN = (
    "test_data",
    "validation_data",
    "text_column",
    "label_column",
    "test_split",
    "min_count",
    "vectors",
    "class_weights",
)


def add_own(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each of `OWN`: what only texts of the user's own have."""
    add = parser.add_argument_group(
        "texts of your own", "with --data; docs/own-text.md goes through an example"
    ).add_argument
    add("--text-column", metavar="NAME", help="of a table (default: text, review, sentence, ...)")
    add("--label-column", metavar="NAME", help="of a table (default: label, class, sentiment, ...)")
    add("--test-data", metavar="PATH", help="texts to test on (default: a share of the others)")
    add("--validation-data", metavar="PATH", help="texts to validate on (default: a share of the others)")
    add("--test-split", type=float, metavar="SHARE", help="to test on, of each class (default: 0.2)")
    add("--min-count", type=int, metavar="N", help="leave out words that training has less often (default: 2)")
    add("--vectors", metavar="PATH", help="word vectors to begin with, in GloVe's or word2vec's text format")
    add(
        "--class-weights",
        type=one_of("class_weights", ("balanced",)),
        metavar="balanced",
        help="all classes count alike, however many texts each has",
    )


def own_options(args: argparse.Namespace) -> dict[str, Any]:
    """Those that were given."""
    return {name: getattr(args, name) for name in OWN if getattr(args, name) is not None}


def check_own(args: argparse.Namespace, is_own: bool) -> None:
    """Raise ValueError for flags that only texts of the user's own have, if there are none."""
    if (given := own_options(args)) and not is_own:
        raise ValueError(
            f"--{next(iter(given)).replace('_', '-')} is for texts of your own: name them with --data, or leave it out"
        )


def check_source(data: str | None, synthetic: bool | None) -> None:
    """Raise ValueError if reviews were asked for from two sources."""
    if data is not None and synthetic:
        raise ValueError("--synthetic makes its reviews itself: leave out --data, or --synthetic")


def checkpoint_every(text: str) -> dict[str, Any]:
    """An argument type: "60s" are seconds, "500" steps; as `experiments.run.train` takes them."""
    number, unit = (text[:-1], "seconds") if text.endswith("s") else (text, "steps")
    try:
        value = float(number) if unit == "seconds" else int(number)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a time such as 60s, or a number of steps such as 500, got {text!r}")
    return {"every_steps": None, "every_seconds": None} | {f"every_{unit}": value}


def threads(text: str) -> int | None:
    """An argument type: a number of threads, or None for "auto"."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of threads, or auto, got {text!r}") from None


def one_of(kind: str, known: Any) -> Callable[[str], str]:
    """An argument type whose error corrects a misspelled name."""

    def parse(name: str) -> str:
        try:
            return look_up(kind, name, {each: each for each in known})
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def optimizers() -> list[str]:
    """Their names."""
    from scratchnn.optimizers import OPTIMIZERS  # imports NumPy, which --help must not

    return list(OPTIMIZERS)


def _optimizer(name: str) -> str:
    return one_of("optimizer", optimizers())(name)
