"""`python -m scratchnn.train --data reviews.csv`: from a table of labelled texts to a model, and which one to ship."""

import dataclasses
import re
import signal
import subprocess
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest

from scratchnn import load_model
from scratchnn import train as command
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.loading import load
from scratchnn.data.own.options import TextOptions
from scratchnn.experiments.linear_model import LinearModel
from tests.commands.test_train import COMMAND, checksum_of, environment, one, train, write_data
from tests.own_texts import rows, write_csv, write_folder

SMALL = ["--arch", "ff"]


@dataclasses.dataclass
class Finished:
    output: subprocess.CompletedProcess[str]
    folder: Path
    data: Path


@pytest.fixture(scope="module", params=[("bad", "good"), ("bad", "good", "odd")], ids=["two classes", "three"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    cwd = tmp_path_factory.mktemp("finished")
    data = write_csv(cwd / "reviews.csv", rows(100, *request.param), ("review", "sentiment"))
    output = train(cwd, *SMALL, "--data", "reviews.csv", "--epochs", "3", "--seed", "1")
    assert output.returncode == 0, output.stderr
    (folder,) = (cwd / "runs").iterdir()
    return Finished(output, folder, data)


def classes_of(run: Finished) -> list[str]:
    return tomllib.loads((run.folder / "config.toml").read_text())["classes"]


def test_header_and_what_is_saved(finished: Finished) -> None:
    assert finished.output.stderr == ""
    lines = finished.output.stdout.splitlines()
    header = dict(line.split(maxsplit=1) for line in lines[: lines.index("")])
    config = tomllib.loads((finished.folder / "config.toml").read_text())
    classes, total = classes_of(finished), 100 * len(classes_of(finished))
    digest = config["data"]["digest"]
    assert header["data"] == f"reviews.csv, columns review and sentiment, digest {digest[:8]}"
    sizes = f"{total * 64 // 100} to train, {total * 16 // 100} to validate, {total * 20 // 100} to test"
    assert header["texts"] == f"{sizes}, split by draw 1"
    assert header["classes"] == ", ".join(f"{name} {1 / len(classes):.1%}" for name in classes)
    assert header["length"].startswith("last 50 words: 0.0% of texts cut")
    assert config["data"]["texts"] == {"data": "reviews.csv", "min_count": 2}
    model = load_model(finished.folder / "model.npz")
    data = load(TextOptions(str(finished.data)))
    assert TextEncoder.from_metadata(model.metadata) == data.encoder
    assert config["vocabulary"] == len(data.vocabulary)
    assert config["length"] == 50


def test_baselines_stand_above_the_network_and_one_is_shipped(finished: Finished) -> None:
    text = finished.output.stdout
    data = load(TextOptions(str(finished.data)))
    told = [line.split("  ") for line in text.splitlines() if line.startswith("test  ")]
    assert [cells[1].split()[0] for cells in told[:3]] == ["always", "linear-bigrams", "epoch"]
    accuracy = [
        float(re.findall(r"accuracy (\d\.\d{4})  \[\d\.\d{4}, \d\.\d{4}\] 95%", "  ".join(each))[0]) for each in told
    ]
    commonest = np.bincount(data.y_train).argmax()
    assert accuracy[0] == round((data.y_test == commonest).mean(), 4)
    linear = LinearModel.load(finished.folder / "linear.npz")
    right = linear.proba_of(data.x_test).argmax(axis=1) == data.y_test
    assert accuracy[1] == round(right.mean(), 4) > 0.8
    model = load_model(finished.folder / "model.npz")
    y = model.predict(data.x_test, verbose=0)
    found = y.argmax(axis=1) if len(data.classes) > 2 else y[:, 0] > 0.5
    assert accuracy[2] == round((found == data.y_test).mean(), 4)
    assert len({line.index("  loss") for line in text.splitlines() if line.startswith("test  ")}) == 1
    file = "best.npz" if (finished.folder / "best.npz").exists() and " (last) " in text else "model.npz"
    shipped = load_model(finished.folder / file)
    y = shipped.predict(data.x_test, verbose=0)
    network = (y.argmax(axis=1) if len(data.classes) > 2 else y[:, 0] > 0.5) == data.y_test
    alone = int((network & ~right).sum()), int((right & ~network).sum())
    said = f"of {len(right)} test texts {file} alone gets {alone[0]} right, linear.npz alone {alone[1]}, "
    assert one(r"^ship  .*$", text).startswith(f"ship  linear.npz: {said}")
    file = f"{finished.folder.relative_to(finished.folder.parents[1])}/linear.npz"
    assert one(r"^try   .*$", text) == f"try   python -m scratchnn predict {file} 'a text'"


def test_nothing_is_shipped_that_is_no_better_than_one_answer(tmp_path: Path) -> None:
    said = [text for text, _ in rows(60)]
    write_csv(tmp_path / "a.csv", [(text, "heads" if n * 7 % 5 < 2 else "tails") for n, text in enumerate(said)])
    run = train(tmp_path, *SMALL, "--data", "a.csv", "--epochs", "1")
    assert run.returncode == 0, run.stderr
    assert re.match(r"ship  nothing yet: of 24 test texts .* always 'tails' alone", one(r"^ship  .*$", run.stdout))


def test_a_run_repeats_and_resumes_to_the_same_weights(finished: Finished, tmp_path: Path) -> None:
    places = ["--data", finished.data, "--out", tmp_path / "runs"]
    begun = train(tmp_path, *SMALL, *places, "--epochs", "1", "--seed", "1")
    (folder,) = (tmp_path / "runs").iterdir()
    assert begun.returncode == 0, begun.stderr
    resumed = train(tmp_path, "--resume", folder, "--epochs", "3")
    assert checksum_of(resumed) == checksum_of(finished.output)
    for name in ("test  linear-bigrams", "test  always", "test  epoch 3", "ship"):
        assert one(rf"^{name}.*$", resumed.stdout) == one(rf"^{name}.*$", finished.output.stdout)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the one line says that training ends with, in this process."""
    showing = warnings.showwarning
    try:
        assert command.main(list(map(str, arguments))) == 2
    finally:
        warnings.showwarning = showing
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = [line for line in told.err.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("error: ")
    return line


def test_resuming_wants_the_same_texts(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no reviews.csv
    assert "--data: there is no reviews.csv" in refused(capsys, "--resume", finished.folder)
    changed = write_csv(tmp_path / "changed.csv", rows(100, *classes_of(finished), seed=3), ("review", "sentiment"))
    assert "point --data at the same files" in refused(capsys, "--resume", finished.folder, "--data", changed)
    for flag in (["--min-count", "3"], ["--text-column", "a"], ["--class-weights", "balanced"]):
        told = refused(capsys, "--resume", finished.folder, *flag)
        assert f"a resumed run keeps its settings; leave out {flag[0]}" in told
    told = refused(capsys, "--resume", finished.folder, "--data", finished.data, "--test-data", "moved.csv")
    assert "--test-data: there is no moved.csv" in told


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_stopped_run_says_how_to_go_on(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", rows(50))
    command = [*COMMAND, *SMALL, "--data", "a.csv", "--epochs", "100000"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert any(re.match(" +3 ", line) for line in run.stdout)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"continue with: python -m scratchnn.train --resume runs/{folder.name}" in errors


def test_files_of_their_own_weights_and_vectors(tmp_path: Path) -> None:
    for n, part in enumerate(("train", "test")):
        write_folder(tmp_path / "texts" / part, rows(30, "bad", "good", "good", "good", seed=n))
    (tmp_path / "texts" / "README").write_text("read me")
    (tmp_path / "vectors.txt").write_text("great 1 2\ndull -1 -2\n")
    run = train(
        tmp_path, "--arch", "bow", "--data", "texts", "--epochs", "2", "--vectors", "vectors.txt", "--class-weights",
        "balanced", "--validation-split", "0.25", "--length", "9", "--vocabulary", "30", "--min-count", "1",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stderr.startswith("warning: left out, since no .txt in the folder of a label: 1 file, such as README")
    header = dict(
        line.split(maxsplit=1) for line in run.stdout.splitlines() if line.strip() and not line.startswith(" ")
    )
    assert header["texts"] == "90 to train, 30 to validate, 120 to test, split by draw 1"
    assert header["classes"] == "bad 24.4%, good 75.6%; weighted so that all count alike"
    assert header["vectors"].startswith("vectors.txt: ")
    assert header["model"] == f"bow, {30 * 2 + 2 + 1} parameters"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "a.csv", "--synthetic"], "--synthetic makes its reviews itself"),
        (["--data", "imdb", "--text-column", "x"], "--text-column is for texts of your own"),
        (["--class-weights", "balanced"], "--class-weights is for texts of your own: name them with --data"),
        (["--data", "a.csv", "--arch", "cnn-linear"], "'cnn-linear' ends in no probability"),
        (["--data", "a.csv", "--label-column", "lable"], "there is no column 'lable'; did you mean 'label'?"),
        (["--data", "a.csv", "--test-data", "b.csv"], "--test-data: there is no b.csv"),
        (["--data", "a.csv", "--vectors", "no.txt"], "no.txt"),
        (["--data", "a.csv", "--validation-split", "0", "--early-stop", "2"], "hold out a share"),
        (["--list", "--min-count", "3"], "--list trains nothing and has no use for --min-count"),
        (["--explain-kernels", "--test-split", "0.3"], "has no use for --test-split"),
    ],
)
def test_refused_in_one_line(
    tmp_path: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "a.csv", rows(20))
    write_data(tmp_path / "imdb")
    assert said in refused(capsys, *arguments)
    assert not (tmp_path / "runs").exists()
