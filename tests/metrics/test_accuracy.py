"""Which accuracy "accuracy" is: by the shapes of outputs and targets, whatever the loss, as in Keras."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model, metrics
from scratchnn.layers import Dense, Input
from scratchnn.metrics.accuracies import accuracy_by_shapes
from scratchnn.optimizers import SGD
from tests.metrics.accuracy_cases import CASES, LABELS, ROWS, Case

each_case = pytest.mark.parametrize("case", CASES, ids=[f"{c.loss} {c.y.shape} {c.target.shape}" for c in CASES])


def model_for(case: Case, backend: str = "reference") -> Sequential:
    """A model that returns its input, whatever it is trained with."""
    width = case.y.shape[-1]
    model = Sequential([Input(case.y.shape[1:]), Dense(width)], backend=backend)
    model.set_weights([np.eye(width), np.zeros(width)])
    model.compile(SGD(1e-9), case.loss, metrics=["accuracy"], weighted_metrics=["acc"])
    return model


@each_case
def test_it_is_the_one_of_keras(case: Case, tmp_path: Any) -> None:
    model = model_for(case)
    expected = pytest.approx([case.bare, case.weighted], abs=1e-6)
    sets = {"verbose": 0, "sample_weight": case.weight}
    found = model.evaluate(case.y, case.target, batch_size=8, return_dict=True, **sets)
    assert isinstance(found, dict) and [found["accuracy"], found["acc"]] == expected
    found = model.test_on_batch(case.y, case.target, sample_weight=case.weight, return_dict=True)
    assert isinstance(found, dict) and [found["accuracy"], found["acc"]] == expected
    validation = (case.y, case.target, case.weight)
    history = model.fit(case.y, case.target, batch_size=8, epochs=2, validation_data=validation, **sets).history
    for key, value in (("accuracy", case.bare), ("acc", case.weighted)):
        assert history[key] == history[f"val_{key}"] == pytest.approx([value] * 2, abs=1e-6)
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz").evaluate(case.y, case.target, return_dict=True, **sets)
    assert isinstance(again, dict) and [again["accuracy"], again["acc"]] == expected


def test_the_numbers_tell_the_accuracies_apart() -> None:
    """Otherwise the test above could not fail."""
    found = [
        metrics.BinaryAccuracy()(LABELS, ROWS),
        metrics.CategoricalAccuracy()(LABELS, ROWS),
        metrics.Accuracy()(LABELS, ROWS),
    ]
    assert len(set(found)) == 3 and found[1] == 0.4


@pytest.mark.parametrize("name", ["accuracy", "acc", "Accuracy", "ACC"])
def test_it_is_chosen_once_and_called_what_it_was_asked_for(name: str) -> None:
    metric: Any = metrics.get(name)
    metric.update_state([[1.0], [0.0]], [[0.7], [0.6]])
    assert metric.name == name and metric.result() == 0.5
    assert metric.measure is metrics.binary_accuracy  # nothing is chosen again in the next step
    assert metric.fresh().result() == 0


@pytest.mark.parametrize(
    ("target", "y", "function"),
    [
        ((8, 1), (8, 1), metrics.binary_accuracy),
        ((8,), (8, 1), metrics.binary_accuracy),
        ((8, 5), (8, 5, 1), metrics.binary_accuracy),
        ((8,), (8, 3), metrics.sparse_categorical_accuracy),
        ((8, 1), (8, 3), metrics.sparse_categorical_accuracy),
        ((8, 5), (8, 5, 3), metrics.sparse_categorical_accuracy),
        ((8, 3), (8, 3), metrics.categorical_accuracy),
        ((8, 5, 3), (8, 5, 3), metrics.categorical_accuracy),
    ],
)
def test_shapes_decide(target: tuple[int, ...], y: tuple[int, ...], function: Any) -> None:
    assert accuracy_by_shapes(target, y) is function
