"""One run: its numbers are those of `train`, its order is the one that training has, and failing is a result."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.data import DataWarning
from scratchnn.experiments import run as experiment
from scratchnn.report.console import Console
from scratchnn.study import memory
from scratchnn.study.run import run
from scratchnn.study.tasks import Task
from scratchnn.training import session
from scratchnn.training.epoch import Numbered

Plan = Callable[..., list[Task]]
MEASURED = {"seconds": 0.0, "peak_memory": 0.0, "tested": {}}


@pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")
@pytest.mark.parametrize("arch", ["ff", "lstm"])
def test_the_numbers_are_those_of_train(arch: str, planned: Plan, data: Path, tmp_path: Path) -> None:
    task = planned(arch, seeds=2)[1]
    result = run(task)
    trained = experiment.start(dataclasses.replace(task.settings, out=str(tmp_path)), str(data))
    quiet = Console(quiet=True)
    experiment.train(trained, quiet)
    test = experiment.finish(trained, quiet)
    assert not result.failed
    last = result.tested["last"]
    # `evaluate` sums float32 losses batch by batch; the study takes them from the probabilities, in float64.
    assert (last.loss, last.accuracy) == (pytest.approx(test["loss"], rel=1e-6), pytest.approx(test["accuracy"]))
    assert last.weights == experiment.checksum(trained.model)
    assert last.epoch == 2
    records = trained.progress.records
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert result.history[key] == [record[key] for record in records]
    assert len(result.history["seconds"]) == 2
    assert result.parameters == trained.model.count_params()
    given = trained.model.predict(trained.data.x_test, batch_size=experiment.PREDICT_BATCH).ravel()
    assert last.probabilities.tobytes() == given.tobytes()


def test_the_order_is_that_of_training(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    train_epoch = session.train_epoch

    def spy(model: Any, batches: Iterable[Numbered], epoch: int, record: Callable[..., None]) -> None:
        def seeing() -> Iterator[Numbered]:
            for batch in batches:
                if epoch == 0:
                    seen.append(batch[1])
                yield batch

        train_epoch(model, seeing(), epoch, record)

    monkeypatch.setattr(session, "train_epoch", spy)
    digests = {}
    for arch in ("ff", "rnn"):
        seen.clear()
        (task,) = planned(arch)
        digests[arch] = run(task).order_digest
        rows = np.concatenate(seen)
        order = np.random.Generator(np.random.Philox(key=[0, 1], counter=[0, 0, 0, 0])).permutation(len(rows))
        assert digests[arch] == hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16]
        with pytest.warns(DataWarning, match="unknown content"):
            x = experiment.load_reviews(task.settings, task.source.path).x_train
        assert (x[: len(rows)][order] == rows).all()
    assert digests["ff"] == digests["rnn"]
    assert run(planned("ff", seeds=2)[1]).order_digest != digests["ff"]


def test_a_run_is_the_same_again(planned: Plan) -> None:
    (task,) = planned("rnn")
    first, second = run(task), run(task)
    assert first.tested.keys() == second.tested.keys() == {"last", "best"}
    for protocol, tested in first.tested.items():
        assert tested.weights == second.tested[protocol].weights
        assert tested.probabilities.tobytes() == second.tested[protocol].probabilities.tobytes()
    for result in (first, second):
        result.history.pop("seconds")
    assert dataclasses.replace(first, **MEASURED) == dataclasses.replace(second, **MEASURED)


def test_epochs_are_told(planned: Plan) -> None:
    told: list[int] = []
    run(planned("ff", epochs=3)[0], told.append)
    assert told == [1, 2, 3]


def test_numbers_that_explode_are_a_result(planned: Plan) -> None:
    result = run(planned("ff", learning_rate=1e30)[0])
    assert result.error is not None
    assert result.error.startswith("NonFiniteError: ")
    assert result.parameters == 1121
    assert result.tested == {}
    assert result.seconds > 0


def test_another_version_of_the_code_or_the_data_fails_with_words(planned: Plan) -> None:
    (task,) = planned("ff")
    elsewhere = run(dataclasses.replace(task, code={**task.code, "code": "0123"}))
    assert "planned with {'code': '0123'" in str(elsewhere.error)
    other_data = run(dataclasses.replace(task, data_digest="f" * 64))
    assert "planned with the data ffffffff" in str(other_data.error)
    assert elsewhere.parameters == other_data.parameters == 0


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux can forget a peak")
def test_the_peak_is_that_of_the_run() -> None:
    memory.start_counting()
    before = memory.peak()
    np.ones(30_000_000)  # 240 MB, gone at once
    assert memory.peak() > before + 200
    memory.start_counting()
    assert memory.peak() < before + 100
