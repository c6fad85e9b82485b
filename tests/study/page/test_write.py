"""The files of a study: which there are, that they come again byte for byte, and that bad input makes none."""

import json
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scratchnn.study.page import write
from tests.study import fakes

TIMES = re.compile(r"<!-- times -->.*<!-- end of times -->", re.DOTALL)


def without_times(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    page, cuts = TIMES.subn("", found["report.html"].decode())
    assert cuts == 1
    numbers = json.loads(found["summary.json"])
    assert list(numbers)[-1] == "times"
    del numbers["times"]
    return found | {"report.html": page.encode(), "summary.json": json.dumps(numbers).encode()}


def test_the_files(folder: Path) -> None:
    models = ("ff", "rnn", "lstm", "cnn")
    figures = {"accuracies", "differences", "by-length", "by-unknown"}
    figures |= {f"{kind}-{arch}" for kind in ("curves", "calibration", "model") for arch in models}
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "summary.json"} | {f + suffix for f in figures for suffix in (".svg", ".png")}
    assert (folder / "report.html").stat().st_size < 1_000_000  # 20 seeds of 4 models; 3 MB were too many
    assert (folder / "summary.json").stat().st_size < 200_000
    for name in figures:
        assert ET.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<dc:date>" not in (folder / f"{name}.svg").read_bytes()


def test_the_same_runs_give_the_same_bytes_but_for_times(tmp_path: Path) -> None:
    """As after an interruption: in another order, and everything took another time."""
    about = fakes.reviews(60)
    runs = [fakes.run(arch, seed, about) for arch in ("lstm", "ff") for seed in range(3)]
    runs.append(fakes.failed("ff", 3, about))
    again = [
        replace(
            run,
            seconds=run.seconds * 3,
            peak_memory=run.peak_memory + 50,
            history=run.history | {"seconds": [2 * x for x in run.history["seconds"]]},
        )
        for run in runs
    ]
    random.Random(1).shuffle(again)
    assert again[0].key != runs[0].key
    first, second = tmp_path / "1", tmp_path / "2"
    write(first, runs, {about.digest: about})
    write(second, again, {about.digest: about})
    ours, theirs = without_times(first), without_times(second)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert (first / "report.html").read_bytes() != (second / "report.html").read_bytes()


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    script = """
import sys
from scratchnn.study.page import write
from tests.study import fakes
about = fakes.reviews(60)
write(sys.argv[1], [fakes.run("ff", seed, about) for seed in (0, 1)], {about.digest: about})
"""
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "1")], check=True, cwd=root)
    about = fakes.reviews(60)
    write(tmp_path / "2", [fakes.run("ff", seed, about) for seed in (0, 1)], {about.digest: about})
    assert without_times(tmp_path / "1") == without_times(tmp_path / "2")


def test_the_summary(folder: Path, study: dict[str, Any]) -> None:
    text = (folder / "summary.json").read_text(encoding="utf-8")
    found = json.loads(text)
    lstm = found["models"]["lstm"]
    runs = {run.seed: run for run in study["results"] if run.arch == "lstm"}
    assert {int(seed): each["accuracy"] for seed, each in lstm["seeds"].items()} == {
        seed: run.test_accuracy for seed, run in runs.items()
    }
    assert lstm["seeds"]["3"]["history"]["val_loss"] == pytest.approx(runs[3].history["val_loss"], rel=1e-5)
    assert "seconds" not in lstm["seeds"]["3"]["history"]
    assert lstm["accuracy"]["low"] < lstm["accuracy"]["value"] < lstm["accuracy"]["high"]
    assert (lstm["parameters"], lstm["published"]) == (23_361, 0.8321)
    assert lstm["settings"]["vocabulary"] == 1000
    assert sum(part["reviews"] for part in lstm["answers"]["by_length"]) == 1000
    assert found["models"]["cnn"]["published"] is None
    assert len(found["models"]["cnn"]["seeds"]) == 19
    assert found["left_out"] == [{"arch": "cnn", "seed": 7, "reason": "the loss is <b>NaN</b>"}]
    assert len(found["pairs"]) == 6
    assert {key for pair in found["pairs"] for key in pair} >= {"difference", "p", "p_holm", "mcnemar", "mcnemar_holm"}
    assert found["test_sets"]["test-set-a"]["reviews"] == 1000
    assert found["times"]["lstm"]["seconds"]["3"] == runs[3].seconds
    assert found["verdict"].startswith("Yes, lstm")
    # Neither anybody's words nor the probabilities
    assert "mistakes" not in text and "probabilities" not in text and "waste" not in text


@pytest.mark.parametrize("seeds", [{"ff": 3, "lstm": 3}, {"ff": 3, "lstm": 6}, {"ff": 6, "lstm": 6}])
def test_few_seeds_are_shown_with_their_range(seeds: dict[str, int], tmp_path: Path) -> None:
    about = fakes.reviews(200)
    runs = [fakes.run(arch, seed, about) for arch, number in seeds.items() for seed in range(number)]
    text = write(tmp_path, runs, {about.digest: about}).read_text(encoding="utf-8")
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    few = {arch for arch, number in seeds.items() if number < 6}
    for arch, model in found["models"].items():
        accuracies = [run["accuracy"] for run in model["seeds"].values()]
        low, high = f"{100 * min(accuracies):.1f}%", f"{100 * max(accuracies):.1f}%"
        ends = f"{100 * model['accuracy']['low']:.1f}% – {100 * model['accuracy']['high']:.1f}%"
        row = text.split(f'<th scope="row">{arch}</th>')[1].split("</tr>")[0]
        assert model["accuracy"]["is_range"] == (arch in few)
        assert f"<td>{low} – {high}</td>" in row  # in the column of ranges
        assert f"</td><td>{'–' if arch in few else ends}</td>" in row  # in that of intervals
    assert found["pairs"][0]["difference"]["is_range"] == bool(few)
    assert f'<th scope="col">{"range of the seeds" if few else "95% interval"}</th>\n<th scope="col">sign-flip' in text
    ends = ("95% interval", "95% interval or range", "range of the seeds")[len(few)]
    assert f"Test accuracy: mean and {ends}, below it every seed" in text
    assert ("are too few for one, and only their range is given" in text) == bool(few)
    legend = ("mean, 95%", "mean, 95%/range", "mean, range")[len(few)]
    assert f">{legend}</text>" in (tmp_path / "accuracies.svg").read_text(encoding="utf-8")


def test_numbers_that_are_none_are_null(tmp_path: Path) -> None:
    about = fakes.reviews(40)
    runs = [fakes.failed("lstm", 0, about), fakes.run("ff", 0, about, history={}, settings={"clip": float("inf")})]
    write(tmp_path, runs, {about.digest: about})
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert found["models"]["lstm"]["accuracy"] is None
    assert found["models"]["lstm"]["loss"] is None
    assert found["pairs"][0]["p"] is None
    assert found["models"]["ff"]["settings"] == {"clip": None}
    assert not (tmp_path / "curves-ff.svg").exists()  # there was no epoch to draw
    assert not (tmp_path / "model-ff.svg").exists()  # nor sizes to build the model with


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    about = fakes.reviews(40)
    run = fakes.run("lstm", 0, about)
    for arch in ("../lstm", "", "a b", "lstm/x", "-x"):
        with pytest.raises(ValueError, match="arch must be letters"):
            write(tmp_path / "out", [replace(run, arch=arch)], {about.digest: about})
    with pytest.raises(ValueError, match="two of lstm"):
        write(tmp_path / "out", [run, run], {about.digest: about})
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        write(tmp_path / "file", [run], {about.digest: about})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["file"]


def test_the_template_travels_with_the_package() -> None:
    """And Jinja2 and SciPy are imported when they are needed, not with the package."""
    script = """
import sys, scratchnn, scratchnn.study.results
assert not {"jinja2", "scipy", "matplotlib"} & set(sys.modules)
from importlib.resources import files
page = files("scratchnn.study.page")
assert page.joinpath("report.html.jinja").is_file() and page.joinpath("report.css").is_file()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_model_that_cannot_be_built_has_no_diagram(tmp_path: Path) -> None:
    about = fakes.reviews(60)
    lost = fakes.failed("cnn", 0, about)
    lost = replace(lost, settings=lost.settings | {"vocabulary": 100, "length": 10})
    page = write(tmp_path, [fakes.run("ff", 0, about), lost], {about.digest: about})
    assert "cnn" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "model-cnn.svg").exists()
