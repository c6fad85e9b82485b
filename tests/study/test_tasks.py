"""The plan: which runs, in which order, and names that change with whatever has a say in the numbers."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from scratchnn.data.corpus import Corpus, resplit
from scratchnn.experiments import presets
from scratchnn.experiments.presets import PRESETS, Preset
from scratchnn.study.results import RunResult
from scratchnn.study.run import nothing_yet
from scratchnn.study.tasks import Task, config_hash, plan

Plan = Callable[..., list[Task]]


def test_seeds_are_blocks(planned: Plan) -> None:
    tasks = planned("lstm", "ff", seeds=3)
    assert [(task.settings.seed, task.settings.arch) for task in tasks] == [
        (0, "lstm"), (0, "ff"), (1, "lstm"), (1, "ff"), (2, "lstm"), (2, "ff"),
    ]  # fmt: skip
    assert all(task.settings.epochs == 2 and task.settings.vocabulary == 50 for task in tasks)


def test_a_longer_plan_has_the_runs_of_the_shorter(planned: Plan) -> None:
    shorter = {task.key for task in planned("ff", "rnn", seeds=2)}
    assert shorter < {task.key for task in planned("rnn", "ff", "cnn", seeds=3)}


def test_result_and_task_have_one_name(planned: Plan) -> None:
    (task,) = planned("cnn-linear")
    assert nothing_yet(task).key == task.key
    assert re.fullmatch(r"cnn-linear-0-[0-9a-f]{12}", task.key)


@pytest.mark.parametrize(
    "changed",
    [{"epochs": 3}, {"vocabulary": 51}, {"optimizer": "sgd"}, {"learning_rate": 0.1}, {"resplit": True},
     {"backend": "reference"}, {"validation_split": 0.1}],
)  # fmt: skip
def test_every_setting_has_a_say_in_the_name(changed: dict[str, Any], planned: Plan) -> None:
    (before,), (after,) = planned("ff"), planned("ff", **changed)
    assert before.config_hash != after.config_hash


def test_so_have_data_code_and_layers(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    (task,) = planned("ff")
    arguments = (task.settings, task.data_digest, task.code)
    assert config_hash(*arguments) == task.config_hash
    assert config_hash(task.settings, "0" * 64, task.code) != task.config_hash
    assert config_hash(task.settings, task.data_digest, {**task.code, "numpy": "1.0"}) != task.config_hash
    other = Preset("ff", "", presets.PRESETS["rnn"].layers)
    monkeypatch.setitem(presets.PRESETS, "ff", other)
    assert config_hash(*arguments) != task.config_hash


def test_seed_and_folder_have_none(planned: Plan) -> None:
    (task,) = planned("ff")
    other = dataclasses.replace(task.settings, seed=7, out="elsewhere")
    assert config_hash(other, task.data_digest, task.code) == task.config_hash


def test_models_are_tested_on_the_reviews_of_their_split(planned: Plan, corpus: Corpus) -> None:
    as_it_comes, mixed = planned("ff")[0], planned("lstm-dropout", skip_top=0)[0]
    assert as_it_comes.test_set == corpus.test.digest
    assert mixed.test_set == resplit(corpus).test.digest != corpus.test.digest
    assert as_it_comes.data_digest == mixed.data_digest


@pytest.mark.parametrize(
    ("archs", "seeds", "told"),
    [(["ff"], 0, "at least 1 seed, got 0"), (["lsmt"], 1, "did you mean 'lstm'"), (["ff", "ff"], 1, "named twice")],
)
def test_refused(archs: list[str], seeds: int, told: str, corpus: Corpus) -> None:
    with pytest.raises(ValueError, match=told):
        plan(archs, seeds, corpus, None, {})


def test_a_result_knows_whether_it_failed(planned: Plan) -> None:
    (task,) = planned("ff")
    assert isinstance(nothing_yet(task), RunResult)
    assert not nothing_yet(task).failed
    assert nothing_yet(task, "ValueError: no").failed


def test_a_preset_that_stops_early_is_refused(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its models would be compared after epochs of other numbers."""
    early = dataclasses.replace(PRESETS["ff"], defaults={**PRESETS["ff"].defaults, "early_stop": 2})
    monkeypatch.setitem(PRESETS, "ff", early)
    with pytest.raises(ValueError, match="'ff' has early_stop=2, but a study compares models after their last epoch"):
        plan(["ff"], 1, corpus, None, {})
