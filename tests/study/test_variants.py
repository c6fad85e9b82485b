"""Grids over settings: every combination, named after what is special about it, and nothing that does not fit."""

import pytest

from scratchnn.experiments.presets import named
from scratchnn.study.variants import parse_grid, variants
from scratchnn.study.wording import settings_in_words


def test_every_preset_with_every_combination() -> None:
    grid = parse_grid(["units=8,16", "learning-rate=0.001,1e-4"], {})
    assert grid == {"units": [8, 16], "learning_rate": [0.001, 0.0001]}
    found = variants([named("lstm"), named("gru")], {"epochs": 3}, grid)
    assert [each.name for each in found[:4]] == [
        "lstm,units=8,learning_rate=0.001", "lstm,units=8,learning_rate=0.0001",
        "lstm,units=16,learning_rate=0.001", "lstm,units=16,learning_rate=0.0001",
    ]  # fmt: skip
    assert [each.preset.name for each in found] == ["lstm"] * 4 + ["gru"] * 4
    assert found[1].chosen == {"epochs": 3, "units": 8, "learning_rate": 0.0001}


def test_without_a_grid_presets_have_their_own_names() -> None:
    (only,) = variants([named("ff")], {"epochs": 3}, {})
    assert (only.name, only.chosen) == ("ff", {"epochs": 3})


def test_values_are_of_the_settings_kind() -> None:
    grid = parse_grid(["shuffle_words=false,true", "optimizer=SGD,adam", "test_reviews=10", "validation_split=0.1"], {})
    assert grid == {
        "shuffle_words": [False, True], "optimizer": ["sgd", "adam"], "test_reviews": [10], "validation_split": [0.1],
    }  # fmt: skip
    assert variants([named("ff")], {}, {"shuffle_words": [True]})[0].name == "ff,shuffle_words=true"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["unit=3"], "unknown setting 'unit'; did you mean 'units'"),
        (["seed=1,2"], "unknown setting 'seed'"),
        (["arch=ff"], "unknown setting 'arch'"),
        (["units"], "takes a setting and its values, such as units=16,32,64, got 'units'"),
        (["units="], "takes a setting and its values"),
        (["units=3,,4"], "--grid units takes whole numbers, got ''"),
        (["units=3.5"], "--grid units takes whole numbers, got '3.5'"),
        (["units=0"], "units must be a whole number from 1"),
        (["units=3,3"], "--grid units: 3 is there twice"),
        (["learning_rate=0.1,0.10"], "learning_rate: 0.1 is there twice"),
        (["units=3", "units=4"], "--grid units is given twice"),
        (["shuffle_words=yes"], "takes true and false, got 'yes'"),
        (["optimizer=adm"], "did you mean 'adam'"),
        (["validation_split=1"], "validation_split must be at least 0 and below 1"),
    ],
)
def test_refused(texts: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_grid(texts, {})


def test_a_setting_is_chosen_once() -> None:
    with pytest.raises(ValueError, match="epochs is given twice, by a flag of its own and in --grid"):
        variants([named("ff")], {"epochs": 3}, {"epochs": [1, 2]})


def test_a_value_is_judged_beside_the_settings_that_are_chosen() -> None:
    assert parse_grid(["skip_top=2000"], {"vocabulary": 10_000}) == {"skip_top": [2000]}
    with pytest.raises(ValueError, match="skip_top 2000 leaves no word of a vocabulary of 1000"):
        parse_grid(["skip_top=2000"], {})


@pytest.mark.parametrize(("noun", "said"), [("review", "trained and validated on 500"), ("text", "trained on 500")])
def test_of_what_is_chosen_to_train_on_reviews_alone_are_validated_on_too(noun: str, said: str) -> None:
    assert settings_in_words([{"train_reviews": 500}], noun) == [said]
