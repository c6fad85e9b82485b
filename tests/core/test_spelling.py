"""A wrong name suggests only what does the same thing."""

from typing import Any

import pytest

from scratchnn import activations, initializers, losses, metrics, optimizers
from scratchnn.core.names import look_up
from scratchnn.core.spelling import OTHER_THINGS, SAME_THING, meant, plain
from scratchnn.experiments.presets import PRESETS

TABLES: dict[str, Any] = {
    "metric": metrics.METRICS,
    "loss": losses.LOSSES,
    "optimizer": optimizers.OPTIMIZERS,
    "activation": activations.ACTIVATIONS,
    "initializer": initializers.INITIALIZERS,
    "preset": PRESETS,
    "backend": dict.fromkeys(("cpu", "gpu", "reference")),
    "padding": dict.fromkeys(("valid", "same", "causal")),
    "merge_mode": dict.fromkeys(("concat", "sum", "mul", "ave")),
}
MEANT = {
    "metric": {"acuracy": "accuracy", "Accurcy": "accuracy", "binary-accuracy": "binary_accuracy", "mea": "mae"},
    "loss": {"binary_crosentropy": "binary_crossentropy", "categorical crossentropy": "categorical_crossentropy"},
    "optimizer": {"addam": "adam", "adma": "adam", "adm": "adam", "admaw": "adamw", "rmsporp": "rmsprop", "sdg": "sgd"},
    "activation": {"rleu": "relu", "tahn": "tanh", "sigmod": "sigmoid", "logistic": "sigmoid", "identity": "linear"},
    "initializer": {"glorot_unifrom": "glorot_uniform", "xavier_uniform": "glorot_uniform", "orthogonl": "orthogonal"},
    "preset": {"rnn_staked": "rnn-stacked", "lsmt": "lstm", "cnn_linear": "cnn-linear"},
    "backend": {"cpus": "cpu", "refrence": "reference", "cuda": "gpu"},
    "padding": {"casual": "causal", "vaild": "valid"},
    "merge_mode": {"contact": "concat", "concatenate": "concat", "average": "ave"},
}
NOT_MEANT = {
    "metric": "AUC auroc mape precision recall rmse R2 hinge f1 loss mas binary_acc top_k",
    "loss": "crossentropy hinge squared_hinge poisson ctc dice huber mape msle bce_with_logits cce nll",
    "optimizer": "adagrad nadam adadelta adamax ftrl lamb lion radam adan sgdm momentum lbfgs",
    "activation": "gelu swish silu mish relu6 celu exp glu hard_swish softmin log_softmax",
    "initializer": "glorot he lecun xavier xavier_normal",
    "preset": "rnn29 gru2 transformer",
    "backend": "tpu mps jax torch tensorflow",
    "padding": "full pre post",
    "merge_mode": "max avg dot",
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_misspelling_suggests_the_name(kind: str) -> None:
    for wrong, right in MEANT[kind].items():
        with pytest.raises(ValueError) as caught:
            look_up(kind, wrong, TABLES[kind])
        assert str(caught.value).startswith(f"unknown {kind} {wrong!r}; did you mean {right!r}? Known: ")


@pytest.mark.parametrize("kind", TABLES)
def test_another_thing_suggests_nothing(kind: str) -> None:
    for wrong in NOT_MEANT[kind].split():
        if any(plain(wrong) == plain(name) for name in TABLES[kind]):
            continue  # we have it by now
        with pytest.raises(ValueError) as caught:
            look_up(kind, wrong, TABLES[kind])
        assert str(caught.value).startswith(f"unknown {kind} {wrong!r}. Known: ")


def test_no_name_of_keras_is_corrected_to_another() -> None:
    for kind in ("metric", "loss", "optimizer", "activation", "initializer"):
        for name in OTHER_THINGS:
            assert meant(name, TABLES[kind]) in (
                None,
                SAME_THING.get(name),
                *filter(lambda n: plain(n) == name, TABLES[kind]),
            )


def test_two_names_equally_near_are_not_guessed_between() -> None:
    assert meant("rnnsx", ("rnnsa", "rnnsb")) is None
    assert meant("rnnsx", ("rnnsa", "lstms")) == "rnnsa"
