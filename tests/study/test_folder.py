"""The folder: what is saved comes back, and what does not belong together is not mixed."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.study.conduct import all_results, stored
from scratchnn.study.folder import StudyFolder
from scratchnn.study.results import RunResult

COMMON = {"data": "abc", "code": "v1", "--epochs": 2}


def result(arch: str = "ff", seed: int = 0, **changed: Any) -> RunResult:
    history = {"loss": [0.5, 0.1], "seconds": [1.0, 1.5]}
    values = {
        "settings": {"epochs": 2}, "parameters": 7, "history": history, "test_loss": 0.25, "test_accuracy": 0.75,
        "test_set": "t", "order_digest": "o", "weights": "w", "seconds": 2.0, "peak_memory": 100.0,
        "probabilities": np.array([0.25, 0.75], np.float32),
    }  # fmt: skip
    return RunResult(arch, seed, "h", **{**values, **changed})


def failed(error: str) -> RunResult:
    nan = float("nan")
    return result(test_loss=nan, test_accuracy=nan, seconds=nan, probabilities=None, error=error)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    saved = result()
    folder.save(saved)
    back = folder.load(saved.key)
    assert back is not None and back.probabilities is not None and saved.probabilities is not None
    assert back.probabilities.tobytes() == saved.probabilities.tobytes()
    assert dataclasses.replace(back, probabilities=None) == dataclasses.replace(saved, probabilities=None)
    assert folder.load("ff-1-h") is None
    assert folder.keys() == ["ff-0-h"]


def test_only_what_was_measured_differs(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    first = json.loads((folder.runs / "ff-0-h.json").read_text())
    folder.save(result(seconds=9.0, peak_memory=1.0, history={"loss": [0.5, 0.1], "seconds": [3.0, 3.0]}))
    second = json.loads((folder.runs / "ff-0-h.json").read_text())
    assert first["result"] == second["result"]
    assert first["measured"] != second["measured"]


def test_a_failed_run_is_valid_json_and_comes_back(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(failed("NonFiniteError: the loss is nan"))
    assert "NaN" not in (folder.runs / "ff-0-h.json").read_text()
    back = folder.load("ff-0-h")
    assert back is not None and back.failed
    assert math.isnan(back.test_accuracy) and math.isnan(back.seconds)
    assert back.probabilities is None


def test_what_may_go_better_next_time_is_tried_again(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(failed("NonFiniteError: the loss is nan"))
    assert stored(folder, "ff-0-h") is not None
    folder.save(failed("ProcessLost: its process was ended by signal 9 twice"))
    assert stored(folder, "ff-0-h") is None


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_damaged_run_is_done_again(suffix: str, tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    path = folder.runs / f"ff-0-h{suffix}"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.warns(UserWarning, match="damaged.*done again"):
        assert stored(folder, "ff-0-h") is None


def test_another_runs_file_under_this_name_is_damage(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result(seed=1))
    (folder.runs / "ff-1-h.json").rename(folder.runs / "ff-0-h.json")
    with pytest.raises(ValueError, match="damaged: it is ff-1-h"):
        folder.load("ff-0-h")


def test_results_are_in_order(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    for arch, seed in (("ff", 10), ("lstm", 0), ("ff", 2)):
        folder.save(result(arch, seed))
    found = all_results(folder, ["lstm", "ff"])
    assert [(r.arch, r.seed) for r in found] == [("lstm", 0), ("ff", 2), ("ff", 10)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"code": "v2"}, "code is 'v1' there, 'v2' here"),
        ({"--epochs": 3}, "--epochs is 2 there, 3 here"),
        ({"--length": 9}, "--length is not set there, 9 here"),
        ({"data": "abd"}, "data is 'abc' there, 'abd' here"),
    ],
)
def test_another_study_is_refused_with_the_difference(changed: dict[str, Any], told: str, tmp_path: Path) -> None:
    StudyFolder.open(tmp_path, COMMON)
    StudyFolder.open(tmp_path, COMMON)
    with pytest.raises(ValueError, match=re.escape(told)):
        StudyFolder.open(tmp_path, {**COMMON, **changed})


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'thesis.tex' and no study.json; give --out"):
        StudyFolder.open(tmp_path, COMMON)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_study_json_is_told(tmp_path: Path) -> None:
    StudyFolder.open(tmp_path, COMMON)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(ValueError, match=r"study.json.* is damaged"):
        StudyFolder.open(tmp_path, COMMON)


def test_killed_right_after_its_first_file_it_can_go_on(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    folder.runs.rmdir()
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    folder.save(result())
    assert folder.load(result().key) is not None
