"""What a notebook and an editor show: a cell's last value, a progress bar, signatures; cells can be run again."""

import importlib
import inspect
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratchnn
from scratchnn import Sequential
from scratchnn.callbacks import CSVLogger, History, ModelCheckpoint
from scratchnn.core import backend as backends
from scratchnn.data import Imdb, Vocabulary, imdb
from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, Dense, Dropout, Embedding, Input, SimpleRNN
from scratchnn.report.console import Console

WAIT = 1.5  # seconds
IDS = np.random.default_rng(0).integers(1, 20, (12, 6))
LABELS = IDS[:, 0] % 2


def small_model(**settings: Any) -> Sequential:
    model = Sequential([Embedding(20, 4), LSTM(3), Dense(1, activation="sigmoid")], seed=1, **settings)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


# ---- the last value of a cell


def test_a_model_says_what_it_is_and_shows_its_diagram() -> None:
    model = small_model(name="tiny")
    assert repr(model) == "<Sequential 'tiny', 3 layers, not built>"
    assert model._repr_svg_() is None
    model.build((None, 6))
    assert repr(model) == "<Sequential 'tiny', 3 layers, (None, 6) -> (None, 1), 180 parameters>"
    svg = model._repr_svg_()
    assert svg is not None and "<svg" in svg and "LSTM" in svg and "180 parameters in all" in svg


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (LSTM(3), "<LSTM, 3 units, tanh, not built>"),
        (Dense(2, "relu", name="top"), "<Dense 'top', 2 units, relu, not built>"),
        (Dropout(0.5), "<Dropout, rate 0.5, not built>"),
        (Bidirectional(GRU(3)), "<Bidirectional, GRU, 3 units, tanh, concat, not built>"),
    ],
)
def test_a_layer_says_what_it_is(layer: Any, expected: str) -> None:
    assert repr(layer) == expected


def test_a_built_layer_says_its_shapes() -> None:
    model = Sequential([Input((6, 2)), LSTM(3, return_state=True)], backend="reference")
    model.require_built()
    expected = "(None, 6, 2) -> ((None, 3), (None, 3), (None, 3)), 72 parameters"
    assert repr(model.layers[0]) == f"<LSTM 'lstm', 3 units, tanh, {expected}>"
    model.layers[0].trainable = False
    assert repr(model.layers[0]) == f"<LSTM 'lstm', 3 units, tanh, {expected}, frozen>"


def test_a_history_says_its_last_numbers_and_shows_its_curves() -> None:
    assert repr(History()) == "<History of 0 epochs>" and History()._repr_svg_() is None
    history = small_model(backend="reference").fit(IDS, LABELS, epochs=2, verbose=0, validation_split=0.25)
    last = {key: values[-1] for key, values in history.history.items()}
    assert [*last] == ["loss", "accuracy", "val_loss", "val_accuracy"]
    numbers = ", ".join(f"{key} {value:.4g}" for key, value in last.items())
    assert repr(history) == f"<History of 2 epochs: {numbers}>"
    svg = history._repr_svg_()
    assert svg is not None and "Accuracy" in svg and "validation" in svg


@pytest.mark.parametrize(("metric", "title"), [("mae", "Mae"), ("auc", "Auc"), (None, None)])
def test_the_curves_are_those_of_the_first_metric(metric: str | None, title: str | None) -> None:
    model = Sequential([Embedding(20, 4), LSTM(3), Dense(1, activation="sigmoid")], backend="reference")
    model.compile("adam", "binary_crossentropy", metrics=None if metric is None else [metric])
    svg = model.fit(IDS, LABELS, verbose=0)._repr_svg_()
    assert svg is not None and ">Loss<" in svg and ">Accuracy<" not in svg
    assert title is None or f">{title}<" in svg


def test_data_are_one_line() -> None:
    for data in (imdb.load(synthetic=True, num_words=100, maxlen=5), Vocabulary.from_ranked(["the", "film"])):
        assert len(repr(data)) < 150 and "array" not in repr(data)
        assert type(data).__name__ in repr(data) and isinstance(data, Imdb | Vocabulary)


# ---- running a cell again


@pytest.mark.parametrize(
    ("name", "make"), [("a.npz", ModelCheckpoint), ("a.csv", CSVLogger)], ids=["checkpoint", "csv"]
)
def test_a_file_of_an_earlier_run_is_replaced_where_that_is_said(
    name: str, make: Callable[..., Any], tmp_path: Path
) -> None:
    def cell(**settings: Any) -> bytes:
        model = small_model(backend="reference")
        model.fit(IDS, LABELS, epochs=2, verbose=0, callbacks=[make(tmp_path / name, **settings)])
        return (tmp_path / name).read_bytes()

    first = cell()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        cell()
    assert (tmp_path / name).read_bytes() == first
    (tmp_path / name).write_bytes(b"something else")
    assert cell(overwrite=True) == first


def test_a_log_is_continued_or_replaced_not_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose one"):
        CSVLogger(tmp_path / "a.csv", append=True, overwrite=True)


# ---- progress


class OutStream(io.StringIO):
    """A notebook's standard output, which is no terminal."""

    __module__ = "ipykernel.iostream"


def test_a_notebook_has_a_bar_among_its_rows() -> None:
    out, err = OutStream(), io.StringIO()
    small_model(backend="reference").fit(IDS, LABELS, 2, verbose=1, console=Console(out, err))
    assert err.getvalue() == ""
    head, *bars, row = filter(None, re.split(r"\n|(?=\r)", out.getvalue()))
    assert "val_loss" in head
    assert bars[0].startswith("\repoch 1/1:   0%|") and bars[-1].strip() == ""  # which is wiped before the row
    assert row.startswith("\r  1 ")


class Waits(backends.Backend):
    """The reference backend, of which a step must wait for two kernels."""

    calls: list[Any] = []  # noqa: RUF012 - a field of a frozen dataclass would be no attribute of the class

    def watch_compilation(self, begins: Callable[[str], None], waited: Callable[[float], None]) -> Any:
        self.calls[:] = [begins, waited]
        return super().watch_compilation(begins, waited)

    def rough_squared_norm(self, x: Any) -> Any:
        if self.calls:
            begins, waited = self.calls
            self.calls.clear()
            begins("lstm forward")
            begins("lstm backward")
            time.sleep(WAIT)
            waited(WAIT)
        return super().rough_squared_norm(x)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_compiling_is_announced_and_is_not_training(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(err, "isatty", lambda: is_terminal)
    model = small_model(backend="reference")
    vars(model)["backend"] = Waits("reference", model.backend.kernels)
    history = model.fit(IDS, LABELS, 2, epochs=2, console=Console(out, err))
    told = [] if is_terminal else ["compiling kernels, once on this machine"]
    rows = out.getvalue().splitlines()
    assert [*told, f"compiled 2 kernels in {WAIT} s, once on this machine"] == [row for row in rows if "compil" in row]
    assert rows[-2].startswith("  1 ") and rows[-1].startswith("  2 ")
    assert ("compiling kernels, once on this machine: lstm backward" in err.getvalue()) == is_terminal
    assert 0 < history.records[0]["seconds"] < WAIT  # of a few milliseconds
    assert history.records[0]["reviews_per_second"] > len(IDS) / WAIT


# ---- signatures


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM, GRU, RNN])
def test_recurrent_layers_name_every_setting(layer: Any) -> None:
    parameters = inspect.signature(layer).parameters
    assert {"use_bias", "dropout", "return_sequences", "stateful", "name", "trainable"} <= set(parameters)
    assert all(each.kind is not inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    assert ("units" in parameters) == (layer is not RNN)
    assert parameters["recurrent_initializer"].default == "orthogonal"


def test_settings_for_type_checkers_are_those_of_the_constructor() -> None:
    recurrent = importlib.import_module("scratchnn.layers.recurrent")
    by_name = inspect.signature(recurrent.Recurrent).parameters.values()
    taken = {each.name for each in by_name if each.kind is inspect.Parameter.KEYWORD_ONLY}
    assert set(recurrent.RecurrentSettings.__annotations__) == taken


@pytest.mark.parametrize("package", ["scratchnn", "scratchnn_kernels"])
def test_type_checkers_may_read_the_annotations(package: str) -> None:
    found = importlib.import_module(package)
    assert (Path(str(found.__file__)).parent / "py.typed").exists()
    assert scratchnn.__name__ == "scratchnn"
