"""What `--explain-kernels` prints, for models of every kind; there is no device here, and none is asked for."""

import sys

import pytest
from scratchnn_kernels.gpu import dispatch

from examples.min_gru import MinGRU
from scratchnn import Sequential, layers
from scratchnn.report.kernels import kernels_text, rules_text
from scratchnn.train import main


@pytest.fixture(autouse=True)
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not installed: importing it fails."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines about layers."""
    assert main(["--explain-kernels", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    text, table = out.split("\n\n")
    assert table.rstrip() == rules_text()
    return text.splitlines()


def test_a_published_model(capsys: pytest.CaptureFixture[str]) -> None:
    title, *lines = explained(capsys, "--arch", "lstm", "--batch-size", "25", "--length", "80")
    assert title.startswith('gpu kernels of "lstm", a batch of 25 rows of 80 steps in float32')
    assert [line.split()[0] for line in lines if "->" in line] == ["embedding", "lstm", "dense", "dropout", "dense_1"]
    place, words = lines[1].split("  persistent: ")
    assert place.endswith("  (25, 80, 16) -> (25, 32)")
    assert words == "1 launch forward, 1 backward (stepwise 160 and 240)"
    assert lines[2].strip() == "25 blocks of 128 threads, 32 of 32 weights in registers"
    assert lines[3].strip() == dispatch.TABLE[0].why
    assert lines[0].endswith("(25, 80) -> (25, 80, 16)  embedding.py")


def test_every_layer_of_a_stack_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained(capsys, "--arch", "rnn")
    assert sum("persistent: 1 launch forward, 1 backward" in line for line in lines) == 2


@pytest.mark.parametrize("arch", ["bilstm", "birnn"])
def test_both_directions_are_told(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained(capsys, "--arch", arch)
    place = next(n for n, line in enumerate(lines) if "(Bidirectional)" in line)
    assert "from the start: persistent" in lines[place]
    assert lines[place + 3].strip().startswith("from the end: persistent")


def test_a_recurrent_layer_behind_pooling_has_fewer_steps(capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained(capsys, "--arch", "cnn-lstm")
    assert "(stepwise 36 and 54)" in next(line for line in lines if "(LSTM)" in line)


def test_layers_of_every_size() -> None:
    model = Sequential(
        [
            layers.Embedding(9, 5),
            layers.GRU(100, return_sequences=True, reset_after=False),
            layers.LSTM(129, return_sequences=True),
            layers.Flatten(),
            layers.Dense(1),
        ],
        backend="reference",
    )
    model.build((None, 7))
    _, _, gru, shape, _, lstm, _, flatten, dense, *_ = kernels_text(model, 3, 7).splitlines()
    assert gru.endswith("persistent: 4 launches forward, 4 backward (stepwise 28 and 35)")
    assert shape.strip() == "3 blocks of 416 threads, 80 of 100 weights in registers"
    assert lstm.endswith("(3, 7, 100) -> (3, 7, 129)  stepwise: 14 launches forward, 21 backward")
    assert flatten.endswith("array code, no kernel") and dense.endswith("dense.py")


def test_a_layer_that_the_gpu_refuses() -> None:
    around_a_cell = layers.RNN(MinGRU(4), return_sequences=True)
    model = Sequential(
        [layers.Embedding(9, 5), around_a_cell, layers.Bidirectional(layers.RNN(MinGRU(3)))], backend="reference"
    )
    model.build((None, 7))
    _, _, alone, start, end, *_ = kernels_text(model, 2, 7).splitlines()
    refused = "none: this layer runs on the reference backend only"
    assert alone.endswith(f"(2, 7, 5) -> (2, 7, 4)  {refused}")
    assert start.endswith(f"from the start: {refused}") and end.strip() == f"from the end: {refused}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--resume", "runs/some"], "give --arch and the sizes in place of --resume"),
        (["--batch-size", "0"], "batch_size must be a whole number from 1"),
        (["--arch", "cnn", "--length", "3"], "conv1d"),
    ],
)
def test_what_cannot_be_explained(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain-kernels", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and words in err
