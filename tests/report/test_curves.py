"""The curves: every case of a history draws, readers find the words, and equal histories give equal files."""

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import pytest

from scratchnn.report.curves import _epoch_ticks, plot_curves

HISTORY = {
    "loss": [0.7, 0.5, 0.4, 0.3],
    "accuracy": [0.5, 0.7, 0.8, 0.9],
    "val_loss": [0.69, 0.45, 0.42, 0.5],
    "val_accuracy": [0.51, 0.79, 0.83, 0.82],
}


def texts(svg: Path) -> list[str]:
    return ["".join(element.itertext()) for element in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_files_and_words(tmp_path: Path) -> None:
    written = plot_curves(HISTORY, tmp_path / "curves", title="LSTM at $5 & <more>")
    assert written == [tmp_path / "curves.svg", tmp_path / "curves.png"]
    assert written[1].read_bytes().startswith(b"\x89PNG")
    words = texts(written[0])
    for expected in (
        "LSTM at $5 & <more>",
        "Accuracy",
        "Loss",
        "train",
        "validation",
        "epoch",
        "validation 83.0% at best epoch 3",
        "lowest validation loss 0.420 at best epoch 3",
    ):
        assert expected in words
    assert [word for word in words if word in "1234"] == list("1234") * 2


@pytest.mark.parametrize(
    "history",
    [
        {key: values[:1] for key, values in HISTORY.items()},
        {"loss": [0.7, 0.5], "accuracy": [0.5, 0.6]},
        {"loss": [0.7, 0.5]},
        {"val_accuracy": [0.5, 0.5]},
        {**HISTORY, "loss": [0.7, math.nan, math.inf, -math.inf], "val_loss": [math.nan] * 4},
        {**HISTORY, "val_loss": [], "val_accuracy": [0.5]},
        {**HISTORY, "epoch": [1, 2, 3, 4], "seconds": [1.0] * 4},
        {"accuracy": [1.0] * 500, "val_accuracy": [1e-9] * 500, "loss": [1e30] * 500},
    ],
)
def test_every_history_draws(tmp_path: Path, history: dict[str, list[float]]) -> None:
    (svg,) = plot_curves(history, tmp_path / "c.svg")
    words = texts(svg)
    assert ("train" in words) == any(key in history for key in ("loss", "accuracy"))
    assert ("validation" in words) == any(key.startswith("val_") for key in history)
    assert "1" in words
    first = "Accuracy" if any("accuracy" in key for key in history) else "Loss"
    assert "0" not in words[: words.index(first)]  # there is no epoch 0


def test_nothing_to_draw(tmp_path: Path) -> None:
    for history in ({}, {"loss": []}, {"seconds": [1.0]}):
        with pytest.raises(ValueError, match="at least one epoch"):
            plot_curves(history, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_best_is_the_lowest_validation_loss_whatever_the_accuracy(tmp_path: Path) -> None:
    other = {**HISTORY, "val_accuracy": [0.51, 0.79, 0.8, 0.9]}
    (svg,) = plot_curves(other, tmp_path / "c.svg")
    assert {"validation 80.0% at best epoch 3", "lowest validation loss 0.420 at best epoch 3"} <= set(texts(svg))
    (svg,) = plot_curves({"val_accuracy": [0.5, 0.7, 0.6]}, tmp_path / "c.svg")
    assert not [word for word in texts(svg) if "best" in word]


@pytest.mark.parametrize("epochs", [*range(1, 60), 100, 999, 12_345])
def test_epoch_ticks(epochs: int) -> None:
    ticks = _epoch_ticks(epochs)
    assert ticks[0] == 1
    assert len(ticks) <= 11
    assert epochs - ticks[-1] < max(2, epochs / 4)
    assert epochs > 10 or ticks == list(range(1, epochs + 1))


def test_losses_near_each_other_are_written_whole(tmp_path: Path) -> None:
    svg, _ = plot_curves({"loss": [1.0983], "val_loss": [1.0981]}, tmp_path / "x")
    text = svg.read_text(encoding="utf-8")
    assert ">1.09815<" in text and ">+1.098" not in text


def test_equal_histories_give_equal_files(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in plot_curves(HISTORY, tmp_path / "a")]
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.fonttype": "path"}):
        second = [path.read_bytes() for path in plot_curves(HISTORY, tmp_path / "b")]
        assert matplotlib.rcParams["font.size"] == 20
    assert first == second
    script = "import sys; from scratchnn.report.curves import plot_curves; plot_curves(eval(sys.argv[1]), sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, repr(HISTORY), str(tmp_path / "c")], check=True)
    assert [(tmp_path / f"c.{suffix}").read_bytes() for suffix in ("svg", "png")] == first


def test_matplotlib_is_loaded_late_and_pyplot_never(tmp_path: Path) -> None:
    script = """
import sys
import scratchnn.experiments.folder, scratchnn.core.files.container
import scratchnn.report.console, scratchnn.report.curves, scratchnn.report.diagram
assert not {"matplotlib", "tqdm", "numba"} & sys.modules.keys()
scratchnn.report.curves.plot_curves({"loss": [1.0]}, sys.argv[1])
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "c")], check=True)
