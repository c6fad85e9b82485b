"""`scratchnn predict` as its users meet it: labels for texts and for lines, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.commands.predict import main
from scratchnn.layers import Dense
from tests.texts.saved import THREE, model_of, saved

Output = pytest.CaptureFixture[str]
TEXTS = ["the plot was dull", "a great actor and a great ending", "never"]


def predict(run: Path, *arguments: str, lines: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "scratchnn", "predict", str(run), *arguments]
    return subprocess.run(command, input=lines, capture_output=True, timeout=100, check=False)


def test_texts_as_arguments(tmp_path: Path, capsys: Output) -> None:
    run, expected = saved(tmp_path), model_of().predict_text(TEXTS)
    assert main([str(run), *TEXTS]) == 0
    assert capsys.readouterr() == ("".join(f"{each.label}\t{each.probability:.4f}\n" for each in expected), "")
    assert main([str(run / "model.npz"), "--json", "--proba", *TEXTS]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [each._asdict() for each in expected]


def test_top_and_proba(tmp_path: Path, capsys: Output) -> None:
    run, (expected, *_) = saved(tmp_path, THREE), model_of(THREE).predict_text(TEXTS)
    ordered = sorted(expected.probabilities.items(), key=lambda pair: -pair[1])
    for flags, pairs in ((["--proba"], list(expected.probabilities.items())), (["--top", "2"], ordered[:2])):
        assert main([str(run), TEXTS[0], *flags]) == 0
        assert capsys.readouterr().out == "\t".join(f"{label}\t{p:.4f}" for label, p in pairs) + "\n"
    assert main([str(run), TEXTS[0], "--top", "4"]) == 2
    assert "--top must be a whole number from 1 to 3, got 4" in capsys.readouterr().err


def test_lines(tmp_path: Path) -> None:
    """Through both backends; a BOM, an empty line, Windows' ends of lines and a last line without an end."""
    run, many = saved(tmp_path), TEXTS * 40
    lines = b"\xef\xbb\xbf" + "\r\n".join([*many, "", "café"]).encode()
    got = predict(run, "-", lines=lines)
    assert got.returncode == 0, got.stderr
    expected = model_of().predict_text([*many, "", "café"])
    assert got.stdout.decode() == "".join(f"{each.label}\t{each.probability:.4f}\n" for each in expected)
    assert got.stderr.decode() == "warning: line 121 holds no word, so that the label says nothing about it\n"


def test_each_line_is_answered_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scratchnn", "predict", str(saved(tmp_path)), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for text, expected in zip(TEXTS, model_of().predict_text(TEXTS), strict=True):
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().decode().split("\t")[0] == expected.label
        process.stdin.close()
    assert process.returncode == 0


def test_texts_that_the_model_hardly_knows(tmp_path: Path, capsys: Output) -> None:
    assert main([str(saved(tmp_path)), "", "the xyzzy quux film plugh", *["blah blah"] * 6]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "warning: text 1 holds no word, so that the label says nothing about it"
    assert told[1] == "warning: text 2 is mostly unknown to the model: 3 of the 5 words that were read"
    assert told[-1] == "warning: so are 3 more of the 8 texts"
    assert len(told) == 6


@pytest.mark.parametrize(
    ("lines", "answers", "expected"),
    [
        (b"great\nca\xe9\ngreat\n", 1, ", line 2, is not UTF-8: byte 0xe9 at position 3"),
        (b"great\ngreat\nnul\0\n", 2, ", line 3, holds a NUL byte"),
        (b"\x89PNG\r\n\x1a\n\0\0", 0, ": expected text in UTF-8, and this is a PNG image"),
        ("great\n".encode("utf-16"), 0, ": expected text in UTF-8, and this is UTF-16"),
    ],
)
def test_what_is_no_text(lines: bytes, answers: int, expected: str, tmp_path: Path) -> None:
    got = predict(saved(tmp_path), "-", lines=lines)
    assert got.returncode == 2
    assert len(got.stdout.splitlines()) == answers
    assert got.stderr.decode().startswith(f"error: the standard input{expected}")


def test_a_label_beyond_the_encoding_of_the_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scratchnn", "predict", str(saved(tmp_path, ("çà", "là"))), "film"]
    run = {"capture_output": True, "timeout": 100, "check": True, "env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    label = model_of(("çà", "là")).predict_text(["film"])[0].label
    assert subprocess.run(command, **run).stdout.split(b"\t")[0] == label.encode("ascii", "backslashreplace")
    assert json.loads(subprocess.run([*command, "--json"], **run).stdout)["label"] == label


def test_arguments_that_are_refused(tmp_path: Path, capsys: Output) -> None:
    run = saved(tmp_path)
    for arguments, expected in (
        (["nowhere", "a text"], "nowhere is neither the folder of a run, with a model.npz, nor a saved model"),
        ([str(run), "-", "a text"], "- reads the standard input and stands alone"),
        ([str(run), "caf\udce9"], "text 1 is not UTF-8: 'caf\\udce9'"),
    ):
        assert main(arguments) == 2
        assert expected in capsys.readouterr().err
    plain = Sequential([Dense(1)], seed=0)
    plain.build((None, 3))
    plain.save(run / "plain.npz")
    (run / "unfinished").mkdir()
    (run / "unfinished" / "checkpoint.npz").touch()
    model = model_of()
    model.set_flat_params(np.full_like(model.flat_params, np.nan))
    model.save(run / "nan.npz")
    for file, expected in (
        ("plain.npz", "saved without its vocabulary"),
        ("unfinished", "its training has not finished: python -m scratchnn.train --resume"),
        ("nan.npz", "output is not finite, as after a training that diverged"),
    ):
        assert main([str(run / file), "a text"]) == 2
        assert expected in capsys.readouterr().err


def test_nothing_to_read_and_nobody_who_reads(tmp_path: Path) -> None:
    run = saved(tmp_path)
    empty = predict(run, "-")
    assert (empty.returncode, empty.stdout) == (0, b"")
    assert empty.stderr == b"warning: the standard input holds no line\n"
    command = f"yes great film | {sys.executable} -m scratchnn predict {run} - | head -n 2"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, timeout=100, check=False)
    assert (len(ended.stdout.splitlines()), ended.stderr) == (2, b"")
