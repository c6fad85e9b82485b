"""Things of the user's own in files: all come back, wherever they stand, and loading asks for them in words."""

import copy
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, activations, load_model
from scratchnn.core.files.container import StorageError
from scratchnn.experiments import presets, run
from scratchnn.experiments.settings import Settings
from scratchnn.layers import (
    GRU,
    LAYERS,
    LSTM,
    RNN,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.layers import Activation as ActivationLayer
from scratchnn.losses import MeanSquaredError
from scratchnn.metrics import MeanMetric
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.models.custom_objects import checked
from scratchnn.training.progress import Progress
from tests.models.own_things import (
    SEQUENCES,
    Absolute,
    Mix,
    Scale,
    Shift,
    Slow,
    Twice,
    back,
    half,
    model_of,
    saved,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.npz"


# ---- all that is marked comes back, wherever it stands


def test_what_is_marked_comes_back_under_any_key_at_any_depth(path: Path) -> None:
    cell = Mix(3, half, Twice(Shift(0.7)))
    model = model_of(Bidirectional(RNN(cell, recurrent_initializer=Shift(0.2))), x=SEQUENCES)
    loaded = back(model, path, Mix=Mix, Twice=Twice, Shift=Shift, half=half)
    cell = loaded.layers[0].forward_layer.cell
    assert cell.act == half and cell.rise == Twice(Shift(0.7))
    assert loaded.layers[0].forward_layer.recurrent_initializer == Shift(0.2)


def test_what_compile_was_told_comes_back(path: Path) -> None:
    loaded = back(model_of(optimizer=Slow(0.5, config=7), loss=Absolute()), path, Slow=Slow, Absolute=Absolute)
    assert (type(loaded.optimizer), loaded.optimizer.config, type(loaded.loss)) == (Slow, 7, Absolute)


def test_a_class_that_forgets_the_mark_is_marked(path: Path) -> None:
    class Forgetful(MeanSquaredError):
        def get_config(self) -> Any:
            return {"name": "mean_squared_error", "reduction": self.reduction, "dtype": None}

    class Bare(Shift):
        def get_config(self) -> Any:
            return {"config": self.config}

    loaded = back(model_of(Dense(2, "tanh", True, Bare(0.3)), loss=Forgetful()), path, Forgetful=Forgetful, Bare=Bare)
    assert type(loaded.loss) is Forgetful and type(loaded.layers[0].kernel_initializer) is Bare


@pytest.mark.parametrize(
    "extra",
    [
        {"layers": [{"units": 4}]},
        {"layer": {"units": 4}},
        {"cell": {"name": "x"}},
        {"loss": {"name": "aux", "weight": 0.3}},
        {"layer": {"class": "Dense"}},
        {"layer": {"class": "Dense", "config": {}, "more": 1}},
        {"activation": {"name": "cube", "custom": False}},
        {"kernel_initializer": {"name": "mine"}},
    ],
)
def test_what_is_not_marked_stays_as_it_is(extra: dict[str, Any], path: Path) -> None:
    model = model_of(Scale(3.0, **extra))
    assert len(saved(model, path)) == 1  # of Scale alone
    path.unlink()
    assert back(model, path, Scale=Scale).layers[0].extra == extra


def test_own_layers_may_hold_layers(path: Path) -> None:
    class Wrap(Scale):
        def __init__(self, inner: Any, others: Any = (), name: str | None = None) -> None:
            super().__init__(name=name)
            self.inner, self.others = inner, list(others)

        def get_config(self) -> Any:
            described = [{"class": "Dense", "config": each.get_config()} for each in self.others]
            own = {"class": "Scale", "custom": True, "config": self.inner.get_config()}
            return Layer.get_config(self) | {"inner": own, "others": described}

    model = model_of(Wrap(Scale(5.0), [Dense(3), Dense(4, half)]))
    loaded = back(model, path, Wrap=Wrap, Scale=Scale, half=half)
    assert loaded.layers[0].inner.k == 5.0
    assert [(type(each), each.units, each.activation) for each in loaded.layers[0].others] == [
        (Dense, 3, activations.linear),
        (Dense, 4, half),
    ]


def test_nobody_looks_into_metadata(path: Path) -> None:
    model = model_of()
    model.metadata = {
        "loss": {"name": "my run"},
        "layers": [{"class": "Dense", "config": {"units": 1}}, {"class": "X", "custom": True, "config": {}}],
    }
    assert saved(model, path) == []
    assert load_model(path).metadata == model.metadata


@pytest.mark.parametrize(
    "layer",
    [
        Embedding(20, 4, input_length=12),
        SimpleRNN(3),
        LSTM(3),
        GRU(3),
        RNN(Mix(3)),
        Bidirectional(LSTM(3)),
        Conv1D(3, 2),
        MaxPooling1D(2),
        GlobalMaxPooling1D(),
        GlobalAveragePooling1D(),
        Dense(3),
        Dropout(0.1),
        Flatten(),
        ActivationLayer("tanh"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_class_derived_from_any_layer_of_ours_comes_back_and_is_cloned_as_itself(layer: Any, path: Path) -> None:
    ours = type(layer)
    kind: Any = type(f"My{ours.__name__}", (ours,), {})
    assert ours in LAYERS.values()
    known = {"cell": getattr(layer, "cell", None)}
    known |= {"layer": layer.forward_layer if ours is Bidirectional else getattr(layer, "layer", None)}
    config = layer.get_config()
    mine = kind(**(config | {key: value for key, value in known.items() if key in config}))
    model = Sequential([mine], backend="reference", seed=1)
    model.build((None, 12) if ours is Embedding else (None, 4, 3))
    with pytest.warns(UserWarning, match=rf"hold .*\bMy{ours.__name__} by name only"):
        model.save(path)
    loaded = load_model(path, custom_objects={f"My{ours.__name__}": kind, "Mix": Mix})
    assert type(loaded.layers[0]) is kind and loaded.layers[0].get_config() == mine.get_config()
    clone = mine.clone()
    assert type(clone) is kind and clone.get_config() == mine.get_config() and not clone.built


def test_a_clone_keeps_what_a_derived_class_adds() -> None:
    class Louder(RNN):
        def __init__(self, cell: Any, gain: float = 1.0, **settings: Any) -> None:
            super().__init__(cell, **settings)
            self.gain = gain

        def get_config(self) -> Any:
            return super().get_config() | {"gain": self.gain}

    class Both(Bidirectional):
        pass

    clone: Any = Both(Louder(Mix(3), 4.0, return_sequences=True), "sum", name="both").clone()
    assert (type(clone), clone.merge_mode, clone.name) == (Both, "sum", "both")
    inner = clone.forward_layer.clone()
    assert (type(inner), inner.gain, inner.return_sequences) == (Louder, 4.0, True)


def test_a_deep_copy_of_ours_stays_ours(path: Path) -> None:
    layer = copy.deepcopy(LSTM(3, "relu"))
    assert layer.activation is not activations.relu
    assert activations.get(layer.activation) == activations.relu
    model = model_of(layer, Dense(2, activation=copy.deepcopy(activations.tanh)), x=SEQUENCES)
    assert saved(model, path) == []
    assert np.array_equal(load_model(path).predict(SEQUENCES), model.predict(SEQUENCES))


def test_copies_of_one_activation_are_one_thing(path: Path) -> None:
    back(model_of(Dense(2, half), Dense(2, copy.deepcopy(half))), path, half=half)
    assert copy.deepcopy(half.get_config()) == {"name": "half", "custom": True}


# ---- loading


def test_all_that_is_missing_is_named_at_once_with_the_loader_that_was_called(path: Path) -> None:
    model = model_of(Scale(), Dense(2, half), optimizer=Slow(0.1), loss=Absolute())
    (words,) = saved(model, path)
    needed = "(path, custom_objects={'Absolute': ..., 'Scale': ..., 'Slow': ..., 'half': ...})"
    assert words.endswith(f"read it back with load_model{needed}")
    given = {"Scale": Scale, "Slow": Slow}
    expected = re.escape(f"it holds 'Absolute', 'half', which are none of scratchnn's own: load_model{needed}")
    with pytest.raises(StorageError, match=expected):
        load_model(path, custom_objects=given)
    model.ready_optimizer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_checkpoint(model, Progress(), path)  # which is silent
    with pytest.raises(StorageError, match=expected.replace("load_model", "load_checkpoint")):
        load_checkpoint(path, custom_objects=given)
    loaded, _ = load_checkpoint(path, custom_objects=given | {"half": half, "Absolute": Absolute})
    assert (type(loaded.optimizer), type(loaded.loss)) == (Slow, Absolute)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([Scale], "a dict of names and classes, got"),
        (Scale, "a dict of names and classes, got"),
        ({Scale: Scale}, "a class, an Activation or a function by its name, got <class"),
        ({"Scale": Scale()}, "a class, an Activation or a function by its name, got 'Scale': <"),
        ({"Scale": None}, "a class, an Activation or a function by its name, got 'Scale': None"),
    ],
    ids=["list", "class", "no name", "object", "None"],
)
def test_custom_objects_are_names_with_classes_or_activations(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"custom_objects takes {words}"):
        checked(given)  # load_model itself would meet the type checker of the tests


def test_a_function_does_not_stand_for_a_class(path: Path) -> None:
    saved(model_of(Scale()), path)
    with pytest.raises(StorageError, match="custom_objects must have a class for 'Scale', got <function"):
        load_model(path, custom_objects={"Scale": lambda **settings: Scale(**settings)})


def test_both_loaders_check_custom_objects_first(path: Path) -> None:
    for load in (load_model, load_checkpoint):
        for given in ({"Scale": Scale()}, {"Scale": half}):
            with pytest.raises(
                (TypeError, ValueError), match=r"custom_objects (takes a class|has the activation 'half')"
            ):
                load(path, custom_objects=given)


def test_whatever_a_constructor_raises_the_file_is_named(path: Path) -> None:
    class Picky(Scale):
        error: Exception

        def __init__(self, k: Any = None, name: str | None = None) -> None:
            super().__init__(k, name=name)
            raise self.error

    class Fine(Scale):
        def __init__(self, k: Any = None, name: str | None = None) -> None:
            super().__init__(k, name=name)

    saved(model_of(Fine()), path)
    for error in (
        AttributeError("no such thing"),
        ZeroDivisionError("by zero"),
        IndexError("out"),
        AssertionError("x"),
    ):
        Picky.error = error
        with pytest.raises(StorageError, match=rf"model\.npz: the model in it cannot be rebuilt \({error}\)") as caught:
            load_model(path, custom_objects={"Fine": Picky})
        assert caught.value.__cause__ is error


def test_save_warns_of_metrics_of_ones_own(path: Path) -> None:
    mine = MeanMetric("mine", lambda y_true, y_pred: np.abs(y_pred - y_true)[..., 0])
    assert saved(model_of(metrics=[mine, "mae"]), path) == [
        "will not hold the metric mine, which is of your own; compile the loaded model with it again"
    ]
    assert load_model(path).metric_names == ["mae"]


def test_a_run_with_a_cell_of_ones_own_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [lambda V: [Embedding(V, 4), RNN(Mix(3)), Dense(1, activation="sigmoid")]]
    preset = presets.Preset("own", "a cell of one's own", layers[0], {})
    monkeypatch.setitem(presets.PRESETS, "own", preset)
    settings = Settings(
        arch="own", vocabulary=20, length=5, epochs=1, backend="reference", synthetic=True, out=str(tmp_path)
    )
    begun = run.start(settings, None)
    with pytest.raises(StorageError, match=r"holds 'Mix', .*: load_checkpoint\(path, custom_objects=\{'Mix'"):
        run.resume(begun.folder.path, None, None)
    resumed = run.resume(begun.folder.path, None, 2, custom_objects={"Mix": Mix})
    assert resumed.settings.epochs == 2 and np.array_equal(resumed.model.flat_params, begun.model.flat_params)
