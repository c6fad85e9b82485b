"""A classifier starts from a language model: the text that it reads, what is handed on, and what cannot be."""

import dataclasses
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.experiments import pretraining
from scratchnn.experiments import run as experiment
from scratchnn.experiments.pretraining import Text, pretrain
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Embedding, Flatten, GlobalMaxPooling1D, Layer
from scratchnn.report.console import Console
from scratchnn.study.run import run
from scratchnn.study.tasks import Task
from tests.study.conftest import corpus, data, planned, source  # noqa: F401 - fixtures: small reviews, and a study

QUIET = Console(quiet=True)
ROWS = np.array([[0, 0, 1, 4, 5], [1, 6, 2, 7, 8], [0, 1, 9, 4, 4], [1, 5, 6, 7, 3]], np.int32)  # 17 words


def cut(monkeypatch: pytest.MonkeyPatch, streams: int, window: int) -> None:
    monkeypatch.setattr(pretraining, "STREAMS", streams)
    monkeypatch.setattr(pretraining, "WINDOW", window)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    cut(monkeypatch, 2, 3)


def test_reviews_are_one_text_in_an_order_of_each_epoch() -> None:
    text, reviews, firsts = Text(ROWS, 8, seed=0), {tuple(row[row != 0]) for row in ROWS}, set()
    for _ in range(8):
        read = [*text.given.ravel(), text.next_one[-1, -1]]  # the streams one after another: 13 of the words
        begins = [n for n, word in enumerate(read) if word == 1]
        whole = [tuple(read[n:m]) for n, m in pairwise(begins)]
        assert len(whole) >= 2
        assert set(whole) <= reviews
        firsts.add(whole[0])
        text.on_epoch_end()
    assert len(firsts) > 1, "an order that never changes"


def test_batches_go_on_where_the_one_before_ended_and_ask_for_what_is_common_and_known() -> None:
    text = Text(ROWS, 8, seed=0)
    assert len(text) == 2
    streams = np.concatenate([text.given, text.next_one[:, -1:]], axis=1)  # (2, 7): and the word after each
    for step in range(2):
        given, next_one, weight = text[step]
        np.testing.assert_array_equal(given, streams[:, 3 * step : 3 * step + 3])
        after = streams[:, 3 * step + 1 : 3 * step + 4]
        asked = (after > 2) & (after < 8)  # not the start of a review, not an unknown word; 8 and 9 are too rare
        np.testing.assert_array_equal(weight, asked)
        np.testing.assert_array_equal(next_one[asked], after[asked])
        assert next_one.max() < 8


def build(*layers: Layer, length: int = 20) -> Sequential:
    model = Sequential(list(layers), seed=1, backend="reference", name="mine")
    model.build((None, length))
    return model


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_what_was_learned_is_where_the_classifier_starts(
    cell: type[LSTM] | type[GRU], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 4 comes 5, after 5 comes 6, and so on: who knows it has learned to read."""
    cut(monkeypatch, 8, 5)
    monkeypatch.setattr(pretraining, "LEARNING_RATE", 0.02)  # for 50 steps an epoch in the place of thousands
    rows = (np.arange(2000).reshape(100, 20) % 7 + 4).astype(np.int32)
    layers = Embedding(12, 8, mask_zero=True), Dropout(0.3), cell(9, return_sequences=True)
    model = build(*layers, GlobalMaxPooling1D(), Dense(1, activation="sigmoid"))
    before = model.get_weights()
    losses = [pretrain(model, rows, epochs, QUIET) for epochs in (1, 3)]
    assert losses[1] < losses[0] < np.log(7)
    assert losses[1] < 0.7  # nats; a third of what guessing among the seven costs
    after = model.get_weights()
    head = [np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert head == [False, False, False, False, True, True], "E, Wx, Wh, b are new; the head starts as ever"
    pretrain(model, rows, 3, QUIET)  # a second time from the model's own seed, not from what it has learned
    assert all(np.array_equal(*pair) for pair in zip(after, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ((Embedding(9, 4), Flatten(), Dense(1)), "'mine' begins with Embedding and Flatten; only an Embedding"),
        ((Embedding(9, 4), Dropout(0.1), Bidirectional(LSTM(3)), Dense(1)), "Embedding and Bidirectional; only"),
    ],
)
def test_a_model_that_begins_otherwise_is_refused(layers: tuple[Layer, ...], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        pretrain(build(*layers), ROWS, 1, QUIET)


def test_too_short_a_text_is_refused() -> None:
    model = build(Embedding(12, 4), LSTM(3), Dense(1))
    with pytest.raises(ValueError, match="reads 2 streams of 4 words and more, and all reviews together have 3 words"):
        pretrain(model, ROWS[:1], 1, QUIET)


@pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")
def test_a_run_pretrains_once_and_a_study_does_the_same(
    planned: Callable[..., list[Task]],  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = planned("lstm", pretrain_epochs=1, epochs=3)[0]
    cut(monkeypatch, 8, 20)
    settings, calls = dataclasses.replace(task.settings, out=str(tmp_path)), []
    counted = lambda *given: calls.append(given) or pretrain(*given)  # noqa: E731
    monkeypatch.setattr(experiment, "pretrain", counted)

    def trained(begun: experiment.Run) -> str:
        experiment.train(begun, QUIET)
        return experiment.checksum(begun.model)

    straight = trained(experiment.start(settings, str(data)))
    first = experiment.start(dataclasses.replace(settings, epochs=1), str(data))
    assert trained(first) != straight
    assert trained(experiment.resume(first.folder.path, str(data), 3)) == straight
    assert len(calls) == 2, "the resumed run did not pretrain again"
    assert run(task).tested["last"].weights == straight
    assert trained(experiment.start(dataclasses.replace(settings, pretrain_epochs=0), str(data))) != straight


@pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")
def test_a_falling_rate_is_the_same_in_a_run_a_resumed_one_and_a_study(
    planned: Callable[..., list[Task]],  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = planned("ff", learning_rate_decay="linear", epochs=3)[0]
    settings = dataclasses.replace(task.settings, out=str(tmp_path))

    def trained(begun: experiment.Run) -> str:
        experiment.train(begun, QUIET)
        return experiment.checksum(begun.model)

    whole = experiment.start(settings, str(data))
    straight = trained(whole)
    optimizer = whole.model.optimizer
    assert optimizer is not None
    assert optimizer.learning_rate == 0, "after the last step"
    assert trained(experiment.start(dataclasses.replace(settings, learning_rate_decay=None), str(data))) != straight
    assert run(task).tested["last"].weights == straight

    def stops(begun: experiment.Run, epoch: int) -> None:
        monkeypatch.setattr(experiment, "ends_early", lambda progress, _: progress.epoch == epoch)
        experiment.train(begun, QUIET)
        monkeypatch.undo()

    first = experiment.start(settings, str(data))
    stops(first, 1)
    assert trained(experiment.resume(first.folder.path, str(data), None)) == straight
    with pytest.raises(ValueError, match=r"falls to 0 in 3 epochs.*leave out --epochs"):
        experiment.resume(first.folder.path, str(data), 5)
