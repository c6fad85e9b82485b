"""Things of the user's own in files: all come back, and what could not come back is refused in words."""

import copy
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from scratchnn import Sequential, activations, initializers, load_model
from scratchnn.activations import Activation
from scratchnn.core.files.container import StorageError
from scratchnn.experiments import presets, run
from scratchnn.experiments.settings import Settings
from scratchnn.initializers import Initializer
from scratchnn.layers import (
    GRU,
    LAYERS,
    LSTM,
    RNN,
    Bidirectional,
    Cell,
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
from scratchnn.losses import Loss, MeanSquaredError
from scratchnn.metrics import Metric
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.models.custom_objects import checked
from scratchnn.optimizers import SGD
from scratchnn.training.progress import Progress

RNG = np.random.default_rng(0)
ROWS, SEQUENCES = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4, 3))
half = Activation("half", lambda a: a / 2, lambda dy, y: dy / 2)


class Scale(Layer):
    """y = k x, and whatever else it is told."""

    def __init__(self, k: Any = 2.0, *, name: str | None = None, **extra: Any) -> None:
        super().__init__(name=name)
        self.k, self.extra = k, extra

    def get_config(self) -> Any:
        return super().get_config() | {"k": self.k, **self.extra}

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
        return self.k * self.as_input(x), None

    def backward(self, dy: Any, cache: Any) -> Any:
        return self.k * dy, {}


@dataclass(frozen=True)
class Shift(Initializer):
    name: ClassVar[str] = "shift"
    config: float = 0.1  # a field may be called so

    def draw(self, shape: Any, generator: Any) -> Any:
        return np.full(shape, self.config)


@dataclass(frozen=True)
class Twice(Initializer):
    """Holds an initializer, and says in get_config how a file can hold it."""

    name: ClassVar[str] = "twice"
    inner: Any = "ones"

    def draw(self, shape: Any, generator: Any) -> Any:
        return 2 * initializers.get(self.inner).draw(shape, generator)

    def get_config(self) -> Any:
        return super().get_config() | {"inner": initializers.get(self.inner).get_config()}


class Mix(Cell):
    """h' = act(ax + ah) + rise h; what it holds stands under keys that say nothing."""

    def __init__(self, units: int, act: Any = "tanh", rise: Any = "ones") -> None:
        self.state_size = units
        self.act, self.rise = activations.get(act), initializers.get(rise)

    def get_config(self) -> Any:
        return {"units": self.state_size, "act": self.act.get_config(), "rise": self.rise.get_config()}

    def own_parameters(self) -> Any:
        return {"k": ((self.state_size,), self.rise)}

    def forward(self, ax: Any, ah: Any, state: Any, k: Any) -> Any:
        new = self.act(ax + ah)
        return (k * state[0] + new,), (new,)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any, k: Any) -> Any:
        da = self.act.backward(dafter[0], saved[0])
        return da, da, (k * dafter[0],)

    def backward_own(self, dax: Any, dah: Any, dafter: Any, states: Any, saved: Any) -> Any:
        return {"k": (dafter[0] * states[0][:-1]).sum(axis=(0, 1))}


class Absolute(Loss):
    name = "absolute"

    def forward(self, y: Any, target: Any) -> Any:
        return np.abs(y - target).mean(), np.sign(y - target)

    def backward(self, cache: Any) -> Any:
        return cache / cache.size


@dataclass(eq=False)
class Slow(SGD):
    config: int = 3


def model_of(*layers: Any, x: Any = ROWS, optimizer: Any = "sgd", loss: Any = "mse", metrics: Any = None) -> Sequential:
    model = Sequential([*layers, Dense(1)], backend="reference", seed=1)
    model.build((None, *x.shape[1:]))
    model.compile(optimizer, loss, metrics)
    return model


def saved(model: Sequential, path: Path) -> list[str]:
    """What saving warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save(path)
    return [str(each.message).removeprefix(f"{path} ") for each in caught]


def back(model: Sequential, path: Path, **custom_objects: Any) -> Any:
    """The model out of a file, if it predicts the same."""
    saved(model, path)
    loaded = load_model(path, custom_objects=custom_objects)
    x = ROWS if len(model.input_shape) == 2 else SEQUENCES
    assert np.array_equal(loaded.predict(x), model.predict(x))
    assert loaded.get_config() == model.get_config()
    return loaded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.npz"


# ---- all that is marked comes back, wherever it stands


def test_what_is_marked_comes_back_under_any_key_at_any_depth(path: Path) -> None:
    cell = Mix(3, half, Twice(Shift(0.7)))
    model = model_of(Bidirectional(RNN(cell, recurrent_initializer=Shift(0.2))), x=SEQUENCES)
    loaded = back(model, path, Mix=Mix, Twice=Twice, Shift=Shift, half=half)
    cell = loaded.layers[0].layer.cell
    assert cell.act is half and cell.rise == Twice(Shift(0.7))
    assert loaded.layers[0].layer.recurrent_initializer == Shift(0.2)


def test_what_compile_was_told_comes_back(path: Path) -> None:
    loaded = back(model_of(optimizer=Slow(0.5, config=7), loss=Absolute()), path, Slow=Slow, Absolute=Absolute)
    assert (type(loaded.optimizer), loaded.optimizer.config, type(loaded.loss)) == (Slow, 7, Absolute)


def test_a_class_that_forgets_the_mark_is_marked(path: Path) -> None:
    class Forgetful(MeanSquaredError):
        def get_config(self) -> Any:
            return {"name": "mean_squared_error"}

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
    known = {"layer": getattr(layer, "layer", None), "cell": getattr(layer, "cell", None)}
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
    inner = clone.layer.clone()
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


# ---- what could not come back is refused by save


class NoDict(Scale):
    def get_config(self) -> Any:
        return [1]


class Nothing(Scale):
    def get_config(self) -> Any:
        return None


class LeavesOut(Scale):
    def get_config(self) -> Any:
        return {}


class NeedsUnits(Mix):
    def get_config(self) -> Any:
        return Cell.get_config(self)


class TakesLess(Scale):
    def __init__(self, k: float = 2.0) -> None:
        super().__init__(k)


@dataclass(eq=False)
class Custom(SGD):
    custom: bool = False  # would hide the mark


class Delta(Absolute):
    def __init__(self, delta: float = 1.0) -> None:
        object.__setattr__(self, "delta", delta)


@dataclass(frozen=True)
class Holds(Initializer):
    name: ClassVar[str] = "holds"
    inner: Any = None

    def draw(self, shape: Any, generator: Any) -> Any:
        return self.inner.draw(shape, generator)


REFUSED: dict[str, tuple[Callable[[], Sequential], str]] = {
    "a list": (lambda: model_of(NoDict()), r"NoDict\.get_config must return a dict of plain values, got \[1\]"),
    "None": (lambda: model_of(Nothing()), r"Nothing\.get_config must return a dict of plain values, got None"),
    "an array": (lambda: model_of(Scale(v=np.ones(3))), r"layers\[0\]: Scale\.get_config\(\)\['v'\] cannot be stored"),
    "a key": (lambda: model_of(Scale(v={1: 2})), r"a key of layers\[0\]: Scale\.get_config.* must be a string, got 1"),
    "an argument": (
        lambda: model_of(LeavesOut(7.0)),
        r"layers\[0\]: LeavesOut\.get_config leaves out 'k': loading would make it with its default",
    ),
    "an argument of a cell": (
        lambda: model_of(RNN(NeedsUnits(3)), x=SEQUENCES),
        r"layers\[0\]\.config\.cell: NeedsUnits\.get_config leaves out 'units': loading could not make it",
    ),
    "an argument of a loss": (
        lambda: model_of(loss=Delta(3.0)),
        r"compiled\.loss: Delta.get_config leaves out 'delta'",
    ),
    "a field that hides the mark": (lambda: model_of(optimizer=Custom()), r"compiled\.optimizer: Custom.*'custom'"),
    "more than the constructor takes": (
        lambda: model_of(TakesLess()),
        r"layers\[0\]: TakesLess\.get_config does not return what the constructor takes: .*'name'",
    ),
    "an initializer in an initializer": (
        lambda: model_of(Dense(2, kernel_initializer=Holds(initializers.get("ones")))),
        r"kernel_initializer: Holds\.get_config\(\)\['inner'\] cannot be stored: Constant",
    ),
    "two classes": (
        lambda: model_of(Scale(), type("Scale", (Scale,), {})()),
        r"layers\[0\] and layers\[1\] are two things of one name, 'Scale': .*rename one",
    ),
    "a layer and a loss": (
        lambda: model_of(type("Absolute", (Scale,), {})(), loss=Absolute()),
        r"layers\[0\] and compiled\.loss are two things of one name, 'Absolute'",
    ),
    "two activations": (
        lambda: model_of(Dense(2, half), Dense(2, Activation("half", lambda a: a / 4, lambda dy, y: dy / 4))),
        r"layers\[0\]\.config\.activation and layers\[1\]\.config\.activation are two things of one name, 'half'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_save_refuses_what_loading_could_not_make(what: str, path: Path) -> None:
    make, words = REFUSED[what]
    model = make()
    with pytest.raises((TypeError, ValueError), match=words):
        model.save(path)
    with pytest.raises((TypeError, ValueError), match=words):
        save_checkpoint(model, Progress(), path)
    assert not path.exists()


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
        ({Scale: Scale}, "a class or an Activation by its name, got <class"),
        ({"Scale": lambda **settings: Scale(**settings)}, "a class or an Activation by its name, got 'Scale': <func"),
        ({"Scale": Scale()}, "a class or an Activation by its name, got 'Scale': <"),
        ({"Scale": None}, "a class or an Activation by its name, got 'Scale': None"),
    ],
    ids=["list", "class", "no name", "function", "object", "None"],
)
def test_custom_objects_are_names_with_classes_or_activations(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"custom_objects takes {words}"):
        checked(given)  # load_model itself would meet the type checker of the tests


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
    mine = Metric("mine", lambda y, target: (np.abs(y - target).sum(), y.size))
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
