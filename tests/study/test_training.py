"""Both protocols come out of one training: the best epoch's model is the one that training had at that epoch."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from scratchnn.report.best import best_epoch
from scratchnn.study.run import run
from scratchnn.study.tasks import Task
from scratchnn.study.training import accuracy, cross_entropy

Plan = Callable[..., list[Task]]


@pytest.mark.parametrize(
    ("arch", "settings"),
    # 240 reviews of noise: the validation loss is soon as low as it gets.
    [
        ("lstm", {"epochs": 6, "learning_rate": 0.05}),
        ("ff", {"epochs": 6, "learning_rate": 0.1}),
        ("linear-bigrams", {"epochs": 6}),
    ],
)
def test_the_best_model_is_that_of_a_training_which_ends_there(arch: str, settings: dict, planned: Plan) -> None:
    result = run(planned(arch, **settings)[0])
    assert result.error is None
    last, best = result.tested["last"], result.tested["best"]
    assert last.epoch == 6
    assert best.epoch == best_epoch(result.history["val_loss"]) < 6, "otherwise this test says nothing"
    assert best.weights != last.weights
    until_then = run(planned(arch, **{**settings, "epochs": best.epoch})[0]).tested
    for ended in until_then["last"], until_then["best"]:
        assert (ended.epoch, ended.weights, ended.loss, ended.accuracy) == (
            best.epoch,
            best.weights,
            best.loss,
            best.accuracy,
        )
        assert ended.probabilities.tobytes() == best.probabilities.tobytes()


@pytest.mark.parametrize("arch", ["ff", "linear"])
@pytest.mark.parametrize("protocol", ["last", "best"])
def test_one_protocol_alone_gives_the_same(arch: str, protocol: str, planned: Plan) -> None:
    (task,) = planned(arch, epochs=5)
    both, alone = run(task).tested, run(dataclasses.replace(task, protocols=(protocol,))).tested
    assert list(alone) == [protocol]
    assert alone[protocol].weights == both[protocol].weights
    assert alone[protocol].probabilities.tobytes() == both[protocol].probabilities.tobytes()


def test_the_last_epoch_needs_no_validation(planned: Plan) -> None:
    (task,) = planned("linear")
    settings = dataclasses.replace(task.settings, validation_split=0.0)
    result = run(dataclasses.replace(task, settings=settings, protocols=("last",)))
    assert result.error is None
    assert "val_loss" not in result.history
    assert result.tested["last"].epoch == 2


def test_measures() -> None:
    p, y = np.array([0.9, 0.2, 0.5, 1.0], np.float32), np.array([1, 0, 1, 0], np.uint8)
    assert accuracy(p, y) == 0.5, "0.5 is not positive"
    assert cross_entropy(p, y) == pytest.approx(-(np.log(0.9) + np.log(0.8) + np.log(0.5) + np.log(1e-7)) / 4, rel=1e-6)
