"""A saved model as a preset: its architecture and what it was compiled with, and none of its parameters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, optimizers
from scratchnn.experiments.model_file import read
from scratchnn.experiments.preparation import build_model
from scratchnn.layers import LSTM, Dense, Dropout, Embedding, Flatten, Lambda

OPTIMIZER: dict[str, Any] = {"learning_rate": 0.02, "beta_1": 0.5, "clipnorm": 1.0}


def layers(outputs: int = 1, activation: str | None = None, **settings: Any) -> list[Any]:
    last = Dense(outputs, activation=activation or ("sigmoid" if outputs == 1 else "softmax"))
    return [Embedding(40, 6, **settings), LSTM(5), Dropout(0.3), last]


def model_of(parts: list[Any], loss: str | None = "binary_crossentropy", seed: int = 9, T: int = 12) -> Model:
    model = Sequential([Input((T,)), *parts], backend="reference", seed=seed)
    if loss is not None:
        model.compile(optimizers.Adam(**OPTIMIZER), loss)
    return model


def saved(model: Model, path: Path) -> Path:
    model.save(path)
    return path


def test_it_is_trained_anew_as_it_was_compiled(tmp_path: Path) -> None:
    model = model_of(layers())
    x, y = np.arange(24).reshape(2, 12), np.array([0, 1])
    model.fit(x, y, epochs=2, verbose=0)
    preset = read(saved(model, tmp_path / "mine.npz"))
    settings = preset.settings(backend="reference", seed=4)
    assert (preset.name, settings.vocabulary, settings.length, settings.optimizer) == ("mine", 40, 12, "adam")
    anew, fresh = build_model(settings, preset), model_of(layers(), seed=4)
    for each, other in zip(anew.get_weights(), fresh.get_weights(), strict=True):
        assert each.tobytes() == other.tobytes(), "the weights are those of the seed"
    assert anew.optimizer is not None and fresh.optimizer is not None
    assert anew.optimizer.get_config() == fresh.optimizer.get_config()
    for each in (anew, fresh):
        each.fit(x, y, epochs=2, verbose=0)
    assert anew.flat_params.tobytes() == fresh.flat_params.tobytes()


def test_settings_have_the_last_word(tmp_path: Path) -> None:
    preset = read(saved(model_of(layers()), tmp_path / "mine.npz"))
    slower = build_model(preset.settings(backend="reference", learning_rate=0.001), preset).optimizer
    other = build_model(preset.settings(backend="reference", optimizer="sgd"), preset).optimizer
    expected = optimizers.Adam(**OPTIMIZER | {"learning_rate": 0.001})
    assert slower is not None and slower.get_config() == expected.get_config()
    assert other is not None and other.get_config() == optimizers.SGD().get_config()
    assert build_model(preset.settings(backend="reference", length=7, vocabulary=20), preset).input_shape == (None, 7)
    for chosen, told in (({"vocabulary": 41}, "its embedding knows 40 ids"), ({"units": 3}, "makes its layers itself")):
        with pytest.raises(ValueError, match=told):
            build_model(preset.settings(backend="reference", **chosen), preset)


def test_it_is_taken_as_it_is(tmp_path: Path) -> None:
    of_three = read(saved(model_of(layers(3), None), tmp_path / "three.npz"))
    assert build_model(of_three.settings(backend="reference"), of_three.with_classes(3, 6)).output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"'three' has 3 outputs, and there are 2 classes: end it in Dense\(1, activ"):
        of_three.with_classes(2)
    with pytest.raises(ValueError, match="an embedding of 6 features, and the vectors have 50"):
        of_three.with_classes(3, 50)


def test_a_run_names_its_model(tmp_path: Path) -> None:
    (tmp_path / "lstm-2026").mkdir()
    assert read(saved(model_of(layers()), tmp_path / "lstm-2026" / "best.npz")).name == "lstm-2026"


def frozen() -> Model:
    model = model_of(layers())
    model.layers[0].trainable = False
    return model


def double(x: Any) -> Any:
    return 2 * x


OWN = Lambda(double, backward=lambda dy, x, y: 2 * dy)
REFUSED: dict[str, tuple[Callable[[], Model], str]] = {
    "frozen": (frozen, "some of it is frozen, and would stay as the seed draws it"),
    "code": (lambda: model_of([Embedding(40, 6), Flatten(), OWN, *layers()[-1:]]), "of your own, and no"),
    "numbers": (lambda: model_of(layers()[-1:]), "texts come as ids, so begin with an Embedding"),
    "no probability": (lambda: model_of(layers(1, "linear")), "must be a probability.* its activation is linear"),
    "one-hot": (lambda: model_of(layers(3), "categorical_crossentropy"), "labelled with numbers of classes"),
    "sequences": (
        lambda: model_of([Embedding(40, 6), LSTM(5, return_sequences=True), Dense(1, activation="sigmoid")]), "one row",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    make, told = REFUSED[name]
    with pytest.raises(ValueError, match=told) as caught:
        read(saved(make(), tmp_path / "mine.npz"))
    assert "mine.npz" in str(caught.value)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "no.npz").write_bytes(b"nothing")
    for path, told in (("no.npz", "cannot be read"), ("none.npz", "is not there")):
        with pytest.raises(ValueError, match=told):
            read(tmp_path / path)
    for path, told in (("lstm.npz", "'lstm' is a preset of scratchnn already"), ("a b.npz", "files are named after")):
        with pytest.raises(ValueError, match=told):
            read(saved(model_of(layers()), tmp_path / path))
