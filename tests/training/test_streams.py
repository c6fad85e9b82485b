"""Batches that come one by one: generators, iterables, and objects that give batch n."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.layers import GRU, Dense, Dropout, Embedding
from scratchnn.training.progress import NonFiniteError, Progress
from scratchnn.utils import PyDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
WEIGHT = RNG.uniform(0.5, 2, 12).astype(np.float32)
IDS = RNG.integers(0, 20, (12, 5))
ROWS = [slice(0, 4), slice(4, 8), slice(8, 12)]
CUT = [(X[rows], Y[rows]) for rows in ROWS]


def made(**settings: Any) -> Sequential:
    model = Sequential([Dense(5, activation="tanh"), Dropout(0.3), Dense(1, activation="sigmoid")], seed=1, **settings)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    return model


class Items(PyDataset):
    """Batch n of these, and what was asked for."""

    def __init__(self, batches: list[Any] = CUT) -> None:
        super().__init__()
        self.batches, self.asked = batches, []

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return self.batches[index]

    def on_epoch_begin(self) -> None:
        self.asked.append("begin")

    def on_epoch_end(self) -> None:
        self.asked.append("end")


class Loader:
    """As PyTorch's DataLoader: can be gone through again and again, and a batch is a list."""

    def __iter__(self) -> Iterator[Any]:
        return iter([list(batch) for batch in CUT])


def forever(batches: list[Any] = CUT) -> Iterator[Any]:
    while True:
        yield from batches


def of_fit(x: Any, *rest: Any, **settings: Any) -> list[Any]:
    """Results and weights afterwards."""
    model = made()
    history = model.fit(x, *rest, verbose=0, **settings)
    return [history.history, model.get_weights()]


def assert_same(one: Any, other: Any) -> None:
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("x", "settings"),
    [
        (lambda: forever(), {"steps_per_epoch": 3}),
        (lambda: iter(3 * CUT), {"steps_per_epoch": 3}),
        (lambda: zip(4 * [X[:4], X[4:8], X[8:]], 4 * [Y[:4], Y[4:8], Y[8:]], strict=True), {"steps_per_epoch": 3}),
        (Loader, {}),
        (Loader, {"steps_per_epoch": 3}),
        (Items, {}),
        (Items, {"steps_per_epoch": 3}),
        (lambda: Items([[*batch] for batch in CUT]), {}),
    ],
    ids=["endless", "iterator", "zip", "loader", "loader-steps", "items", "items-steps", "lists"],
)
def test_batches_train_like_the_arrays_that_they_are_cut_from(backend: str, x: Any, settings: dict[str, Any]) -> None:
    whole, apart = made(backend=backend), made(backend=backend)
    expected = whole.fit(X, Y, 4, epochs=3, shuffle=False, verbose=0)
    got = apart.fit(x(), epochs=3, shuffle=False, verbose=0, **settings)
    assert_same([got.history, apart.get_weights()], [expected.history, whole.get_weights()])


def test_weights_come_with_the_batches() -> None:
    batches = [(X[rows], Y[rows], WEIGHT[rows]) for rows in ROWS]
    expected = of_fit(X, Y, 4, shuffle=False, sample_weight=WEIGHT)
    assert_same(of_fit(iter(batches)), expected)
    assert_same(of_fit(Items(batches), shuffle=False), expected)
    weighted = of_fit(X, Y, 4, shuffle=False, class_weight={0: 3.0})
    assert_same(of_fit(Items(), shuffle=False, class_weight={0: 3.0}), weighted)
    assert_same(of_fit(iter(CUT), class_weight={0: 3.0}), weighted)  # which Keras refuses


@pytest.mark.parametrize("x", [lambda: iter(CUT), Items, Loader])
def test_evaluate_predict_and_validation_take_them(x: Callable[[], Any]) -> None:
    model = made()
    expected = model.fit(X, Y, 4, epochs=2, verbose=0, validation_data=(X, Y)).history
    assert model.evaluate(x(), verbose=0) == model.evaluate(X, Y, 4, verbose=0)
    np.testing.assert_array_equal(model.predict(x()), model.predict(X, 4))
    assert model.evaluate(x(), steps=2, verbose=0) == model.evaluate(X[:8], Y[:8], 4, verbose=0)
    np.testing.assert_array_equal(model.predict(x(), steps=2), model.predict(X[:8], 4))
    if not isinstance(x(), Iterator):
        again = made().fit(X, Y, 4, epochs=2, verbose=0, validation_data=x()).history
        assert again == expected
        assert (
            made().fit(x(), epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history.keys() == again.keys()
        )


def test_predict_takes_x_alone() -> None:
    model = made()
    for x in (iter([X[:4], X[4:]]), iter([(X[:4],), (X[4:],)]), Items([X[:4], X[4:]])):
        np.testing.assert_allclose(model.predict(x), model.predict(X), rtol=1e-6)


def test_a_generator_to_validate_on_goes_on_where_it_stopped() -> None:
    model = made()
    halves = [(X[:4], Y[:4]), (X[4:8], Y[4:8])]
    history = model.fit(X, Y, epochs=2, verbose=0, validation_data=iter(halves), validation_steps=1).history
    assert history["val_loss"][1] == model.evaluate(X[4:8], Y[4:8], verbose=0)[0]
    with pytest.raises(ValueError, match="has ended, after 2 batches, and none is left to validate on"):
        made().fit(X, Y, epochs=3, verbose=0, validation_data=iter(halves), validation_steps=1)
    with pytest.raises(ValueError, match="gone through once, and not for each of 2 epochs: give validation_steps"):
        made().fit(X, Y, epochs=2, verbose=0, validation_data=iter(halves))
    made().fit(X, Y, epochs=2, verbose=0, validation_data=iter(halves), validation_freq=2)  # once only


# ---- order and resuming


def epochs_of(asked: list[Any]) -> list[list[int]]:
    """The numbers between begin and end."""
    words = " ".join(map(str, asked)).split("begin")[1:]
    return [[int(word) for word in part.split() if word != "end"] for part in words]


def test_shuffle_permutes_the_batches_by_the_seed_and_the_epoch() -> None:
    batches = [(X[i : i + 2], Y[i : i + 2]) for i in range(0, 12, 2)]
    seen = []
    for seed in (1, 1, 2):
        items, model = Items(batches), made()
        model.seed = seed
        model.fit(items, epochs=3, verbose=0)
        seen.append(epochs_of(items.asked))
    assert seen[0] == seen[1] != seen[2]
    assert all(sorted(epoch) == list(range(6)) for epoch in seen[0])
    assert len({tuple(epoch) for epoch in seen[0]}) == 3
    items = Items(batches)
    made().fit(items, epochs=2, shuffle=False, verbose=0)
    assert epochs_of(items.asked) == 2 * [list(range(6))]
    assert items.asked.count("end") == 2 and items.asked[-1] == "end"
    items = Items(batches)
    made().evaluate(items, verbose=0)
    assert epochs_of(items.asked) == [list(range(6))]


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step, self.taken = step, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.taken += 1
        if self.taken == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", [1, 4, 5])
def test_training_goes_on_with_the_next_batch_of_the_epoch(step: int) -> None:
    whole, apart, progress = made(), made(), Progress()
    expected = whole.fit(Items(), epochs=3, verbose=0).history
    with pytest.raises(KeyboardInterrupt):
        apart.fit(Items(), epochs=3, verbose=0, progress=progress, callbacks=[StopAt(step)])
    got = apart.fit(Items(), epochs=3, verbose=0, progress=progress).history
    assert_same([got, apart.get_weights()], [expected, whole.get_weights()])


def test_training_cannot_go_on_in_the_middle_of_a_generator() -> None:
    model, progress = made(), Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(iter(CUT), verbose=0, progress=progress, callbacks=[StopAt(2)])
    assert progress.step == 2
    for x in (iter(CUT), Loader()):
        with pytest.raises(
            ValueError, match=r"stands after step 2 of an epoch, and a .* cannot be asked for the batches"
        ):
            model.fit(x, verbose=0, progress=progress)


# ---- ends


def test_a_generator_that_ends_early() -> None:
    """Keras warns, too, and then trains on the first two batches in every epoch that is left."""
    model = made()
    with pytest.warns(UserWarning) as warned:
        history = model.fit(iter(CUT + CUT[:1]), epochs=4, steps_per_epoch=3, verbose=0)
    assert [str(each.message).split(":")[0] for each in warned] == [
        "the list_iterator ran out of batches after 1 of the 3 that were asked for; it goes on with those that there "
        "were",
        "training ends after 2 of 4 epochs, because x has no batch left",
    ]
    assert len(history.history["loss"]) == 2 and model.optimizer.iterations == 4
    with pytest.warns(UserWarning, match="training ends after 1 of 2 epochs"):
        assert len(made().fit(iter(CUT), epochs=2, steps_per_epoch=3, verbose=0).epoch) == 1
    with pytest.warns(UserWarning, match="ran out of batches after 3 of the 5 that were asked for"):
        assert model.evaluate(iter(CUT), steps=5, verbose=0) == model.evaluate(X, Y, 4, verbose=0)
    with pytest.warns(UserWarning, match="ran out of batches after 3 of the 5 that were asked for"):
        assert model.evaluate(Items(), steps=5, verbose=0) == model.evaluate(X, Y, 4, verbose=0)


def test_what_can_be_gone_through_again_begins_anew_when_it_has_ended() -> None:
    steps: list[int] = []

    class Count(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            steps.append(self.model.optimizer.iterations)

    with pytest.warns(UserWarning, match="ran out of batches after 1 of the 2"):
        made().fit(Loader(), epochs=4, steps_per_epoch=2, verbose=0, callbacks=[Count()])
    assert steps == [2, 3, 5, 6]  # as in Keras: an epoch goes on where the last one ended


def test_an_error_of_the_batches_leaves_the_steps_that_were_counted() -> None:
    def broken(batches: Any) -> Iterator[Any]:
        for number, batch in enumerate(batches):
            if number == 2:
                raise OSError("the disk is gone")
            yield batch

    expected, model, progress = made(), made(), Progress()
    expected.fit(iter(CUT[:2]), verbose=0)
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(broken(CUT), verbose=0, progress=progress)
    assert (progress.step, progress.seen, model.clock.step) == (2, 8, 2)
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_step_that_is_refused_is_undone() -> None:
    large = [CUT[0], CUT[1], (np.full((4, 3), 1e38, np.float32), Y[:4])]
    expected, model, progress = Sequential([Dense(1)], seed=1), Sequential([Dense(1)], seed=1), Progress()
    for each in (expected, model):
        each.compile("sgd", "mse")
    expected.fit(iter(CUT[:2]), verbose=0)
    with pytest.raises(NonFiniteError, match="at step 3 of epoch 1"):
        model.fit(iter(large), verbose=0, progress=progress)
    assert progress.step == 2
    np.testing.assert_array_equal(model.get_weights()[0], expected.get_weights()[0])


def test_the_user_hears_of_overflows_in_code_of_his_own() -> None:
    def overflowing() -> Iterator[Any]:
        yield from CUT
        np.float32(1e38) * np.float32(10)

    with pytest.warns(RuntimeWarning, match="overflow"):
        made().fit(overflowing(), verbose=0)


def test_batches_may_be_of_any_length() -> None:
    """Sorted by length, batches need less padding."""
    model = Sequential([Embedding(20, 3), GRU(4), Dense(1, activation="sigmoid")], seed=1)
    model.compile("adam", "binary_crossentropy")
    lengths = [(IDS[:4, :2], Y[:4]), (IDS[4:11], Y[4:11]), (IDS[11:, :1], Y[11:])]
    assert model.fit(Items(lengths), epochs=2, verbose=0).history["loss"][1] > 0
    assert model.predict(Items(lengths)).shape == (12, 1)


# ---- what is refused


def batches_with(**changes: Any) -> list[Any]:
    """The third batch has another part."""
    third = {"x": X[8:], "y": Y[8:]} | changes
    return [*CUT[:2], tuple(third.values())]


@pytest.mark.parametrize("name", ["batch 3", r"x\[2\]"])
@pytest.mark.parametrize(
    ("third", "words"),
    [
        ({"x": X[8:, :2]}, r"got \(4, 2\)"),
        ({"x": X[8:, :, None]}, "with another number of axes"),
        ({"x": X[0]}, "is one example, of shape .* without a batch axis"),
        ({"x": X[:0], "y": Y[:0]}, "x is empty"),
        ({"y": Y[:3]}, "must have the same length, got 4 rows of x and 3 of y"),
        ({"y": 2 + Y[8:]}, "expects labels 0 or 1"),
        ({"x": np.full((4, 3), np.nan, np.float32)}, "12 values that are NaN or infinite"),
        ({"x": X[8:] > 0}, "is x of whole numbers with 2 axes, .*, but .* was x of floats with 2 axes"),
        ({"x": X[8:].astype(object)}, "numbers without a common type"),
        ({"y": Y[8:, 0]}, "y of floats with 1 axes, but .* was x of floats with 2 axes, y of floats with 2 axes"),
        ({"weight": np.ones(4)}, "is x of .*, y of .*, sample_weight of floats with 1 axes, but"),
        ({"weight": np.ones(4), "more": 1}, "must be a tuple .*, got a tuple of 4"),
    ],
)
def test_a_batch_of_another_kind_is_named(name: str, third: dict[str, Any], words: str) -> None:
    batches, model, progress = batches_with(**third), made(), Progress()
    with pytest.raises(ValueError, match=f"^{name}.* {words}"):
        model.fit(iter(batches) if name == "batch 3" else Items(batches), shuffle=False, verbose=0, progress=progress)
    assert progress.step == 2
    assert model.optimizer.iterations == 2


def test_the_first_batch_is_checked_before_anything_is_changed() -> None:
    heard: list[str] = []

    class Begin(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            heard.append("begin")

    for batch, words in (
        ((X, 2 + Y), "batch 1: binary_crossentropy expects labels 0 or 1"),
        ((X,), "batch 1: y must hold one label for each of the 12 rows of x, got None"),
        (X, "batch 1: y must hold one label"),
        ({"x": X, "y": Y}, r"batch 1 must be a tuple \(x, y\) or \(x, y, sample_weight\), got a dict"),
        ("text", "batch 1 must be a tuple"),
        ((), "batch 1 must be a tuple .*, got a tuple of 0"),
    ):
        with pytest.raises(ValueError, match=words):
            made().fit(iter([batch]), verbose=0, callbacks=[Begin()])
    assert heard == []


@pytest.mark.parametrize(
    ("x", "settings", "words"),
    [
        (forever, {"y": Y}, "y is refused beside a generator, .*: each batch brings its own"),
        (Items, {"y": Y}, "y is refused beside a Items"),
        (Items, {"sample_weight": WEIGHT}, "sample_weight is refused beside a Items, .*: each batch brings its own"),
        (Items, {"batch_size": 4}, "batch_size is refused beside a Items, .*: a batch has the rows that it comes with"),
        (forever, {"batch_size": 4}, "batch_size is refused beside a generator"),
        (Items, {"validation_split": 0.5}, "validation_split is refused beside .*: hold some out yourself"),
        (
            Items,
            {"steps_per_epoch": 2},
            "an epoch goes over all batches of x, which are 3: steps_per_epoch=2 is refused",
        ),
        (Items, {"steps_per_epoch": 0}, "must be a whole number of at least 1, got 0"),
        (forever, {"steps_per_epoch": True}, "must be a whole number of at least 1, got True"),
        (lambda: iter(CUT), {"epochs": 2}, "gone through once, and not for each of 2 epochs: give steps_per_epoch"),
        (lambda: iter([]), {}, "x, a list_iterator, gives no batch at all"),
        (lambda: Items([]), {}, r"len\(Items\) must be a whole number of at least 1, got 0"),
        (Items, {"validation_data": Items(), "validation_batch_size": 2}, "validation_batch_size is refused beside"),
        (Items, {"validation_data": (Items(), Y)}, "only fit, evaluate and predict take batches, as x alone"),
        (PyDataset, {}, r"PyDataset defines __len__\(self\), how many batches"),
    ],
)
def test_what_does_not_go_with_batches_is_refused(x: Any, settings: dict[str, Any], words: str) -> None:
    model = made()
    with pytest.raises((ValueError, NotImplementedError), match=words):
        model.fit(x(), verbose=0, **settings)
    assert model.optimizer.owner is None  # nothing was begun


def test_rows_in_the_place_of_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"batch 1: x is one example|batch 1: .*built for x of shape"):
        model = made()
        model.build((None, 3))
        model.fit(zip(X, Y, strict=True), verbose=0)
    with pytest.raises(ValueError, match="initial_state is refused beside a Items"):
        made().predict(Items(), initial_state={})
    for name, value in (("workers", 2), ("use_multiprocessing", True), ("max_queue_size", 3)):
        with pytest.raises(ValueError, match=f"PyDataset: {name}={value} is refused: batches are asked for one by one"):
            PyDataset(**{name: value})
    PyDataset(workers=1, use_multiprocessing=False, max_queue_size=10)


def test_nothing_is_told_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made().fit(iter(CUT), verbose=0)
        made().fit(forever(), steps_per_epoch=2, epochs=2, verbose=0)
        made().fit(Items(), epochs=2, verbose=0)
