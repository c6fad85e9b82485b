"""`python -m scratchnn.train` as its users meet it: what it prints, what it leaves behind, what it refuses."""

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from scratchnn import load_model
from scratchnn import train as command
from scratchnn.core.threads import cores
from scratchnn.data import DataWarning, imdb
from scratchnn.experiments.run import checksum
from scratchnn.experiments.settings import Settings
from scratchnn.models.checkpoint import load_checkpoint

COMMAND = [sys.executable, "-m", "scratchnn.train"]
SMALL = ["--arch", "ff", "--vocabulary", "50", "--length", "20"]
EPOCHS = 3
WORDS = 60


def write_data(folder: Path) -> Path:
    """300 and 60 small reviews in Keras' layout; positive ones have more of the common words."""
    folder.mkdir(parents=True)
    rng, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 300), ("test", 60)):
        rows = np.empty(n, object)
        for i in range(n):
            least = 1 if i < n // 2 else 15
            rows[i] = rng.integers(least, least + 30, rng.integers(5, 40)).tolist()
        arrays |= {f"x_{split}": rows, f"y_{split}": np.repeat([1, 0], n // 2)}
    np.savez(folder / "imdb.npz", **arrays)
    index = {f"word{rank}": rank for rank in range(1, WORDS + 1)}
    (folder / "imdb_word_index.json").write_text(json.dumps(index))
    return folder


def environment() -> dict[str, str]:
    """Without the caller's settings. The cache of compiled kernels stays, so that most runs take a second or two."""
    dropped = ("SCRATCHNN_DATA", "NUMBA_NUM_THREADS", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in dropped}


def train(cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def one(pattern: str, text: str) -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, f"{pattern} is there {len(found)} times in\n{text}"
    return found[0]


def checksum_of(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 0, run.stderr
    return one(r"^weights ([0-9a-f]{8})$", run.stdout)


def assert_refused(run: subprocess.CompletedProcess[str]) -> str:
    """One line that begins with "error: ", status 2, nothing on the standard output. Return the line."""
    told = [line for line in run.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(told) == 1, run.stderr
    assert told[0].startswith("error: ")
    assert run.returncode == 2
    assert run.stdout == ""
    return told[0]


@dataclasses.dataclass
class Finished:
    output: subprocess.CompletedProcess[str]
    folder: Path
    data: Path

    @property
    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "metrics.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("reviews") / "data")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Finished:
    cwd = tmp_path_factory.mktemp("finished")
    output = train(cwd, *SMALL, "--data", data, "--epochs", str(EPOCHS), "--seed", "1")
    assert output.returncode == 0, output.stderr
    (folder,) = (cwd / "runs").iterdir()
    return Finished(output, folder, data)


# ---- help


def test_help_answers_at_once(tmp_path: Path) -> None:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        run = train(tmp_path, "--help")
        seconds.append(time.perf_counter() - started)
        assert (run.returncode, run.stderr) == (0, "")
        assert all(name in run.stdout for name in ("--arch", "--resume", "cnn-linear", "example:"))
    assert min(seconds) < 2  # a tenth of a second where nobody else is; what is imported is tested next


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    command = [COMMAND[0], "-X", "importtime", *COMMAND[1:], "--help"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip() for line in run.stderr.splitlines()}
    assert {"argparse", "scratchnn"} <= imported
    assert not {name for name in imported if re.match(r"(numba|numpy|matplotlib|llvmlite|tqdm|pooch)\b", name)}


# ---- what is printed


def test_header_rows_and_results(finished: Finished) -> None:
    lines = finished.output.stdout.splitlines()
    header = dict(line.split(maxsplit=1) for line in lines[: lines.index("")])
    digest = tomllib.loads((finished.folder / "config.toml").read_text())["data"]["digest"]
    assert list(header) == ["data", "reviews", "words", "length", "model", "train", "machine", "seed", "run"]
    assert header["data"].startswith(f"imdb, --data {finished.data}, digest {digest[:8]}")
    assert header["reviews"] == "240 to train, 60 to validate, 60 to test"
    assert header["model"] == "ff, 1,121 parameters"
    assert header["train"] == "adam, learning rate 0.001, batch 32"
    assert header["seed"] == "1"
    assert Path(header["run"]).name == finished.folder.name
    rows = [line.split() for line in lines if re.match(r" +\d+ ", line)]
    keys = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "gradient_norm")
    expected = [[row["epoch"], *(f"{float(row[key]):.4f}" for key in keys[1:])] for row in finished.rows]
    assert [row[: len(keys)] for row in rows] == expected
    assert len(rows) == EPOCHS
    numbers = r"loss \d\.\d{4}  accuracy \d\.\d{4}  \[\d\.\d{4}, \d\.\d{4}\] 95%"
    one(rf"^test  epoch {EPOCHS} \(last and best\)  {numbers}$", finished.output.stdout)
    assert checksum_of(finished.output)
    assert "Traceback" not in finished.output.stderr
    assert "SYNTHETIC" not in finished.output.stdout + finished.output.stderr


def test_unpublished_data_are_told_and_nothing_else(finished: Finished) -> None:
    told = finished.output.stderr.splitlines()
    assert len(told) == 1
    assert told[0].startswith("warning: ")
    assert "unknown content digest" in told[0]


def test_a_pipe_gets_no_control_characters(finished: Finished) -> None:
    text = (finished.output.stdout + finished.output.stderr).replace("\n", "")
    assert text
    assert text.isprintable()


def test_quiet(tmp_path: Path, data: Path) -> None:
    run = train(tmp_path, *SMALL, "--data", data, "--epochs", "2", "--quiet")
    assert (run.returncode, run.stdout) == (0, "")
    assert [line for line in run.stderr.splitlines() if not line.startswith("warning: ")] == []
    (folder,) = (tmp_path / "runs").iterdir()
    assert len((folder / "metrics.csv").read_text().splitlines()) == 1 + 2
    assert "length" in assert_refused(train(tmp_path, *SMALL, "--data", data, "--quiet", "--length", "-1"))


def test_synthetic_reviews_come_with_a_banner(tmp_path: Path) -> None:
    run = train(tmp_path, *SMALL, "--synthetic", "--epochs", "1", "--batch-size", "256")
    assert checksum_of(run)
    assert "SYNTHETIC REVIEWS" in run.stdout.split("\ndata ")[0]
    assert "not comparable" in run.stdout.splitlines()[-1]
    (folder,) = (tmp_path / "runs").iterdir()
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["synthetic"] is True
    assert config["data"]["source"] == "synthetic"
    assert "synthetic" in (folder / "curves.svg").read_text(encoding="utf-8")


# ---- what is left behind


def test_the_folder_holds_what_is_promised(finished: Finished) -> None:
    drawn = {f"{name}.{suffix}" for name in ("curves", "model") for suffix in ("svg", "png")}
    assert {path.name for path in finished.folder.iterdir()} == {
        "config.toml", "metrics.csv", "model.npz", "best.npz", "checkpoint.npz", "checkpoint.previous.npz", *drawn,
    }  # fmt: skip
    assert re.fullmatch(r"ff-\d{8}-\d{6}-[0-9a-f]{8}", finished.folder.name)
    for name in drawn:
        content = (finished.folder / name).read_bytes()
        assert len(content) > 1000, name
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG\r\n\x1a\n")
            assert content.endswith(b"IEND\xaeB`\x82")
        else:
            assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_config_is_resolved(finished: Finished) -> None:
    config = tomllib.loads((finished.folder / "config.toml").read_text())
    expected = dataclasses.asdict(Settings(arch="ff", vocabulary=50, length=20, epochs=EPOCHS, seed=1))
    expected["learning_rate"] = 0.001  # Adam's own
    for name in ("global_clipnorm", "early_stop", "learning_rate_decay"):
        del expected[name]  # None: TOML has no word for it
    assert {name: config.get(name) for name in expected} == expected
    assert config["threads"] >= 1
    with pytest.warns(DataWarning, match="unknown content digest"):
        reviews = imdb.load(finished.data, num_words=50, maxlen=20)
    assert config["data"]["digest"] == reviews.digest
    assert str(finished.data) in config["data"]["source"]
    assert {"python", "scratchnn", "numpy", "numba"} <= set(config["versions"])


def test_metrics_have_one_row_per_epoch(finished: Finished) -> None:
    assert [row["epoch"] for row in finished.rows] == [str(epoch) for epoch in range(1, EPOCHS + 1)]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} < set(finished.rows[0])
    assert float(finished.rows[-1]["loss"]) < float(finished.rows[0]["loss"])


def test_the_model_is_read_back_as_it_was(finished: Finished) -> None:
    model = load_model(finished.folder / "model.npz")
    trained, _ = load_checkpoint(finished.folder / "checkpoint.npz")
    with pytest.warns(DataWarning, match="unknown content digest"):
        reviews = imdb.load(finished.data, num_words=50, maxlen=20)
    assert checksum(model) == checksum_of(finished.output)
    assert model.predict(reviews.x_test).tobytes() == trained.predict(reviews.x_test).tobytes()
    result = model.evaluate(reviews.x_test, reviews.y_test, verbose=0, return_dict=True)
    assert isinstance(result, dict)
    printed = one(r"^test  epoch \d+ \(last.*\)  (loss \S+  accuracy \S+)", finished.output.stdout)
    assert printed == f"loss {result['loss']:.4f}  accuracy {result['accuracy']:.4f}"


def test_two_runs_at_once_never_share_a_folder(tmp_path: Path, data: Path) -> None:
    command = [*COMMAND, *SMALL, "--data", str(data), "--epochs", "1", "--quiet", "--threads", "1"]
    runs = [subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait(300) for run in runs] == [0, 0, 0]
    folders = list((tmp_path / "runs").iterdir())
    assert len(folders) == 3
    assert all((folder / "model.npz").is_file() for folder in folders)
    assert all(len((folder / "metrics.csv").read_text().splitlines()) == 2 for folder in folders)


def test_the_seed_gives_the_weights_at_any_number_of_threads(tmp_path: Path, data: Path) -> None:
    def weights(seed: int, threads: int) -> str:
        choice = ["--arch", "lstm", "--vocabulary", "50", "--length", "20", "--epochs", "2", "--data", str(data)]
        run = train(tmp_path, *choice, "--seed", str(seed), "--threads", str(threads))
        assert one(r"^machine .* (\d+) threads?$", run.stdout) == str(threads)
        return checksum_of(run)

    assert weights(3, threads=1) == weights(3, threads=2) != weights(4, threads=2)


# ---- what is refused


WRONG_NAMES = [("--arch", "lsmt", "lstm"), ("--optimizer", "addam", "adam"), ("--backend", "cpuu", "cpu")]


@pytest.mark.parametrize(("flag", "wrong", "meant"), WRONG_NAMES)
def test_a_wrong_name_suggests_the_nearest(flag: str, wrong: str, meant: str, tmp_path: Path) -> None:
    run = train(tmp_path, flag, wrong)
    assert (run.returncode, run.stdout) == (2, "")
    assert f"{wrong!r}; did you mean {meant!r}?" in run.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


HUGE = str(10**15)
REFUSED = {  # arguments, and what the message names
    "batch size 0": (["--batch-size", "0"], "batch_size"),
    "batch size -1": (["--batch-size", "-1"], "batch_size"),
    "length 0": (["--length", "0"], "length"),
    "vocabulary 3": (["--vocabulary", "3"], "vocabulary"),
    "epochs 0": (["--epochs", "0"], "epochs"),
    "skip-top -1": (["--skip-top", "-1"], "skip_top"),
    "validation split 1": (["--validation-split", "1"], "validation_split"),
    "validation split nan": (["--validation-split", "nan"], "validation_split"),
    "learning rate 0": (["--learning-rate", "0"], "learning_rate"),
    "learning rate nan": (["--learning-rate", "nan"], "learning_rate"),
    "clipnorm -1": (["--global-clipnorm", "-1"], "global_clipnorm"),
    "early stop 0": (["--early-stop", "0"], "early_stop"),
    "early stop without validation": (["--early-stop", "2", "--validation-split", "0"], "hold out a share"),
    "seed -1": (["--seed", "-1"], "seed"),
    "huge vocabulary": (["--vocabulary", HUGE], "vocabulary"),
    "huge length": (["--length", HUGE], "length"),
    "huge seed": (["--seed", str(10**30)], "seed"),
    "threads 0": (["--threads", "0"], "threads"),
    "backend gpu": (["--backend", "gpu"], "gpu"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name: str, tmp_path: Path, data: Path) -> None:
    arguments, named = REFUSED[name]
    run = train(tmp_path, *SMALL, "--epochs", "1", "--data", data, *arguments)
    assert named in assert_refused(run).replace("-", "_")
    assert not any((tmp_path / "runs").glob("*"))


OTHER_KINDS = {  # a file that begins like a table, or what is there in its place; and what the message says of it
    "reviews.txt": "no line begins with __label__",
    "reviews.json": "save an object per line, as .jsonl",
    "reviews": "a file of another kind; expected a table",
    "missing": "a folder with imdb.npz and imdb_word_index.json, or the .npz with the index beside it; there is no ",
    ".": "a folder without classes: expected .* or imdb.npz and imdb_word_index.json",
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_data_of_another_kind_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    if name.startswith("reviews"):
        (tmp_path / name).write_text("text,label\na good film,1\na bad film,0\n")
    told = assert_refused(train(tmp_path, *SMALL, "--epochs", "1", "--data", tmp_path / name))
    assert re.search(OTHER_KINDS[name], told), told
    assert str(tmp_path / name) in told
    assert not (tmp_path / "runs").exists()


def test_data_that_are_not_there(tmp_path: Path) -> None:
    assert "/nope" in assert_refused(train(tmp_path, *SMALL, "--data", "/nope"))
    assert list(tmp_path.iterdir()) == []


def test_an_out_folder_that_is_a_file(tmp_path: Path, data: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    assert "taken" in assert_refused(train(tmp_path, *SMALL, "--data", data, "--out", "taken"))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "mine"


def test_more_threads_than_cores_are_warned_of(tmp_path: Path, data: Path) -> None:
    run = train(tmp_path, *SMALL, "--data", data, "--epochs", "1", "--threads", str(cores() + 1))
    assert checksum_of(run)
    one(rf"^warning: {cores() + 1} threads on {cores()} cores?\b", run.stderr)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_numbers_that_explode_end_training(optimizer: str, tmp_path: Path, data: Path) -> None:
    run = train(tmp_path, *SMALL, "--data", data, "--learning-rate", "1e30", "--optimizer", optimizer)
    told = [line for line in run.stderr.splitlines() if not line.startswith("warning: ")]
    assert run.returncode == 1
    assert len(told) == 1
    assert re.match(r"error: .*\bstep \d+ of epoch \d+\b", told[0])
    assert re.search(r"'(embedding|dense)", told[0]), "neither layer nor parameter is named"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--list", "--resume", "runs/x"], "--list trains nothing and has no use for --resume: leave it out"),
        (["--list", "--arch", "ff"], "--list trains nothing and has no use for --arch"),
        (["--explain-kernels", "--data", "here", "--out", "there"], "has no use for --data, --out: leave it out"),
    ],
)
def test_what_would_not_be_heeded_is_refused(given: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(given) == 2
    assert told in capsys.readouterr().err
