"""A model out of a file trains on to the same bits as one that was never saved; or saving says what it leaves out."""

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model
from scratchnn.core.files import container
from scratchnn.core.files.container import StorageError
from scratchnn.layers import GRU, LSTM, Activation, Dense, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD, Adam
from scratchnn.training.progress import Clock, Progress
from tests.models.kinds import IDS, KINDS, LABELS, state_of


def through_a_file(model: Any, path: Path, own: Any = None, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if own else "error")
        model.save(path, overwrite=True, **settings)
    return load_model(path, custom_objects=own)


def through_a_checkpoint(model: Any, path: Path, own: Any = None) -> Any:
    save_checkpoint(model, Progress(), path)
    return load_checkpoint(path, custom_objects=own)[0]


@pytest.mark.parametrize("door", [through_a_file, through_a_checkpoint])
@pytest.mark.parametrize("name", KINDS)
def test_save_load_fit_is_fit_without_a_stop(name: str, door: Callable[..., Any], tmp_path: Path) -> None:
    kind = KINDS[name]
    model = kind.trained(2)
    loaded = door(model, tmp_path / "model.npz", kind.own)
    assert state_of(loaded) == state_of(model)
    assert np.array_equal(loaded.predict(kind.x), model.predict(kind.x))
    assert loaded.evaluate(kind.x, kind.y, verbose=0) == model.evaluate(kind.x, kind.y, verbose=0)
    assert loaded.train_on_batch(kind.x, kind.y) == model.train_on_batch(kind.x, kind.y)
    assert kind.fit(loaded, 2) == kind.fit(model, 2)
    assert state_of(loaded) == state_of(model)
    # And the file of the file.
    again = door(loaded, tmp_path / "again.npz", kind.own)
    assert kind.fit(again, 1) == kind.fit(model, 1)


@pytest.mark.parametrize("name", ["feed forward", "one chosen output"])
def test_a_model_goes_on_on_another_backend(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    model = kind.trained(2)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", backend="reference")
    assert loaded.backend.name == "reference" and loaded.clock == model.clock
    assert loaded.optimizer is not None and loaded.optimizer.iterations == 6
    np.testing.assert_allclose(kind.fit(loaded, 1)["loss"], kind.fit(model, 1)["loss"], rtol=1e-5)


# ---- outputs and classes


@pytest.mark.parametrize(
    "choose", [lambda y, h, c: c, lambda y, h, c: [h, c], lambda y, h, c: [c, y], lambda y, h, c: [y, h, c]]
)
def test_the_chosen_outputs_come_back_in_their_order(choose: Callable[..., Any], tmp_path: Path) -> None:
    inputs = Input((6,))
    model = Model(inputs, choose(*LSTM(3, return_state=True)(Embedding(20, 4)(inputs))), seed=0)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    want, got = model.predict(IDS), loaded.predict(IDS)
    assert type(got) is type(want) and np.array_equal(np.array(got), np.array(want))
    assert loaded.has_several_outputs == model.has_several_outputs


def test_a_state_can_be_the_output_of_an_inner_layer_too(tmp_path: Path) -> None:
    inputs = Input((6,))
    y, *_ = GRU(3, return_sequences=True, return_state=True)(Embedding(20, 4)(inputs))
    model = Model(inputs, LSTM(2, return_state=True)(y)[2], seed=0)
    model.save(tmp_path / "model.npz")
    assert np.array_equal(load_model(tmp_path / "model.npz").predict(IDS), model.predict(IDS))


def functional() -> Model:
    inputs = Input((6,))
    return Model(inputs, Dense(1)(inputs))


@pytest.mark.parametrize("make", [lambda: Sequential([Input((6,)), Dense(1)]), functional])
def test_the_class_comes_back(make: Callable[[], Any], tmp_path: Path) -> None:
    make().save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert type(loaded) is type(make())
    assert loaded.name == {"Sequential": "sequential", "Model": "model"}[type(loaded).__name__]


class Mine(Sequential):
    pass


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    model = Mine([Input((6,)), Dense(1)])
    with pytest.warns(UserWarning, match=r"will not hold the class Mine, .* will be loaded as Sequential"):
        model.save(tmp_path / "model.npz")
    assert type(load_model(tmp_path / "model.npz")) is Sequential


# ---- the optimizer


def test_without_the_optimizer_training_begins_with_a_new_one(tmp_path: Path) -> None:
    kind = KINDS["feed forward"]
    model = kind.trained(2)
    with_it = through_a_file(model, tmp_path / "with.npz")
    without = through_a_file(model, tmp_path / "without.npz", include_optimizer=False)
    assert [m.optimizer.iterations for m in (with_it, without)] == [6, 0]
    assert without.optimizer.get_config() == model.optimizer.get_config() and without.clock == model.clock
    assert (tmp_path / "without.npz").stat().st_size < (tmp_path / "with.npz").stat().st_size
    model.compile(Adam(), "binary_crossentropy", ["accuracy"])
    assert kind.fit(without, 1) == kind.fit(model, 1) != kind.fit(with_it, 1)


def test_a_model_that_was_not_trained_begins_as_it_would_have(tmp_path: Path) -> None:
    for name in ("feed forward", "bidirectional"):
        kind = KINDS[name]
        model = kind.make()
        model.build((None, 6))
        for door in (through_a_file, through_a_checkpoint):
            loaded = door(model, tmp_path / "model.npz")
            assert kind.fit(loaded, 1) == kind.fit(kind.make(), 1)


def test_an_optimizer_of_another_model_is_not_saved_as_ones_own(tmp_path: Path) -> None:
    kind = KINDS["feed forward"]
    model, other = kind.trained(2), kind.make()
    other.build((None, 6))
    other.optimizer = model.optimizer
    assert through_a_file(other, tmp_path / "model.npz").optimizer.iterations == 0


@pytest.mark.filterwarnings("ignore:the model has other layers")
def test_a_layer_that_was_added_makes_the_state_void(tmp_path: Path) -> None:
    model = Sequential([Input((6,)), Embedding(20, 4), GRU(3)], seed=1)
    model.compile("adam", "mse")
    model.train_on_batch(IDS, np.ones((22, 3)))
    model.add(Dense(1))
    copies = [copy.copy(copy.deepcopy(model)), through_a_file(model, tmp_path / "model.npz"), copy.deepcopy(model)]
    want = model.fit(IDS, LABELS, verbose=0).history
    assert [other.fit(IDS, LABELS, verbose=0).history for other in copies] == [want] * 3
    assert model.optimizer is not None and model.optimizer.iterations == 1


def test_a_layer_without_parameters_that_was_added_does_not(tmp_path: Path) -> None:
    model = Sequential([Input((6,)), Embedding(20, 4), GRU(1)], seed=1)
    model.compile("adam", "mse")
    model.train_on_batch(IDS, LABELS)
    model.add(Activation("sigmoid"))
    copies = [copy.copy(copy.deepcopy(model)), through_a_file(model, tmp_path / "model.npz"), copy.deepcopy(model)]
    want = model.fit(IDS, LABELS, verbose=0).history
    assert [other.fit(IDS, LABELS, verbose=0).history for other in copies] == [want] * 3
    assert model.optimizer is not None and model.optimizer.iterations == 2


def test_what_was_set_later_comes_back(tmp_path: Path) -> None:
    kind = KINDS["feed forward"]
    model = kind.trained(1)
    assert model.optimizer is not None
    model.optimizer.learning_rate = 0.05
    loaded = through_a_file(model, tmp_path / "model.npz")
    assert loaded.optimizer.learning_rate == 0.05 and kind.fit(loaded, 1) == kind.fit(model, 1)


class Lazy(SGD):
    """Makes a slot when it first needs one, and tells nobody."""

    def update(self, w: Any, g: Any) -> None:
        self.slots.setdefault("late", np.zeros_like(w))
        super().update(w, g)


def test_slots_that_no_loaded_optimizer_would_have_are_said(tmp_path: Path) -> None:
    model = Sequential([Input((6,)), Dense(1)], backend="reference")
    model.compile(Lazy(), "mse")
    model.train_on_batch(IDS, LABELS)
    state = r"the state of Lazy, whose slots are \['late'\], while its slot_names are \[\]"
    with pytest.warns(UserWarning, match=state), pytest.warns(UserWarning, match="Lazy by name only"):
        model.save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=f"a checkpoint cannot hold {state}"):
        save_checkpoint(model, Progress(), tmp_path / "checkpoint.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Lazy": Lazy})
    assert loaded.optimizer is not None and loaded.optimizer.iterations == 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save(tmp_path / "model.npz", overwrite=True, include_optimizer=False)
    assert not [each for each in caught if "whose slots" in str(each.message)]


# ---- files of another time, and damaged ones


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> None:
    arrays, meta = container.read(path)
    change(arrays, meta)
    container.write(path, arrays, meta)


def as_before(arrays: dict[str, Any], meta: dict[str, Any]) -> None:
    """A file as it was before models had a clock, and files the optimizer."""
    for name in ("class", "outputs", "clock"):
        del meta["model"][name]
    if meta["kind"] == "model":
        for name in [name for name in arrays if name != "params"]:
            del arrays[name]
    else:
        del meta["progress"]["order"]


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    kind = KINDS["feed forward"]
    model = kind.trained(2)
    model.save(tmp_path / "model.npz")
    changed(tmp_path / "model.npz", as_before)
    loaded = load_model(tmp_path / "model.npz")
    assert np.array_equal(loaded.predict(IDS), model.predict(IDS)) and loaded.clock == Clock()


def test_checkpoints_of_earlier_versions_go_on_as_they_would_have(tmp_path: Path) -> None:
    kind = KINDS["lstm, dropout"]
    model, whole, progress = kind.make(), kind.make(), Progress()
    kind.fit(whole, 3)
    kind.fit(model, 2, progress=progress)
    save_checkpoint(model, progress, tmp_path / "checkpoint.npz")
    changed(tmp_path / "checkpoint.npz", as_before)
    loaded, progress = load_checkpoint(tmp_path / "checkpoint.npz")
    kind.fit(loaded, 3, progress=progress)
    assert state_of(loaded) == state_of(whole)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, meta: arrays.update({"optimizer.momentum": arrays["optimizer.momentum"][1:]}),
        lambda arrays, meta: arrays.update({"optimizer.velocity": arrays["optimizer.velocity"].astype("f8")}),
        lambda arrays, meta: arrays.update({"optimizer.velocity": arrays["optimizer.velocity"][None]}),
        lambda arrays, meta: arrays.pop("optimizer.velocity"),
        lambda arrays, meta: arrays.update({"optimizer.colour": arrays["params"]}),
        lambda arrays, meta: arrays.update({"optimizer.iterations": np.array(-1)}),
        lambda arrays, meta: meta["model"].update(compiled=None),
        lambda arrays, meta: meta["model"].update(clock={"epoch": -1, "step": 0}),
        lambda arrays, meta: meta["model"].update(clock={"epoch": 1.5, "step": 0}),
        lambda arrays, meta: meta["model"].update(clock={"epochs": 1}),
        lambda arrays, meta: meta["model"].update(seed=-1),
        lambda arrays, meta: meta["model"].update(seed=[1, 2, 3]),
        lambda arrays, meta: meta["model"].update({"class": "Graph"}),
        lambda arrays, meta: meta["model"].update({"class": "Model", "outputs": [1]}),
        lambda arrays, meta: meta["model"].update({"class": "Model", "outputs": []}),
    ],
)
@pytest.mark.parametrize("kind", ["model", "checkpoint"])
def test_a_state_that_does_not_fit_is_refused(change: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    path, model = tmp_path / "file.npz", KINDS["feed forward"].trained(1)
    load: Any = load_model if kind == "model" else load_checkpoint
    if kind == "model":
        model.save(path)
    else:
        save_checkpoint(model, Progress(), path)
    changed(path, change)
    with pytest.raises(StorageError, match=r"file\.npz"):
        load(path)
