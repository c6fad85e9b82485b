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
from scratchnn.study.results import PROTOCOLS
from tests.study import fakes
from tests.study.page.conftest import CODE

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
    figures = {"accuracies", "differences"} | {f"{kind}-{name}" for kind in ("curves", "model") for name in models}
    for prefix in ("", "best-"):
        figures |= {f"{prefix}{kind}" for kind in ("by-length", "by-unknown")}
        figures |= {f"{prefix}calibration-{name}" for name in models}
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "summary.json"} | {f + suffix for f in figures for suffix in (".svg", ".png")}
    assert (folder / "report.html").stat().st_size < 1_000_000  # 20 seeds of 4 models; 3 MB were too many
    assert (folder / "summary.json").stat().st_size < 250_000
    for name in figures:
        assert ET.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<dc:date>" not in (folder / f"{name}.svg").read_bytes()


def test_the_same_runs_give_the_same_bytes_but_for_times(tmp_path: Path) -> None:
    """As after an interruption: in another order, and everything took another time."""
    about = fakes.reviews(60)
    runs = [fakes.run(name, seed, about) for name in ("lstm", "ff") for seed in range(3)]
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
from scratchnn.study.results import PROTOCOLS
from tests.study import fakes
from tests.study.page.conftest import CODE
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
    assert (found["format"], found["margin"], found["code"]) == (4, 0.005, study["code"])
    lstm = found["models"]["lstm"]
    runs = {run.seed: run for run in study["results"] if run.model == "lstm"}
    assert list(found["protocols"]) == ["last", "best"]
    for protocol, part in found["protocols"].items():
        tested = part["models"]["lstm"]
        assert {int(seed): (each["epoch"], each["accuracy"]) for seed, each in tested["seeds"].items()} == {
            seed: (run.tested[protocol].epoch, run.tested[protocol].accuracy) for seed, run in runs.items()
        }
        assert tested["seeds"]["3"]["weights"] == runs[3].tested[protocol].weights
        assert tested["accuracy"]["low"] < tested["accuracy"]["value"] < tested["accuracy"]["high"]
        assert sum(each["reviews"] for each in tested["answers"]["by_length"]) == 1000
        assert len(part["models"]["cnn"]["seeds"]) == 19
        assert len(part["pairs"]) == 6
        assert part["pairs"][0].keys() >= {"difference", "p_holm", "mcnemar_holm", "p_equivalent", "p_equivalent_holm"}
    last, best = (found["protocols"][name]["models"]["ff"]["accuracy"]["value"] for name in ("last", "best"))
    assert best - last == pytest.approx(0.02, abs=0.001)
    stopping = {(each["first"], each["second"]): each for each in found["stopping"]}
    assert len(stopping) == 6 and stopping["ff", "lstm"]["difference"]["value"] == pytest.approx(-0.02, abs=0.002)
    assert lstm["seeds"]["3"]["history"]["val_loss"] == pytest.approx(runs[3].history["val_loss"], rel=1e-5)
    assert "seconds" not in lstm["seeds"]["3"]["history"]
    assert (lstm["parameters"], lstm["published"]) == (23_361, 0.8321)
    assert lstm["settings"]["vocabulary"] == 1000
    assert found["models"]["cnn"]["published"] is None
    assert found["left_out"] == [{"model": "cnn", "seed": 7, "reason": "the loss is <b>NaN</b>"}]
    assert found["test_sets"]["test-set-a"]["reviews"] == 1000
    assert found["times"]["lstm"]["seconds"]["3"] == runs[3].seconds
    assert found["verdict"].startswith("Yes, lstm")
    # Neither anybody's words nor the probabilities
    assert "mistakes" not in text and "probabilities" not in text and "waste" not in text


@pytest.mark.parametrize("seeds", [{"ff": 3, "lstm": 3}, {"ff": 3, "lstm": 6}, {"ff": 6, "lstm": 6}])
def test_few_seeds_are_shown_with_their_range(seeds: dict[str, int], tmp_path: Path) -> None:
    about = fakes.reviews(200)
    runs = [fakes.run(name, seed, about) for name, number in seeds.items() for seed in range(number)]
    text = write(tmp_path, runs, {about.digest: about}).read_text(encoding="utf-8")
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    few = {name for name, number in seeds.items() if number < 6}
    table = text.split('<table id="accuracies">')[1].split("</table>")[0]
    for protocol, part in found["protocols"].items():
        for name, model in part["models"].items():
            accuracies = [run["accuracy"] for run in model["seeds"].values()]
            ends = (
                (min(accuracies), max(accuracies)) if name in few else (model["accuracy"][x] for x in ("low", "high"))
            )
            low, high = (f"{100 * end:.1f}%" for end in ends)
            row = table.split(f'<th scope="row">{name}</th>')[1].split("</tr>")[0]
            cell = row.split("<td><strong>")[1 + list(found["protocols"]).index(protocol)]
            assert model["accuracy"]["is_range"] == (name in few)
            assert f"<small>{'seeds ' if name in few else ''}{low} to {high}</small>" in cell
        assert part["pairs"][0]["difference"]["is_range"] == bool(few)
    stopping = found["stopping"][0]["difference"]
    signed = [f"{100 * stopping[end]:+.2f}".replace("-", "\N{MINUS SIGN}") for end in ("low", "high")]
    signed = ["0.00" if end[1:] == "0.00" else end for end in signed]
    assert f"<small>{'seeds ' if few else ''}{signed[0]} to {signed[1]}</small>" in text
    ends = ("95% interval", "95% interval or range", "range of the seeds")[len(few)]
    assert f"Test accuracy under each protocol: mean and {ends}, below it every seed" in text
    assert ("are too few for one, and only their range is given" in text) == bool(few)
    legend = ("95% interval", "95% or range", "range")[len(few)]
    svg = (tmp_path / "accuracies.svg").read_text(encoding="utf-8")
    assert f">last epoch, {legend}</text>" in svg and f">best epoch, {legend}</text>" in svg


def test_numbers_that_are_none_are_null(tmp_path: Path) -> None:
    about = fakes.reviews(40)
    runs = [fakes.failed("lstm", 0, about), fakes.run("ff", 0, about, history={}, settings={"clip": float("inf")})]
    write(tmp_path, runs, {about.digest: about})
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    for part in found["protocols"].values():
        assert part["models"]["lstm"]["accuracy"] is None
        assert part["models"]["lstm"]["loss"] is None
        assert part["pairs"][0]["p"] is None
    assert found["models"]["ff"]["overfits_after"] is found["models"]["ff"]["lowest_validation_loss_after"] is None
    assert found["models"]["ff"]["settings"] == {"clip": None}
    assert not (tmp_path / "curves-ff.svg").exists()  # there was no epoch to draw
    assert not (tmp_path / "model-ff.svg").exists()  # nor sizes to build the model with


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    about = fakes.reviews(40)
    run = fakes.run("lstm", 0, about)
    for name in ("../lstm", "", "a b", "lstm/x", "-x", ",x", "lstm+best"):
        with pytest.raises(ValueError, match="a model's name must be letters"):
            write(tmp_path / "out", [replace(run, model=name)], {about.digest: about})
    with pytest.raises(ValueError, match=r"margin .* above 0"):
        write(tmp_path / "out", [run], {about.digest: about}, margin=0.0)
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


def test_names_of_variants(tmp_path: Path) -> None:
    """They hold "," and "=": in the names of files as they are, in ids so that no two become one."""
    about = fakes.reviews(60)
    names = ("lstm,units=8", "lstm,units=16", "lstm_units=8", "ff", "best-ff")
    runs = []
    for name in names:
        settings = fakes.SETTINGS | {"arch": name.partition(",")[0]}
        units = name.partition("units=")[2]
        runs.append(fakes.run(name, 0, about, settings=settings | ({"units": int(units)} if units else {})))
    page = write(tmp_path, runs, {about.digest: about}).read_text(encoding="utf-8")
    for name in names:
        for kind in ("curves", "calibration", "best-calibration"):
            assert (tmp_path / f"{kind}-{name}.svg").exists()
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z][\w-]*", each) for each in ids)
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert set(links) <= set(ids)
    shown = {n: (tmp_path / f"model-lstm,units={n}.svg").read_text(encoding="utf-8") for n in (8, 16)}
    for n, svg in shown.items():
        parameters = 16_000 + 4 * n * (16 + n + 1) + 32 * (n + 1) + 33
        assert f"{parameters:,} parameters in all" in svg
        assert f">lstm,units={n}</text>" in svg
    assert (tmp_path / "model-ff.svg").exists()
    assert not (tmp_path / "model-best-ff.svg").exists()  # nobody knows its layers here
    assert not (tmp_path / "model-lstm_units=8.svg").exists()


def test_linear_models_have_no_diagram_and_every_other_figure(tmp_path: Path) -> None:
    about = fakes.reviews(60)
    write(tmp_path, [fakes.run(name, 0, about) for name in ("linear-bigrams", "lstm")], {about.digest: about})
    names = {path.name for path in tmp_path.glob("*linear-bigrams.svg")}
    assert names == {f"{kind}-linear-bigrams.svg" for kind in ("curves", "calibration", "best-calibration")}
    assert (tmp_path / "model-lstm.svg").exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_study_of_one_protocol(protocol: Any, tmp_path: Path) -> None:
    about = fakes.reviews(60)
    runs = fakes.study(about, range(2), protocols=(protocol,))
    page = write(tmp_path, runs, {about.digest: about}).read_text(encoding="utf-8")
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert list(found["protocols"]) == [protocol] and found["stopping"] == []
    assert "due to when training stopped</abbr>" not in page and 'class="protocol"' not in page
    prefix = {"last": "", "best": "best-"}[protocol]
    assert {path.name for path in tmp_path.glob("*by-length.svg")} == {f"{prefix}by-length.svg"}
    assert ">one seed</text>" in (tmp_path / "accuracies.svg").read_text(encoding="utf-8")


def test_overfitting_is_told_where_validation_loss_rises(tmp_path: Path) -> None:
    about = fakes.reviews(60)
    losses = {"ff": [0.6, 0.4, 0.5], "lstm": [0.6, 0.5, 0.4]}
    runs = [fakes.run(name, 0, about, history={"val_loss": loss, "loss": loss}) for name, loss in losses.items()]
    page = write(tmp_path, runs, {about.digest: about}).read_text(encoding="utf-8")
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["models"]
    assert [found[name]["lowest_validation_loss_after"] for name in losses] == [2, 3]
    assert [found[name]["overfits_after"] for name in losses] == [2, None]
    table = page.split('<table id="accuracies">')[1].split("</table>")[0]
    cells = [row.rsplit('<td class="wide">', 1)[1].split("</td>")[0] for row in table.split("<tr")[2:]]
    assert cells == ["2", "\N{EN DASH}"]
    for name in losses:  # the epoch is marked in both panels, and named
        assert ">best epoch</text>" in (tmp_path / f"curves-{name}.svg").read_text(encoding="utf-8")
    bare = tmp_path / "bare"
    write(bare, [fakes.run("ff", 0, about, history={"loss": [0.6, 0.5]})], {about.digest: about})
    assert ">best epoch</text>" not in (bare / "curves-ff.svg").read_text(encoding="utf-8")


def test_one_line_says_what_the_numbers_rest_on(tmp_path: Path) -> None:
    about = fakes.reviews(60)
    runs = [fakes.run(name, seed, about) for name in ("ff", "lstm") for seed in range(2)]
    runs[-1] = replace(runs[-1], settings=runs[-1].settings)
    runs += [fakes.run("bow", 0, about, settings=fakes.SETTINGS | {"arch": "bow", "epochs": 30, "shuffle_words": True})]
    page = write(tmp_path, runs, {about.digest: about}, code=CODE, margin=0.02).read_text(encoding="utf-8")
    line = page.split('<p id="facts">')[1].split("</p>")[0]
    for part in (
        "3 models, 1 or 2 seeds each", "10 or 30 epochs", "the last 100 words of a review", "vocabulary 1,000",
        "IMDB reviews", "tested on 60 reviews (digest test-set)", "words of a review shuffled: no or yes",
        "after the last epoch and at the best epoch", "equivalent means within 2 points", "code c0de00000000",
    ):  # fmt: skip
        assert part in line.split(" · ")
    assert "resplit" not in line and "draw" not in line
    plain = write(tmp_path / "plain", [], {}).read_text(encoding="utf-8")
    assert "0 models, no seeds each" in plain and "code" not in plain.split('<p id="facts">')[1].split("</p>")[0]
