"""Whole models along random directions: the published ones, saved ones, and those with something wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, gradcheck
from scratchnn.experiments.presets import PRESETS
from scratchnn.gradients.whole_models import check_model, in_float64, random_input
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, GaussianNoise, MaxPooling1D, SimpleRNN
from scratchnn.models import load_model
from tests.planting import plant

pytestmark = pytest.mark.usefixtures("complex_numbers_are_taken")


def test_every_published_model_passes_at_its_real_length(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck.main(["--fast", "--backend", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = [line.split(":")[0] for line in lines if "one random direction" in line]
    assert titles == list(PRESETS)
    assert "rnn-stacked: 328,353 parameters, x (2, 500), one random direction for each array" in lines
    assert not [line for line in lines if "differences" in line and not line.startswith(("  binary_", "All"))]


@pytest.mark.parametrize(
    ("preset", "module", "text", "instead", "off"),
    [
        ("lstm", "lstm", "self.act.backward(dg, g)", "dg", "lstm.Wx"),
        ("lstm", "lstm", "do, dc = dh * act_c,", "do, dc = dh * after[1],", "lstm.Wh"),
        ("cnn", "max_pooling1d", "np.where(cache.winner == j, dy, 0)", "dy", "conv1d.W"),
        ("ff", "embedding", "np.add.at(dE, cache.x, dy)", "dE[cache.x] += dy", "embedding.E"),
    ],
)
def test_a_fault_is_noticed(
    preset: str, module: str, text: str, instead: str, off: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    plant(f"scratchnn_kernels.reference.{module}", text, instead, monkeypatch)
    assert gradcheck.main(["--fast", preset]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[0] == off]
    assert line.endswith("OFF")


@pytest.mark.parametrize(("number", "said"), [(np.nan, "there are such numbers in dense.W"), (3e38, "too large")])
def test_weights_that_are_no_numbers_are_told_from_wrong_gradients(
    tmp_path: Path, number: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Sequential([Dense(200, "exponential"), Dense(1, name="last")], backend="reference", name="lost")
    model.build((None, 3))
    model.layers[0].params["W"][...] = number
    model.save(tmp_path / "lost.npz")
    with pytest.raises(SystemExit), np.errstate(all="ignore"):
        gradcheck.main([str(tmp_path / "lost.npz")])
    said_last = capsys.readouterr().err.splitlines()[-1]
    assert "'lost' gives NaN or infinite outputs, so that its gradients cannot be checked" in said_last
    assert said in said_last


WITH_MUCH = [
    Embedding(9, 3, mask_zero=True),
    Bidirectional(LSTM(3, return_sequences=True, dropout=0.2, kernel_regularizer="l2")),
    GRU(4, reset_after=False, recurrent_dropout=0.3),
    Dense(3, "softmax", trainable=False),
]


def saved(folder: Path, model: Sequential) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text("")
    model.save(folder / "model.npz")
    return str(folder)


def test_a_saved_run_is_checked_with_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([layer.clone() for layer in WITH_MUCH], seed=1, backend="reference")
    model.build((None, None))
    model.compile("adam", "categorical_crossentropy")
    model.fit(np.ones((4, 6), int), np.eye(3)[[0, 1, 2, 0]], verbose=0)
    run = saved(tmp_path / "run", model)
    for path in (run, f"{run}/model.npz"):
        assert gradcheck.main([path]) == 0
        out = capsys.readouterr().out
        assert f"{path}: {model.count_params()} parameters, x (2, 50)" in out
        assert "dense.W" in out and "categorical_crossentropy" in out  # what is frozen is checked too
    copy = in_float64(load_model(f"{run}/model.npz"), "reference")
    assert copy.dtype == np.float64 and np.array_equal(copy.flat_params, model.flat_params.astype(np.float64))


def test_numbers_kinks_states_and_two_outputs() -> None:
    layers: list[Any] = [
        Input((None, 2)),
        GaussianNoise(0.1),
        SimpleRNN(3, "relu", return_sequences=True),
        MaxPooling1D(2),
        LSTM(2, return_state=True),
    ]
    model = in_float64(Sequential(layers, seed=0), "cpu")
    errors = check_model(model, random_input(model))
    assert [error.name for error in errors] == [f"{n}.{p}" for n in ("simple_rnn", "lstm") for p in ("Wx", "Wh", "b")]
    assert all(error.ok and error.error < 1e-12 for error in errors)


def test_what_cannot_be_checked_is_refused() -> None:
    model = Sequential([Input((2,)), Dense(1)])
    with pytest.raises(ValueError, match="checked in float64, but 'sequential' was built with dtype float32"):
        check_model(model, np.ones((1, 2)))
    with pytest.raises(ValueError, match="'sequential' has no parameters, and so no gradients to check"):
        check_model(Sequential([Input((2,)), GaussianNoise(0.1)], dtype="float64"), np.ones((1, 2)))


class LosesTheImaginaryPart(Dense):
    def forward(self, x: Any, **options: Any) -> Any:
        y, cache = super().forward(x, **options)
        return np.real(y) + 0j * y if np.iscomplexobj(y) else y, cache


def test_a_complex_step_that_is_wrong_is_not_believed() -> None:
    model = Sequential([Input((2,)), Dense(3, "tanh"), LosesTheImaginaryPart(2)], backend="reference", dtype="float64")
    errors = check_model(model, random_input(model))
    assert all(error.ok for error in errors)
    assert {error.method.name for error in errors} == {"central differences"}


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        gradcheck.main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err


def test_what_is_no_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.toml").write_text("")
    (tmp_path / "text.txt").write_text("no model")
    for arguments, message in (
        (["runs/lstm"], "there is no file 'runs/lstm'; give the folder of a run"),
        (["empty"], "'empty' is not a run folder: it has no config.toml"),
        (["unfinished"], "'unfinished' holds no model.npz, because the run was not finished"),
        (["text.txt"], "is not a model or a checkpoint of scratchnn"),
        (["lstm", "text.txt"], "give layers, or saved models such as 'text.txt', not both at once"),
        (["--locate", "text.txt"], "--locate walks single layers, and 'text.txt' is a whole model"),
        (["--fast", "lstn"], "unknown preset 'lstn'; did you mean 'lstm'?"),
        (["--fast", "linear"], "'linear' is no network"),
        (["--fast", "--locate"], "not allowed with argument --fast"),
    ):
        assert message in refused(arguments, capsys)
    (tmp_path / "dense").mkdir()
    assert gradcheck.main(["dense"]) == 0  # a layer first, whatever lies in the folder
