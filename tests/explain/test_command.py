"""`python -m scratchnn.explain`: pages of runs, and what it says to runs and texts that are none."""

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import explain
from scratchnn.data import imdb
from scratchnn.experiments import opening, preparation
from scratchnn.experiments.settings import Settings
from scratchnn.explain.__main__ import main
from scratchnn.explain.instructive import choices
from tests.explain.conftest import TEXT, WORDS, T, built


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on the synthetic reviews, of which it gets three."""
    model = built("lstm")
    folder = tmp_path / "lstm-run"
    folder.mkdir()
    settings = Settings(vocabulary=len(WORDS) + 4, length=T, synthetic=True)
    x, y = np.random.default_rng(0).integers(4, 20, (3, T)).astype(np.int32), np.array([0, 1, 1], np.uint8)
    known = imdb.Vocabulary(tuple(model.metadata["vocabulary"]))
    data = imdb.Imdb(x, y, x, y, known, "three", True, "d1ce" * 8, False, 0.0, 0.0, 24, T, 0)
    monkeypatch.setattr(preparation, "load_reviews", lambda settings, source: data)
    model.metadata |= {"settings": dataclasses.asdict(settings), "data": {"digest": data.digest}, "epoch": 3}
    model.save(folder / "model.npz")
    return folder


def test_a_review_and_its_numbers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--review", "1", "--npz", str(run / "all.npz")]) == 0
    out = capsys.readouterr().out
    assert "p 0." in out and str(run / "explain-1.html") in out
    page = (run / "explain-1.html").read_text(encoding="utf-8")
    assert "labelled positive" in page and "lstm-run: test review 1" in page and "<dt>epochs</dt><dd>3</dd>" in page
    arrays = np.load(run / "all.npz")
    assert arrays["lstm.f"].shape == arrays["lstm.dc"].shape == (T, 5)
    assert arrays["p"].shape == arrays["leave_one_out"].shape == (T,)


def test_texts_from_the_command_line_and_from_the_standard_input(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([str(run), "--text", TEXT, "--compare", str(run / "model.npz"), "--out", str(run / "a.html")]) == 0
    both = (run / "a.html").read_text(encoding="utf-8")
    assert "lstm (A) of lstm-run, lstm (B) of lstm-run: a text of your own" in both
    assert "<dt>lstm (A): epochs</dt><dd>3</dd>" in both and "<dt>lstm (B): epochs</dt><dd>3</dd>" in both
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    assert main([str(run), "-", "--npz", str(run / "b.npz")]) == 0
    assert (run / "a.html").stat().st_size > (run / "explain.html").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text", ""], "the text '' holds no word"),
        (["--text", "xyzzy"], "the model knows no word of the text (it has 1)"),
        (["--review", "3"], "--review takes 0 to 2, the test reviews of this run, got 3"),
        (["--review", "-1"], "--review takes 0 to 2"),
        (["--compare", "nowhere"], "nowhere is neither the folder of a run, with a model.npz, nor a saved model"),
        (["--text", TEXT, "--data", "x"], "a text has no use for --data: leave it out"),
        (["--instructive", "--out", "x", "--npz", "y"], "--instructive, which writes its pages into the run's folder,"),
        (["--text", TEXT, "--npz", "."], "--npz '.' is a folder: give a file of its own"),
        (["--text", TEXT, "--out", "x.html", "--npz", "./x.html"], "--npz './x.html' is the file of --out: give"),
    ],
)
def test_what_it_refuses(run: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), *arguments]) == 2
    assert f"error: {said}" in capsys.readouterr().err


def test_the_model_is_not_written_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "model.npz").read_bytes()
    for flag in ("--out", "--npz"):
        assert main([str(run), "--text", TEXT, flag, str(run / "model.npz")]) == 2
        assert "is the model that is read: give a file of its own" in capsys.readouterr().err
    assert (run / "model.npz").read_bytes() == before


@pytest.mark.parametrize("flag", ["--out", "--npz"])
def test_a_link_stays_and_the_file_it_points_to_is_replaced(run: Path, flag: str) -> None:
    """As `Model.save` does it."""
    (run / "there").touch()
    (run / "link").symlink_to(run / "there")
    assert main([str(run), "--text", TEXT, flag, str(run / "link")]) == 0
    assert (run / "link").is_symlink() and (run / "there").stat().st_size > 1000


def test_the_most_instructive_reviews(run: Path) -> None:
    _, model = opening.open_run(run)
    rng = np.random.default_rng(1)
    x = rng.integers(4, 24, (30, T)).astype(np.int32)
    x[7, :5] = 0
    readings = [explain.read(model, row) for row in x]
    p = np.array([reading.prediction for reading in readings])
    y = (p >= np.median(p)).astype(float)
    y[3] = 1 - y[3]
    found = choices(model, x, y)
    right = (p >= 0.5) == (y >= 0.5)
    assert right.any() and not right.all()
    turns = [np.abs(np.diff(reading.p)).max() for reading in readings]
    expected = [np.argmax(right * np.abs(p - 0.5)), np.argmax(np.abs(p - y)), np.argmax(turns)]
    assert [each.number for each in found] == expected
    word = readings[found[2].number].words[np.argmax(np.abs(np.diff(readings[found[2].number].p))) + 1]
    assert found[2].words.split()[-1] == word and f"{max(turns):.2f}" in found[2].why
    assert main([str(run), "--instructive"]) == 0
    index = (run / "explain-reviews.html").read_text(encoding="utf-8")
    links = re.findall(r'href="(explain-\d+\.html)"', index)
    assert len(links) >= 2 and all((run / link).is_file() for link in links)


def saved(run: Path, change: Any) -> list[str]:
    model = opening.open_run(run)[1]
    change(model.metadata)
    model.save(run / "other.npz", overwrite=True)
    return [str(run / "other.npz")]


def test_runs_of_other_versions(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(saved(run, lambda data: data.pop("settings"))) == 2
    assert "not saved by scratchnn.train, so that its reviews are not known: give texts" in capsys.readouterr().err
    assert main(saved(run, lambda data: data["settings"].update(hidden=3))) == 2
    assert "saved by another version of scratchnn: its settings hidden are not known here" in capsys.readouterr().err
    assert main(saved(run, lambda data: data["data"].update(digest="ffff" * 8))) == 2
    assert "trained with the data ffffffff, found d1ced1ce (three)" in capsys.readouterr().err
    older = saved(run, lambda data: (data.pop("vocabulary"), data["settings"].pop("shuffle_words")))
    assert main(older) == 0  # the reviews bring the words
    capsys.readouterr()
    assert main([*older, "--text", TEXT]) == 2
    assert "saved without a vocabulary, so that a text cannot be encoded" in capsys.readouterr().err
    (run / "model.npz").rename(run / "checkpoint.npz")
    assert main([str(run)]) == 2
    assert "its training has not finished: python -m scratchnn.train --resume" in capsys.readouterr().err
    (run / "model.npz").write_bytes(b"no model")
    assert main([str(run)]) == 2
    assert "model.npz" in capsys.readouterr().err


def test_words_of_another_model(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built("gru", words=WORDS[:10]).save(run / "gru.npz")
    assert main([str(run), "--compare", str(run / "gru.npz")]) == 2
    assert "one vocabulary; lstm has 24 words, gru has 14 words" in capsys.readouterr().err
