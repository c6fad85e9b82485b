"""The plan: which runs, in which order, and names that change with whatever has a say in the numbers."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from scratchnn.data.corpus import Corpus, resplit
from scratchnn.experiments.presets import PRESETS, Preset, named
from scratchnn.study.results import RunResult
from scratchnn.study.reviews import FilmReviews
from scratchnn.study.run import nothing_yet
from scratchnn.study.tasks import Task, Variant, config_hash, plan

Plan = Callable[..., list[Task]]


def test_seeds_are_blocks(planned: Plan) -> None:
    tasks = planned("lstm", "ff", seeds=3)
    assert [(task.settings.seed, task.settings.arch) for task in tasks] == [
        (0, "lstm"), (0, "ff"), (1, "lstm"), (1, "ff"), (2, "lstm"), (2, "ff"),
    ]  # fmt: skip
    assert all(task.settings.epochs == 2 and task.settings.vocabulary == 50 for task in tasks)


def test_a_longer_plan_has_the_runs_of_the_shorter(planned: Plan) -> None:
    shorter = {task.key for task in planned("ff", "rnn", seeds=2)}
    assert shorter < {task.key for task in planned("rnn", "ff", "gru", seeds=3)}


def test_result_and_task_have_one_name(planned: Plan) -> None:
    (task,) = planned("cnn-lstm", length=60)
    assert nothing_yet(task).key == task.key
    assert re.fullmatch(r"cnn-lstm-0-[0-9a-f]{12}", task.key)


def test_a_model_that_cannot_be_built_is_refused_before_the_first_run(planned: Plan) -> None:
    with pytest.raises(ValueError, match=r"'cnn': Conv1D .* needs a sequence of at least 7 time steps, got 2"):
        planned("ff", "cnn")
    with pytest.raises(ValueError, match=r"'ff': train_reviews must be at most [\d,]+, the reviews there are"):
        planned("ff", train_reviews=10**6)
    for changed in ({"validation_split": 0.9999}, {"train_reviews": 1}):
        with pytest.raises(ValueError, match=r"'ff': validation_split=.* leaves none for training or none to validate"):
            planned("ff", **changed)


@pytest.mark.parametrize(
    "changed",
    [{"epochs": 3}, {"vocabulary": 51}, {"optimizer": "sgd"}, {"learning_rate": 0.1}, {"resplit": 1},
     {"resplit": 2}, {"train_reviews": 99}, {"shuffle_words": True}, {"backend": "reference"},
     {"validation_split": 0.1}],
)  # fmt: skip
def test_every_setting_has_a_say_in_the_name(changed: dict[str, Any], planned: Plan) -> None:
    (before,), (after,) = planned("ff"), planned("ff", **changed)
    assert before.config_hash != after.config_hash


def test_so_have_data_code_and_layers(planned: Plan) -> None:
    (task,) = planned("ff")
    arguments = (task.settings, task.source, task.code)
    assert config_hash(task.preset, *arguments) == task.config_hash
    other = FilmReviews(synthetic=True)
    assert config_hash(task.preset, task.settings, other, task.code) != task.config_hash
    assert config_hash(task.preset, task.settings, task.source, {**task.code, "numpy": "1.0"}) != task.config_hash
    assert config_hash(Preset("ff", "", PRESETS["rnn"].layers), *arguments) != task.config_hash
    words, pairs = (named(name) for name in ("linear", "linear-bigrams"))
    assert config_hash(words, *arguments) != config_hash(pairs, *arguments)


def test_seed_and_folder_have_none(planned: Plan) -> None:
    (task,) = planned("ff")
    other = dataclasses.replace(task.settings, seed=7, out="elsewhere")
    assert config_hash(task.preset, other, task.source, task.code) == task.config_hash


def test_models_are_tested_on_the_reviews_of_their_split(planned: Plan, corpus: Corpus) -> None:
    as_it_comes, mixed = planned("ff")[0], planned("lstm-dropout", skip_top=0)[0]
    assert as_it_comes.test_set == corpus.test.digest
    assert mixed.test_set == resplit(corpus).test.digest != corpus.test.digest
    assert as_it_comes.data_digest == mixed.data_digest
    again, smaller = planned("ff", resplit=2)[0], planned("ff", resplit=2, test_reviews=7)[0]
    assert again.test_set == resplit(corpus, 2).test.digest
    assert smaller.test_set == resplit(corpus, 2, 7).test.digest
    assert len({as_it_comes.test_set, mixed.test_set, again.test_set, smaller.test_set}) == 4


def variants(*names: str, **chosen: Any) -> list[Variant]:
    return [Variant(name, named(name), chosen) for name in names]


@pytest.mark.parametrize(
    ("models", "seeds", "told"),
    [
        (variants("ff"), [], "at least 1 seed, got none"),
        (variants("ff"), [3, 1, 3], "seed 3 is there twice"),
        (variants("ff", "ff"), [0], "model 'ff' is there twice"),
        (variants("ff", units=3), [0], "'ff' has no recurrent layer"),
        (variants("ff", learning_rate=-1.0), [0], "'ff': learning_rate must be positive and finite, got -1.0"),
        (variants("ff", learning_rate=float("nan")), [0], "'ff': learning_rate must be positive and finite, got nan"),
        (variants("ff", global_clipnorm=0.0), [0], "'ff': global_clipnorm must be positive and finite, got 0.0"),
        (variants("ff", optimizer="sgdd"), [0], "'ff': unknown optimizer 'sgdd'; did you mean 'sgd'"),
        (variants("ff", validation_split=0.0), [0], "nothing to validate on.*--protocol last"),
    ],
)
def test_refused(models: list[Variant], seeds: list[int], told: str, source: FilmReviews) -> None:
    with pytest.raises(ValueError, match=told):
        plan(models, seeds, source)


def test_linear_models_have_an_optimizer_of_their_own(planned: Plan) -> None:
    assert [task.settings.optimizer for task in planned("linear", "linear-bigrams")] == ["l-bfgs"] * 2


def test_the_last_epoch_alone_needs_no_validation(source: FilmReviews) -> None:
    (task,) = plan(variants("ff", validation_split=0.0), [4], source, ["last"])
    assert task.protocols == ("last",) and task.settings.seed == 4


def test_variants_of_one_preset_have_names_of_their_own(source: FilmReviews) -> None:
    models = [Variant(f"rnn,units={H}", named("rnn"), {"units": H}) for H in (8, 16)]
    few, many = plan(models, [0], source)
    assert (few.model, few.settings.arch, few.settings.units) == ("rnn,units=8", "rnn", 8)
    assert few.key == f"rnn,units=8-0-{few.config_hash}"
    assert few.config_hash != many.config_hash
    assert nothing_yet(few).model == few.model


def test_a_result_knows_whether_it_failed(planned: Plan) -> None:
    (task,) = planned("ff")
    assert isinstance(nothing_yet(task), RunResult)
    assert not nothing_yet(task).failed
    assert nothing_yet(task, "ValueError: no").failed


def test_a_preset_that_stops_early_is_refused(source: FilmReviews) -> None:
    """Its models would be compared after epochs of other numbers."""
    early = dataclasses.replace(PRESETS["ff"], defaults={**PRESETS["ff"].defaults, "early_stop": 2})
    with pytest.raises(ValueError, match="'ff' has early_stop=2, but a study trains every model to its last epoch"):
        plan([Variant("ff", early)], [0], source)
