"""Metrics of one's own that count in plain attributes: in fit, evaluate, checkpoints, and what a resume refuses."""

from collections import Counter, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, metrics
from scratchnn.callbacks import Callback
from scratchnn.layers import Dense
from scratchnn.metrics import AUC, Mean, Metric, Precision, Recall, kept
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import Progress

X = np.linspace(-1, 1, 46).reshape(23, 2)
Y = (X[:, 0] ** 2 > 0.3).astype(float)
EPOCHS = 3


class Share(Metric):
    """The mean of the targets, in a variable and a number."""

    def __init__(self, name: str = "own") -> None:
        super().__init__(name=name)
        self.total = self.add_weight(name="t", initializer="zeros")
        self.n = 0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(np.sum(y_true))
        self.n += len(y_true)

    def result(self) -> Any:
        return self.total / self.n if self.n else 0.0

    def reset_state(self) -> None:
        self.total.assign(0.0)
        self.n = 0


class Plain(Share):
    """The same in plain attributes alone, of several kinds."""

    def __init__(self, name: str = "own") -> None:
        Metric.__init__(self, name=name)
        self.scale: Any = 2.0  # a setting, which never changes
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t = np.asarray(y_true, np.float32)
        self.counts_of += np.array([np.sum(t == 0), np.sum(t == 1)])
        self.sums = self.sums + t.sum(axis=0)
        self.last = float(t[-1, 0])

    def result(self) -> Any:
        number = self.counts_of.sum()
        return self.counts_of[1] / number if number else 0.0

    def reset_state(self) -> None:
        self.counts_of = np.zeros(2, np.int32)
        self.sums: Any = 0  # becomes an array
        self.last: float | None = None


class InPlace(Plain):
    """The same, set back in place."""

    def __init__(self, name: str = "own") -> None:
        Metric.__init__(self, name=name)
        self.counts_of = np.zeros(2, np.int32)
        self.sums, self.last = 0, None

    def reset_state(self) -> None:
        self.counts_of[:] = 0
        self.sums = 0


class InList(Share):
    """The same, of all targets."""

    def __init__(self, name: str = "own") -> None:
        Metric.__init__(self, name=name)
        self.seen: Any = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.extend(np.ravel(y_true).tolist())

    def result(self) -> Any:
        return float(np.mean(self.seen)) if self.seen else 0.0

    def reset_state(self) -> None:
        self.seen.clear()


class InDeque(InList):
    def __init__(self, name: str = "own") -> None:
        super().__init__(name)
        self.seen = deque()


class InCounter(InList):
    def __init__(self, name: str = "own") -> None:
        super().__init__(name)
        self.seen = Counter()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.update(np.ravel(y_true).tolist())

    def result(self) -> Any:
        return self.seen[1.0] / self.seen.total() if self.seen else 0.0


class Box:
    """A number that is changed in place."""

    ones = 0
    number = 0


class InObject(InList):
    def __init__(self, name: str = "own") -> None:
        super().__init__(name)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.ones += np.sum(y_true)
        self.seen.number += len(y_true)

    def result(self) -> Any:
        return self.seen.ones / self.seen.number if self.seen.number else 0.0

    def reset_state(self) -> None:
        self.seen = Box()


class Variables(Share):
    """The same in a list of variables, and through a method that was kept."""

    def __init__(self, name: str = "own") -> None:
        Metric.__init__(self, name=name)
        self.both = [self.add_variable(()), self.add_variable(())]
        self.way = self.add

    def add(self, y_true: Any) -> None:
        self.both[0].assign_add(np.sum(y_true))
        self.both[1].assign_add(len(y_true))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.way(y_true)

    def result(self) -> Any:
        return self.both[0] / self.both[1] if self.both[1] else 0.0

    def reset_state(self) -> None:
        Metric.reset_state(self)


class OfMean(Mean):
    """The same, derived from one of ours, with an attribute more."""

    def __init__(self, name: str = "own") -> None:
        super().__init__(name)
        self.batches = 0

    def update_state(self, y_true: Any, y_pred: Any = None, sample_weight: Any = None) -> None:  # type: ignore[override]
        super().update_state(np.ravel(y_true))
        self.batches += 1

    def result(self) -> float:
        return super().result() if self.batches else -1.0

    def reset_state(self) -> None:
        super().reset_state()
        self.batches = 0


KEPT: list[Any] = [Share, Plain, InPlace, Variables, OfMean]
NOT_KEPT: list[Any] = [InList, InDeque, InCounter, InObject]


def model_with(*given: Any) -> Sequential:
    model = Sequential([Dense(1, activation="sigmoid")], seed=1, backend="reference")
    model.compile("sgd", "bce", list(given))
    return model


class Interrupt(Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            raise KeyboardInterrupt


def fit(model: Any, progress: Progress | None = None, *callbacks: Callback) -> dict[str, list[float]]:
    held = (X[:10], Y[:10])
    settings: dict[str, Any] = {"batch_size": 4, "epochs": EPOCHS, "verbose": 0, "validation_data": held}
    return model.fit(X, Y, progress=progress, callbacks=list(callbacks), **settings).history


@pytest.mark.parametrize("kind", [*KEPT, *NOT_KEPT])
def test_its_numbers_are_right_everywhere(kind: Any) -> None:
    metric = kind()
    model = model_with(metric)
    history = fit(model)
    assert history["own"] == pytest.approx([Y.mean()] * EPOCHS)
    assert history["val_own"] == pytest.approx([Y[:10].mean()] * EPOCHS)
    found = model.evaluate(X[:6], Y[:6], batch_size=4, verbose=0, return_dict=True)
    assert isinstance(found, dict) and found["own"] == pytest.approx(Y[:6].mean())
    assert metric.result() in (0, -1)  # the object that was given has counted nothing


@pytest.mark.parametrize("kind", [*KEPT, *NOT_KEPT])
def test_evaluating_within_an_epoch_counts_apart(kind: Any) -> None:
    class Evaluates(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert logs["own"] == pytest.approx(Y[order[: 4 * (batch + 1)]].mean())
            model.evaluate(X[:6], Y[:6], verbose=0)

    order = np.arange(len(X))
    model = model_with(kind())
    history = model.fit(X, Y, batch_size=4, verbose=0, shuffle=False, callbacks=Evaluates()).history
    assert history["own"] == pytest.approx([Y.mean()])


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("through_file", [False, True])
def test_its_counts_survive_a_resume_within_an_epoch(kind: Any, through_file: bool, tmp_path: Path) -> None:
    expected = fit(model_with(kind()))
    model, progress = model_with(kind()), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    assert progress.step == 3
    if through_file:
        save_checkpoint(model, progress, tmp_path / "a.npz")
        model, progress = load_checkpoint(tmp_path / "a.npz")
        model.compile(model.optimizer, "bce", [kind()])  # its code is in no file
    assert fit(model, progress) == expected


@pytest.mark.parametrize("kind", NOT_KEPT)
def test_what_cannot_be_kept_is_refused_by_name(kind: Any, tmp_path: Path) -> None:
    model, progress = model_with(kind()), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    save_checkpoint(model, progress, tmp_path / "a.npz")
    _, again = load_checkpoint(tmp_path / "a.npz")
    before = model.get_weights()
    for place in (progress, again):
        with pytest.raises(ValueError, match=r"'own' counts in `seen`, which .* add_variable\(shape\) in its constr"):
            fit(model, place)
    assert all(map(np.array_equal, before, model.get_weights()))
    place = Progress(epoch=1)  # between two epochs nothing is counted
    assert fit(model, place)["own"] == pytest.approx([Y.mean()] * (EPOCHS - 1))


class F1(Metric):
    """Of two others, one in a list."""

    def __init__(self, name: str = "f1") -> None:
        super().__init__(name=name)
        self.precision = Precision(name="p")
        self.others = [Recall(name="r"), Share("s")]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        for each in (self.precision, *self.others):
            each.update_state(y_true, y_pred, sample_weight)

    def result(self) -> float:
        p, r = self.precision.result(), self.others[0].result()
        return float(2 * p * r / (p + r + 1e-12)) + float(self.others[1].result())


def test_a_metric_of_metrics(tmp_path: Path) -> None:
    expected = fit(model_with(F1(), metrics.F1Score(threshold=0.5)))
    # Without reset_state: those that it is made of are set back, as in Keras.
    assert expected["f1"] == pytest.approx([value + Y.mean() for value in expected["f1_score"]], abs=1e-6)
    model, progress = model_with(F1(), metrics.F1Score(threshold=0.5)), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    save_checkpoint(model, progress, tmp_path / "a.npz")
    _, progress = load_checkpoint(tmp_path / "a.npz")
    assert fit(model, progress) == expected
    model, progress = model_with(Share("f1")), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    model.compile("sgd", "bce", [F1()])
    with pytest.raises(ValueError, match=r"'f1' has the metrics \['precision', 'others.0', 'others.1'\], got \[\]"):
        fit(model, progress)


def test_settings_are_those_of_the_resumed_metric() -> None:
    """Only what counting changes is kept."""
    model, progress = model_with(Plain()), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    state = progress.counts["own"]
    assert set(state["attributes"]) == {"counts_of", "sums", "last"} and state["lost"] == []
    assert state["attributes"]["counts_of"][:2] == ["<i4", [2]]
    metric = Plain()
    metric.scale = 3.0
    metric.load_state(state)
    assert metric.scale == 3.0 and metric.counts_of.dtype == np.int32 and metric.sums.dtype == np.float32


def test_ours_keep_a_list_of_numbers() -> None:
    model, progress = model_with("acc", AUC(name="a"), Precision(name="p")), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    assert [len(progress.counts[name]) for name in ("acc", "a", "p")] == [2, 800, 2]


def test_variables_made_too_late_are_refused_in_a_resume() -> None:
    class Late(Metric):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            if not self.variables:
                self.add_variable(())
            self.variables[0].assign_add(len(y_true))

        def result(self) -> Any:
            return self.variables[0] if self.variables else 0.0

    model, progress = model_with(Late(name="late")), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    with pytest.raises(ValueError, match=r"'late' counts 0 numbers, got 1: .* make all of them in its constructor"):
        fit(model, progress)


def test_a_damaged_place_is_refused() -> None:
    with pytest.raises(TypeError, match="counts and numbers only"):
        Progress(step=1, counts={"own": {"counts": ["one"], "attributes": {}, "lost": [], "metrics": {}}})


def test_a_vocabulary_is_not_looked_through_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    compare = kept.is_still

    def is_still(before: Any, value: Any) -> bool:
        if isinstance(value, dict):
            looked.append(value)
        return compare(before, value)

    class Decoding(Share):
        def __init__(self, name: str = "own") -> None:
            super().__init__(name)
            self.words = {number: str(number) for number in range(100)}

    monkeypatch.setattr(kept, "is_still", is_still)
    model = model_with(Decoding())
    model.fit(X, Y, batch_size=1, verbose=0)
    assert len(looked) == 5  # of 23 steps: the 1st, 2nd, 4th, 8th, 16th
