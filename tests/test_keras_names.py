"""Every name of Keras' acts, or is refused with a sentence: none is taken that does nothing."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from scratchnn import layers
from scratchnn.callbacks import HOOKS, ModelCheckpoint
from scratchnn.core.keras_names import ARGUMENTS
from tests import keras_evidence as evidence
from tests import measures_evidence as measures
from tests.parity import names

PRESENT = names.present()
ACTING = [(each, parameter) for each in PRESENT for parameter in each.acts]
ELSEWHERE = ("get", "RNN", "Optimizer", "Loss", "Metric")  # see below; the last three act in what is derived from them

# Where our first parameters are others than Keras', and why that is never silent.
OTHER_ORDER = {
    "compile": "the third is metrics: a number in it is refused, as a metric's name is in Keras",
}


def test_every_name_of_keras_is_here_or_says_what_to_use() -> None:
    assert [(module, name) for module, name, instead in names.absent() if instead is None] == []
    assert len(names.absent()) > 250 and len(PRESENT) > 200


def test_every_parameter_of_keras_acts_or_is_refused() -> None:
    left = [(each.name, name) for each in PRESENT for name in each.keras if name not in (*each.ours, *each.refused)]
    assert left == []


@pytest.mark.parametrize("each", PRESENT, ids=lambda each: f"{each.module}.{each.name}")
def test_parameters_are_in_keras_order(each: names.Name) -> None:
    parameters = inspect.signature(each.thing).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
    if each.name in OTHER_ORDER:
        assert positional[: len(each.keras)] != each.keras[: len(positional)], "this one is no exception any more"
    elif each.keras:
        assert positional[: len(each.keras)] == each.keras[: len(positional)]


@pytest.mark.parametrize(
    ("each", "parameter"), ACTING, ids=[f"{each.module}.{each.name}-{parameter}" for each, parameter in ACTING]
)
def test_what_is_taken_acts(each: names.Name, parameter: str, tmp_path: Path) -> None:
    """Two values of the parameter, all else equal, give two different results."""
    if each.name in ELSEWHERE:  # see below
        return
    folders = [tmp_path / which for which in "ab"]
    for folder in folders:
        folder.mkdir()
    pair = evidence.pair(each.module, each.name, parameter)
    one, other = (
        evidence.seen(each.module, each.name, parameter, value, folder)
        for value, folder in zip(pair, folders, strict=True)
    )
    assert not evidence.equal(one, other), f"{each.name}({parameter}=) does nothing: {pair} give the same"


def test_the_look_notices_nothing_where_nothing_changed(tmp_path: Path) -> None:
    """Otherwise the test above would pass by chance."""
    for each, parameter in ACTING:
        if each.name in (*ELSEWHERE, "plot_model"):
            continue
        value, _ = evidence.pair(each.module, each.name, parameter)
        folders = [tmp_path / f"{each.module}{each.name}{parameter}{i}" for i in range(2)]
        for folder in folders:
            folder.mkdir()
        one, other = (evidence.seen(each.module, each.name, parameter, value, folder) for folder in folders)
        assert evidence.equal(one, other), (each.name, parameter)


@pytest.mark.parametrize("module", sorted(evidence.GETS))
def test_get_gets_what_is_named(module: str) -> None:
    found = importlib.import_module(f"scratchnn.{module}")
    one, other = (found.get(name) for name in evidence.GETS[module])
    assert one.get_config() != other.get_config()


def test_an_rnn_has_the_settings_of_a_recurrent_layer() -> None:
    """The same code, Recurrent, reads them; its cell is tested in tests/layers."""
    assert layers.RNN.__mro__[1] is layers.SimpleRNN.__mro__[1]
    (rnn,) = [each for each in PRESENT if each.name == "RNN"]
    assert set(rnn.acts) - {"cell"} <= {
        parameter for each, parameter in ACTING if each.name == "SimpleRNN"
    }  # fmt: skip


# ---- what is refused


DATA = {"x": evidence.X, "y": evidence.Y}
METHODS: dict[str, dict[str, Any]] = {
    "fit": DATA, "evaluate": DATA, "train_on_batch": DATA, "predict": {"x": evidence.X}, "save": {"filepath": ""},
    "compile": {"optimizer": "sgd", "loss": "mse"}, "load_weights": {"filepath": ""},
    "save_weights": {"filepath": ""},
}  # fmt: skip


def refusals() -> list[tuple[names.Name, str, Any, dict[str, Any]]]:
    """Owner, argument, what to call, and what else it needs."""
    found = []
    for each in PRESENT:
        needed = evidence.LAYERS.get(getattr(each.thing, "__name__", ""), {}) if each.module == "layers" else {}
        needed = measures.needed(each.name) if each.module in ("losses", "metrics") else needed
        needed = {"filepath": "x.npz"} if each.name in ("ModelCheckpoint", "load_model") else needed
        needed = {"shape": (3,)} if each.name == "Input" else needed
        needed = {"model": None} if each.name == "plot_model" else needed
        if each.name == "timeseries_dataset_from_array":
            needed = {"data": evidence.X, "targets": None, "sequence_length": 2}
        needed = {"model": evidence.made()} if each.name == "clone_model" else needed
        call = getattr(evidence.made(), each.name) if each.module == "Model" else each.thing
        if each.module == "Model":
            needed = METHODS.get(each.name, {})
        if each.name in ("RNN", "Model", "get", "Metric", "Layer", "Loss", "Initializer", "Optimizer", "Callback"):
            continue
        found += [(each, name, call, needed) for name in each.keras if name in each.refused]
    return found


REFUSALS = refusals()


@pytest.mark.parametrize(
    ("owner", "name", "call", "needed"),
    REFUSALS,
    ids=[f"{owner.module}.{owner.name}-{name}" for owner, name, *_ in REFUSALS],
)
def test_what_is_refused_says_so_at_every_value_but_the_neutral_ones(
    owner: names.Name, name: str, call: Any, needed: dict
) -> None:
    with pytest.raises(ValueError, match=re.escape(owner.refused[name].instead)):
        call(**needed, **{name: "something else"})
    if owner.name in ("load_model", "load_weights", "save", "save_weights", "plot_model"):  # these need files
        return
    for neutral in owner.refused[name].neutral:
        call(**needed, **{name: neutral})


def test_positional_arguments_are_looked_at_too() -> None:
    with pytest.raises(ValueError, match=r"ModelCheckpoint: save_weights_only=True is refused: "):
        ModelCheckpoint("x.npz", "val_loss", 0, True, True)


def test_the_sentences_are_sentences() -> None:
    for owner, table in ARGUMENTS.items():
        for name, refused in table.items():
            assert len(refused.instead.split()) > 3 and not refused.instead.endswith("."), (owner, name)


def test_arguments_that_nobody_has_are_refused_with_the_nearest() -> None:
    with pytest.raises(
        TypeError, match=r"LSTM takes no argument 'recurent_dropout'; did you mean 'recurrent_dropout'\?"
    ):
        layers.LSTM(3, recurent_dropout=0.1)
    with pytest.raises(TypeError, match=r"Model\.fit takes no argument 'epoch'; did you mean 'epochs'\?"):
        evidence.made().fit(evidence.X, evidence.Y, epoch=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from scratchnn.layers import Conv2D", r"scratchnn\.layers has no Conv2D: images are out of scope; "),
        ("from scratchnn.layers import Dens", r"scratchnn\.layers has no Dens; did you mean 'Dense'\?"),
        (
            "from scratchnn.optimizers import Lion",
            r"has no Lion: derive a rule from scratchnn\.optim",
        ),
        ("from scratchnn.callbacks import TensorBoard", r"has no TensorBoard: CSVLogger writes every epoch"),
        ("from scratchnn.utils import split_dataset", r"has no split_dataset: slice the arrays, or"),
        ("from scratchnn import backend", r"scratchnn has no backend: its names are in scratchnn\.keras\.backend"),
        ("from scratchnn.metrics import MeanIoU", r"has no MeanIoU: derive one with update_state and result"),
    ],
)
def test_a_name_that_is_not_here_says_what_to_use(line: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(line)
    _, module, _, name = line.split()
    with pytest.raises(AttributeError, match=message):
        getattr(importlib.import_module(module), name)
    assert not hasattr(importlib.import_module(module), name)


def test_hooks_are_keras_hooks() -> None:
    assert sorted(HOOKS) == sorted(names.recorded()["hooks"])


def test_the_page_is_made_from_the_tables() -> None:
    written = names.PAGE.read_text(encoding="utf-8")
    assert written == names.page(), "python tests/parity/names.py writes docs/keras-names.md anew"


def test_no_module_shows_things_of_another_under_a_name_of_keras() -> None:
    """`from scratchnn.metrics import BinaryCrossentropy` must not give the loss of that name."""
    for module, known in names.recorded()["modules"].items():
        for name in known:
            thing = names.find(module, name)
            if thing is not None and module not in ("keras", "Model", "models", "layers", "utils"):
                home = getattr(thing, "__module__", module)
                if module == "metrics" and inspect.isfunction(thing):
                    home = home.replace("losses", "metrics")  # in Keras, too, they are the same functions
                assert not inspect.ismodule(thing) and module.split(".")[0] in home, (module, name)
