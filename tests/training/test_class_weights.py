"""Weights of classes act on training alone, their keys may be of any kind of whole number, and what is checked acts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import Dense, Input
from scratchnn.optimizers import SGD
from tests.parity.cases import uniform

X, Y = uniform("x", (8, 3)), np.array([0, 1, 1, 0, 1, 0, 1, 0], np.float32)
BY_CLASS = {0: 1.0, 1: 5.0}


def model(backend: str = "cpu", dtype: Any = np.float32) -> Sequential:
    made = Sequential([Input((3,)), Dense(1, "sigmoid")], backend=backend, dtype=dtype)
    made.set_weights([uniform("W", (3, 1)), np.zeros(1)])
    made.compile(SGD(0.5), "binary_crossentropy", weighted_metrics=["mse"])
    return made


# What Keras 3.15.1 on TensorFlow reports for this fit of the same model, with its SGD(0.5).
KERAS: dict[str, Any] = {
    "none": (
        {},
        {
            "loss": [0.8018754, 0.7620025], "mse": [0.2875146, 0.2750362],
            "val_loss": [0.5795162, 0.5910488], "val_mse": [0.1958352, 0.2023927],
        },
    ),
    "classes": (
        {"class_weight": BY_CLASS},
        {
            "loss": [1.6760778, 1.5092393], "mse": [0.1723381, 0.1483342],
            "val_loss": [0.4813348, 0.4577426], "val_mse": [0.1459958, 0.1356653],
        },
    ),
    "examples": (
        {"sample_weight": np.arange(8.0)},
        {
            "loss": [2.4683888, 1.794095], "mse": [0.3661692, 0.2613589],
            "val_loss": [3.5954807, 3.2057958], "val_mse": [0.1900364, 0.1616925],
        },
    ),
}  # fmt: skip


def history(**weights: Any) -> dict[str, Any]:
    fitted = model().fit(X, Y, batch_size=3, epochs=2, shuffle=False, validation_split=0.25, verbose=0, **weights)
    return fitted.history


@pytest.mark.parametrize("case", KERAS)
def test_what_is_held_out_is_weighted_by_examples_and_not_by_classes(case: str) -> None:
    weights, expected = KERAS[case]
    found = history(**weights)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)


def test_arrays_on_disk_are_held_out_alike(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy"))
    options: Any = {"batch_size": 3, "epochs": 2, "shuffle": False, "validation_split": 0.25, "verbose": 0}
    assert model().fit(x, y, class_weight=BY_CLASS, **options).history == history(class_weight=BY_CLASS)


@pytest.mark.parametrize(
    "same",
    [
        {0.0: 1.0, 1.0: 5.0},
        {np.float64(0): 1, np.float32(1): 5},
        {False: 1, True: 5},
        {np.int64(0): np.float32(1), np.uint8(1): np.int64(5)},
        {0: np.array(1.0), 1: np.array(5, np.int16)},
        {1.0: 5.0},
    ],
    ids=repr,
)
def test_keys_and_weights_of_any_kind(same: Any) -> None:
    assert history(class_weight=same) == history(class_weight=BY_CLASS)
    losses = [model().train_on_batch(X, Y, class_weight=each) for each in (same, BY_CLASS)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0.5: 1.0}, "a class in class_weight must be a whole number from 0 to 1, got 0.5"),
        ({np.nan: 1.0}, "a class in class_weight must be a whole number from 0 to 1, got nan"),
        ({2.0: 1.0}, "a class in class_weight must be a whole number from 0 to 1, got 2"),
        ({-1.0: 1.0}, "a class in class_weight must be a whole number from 0 to 1, got -1"),
        ({0: "1"}, "finite weight for class 0, one number that float32 can hold, got '1'"),
        ({1: 1j}, "finite weight for class 1, .* got 1j"),
        ({1: None}, "finite weight for class 1, .* got None"),
        ({1: [[1], [1, 2]]}, r"finite weight for class 1, .* got \[\[1\], \[1, 2\]\]"),
        ({1: np.ones(2)}, r"finite weight for class 1, .* got array\(\[1., 1.\]\)"),
        ({1: np.array("1")}, "finite weight for class 1, .* got array"),
        ({1: np.nan}, "finite weight for class 1, .* got nan"),
        ({1: 1e39}, r"finite weight for class 1, one number that float32 can hold, got 1e\+39"),
    ],
)
def test_wrong_classes_and_weights(class_weight: Any, message: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: model().fit(X, Y, class_weight=class_weight, verbose=0),
        lambda: model().fit(iter([(X, Y)]), class_weight=class_weight, verbose=0),
        lambda: model().train_on_batch(X, Y, class_weight=class_weight),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


MASKED = np.ma.masked_array(np.ones(8), [True] + [False] * 7)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (
            np.full(8, 1e39),
            r"sample_weight holds 1e\+39 at 0, but is to be float32, which holds numbers up to 3.4e\+38",
        ),
        (MASKED, "sample_weight must be a plain array, got a masked array with 1 masked values"),
        ([[1], [1, 2]] * 4, "sample_weight must be an array or equally long lists"),
        ((1.0 for _ in range(8)), "sample_weight must be an array or equally long lists, got a generator"),
        ({"out": np.ones(8)}, r"sample_weight must be one array, got a dict with the keys \['out'\]"),
        (np.ones(8) * 1j, "sample_weight must be an array of numbers, got dtype complex128"),
        ([None] * 8, "sample_weight must be an array of numbers, got dtype object, which holds None"),
        (np.full(8, np.inf), "sample_weight expects finite weights, got 8 that are not"),
    ],
    ids=["too large", "masked", "ragged", "generator", "dict", "complex", "None", "infinite"],
)
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_weights_that_no_kernel_can_read(weight: Any, message: str, backend: str) -> None:
    for call in (
        lambda: model(backend).evaluate(X, Y, sample_weight=weight, verbose=0),
        lambda: model(backend).fit(X, Y, sample_weight=weight, verbose=0),
        lambda: model(backend).fit(X, Y, validation_data=(X, Y, weight), verbose=0),
        lambda: model(backend).fit(iter([(X, Y, weight)]), verbose=0),
        lambda: model(backend).train_on_batch(X, Y, sample_weight=weight),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_large_weight_acts_where_the_dtype_holds_it() -> None:
    loss = model(dtype=np.float64).evaluate(X, Y, sample_weight=np.full(8, 1e39), verbose=0, return_dict=True)
    plain = model(dtype=np.float64).evaluate(X, Y, verbose=0, return_dict=True)
    assert isinstance(loss, dict) and isinstance(plain, dict)
    assert loss["loss"] == pytest.approx(1e39 * plain["loss"])
