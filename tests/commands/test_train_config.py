"""`train --config`: what a run wrote is read back, flags override it, and what is no setting is refused by name."""

import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from scratchnn import load_model
from scratchnn.experiments import config_file
from scratchnn.train import main

SMALL = [
    "--arch",
    "rnn",
    "--vocabulary",
    "60",
    "--length",
    "12",
    "--units",
    "4",
    "--train-reviews",
    "200",
    "--epochs",
    "1",
]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    assert main([*SMALL, "--synthetic", "--seed", "3", "--quiet", "--out", str(out)]) == 0
    return next(out.iterdir())


def only_run(out: Path) -> Path:
    (run,) = out.iterdir()
    return run


def test_the_same_run_again(first: Path, tmp_path: Path) -> None:
    assert main(["--config", str(first / "config.toml"), "--quiet", "--out", str(tmp_path)]) == 0
    models = [load_model(run / "model.npz", backend="reference") for run in (first, only_run(tmp_path))]
    assert np.array_equal(*(model.flat_params for model in models))
    settings = [model.metadata["settings"] | {"out": ""} for model in models]
    assert settings[0] == settings[1]


def test_flags_override_it(first: Path, tmp_path: Path) -> None:
    """The folder of the run will do."""
    assert main(["--config", str(first), "--arch", "ff", "--units", "5", "--quiet", "--out", str(tmp_path)]) == 2
    run = ["--config", str(first), "--arch", "gru", "--seed", "4", "--quiet", "--out", str(tmp_path)]
    assert main(run) == 0
    then, now = (tomllib.loads((each / "config.toml").read_text()) for each in (first, only_run(tmp_path)))
    changed = {name for name in {**then, **now} if then.get(name) != now.get(name)}
    assert changed == {"arch", "seed", "out"}


def test_other_data_are_refused_unless_they_are_named(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (first / "config.toml").read_text()
    digest = tomllib.loads(text)["data"]["digest"]
    other = tmp_path / "other.toml"
    other.write_text(text.replace(digest, "f" * 64))
    assert main(["--config", str(other), "--out", str(tmp_path / "runs")]) == 2
    assert f"--config is of a run on the data ffffffff, found {digest[:8]}" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert main(["--config", str(first), "--data", "nowhere", "--out", str(tmp_path / "runs")]) == 2
    assert "--synthetic makes its reviews itself" in capsys.readouterr().err
    assert main(["--config", str(first), "--resume", str(first)]) == 2
    assert "a resumed run keeps its settings; leave out --config" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lenght = 20", "'lenght' is no setting; did you mean 'length'? Known: arch, vocabulary, length"),
        ("length = 0", "length must be a whole number from 1 to 10000, got 0"),
        ("length = '20'", "length must be a whole number, got '20'"),
        ("synthetic = 'no'", "synthetic must be true or false, got 'no'"),
        ("out = 3", "out must be text, got 3"),
        ("arch = 'lstn'", "unknown preset 'lstn'; did you mean 'lstm'?"),
        ("length = ", "is no TOML file"),
        ("[data]\ntexts = 3", "data.texts must be a table, got 3"),
        ("[data]\ndigest = 3", "data.digest must be text, got 3"),
        ("versions = 3", "versions must be a table, got 3"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_refused(text: str | None, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text)
    assert main(["--config", str(file), "--synthetic", "--out", str(tmp_path / "runs")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert expected in told
    assert not (tmp_path / "runs").exists()


@pytest.mark.filterwarnings("ignore:.*are training texts too:scratchnn.data.DataWarning")
def test_texts_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In parts of their own: the recorded split has no effect, and is not refused as a choice without one."""
    for part, label, n in product(("train", "test"), ("good", "bad"), range(6)):
        file = tmp_path / "texts" / part / label / f"{n}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"a {label} film, number {n}")
    own = ["--data", str(tmp_path / "texts"), "--min-count", "1", "--arch", "bow", "--epochs", "2", "--quiet"]
    assert main([*own, "--out", str(tmp_path / "first")]) == 0
    run = only_run(tmp_path / "first")
    assert main(["--config", str(run), "--quiet", "--out", str(tmp_path / "second")]) == 0
    again = only_run(tmp_path / "second")
    models = [load_model(each / "model.npz", backend="reference") for each in (run, again)]
    assert np.array_equal(*(model.flat_params for model in models))
    capsys.readouterr()
    (tmp_path / "texts").rename(tmp_path / "moved")
    assert main(["--config", str(run), "--out", str(tmp_path / "third")]) == 2
    assert "texts, which is not there: say where it is now with --data" in capsys.readouterr().err
    moved = ["--config", str(run), "--data", str(tmp_path / "moved")]
    assert main([*moved, "--quiet", "--out", str(tmp_path / "third")]) == 0


def test_other_versions_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("length = 20\n[versions]\nnumpy = '1.0'\nscratchnn = '0.0.1'\n")
    with pytest.warns(UserWarning, match=r"was written with numpy 1\.0, scratchnn 0\.0\.1: the numbers may differ"):
        assert config_file.read(file).settings == {"length": 20}
