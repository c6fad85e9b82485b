"""The folder: what is saved comes back, and what does not belong together is not mixed."""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.core.files import container
from scratchnn.study import results
from scratchnn.study.conduct import all_results, counts, missing
from scratchnn.study.folder import StudyFolder
from scratchnn.study.results import RunResult
from scratchnn.study.tasks import Task

COMMON = {"data": "abc", "code": "v1", "protocols": ["last", "best"], "--epochs": 2}


def result(model: str = "ff", seed: int = 0, **changed: Any) -> RunResult:
    tested = {
        "last": results.Tested(2, 0.25, 0.75, "w2", np.array([0.25, 0.75], np.float32)),
        "best": results.Tested(1, 0.2, 0.8, "w1", np.array([0.125, 0.5], np.float32)),
    }
    history = {"loss": [0.5, 0.1], "seconds": [1.0, 1.5]}
    values = {
        "settings": {"epochs": 2}, "parameters": 7, "history": history, "tested": tested, "test_set": "t",
        "order_digest": "o", "seconds": 2.0, "peak_memory": 100.0,
    }  # fmt: skip
    return RunResult(model, seed, "h", **{**values, **changed})


def failed(error: str) -> RunResult:
    return result(tested={}, seconds=math.nan, error=error)


def record(folder: StudyFolder, key: str = "ff-0-h") -> Path:
    return folder.runs / f"{key}.npz"


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    saved = result()
    folder.save(saved)
    assert [path.name for path in folder.runs.iterdir()] == ["ff-0-h.npz"], "one record"
    back = folder.load(saved.key)
    assert back is not None and back.tested.keys() == saved.tested.keys()
    for protocol, tested in saved.tested.items():
        assert back.tested[protocol].probabilities.tobytes() == tested.probabilities.tobytes()
        assert repr(back.tested[protocol]) == repr(tested), "all but the probabilities"
    assert dataclasses.replace(back, tested={}) == dataclasses.replace(saved, tested={})
    assert folder.load("ff-1-h") is None
    assert [each.key for each in folder.load_all()] == ["ff-0-h"]


def test_only_what_was_measured_differs(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    first = container.read(record(folder))
    folder.save(result(seconds=9.0, peak_memory=1.0, history={"loss": [0.5, 0.1], "seconds": [3.0, 3.0]}))
    second = container.read(record(folder))
    assert first[1]["result"] == second[1]["result"]
    assert first[1]["measured"] != second[1]["measured"]
    assert {name: each.tobytes() for name, each in first[0].items()} == {n: x.tobytes() for n, x in second[0].items()}


def test_a_failed_run_comes_back(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(failed("NonFiniteError: the loss is nan"))
    back = folder.load("ff-0-h")
    assert back is not None and back.failed
    assert math.isnan(back.seconds)
    assert back.tested == {}


def test_a_run_of_another_study_is_told_by_what_differs(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    change(record(folder), lambda _, meta: meta["study"].update(data="ab" * 32))
    with pytest.raises(ValueError, match=r"it belongs to another study: data is abababab there, \S+ here$"):
        folder.load("ff-0-h")


def test_what_may_go_better_next_time_is_tried_again() -> None:
    assert counts(result())
    assert counts(failed("NonFiniteError: the loss is nan"))
    assert not counts(failed("ProcessLost: its process was ended by signal 9 twice"))


def change(path: Path, edit: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    arrays, meta = container.read(path)
    edit(arrays, meta)
    container.write(path, arrays, meta)


STRANGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "one byte": lambda path: path.write_bytes(bytes([*path.read_bytes()[:500], 7, *path.read_bytes()[501:]])),
    "empty": lambda path: path.write_bytes(b""),
    "another npz": lambda path: np.savez(path, x=np.zeros(3)),
    "a run of another name": lambda path: change(path, lambda _, meta: meta["result"].update(seed=1)),
    "of another study": lambda path: change(path, lambda _, meta: meta["study"].update(code="v0")),
    "without a protocol": lambda path: change(
        path, lambda arrays, meta: (meta["result"]["tested"].pop("best"), arrays.pop("best"))
    ),
    "without its answers": lambda path: change(path, lambda arrays, _: arrays.pop("best")),
    "with something more": lambda path: change(path, lambda _, meta: meta["result"].update(more=1)),
    "without a number": lambda path: change(path, lambda _, meta: meta["result"].pop("parameters")),
    "no record": lambda path: change(path, lambda _, meta: meta.pop("result")),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_no_run_of_this_study_is_set_aside(what: str, tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    folder.save(result(seed=5))
    STRANGE[what](record(folder))
    is_folder, content = record(folder).is_dir(), record(folder).is_file() and record(folder).read_bytes()
    with pytest.raises(ValueError, match="cannot be counted"):
        folder.load("ff-0-h")
    with pytest.warns(UserWarning, match=r"ff-0-h.npz' cannot be counted: .* it is moved to .*set-aside.*done again"):
        assert [each.key for each in folder.load_all()] == ["ff-5-h"]
    moved = tmp_path / "set-aside" / "ff-0-h.npz"
    assert moved.is_dir() if is_folder else moved.read_bytes() == content, "nothing is lost"
    assert folder.load("ff-0-h") is None
    folder.save(result())
    assert [each.key for each in folder.load_all()] == ["ff-0-h", "ff-5-h"]


def test_stray_files_are_set_aside_and_none_takes_the_place_of_another(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    for number in (1, 2, 3):
        (folder.runs / "notes.txt").write_text(f"note {number}")
        with pytest.warns(UserWarning, match=r"notes.txt' is no run; it is moved to"):
            assert folder.load_all() == []
    aside = sorted((tmp_path / "set-aside").iterdir())
    assert [path.name for path in aside] == ["notes-2.txt", "notes-3.txt", "notes.txt"]
    assert [path.read_text() for path in aside] == ["note 2", "note 3", "note 1"]


def test_a_save_under_way_is_left_alone(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    half = folder.runs / ".scratchnn-0.tmp"
    half.write_bytes(b"half")
    assert folder.load_all() == []
    assert half.exists()


def test_a_folder_of_one_protocol_is_refused(tmp_path: Path) -> None:
    """That of an earlier version, whose runs were tested after the last epoch alone."""
    old = {name: value for name, value in COMMON.items() if name != "protocols"}
    (tmp_path / "runs").mkdir()
    (tmp_path / "study.json").write_text(json.dumps(old))
    with pytest.raises(
        ValueError, match=r"protocols is not set there, \['last', 'best'\] here.*give --out a new folder"
    ):
        StudyFolder.open(tmp_path, COMMON)
    StudyFolder.open(tmp_path / "new", {**COMMON, "protocols": ["last"]})
    with pytest.raises(ValueError, match=r"protocols is \['last'\] there, \['last', 'best'\] here"):
        StudyFolder.open(tmp_path / "new", COMMON)


def test_runs_of_other_layers_under_one_name_are_refused(tmp_path: Path, planned: Callable[..., list[Task]]) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    (task,) = planned("ff")
    folder.save(result("ff", 3))
    with pytest.raises(ValueError, match=r"holds runs of 'ff' with other layers or settings.*another name, or --out"):
        missing([task], folder)
    folder.save(dataclasses.replace(result(), config_hash=task.config_hash))
    record(folder, "ff-3-h").unlink()
    todo, found = missing([task, *planned("rnn")], folder)
    assert [each.model for each in todo] == ["rnn"]
    assert [each.key for each in found] == [task.key]


def test_results_are_in_order(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    for arch, seed in (("ff", 10), ("lstm", 0), ("ff", 2)):
        folder.save(result(arch, seed))
    folder.save(result("lstm,units=8", 1))
    folder.save(result("a-model-of-mine", 0))
    found = [(r.model, r.seed) for r in all_results(folder)]
    assert found == [("ff", 2), ("ff", 10), ("lstm", 0), ("lstm,units=8", 1), ("a-model-of-mine", 0)]


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


def test_what_cannot_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ValueError, match=r"taken' is a file; give --out a new folder"):
        StudyFolder.open(tmp_path / "taken", COMMON)
    with pytest.raises(ValueError, match=r"taken/study' cannot be made \(.+\); give --out another one"):
        StudyFolder.open(tmp_path / "taken" / "study", COMMON)
    assert (tmp_path / "taken").read_text() == "mine"


def changed_record(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> None:
    """The file of a run written again, whole, with other contents."""
    arrays, meta = container.read(path)
    change(arrays, meta)
    container.write(path, arrays, meta)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, meta: meta["result"].update(history={"loss": 0.5}),
        lambda arrays, meta: meta["result"].update(history={"loss": ["low"]}),
        lambda arrays, meta: meta["result"]["settings"].update(colour="blue"),
        lambda arrays, meta: meta["result"].update(error=5),
        lambda arrays, meta: meta["measured"].update(seconds="x"),
        lambda arrays, meta: meta["result"].update(parameters=None),
        lambda arrays, meta: meta["result"]["tested"]["best"].update(accuracy=None),
        lambda arrays, meta: meta["result"]["tested"]["best"].update(epoch="3"),
        lambda arrays, meta: arrays.update(last=np.zeros(2, np.int8)),
        lambda arrays, meta: arrays.update(last=np.zeros((2, 1), np.float32)),
    ],
)
def test_a_whole_file_that_no_run_wrote_is_set_aside(change: Any, tmp_path: Path) -> None:
    """Its checksum is right, its fields are not: written by another program, or by hand."""
    folder = StudyFolder.open(tmp_path, COMMON)
    folder.save(result())
    changed_record(record(folder), change)
    with pytest.warns(UserWarning, match=r"cannot be counted: its .*; it is moved to .*set-aside"):
        assert folder.load_all() == []
    assert len(list((tmp_path / "set-aside").iterdir())) == 1


def test_links_that_lead_nowhere_are_set_aside(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path, COMMON)
    for name, target in (("loop.npz", "loop.npz"), ("nowhere.npz", "gone.npz")):
        (folder.runs / name).symlink_to(target)
    with pytest.warns(UserWarning, match="set-aside"):
        assert folder.load_all() == []
    assert sorted(path.name for path in (tmp_path / "set-aside").iterdir()) == ["loop.npz", "nowhere.npz"]
    assert folder.load_all() == []


def test_what_stands_in_the_way_is_told_before_any_run(tmp_path: Path) -> None:
    StudyFolder.open(tmp_path, COMMON)
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ValueError, match=r"report.html' is a folder, where the study has a file: move it away"):
        StudyFolder.open(tmp_path, COMMON)
    (tmp_path / "report.html").rmdir()
    (tmp_path / "set-aside").write_text("mine")
    with pytest.raises(ValueError, match=r"set-aside' is a file, where the study has a folder: move it away"):
        StudyFolder.open(tmp_path, COMMON)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'thesis.tex' and no study.json; give --out"):
        StudyFolder.open(tmp_path, COMMON)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_study_json_is_told(tmp_path: Path) -> None:
    StudyFolder.open(tmp_path, COMMON)
    for text in ("{", "[" * 100_000):
        (tmp_path / "study.json").write_text(text)
        with pytest.raises(ValueError, match=r"study.json.* is damaged"):
            StudyFolder.open(tmp_path, COMMON)


def test_killed_right_after_its_first_file_it_can_go_on(tmp_path: Path) -> None:
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    folder.runs.rmdir()
    folder = StudyFolder.open(tmp_path / "study", COMMON)
    folder.save(result())
    assert folder.load(result().key) is not None
