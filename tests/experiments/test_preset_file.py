"""Presets from a file: what is in it is what is trained, and whatever does not fit is told with its place."""

import re
from pathlib import Path

import pytest

from scratchnn.experiments.preparation import build_model
from scratchnn.experiments.preset_file import read

GOOD = """
[mine]
summary = "both ways"
embedding = 4
layers = [
    {class = "Bidirectional", layer = {class = "LSTM", units = 3}},
    {class = "Dropout", rate = 0.5},
    {class = "Dense", units = 1, activation = "sigmoid"},
]
vocabulary = 60
length = 12
epochs = 2
optimizer = "sgd"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def test_layers_and_settings_are_those_of_the_file(tmp_path: Path) -> None:
    (preset,) = read(write(tmp_path, GOOD)).values()
    assert (preset.name, preset.summary, preset.published) == ("mine", "both ways", None)
    settings = preset.settings(seed=1)
    assert (settings.arch, settings.epochs, settings.optimizer, settings.vocabulary) == ("mine", 2, "sgd", 60)
    model = build_model(settings, preset)
    assert [type(layer).__name__ for layer in model.layers] == ["Embedding", "Bidirectional", "Dropout", "Dense"]
    assert model.count_params() == 60 * 4 + 2 * 4 * (4 * 3 + 3 * 3 + 3) + 6 + 1
    assert build_model(preset.settings(units=5), preset).count_params() == 60 * 4 + 2 * 4 * (4 * 5 + 5 * 5 + 5) + 10 + 1


def test_settings_are_found_however_they_are_spelled(tmp_path: Path) -> None:
    (preset,) = read(write(tmp_path, GOOD.replace("epochs = 2", "Epochs = 2\nbatchsize = 16"))).values()
    assert (preset.settings().epochs, preset.settings().batch_size) == (2, 16)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[mine]", "[lstm]"), "'lstm' is a preset of scratchnn already"),
        (("[mine]", "[LSTM]"), "'lstm' is a preset of scratchnn already"),
        (("[mine]", "[L_inear]"), "'linear' is a preset of scratchnn already"),
        (("[mine]", '["../mine"]'), "its name must be 1 to 60 letters, digits"),
        (("[mine]", '["a b"]'), "its name must be 1 to 60 letters, digits"),
        (("[mine]", "[mine"), "is no TOML file"),
        (("embedding = 4", ""), "embedding must be the number of features of a word, 1 or more, got None"),
        (("embedding = 4", "embedding = true"), "got True"),
        (("epochs = 2", "epoch = 2"), "unknown setting 'epoch'; did you mean 'epochs'"),
        (("epochs = 2", "seed = 2"), "unknown setting 'seed'"),
        (("epochs = 2", "epochs = 0"), "epochs must be a whole number from 1"),
        (('"LSTM"', '"LSTN"'), "layer 1, its layer: unknown layer 'LSTN'; did you mean 'LSTM'"),
        (('"LSTM"', '"Sequential"'), "unknown layer 'Sequential'"),
        (('class = "Dropout"', 'klass = "Dropout"'), 'layer 2: expected a layer such as {class = "LSTM"'),
        (("rate = 0.5", "rat = 0.5"), "rat"),
        (("rate = 0.5", "rate = 5"), "rate"),
        (("units = 1,", "units = 2,"), r"its output must be one number per review, of shape (None, 1), got (None, 2)"),
        (("epochs = 2", "Epochs = 2\nepochs = 3"), "epochs is given twice, as 'epochs' too; leave one of them out"),
        (("[mine]", f"[{'m' * 61}]"), "its name must be 1 to 60 letters"),
        (('"LSTM"', '"Layer"'), "unknown layer 'Layer'"),
        (
            ('class = "Bidirectional", layer = {', 'class = "Bidirectional", lay = {'),
            "Bidirectional needs a layer inside",
        ),
        (("units = 3}", "units = 3, stateful = true}"), "is stateful, but reviews do not continue each other"),
        ((', activation = "sigmoid"}', "}"), 'give Dense, the activation "sigmoid"; its activation is linear'),
        (('activation = "sigmoid"', 'activation = "tanh"'), "its activation is tanh"),
        (('{class = "Dense", units = 1, activation = "sigmoid"},', ""), "its output must be one number per review"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    assert change[0] in GOOD
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        read(path)
    assert "own.toml" in str(error.value)


def test_two_names_that_are_one_for_arch(tmp_path: Path) -> None:
    """One of them would be trained under both names."""
    path = write(tmp_path, GOOD + GOOD.replace("[mine]", "[M_ine]"))
    with pytest.raises(ValueError, match="'M_ine' and 'mine' differ in capitals and '_' alone; name them apart"):
        read(path)


def test_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no preset: a preset is a table, such as \[my-lstm\]"):
        read(write(tmp_path, ""))
    with pytest.raises(ValueError, match="expected a table with embedding and layers, got 3"):
        read(write(tmp_path, "mine = 3"))
    with pytest.raises(ValueError, match=r"--presets '.*nope.toml' cannot be read: No such file"):
        read(tmp_path / "nope.toml")
