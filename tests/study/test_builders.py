"""Models of one's own compared in Python: each is trained as `fit` trains it, and what cannot be used is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import GRU, Dense, Embedding, Flatten
from scratchnn.models.model import Model
from scratchnn.study.builders import compare

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6, 2)).astype(np.float32)
Y = np.where(X[:, 0, 0] > 0.3, "up", np.where(X[:, 0, 1] > 0, "mid", "low"))
TEST = X[60:], Y[60:]


def small(seed: int) -> Model:
    model = Sequential([GRU(4), Dense(3, activation="softmax")], seed=seed, backend="reference")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def flat(seed: int) -> Model:
    model = Sequential([Flatten(), Dense(3, activation="softmax")], seed=seed, backend="reference")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def compared(builders: Any = small, **arguments: Any) -> Any:
    given = {"test_data": TEST, "seeds": 2, "epochs": 2, "verbose": 0, **arguments}
    return compare(builders, X[:60], Y[:60], **given)


def test_each_model_is_trained_as_fit_trains_it() -> None:
    found = compared({"small": small, "flat": flat}, seeds=[5, 3], class_weight={"up": 2.0})
    assert [(run.model, run.seed) for run in found.results] == [("small", 5), ("flat", 5), ("small", 3), ("flat", 3)]
    numbers = np.searchsorted(["low", "mid", "up"], Y)
    model = small(3)
    history = model.fit(
        X[:60], numbers[:60], epochs=2, validation_split=0.2, class_weight={0: 1, 1: 1, 2: 2.0}, verbose=0
    )
    (run,) = (run for run in found.results if (run.model, run.seed) == ("small", 3))
    assert run.error is None
    assert run.tested["last"].probabilities.tobytes() == model.predict(X[60:], verbose=0).tobytes()
    assert run.history["val_loss"] == history.history["val_loss"]
    assert "on 2 models" not in str(found) and "of the test examples" in found.verdict and "review" not in str(found)
    assert list(found.accuracies) == ["small", "flat"] and len(found.accuracies["flat"]) == 2


def test_two_classes_and_a_page(tmp_path: Path) -> None:
    def one(seed: int) -> Model:
        model = Sequential([Embedding(9, 3), Flatten(), Dense(1, activation="sigmoid")], seed=seed, backend="reference")
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    x, y = RNG.integers(0, 9, (50, 4)), RNG.integers(0, 2, 50)
    test = x[:10], y[:10]
    found = compare(one, x[10:], y[10:], test_data=test, seeds=2, epochs=1, protocol="last", verbose=0)
    page = found.write(tmp_path).read_text(encoding="utf-8")
    assert found.results[0].model == "one" and found.results[0].tested["last"].probabilities.shape == (10,)
    shown = page.split("</style>")[1]
    assert "review" not in shown and "Accuracy on the test examples" in shown and "vocabulary" not in shown
    assert (tmp_path / "model-one.svg").exists() and not (tmp_path / "by-length.svg").exists()


def test_a_folder_is_gone_on_with_and_tells_models_apart(tmp_path: Path) -> None:
    first = compared(out=tmp_path)
    calls: list[int] = []

    def again(seed: int) -> Model:
        calls.append(seed)
        return small(seed)

    second = compared({"small": again}, seeds=3, out=tmp_path)
    assert set(calls) == {0, 2}, "seed 0 to see the layers, and what is new"
    assert [run.tested["last"].weights for run in second.results[:2]] == [
        run.tested["last"].weights for run in first.results
    ]
    with pytest.raises(ValueError, match="holds runs of 'small' with other layers or settings"):
        compared({"small": flat}, out=tmp_path)
    with pytest.raises(ValueError, match=r"another study: data is .* there"):
        compared(out=tmp_path, test_data=(X[61:], Y[61:]))


def test_labels_may_be_words_as_objects() -> None:
    found = compare(
        small, X[:60], Y[:60].astype(object), test_data=(X[60:], Y[60:].astype(object)), seeds=1, epochs=1, verbose=0
    )
    same = compared(seeds=1, epochs=1)
    assert found.results[0].tested["last"].weights == same.results[0].tested["last"].weights


def of(layers: Callable[[], list[Any]], loss: str = "sparse_categorical_crossentropy") -> Callable[[int], Model]:
    def build(seed: int) -> Model:
        model = Sequential(layers(), seed=seed, backend="reference")
        model.compile("adam", loss)
        return model

    return build


KEPT = small(0)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a model": ({"builders": small(0)}, "give a function that makes one for a seed"),
    "no model": ({"builders": lambda seed: seed}, "must return a compiled model, got 0"),
    "its own seed": ({"builders": lambda seed: small(7)}, r"returned a model of the seed 7: hand the seed on"),
    "not compiled": ({"builders": lambda seed: Sequential([Dense(3)], seed=seed)}, "is not compiled"),
    "other layers": ({"builders": lambda seed: (small, flat)[seed](seed)}, "makes other layers for seed 1"),
    "outputs": (
        {"builders": {"two": of(lambda: [GRU(4), Dense(2, activation="softmax")])}},
        r"^'two' has 2 outputs, and there are 3 classes: end it in Dense\(3, activation='softmax'\)$",
    ),
    "logits": ({"builders": of(lambda: [GRU(4), Dense(3)])}, "must be a probability"),
    "a label": ({"test_data": (X[:2], ["up", "down"])}, "test_data has the label 'down', which y has not"),
    "shapes": ({"test_data": (X[:2], Y[:3])}, r"test_data: expected examples .* got shapes \(2, 6, 2\) and \(3,\)"),
    "no pair": ({"test_data": (X[0], X[1])}, "test_data: expected examples"),
    "a weight": ({"class_weight": {"down": 2.0}}, "class_weight has 'down'"),
    "no seed": ({"seeds": []}, "seeds must be how many"),
    "nothing to validate": ({"validation_split": 0.0}, "nothing to validate on"),
    "other examples": (
        {"test_data": (X[:2, :, :1], Y[:2])},
        r"test_data has examples of another shape than x: \(6, 1\)",
    ),
    "a name of no file": ({"builders": {"a/b": small}}, "files are named after a model, .* got 'a/b'"),
    "no name": ({"builders": {"": small}}, "files are named after a model, .* got ''"),
    "a protocol": ({"protocol": "first"}, "unknown protocol 'first'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    arguments, told = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=told):
        found = compared(**arguments)
        raise ValueError(found.results[-1].error)  # what only the second seed shows


def test_a_model_that_is_handed_out_twice_is_told() -> None:
    KEPT.fit(X[:4], np.array([0, 1, 2, 0]), verbose=0)
    with pytest.raises(ValueError, match="is trained already: make a new one in every call"):
        compared(lambda seed: KEPT, seeds=1)
