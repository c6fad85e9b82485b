"""What an installation must do, away from the tree: `python installed.py`, or `python installed.py study exchange`.

The arguments are the extras that are installed. It needs nothing of the tests, and works in a folder of its own.
"""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

GOOD, BAD = "great superb moving".split(), "dull weak boring".split()
FILLING = "the film was a plot and its actors in scenes with music".split()
LINES = 100  # more than are labelled without compiled kernels


def scratchnn(*arguments: str, status: int = 0, text: str | None = None) -> str:
    """What the command prints; where it is to fail, what it complains of."""
    command = [sys.executable, "-m", "scratchnn", *arguments]
    print("scratchnn", *arguments, flush=True)
    run = subprocess.run(command, input=text, capture_output=True, text=True, timeout=600, check=False)
    if run.returncode != status:
        raise SystemExit(f"expected the exit status {status}, got {run.returncode}\n{run.stdout}\n{run.stderr}")
    return run.stdout if status == 0 else run.stderr


def require(condition: object, what: str) -> None:
    if not condition:
        raise SystemExit(f"failed: {what}")


def the_only(pattern: str) -> Path:
    (found,) = Path().glob(pattern)
    return found


def write_reviews(path: Path) -> None:
    draw = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        for n in range(600):
            words = draw.choices(FILLING, k=10) + draw.choices(GOOD if n % 2 else BAD, k=2)
            draw.shuffle(words)
            table.writerow([" ".join(words), "good" if n % 2 else "bad"])


def check_core() -> Path:
    """Everything that the core installation promises; return the run on own texts."""
    script = shutil.which("scratchnn", path=str(Path(sys.executable).parent))
    require(script, "a script `scratchnn` beside Python")
    told = subprocess.run([str(script), "--version"], capture_output=True, text=True, check=True).stdout
    require(told == f"scratchnn {version('scratchnn')}\n", "--version")
    scratchnn("labs", "start", "1")
    scratchnn("train", "--explain-kernels")  # reads the CUDA sources
    scratchnn("train", "--synthetic", "--arch", "lstm", "--epochs", "1", "--out", "published")
    write_reviews(Path("reviews.csv"))
    scratchnn("data", "check", "reviews.csv")
    told = scratchnn("train", "--data", "reviews.csv", "--epochs", "3", "--out", "own")
    require("test  linear-bigrams" in told and "\nship  " in told, "a linear model beside the network, and a verdict")
    run = the_only("own/lstm-*")
    told = scratchnn("predict", str(run / "linear.npz"), "a superb film with moving scenes")
    require(told.startswith("good\t"), "a label of the linear model")
    few = scratchnn("predict", str(run), *["a superb film", "a weak plot"]).splitlines()
    lines = scratchnn("predict", str(run), "-", text="a superb film\na weak plot\n" * LINES).splitlines()
    require([line.split("\t")[0] for line in lines] == [line.split("\t")[0] for line in few] * LINES, "equal labels")
    require(json.loads(scratchnn("evaluate", str(run), "--json")), "an evaluation")
    require(json.loads(scratchnn("inspect", str(run), "--json")), "an inspection")
    return run


def check_pictures(run: Path, are_there: bool) -> None:
    names = ("curves.svg", "curves.png", "model.svg", "model.png")
    require(all((run / name).exists() == are_there for name in names), f"pictures: {are_there}")


def check_study(run: Path, is_there: bool) -> None:
    compare = ("compare", "--synthetic", "--arch", "ff", "linear", "--seeds", "2", "--epochs", "1", "--out", "study")
    explain = ("explain", str(run), "--text", "a superb film")
    if is_there:
        scratchnn(*compare)
        require(Path("study/report.html").exists(), "the page of a comparison")
        scratchnn(*explain)
        require((run / "explain.html").exists(), "the page of a text")
        return
    for command in (compare, explain):
        require('pip install "scratchnn[study]"' in scratchnn(*command, status=2), "the extra by its name")


def check_exchange(run: Path, is_there: bool) -> None:
    for format in ("onnx", "keras", "pytorch", "safetensors"):
        told = scratchnn("export", format, str(run), status=0 if is_there else 2)
        require(is_there or 'pip install "scratchnn[exchange]"' in told, "the extra by its name")


def main(extras: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run = check_core()
        check_pictures(run, "study" in extras)
        check_study(run, "study" in extras)
        check_exchange(run, "exchange" in extras)
        os.chdir(Path(folder).parent)  # Windows removes no folder that a process is in
    print(f"scratchnn {version('scratchnn')} does what it must, on Python {sys.version.split()[0]}, {sys.platform}")


if __name__ == "__main__":
    main(sys.argv[1:])
